"""A site that posts a resource now and then, and waits until it is stored while others send."""

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from engine.demo.daemon import Daemon
from tests.benchmark.ground import FHIR_TOKEN, ROOT

_EVERY_S = 0.02
_SAMPLE = ROOT / "samples/resources/lakeside/01-patient.json"
_PATH = "/sources/lakeside/fhir/Patient"


class Poster:
    """Posts a Patient every 20 ms, over one connection."""

    def __init__(self, host: str, port: int) -> None:
        self.waited_s: list[float] = []
        self.statuses: Counter[int] = Counter()
        self._connection = http.client.HTTPConnection(host, port, timeout=30)
        self._ended = threading.Event()

    def post(self) -> None:
        headers = {"Authorization": f"Bearer {FHIR_TOKEN}", "Content-Type": "application/fhir+json"}
        number = 0
        while not self._ended.wait(_EVERY_S):
            number += 1
            body = _patient(number)
            began_s = time.perf_counter()
            self._connection.request("POST", _PATH, body, headers)
            answer = self._connection.getresponse()
            answer.read()
            self.waited_s.append(time.perf_counter() - began_s)
            self.statuses[answer.status] += 1
        self._connection.close()

    def end(self) -> None:
        self._ended.set()

    @property
    def p99_ms(self) -> float:
        ordered = sorted(self.waited_s)
        return ordered[len(ordered) * 99 // 100] * 1e3 if ordered else 0.0


def _patient(number: int) -> bytes:
    """Return the sample patient under another number and name."""
    text = _SAMPLE.read_text("utf-8").replace("55120", str(600_000 + number))
    body = json.loads(text)
    body["name"] = [{"family": f"Postworthy{number % 97}", "given": ["Ilse"]}]
    body["birthDate"] = f"19{30 + number % 60}-03-{1 + number % 28:02d}"
    return json.dumps(body).encode()


@contextmanager
def posting(daemon: Daemon, *, wanted: bool) -> Iterator[Poster]:
    """Post as long as the block lasts, if that is wanted."""
    address = daemon.address("api", "api")
    assert address is not None
    poster = Poster(*address)
    thread = threading.Thread(target=poster.post, daemon=True)
    if wanted:
        thread.start()
    try:
        yield poster
    finally:
        poster.end()
        if wanted:
            thread.join()
