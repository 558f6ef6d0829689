"""The channel as the engine knows it: its spec, its life, and what it says before it begins.

What it does is in `run`, whose libraries take a while to load, which regions without such a channel
need not pay.
"""

from channels.fhir_pull.settings import FhirPull
from channels.fhir_pull.told import told
from engine.core.clock import Clock
from engine.core.fault import Fault, FaultError
from engine.core.values import FHIR_JSON
from engine.plugin.event import ChannelStarted, ChannelStopped
from engine.plugin.protocol import Intake, Started, Surroundings
from engine.plugin.secret import reveal
from engine.plugin.spec import ChannelSpec


class PullInbound:
    """Satisfies `engine.plugin.protocol.Inbound`."""

    def __init__(self, settings: FhirPull, surroundings: Surroundings) -> None:
        self._settings = settings
        self._around = surroundings

    async def run(self, intake: Intake, started: Started) -> None:
        from channels.fhir_pull.run import open_and_run  # noqa: PLC0415

        around = self._around
        memory = around.memory()
        started([self._settings.base_url])
        around.report(ChannelStarted(around.channel, around.site))
        try:
            await open_and_run(self._settings, around, intake, memory)
        finally:
            around.report(ChannelStopped(around.channel, around.site))

    def check(self) -> str | None:
        """Say in one sentence what of its files is missing, or None; asks no server."""
        fault = examine(self._settings, self._around.clock)
        return str(fault) if fault else None


def examine(settings: FhirPull, _: Clock) -> Fault | None:
    """Say what keeps the files of the settings from being used."""
    from channels.fhir_pull.assertion import signing_key  # noqa: PLC0415
    from channels.fhir_pull.wire import trust  # noqa: PLC0415

    auth = settings.auth
    try:
        if settings.ca is not None:
            trust(settings.ca)
        if auth is not None and auth.client_secret is not None:
            reveal(auth.client_secret)
        if auth is not None and auth.private_key is not None:
            signing_key(reveal(auth.private_key), auth.algorithm)
    except FaultError as error:
        return error.fault
    return None


async def attempt(settings: FhirPull, around: Surroundings) -> list[str]:
    """Try the way to the server; see `channels.fhir_pull.attempt`."""
    from channels.fhir_pull.attempt import attempted  # noqa: PLC0415

    return await attempted(settings, around)


SPEC = ChannelSpec(
    name="fhir_pull",
    direction="in",
    config=FhirPull,
    build=PullInbound,
    summary="Resources of a site's FHIR server: polled for what changed, compared as a whole at "
    "set times, and fetched when an event only names them. What comes is taken as if posted.",
    example="mercy-pull: {type: fhir_pull, site: mercy, direction: in, "
    "base_url: https://fhir.mercy.example/r4, resources: [{type: Patient}], "
    "auth: {token_url: https://fhir.mercy.example/token, client_id: concord, "
    "private_key: {file: secrets/mercy.pem}}}\n",
    ports=lambda _: [],
    media_type=FHIR_JSON,
    examine=examine,
    fetches=lambda settings: settings.events,
    told=told,
    attempt=attempt,
)
