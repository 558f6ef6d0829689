# One image for every role. Pin the base where it is deployed:
#   docker build --build-arg BASE=python:3.11-slim-bookworm@sha256:<digest> -t concord .
# Run it read-only, with one writable place for the data and the region file mounted beside it:
#   docker run --read-only --tmpfs /tmp -v concord:/var/lib/concord -v ./region:/etc/concord:ro concord
# once before it, to found the region: the same with `init /etc/concord/region.yaml` at its end.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
COPY requirements.lock /build/requirements.lock
RUN python -m venv /opt/venv \
    && /opt/venv/bin/python -m pip install --only-binary :all: --require-hashes --requirement /build/requirements.lock \
    && /opt/venv/bin/python -m pip uninstall --yes pip setuptools
# The data folders travel beside the code, as in a checkout.
COPY engine /opt/concord/engine
COPY channels /opt/concord/channels
COPY mpi /opt/concord/mpi
COPY mappings /opt/concord/mappings
COPY config /opt/concord/config
COPY samples /opt/concord/samples
RUN /opt/venv/bin/python -m compileall -q /opt/concord

FROM ${BASE}
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin concord \
    && install -d -o concord -g concord -m 0700 /var/lib/concord
COPY --from=build /opt/venv /opt/venv
COPY --from=build /opt/concord /opt/concord
ENV PATH=/opt/venv/bin:$PATH PYTHONPATH=/opt/concord PYTHONSAFEPATH=1 PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    CONCORD_HEALTH=http://127.0.0.1:8080/health
USER 10001:10001
WORKDIR /var/lib/concord
VOLUME /var/lib/concord
EXPOSE 2575
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(os.environ['CONCORD_HEALTH'], timeout=4)"]
ENTRYPOINT ["python", "-m", "engine.cli"]
CMD ["run", "/etc/concord/region.yaml"]
