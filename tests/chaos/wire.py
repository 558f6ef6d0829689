"""A sender as interface engines are: one message in flight, and sent again when in doubt.

It shares no code with the engine, because its journal is the oracle for what was accepted.
"""

import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

Address = tuple[str, int]
START, END = b"\x0b", b"\x1c\r"


@dataclass(frozen=True)
class Answer:
    """An acknowledgement: MSA-1, MSA-2 and the ERR segment as text; all empty if none came."""

    code: str = ""
    control_id: str = ""
    error: str = ""

    @property
    def accepted(self) -> bool:
        return self.code in {"AA", "CA"}

    @property
    def passing(self) -> bool:
        """Say whether it was refused for a reason of the receiver's: HL7 table 0357, 207."""
        return "207^" in self.error


def read_answer(frame: bytes) -> Answer:
    """Read an answer with whatever delimiters its header declares."""
    text = frame.strip(START + END).decode("utf-8")
    segments = {line[:3]: line for line in text.split("\r")}
    fields = [*segments.get("MSA", "").split(text[3:4] or "|"), "", "", ""]
    return Answer(fields[1], fields[2], segments.get("ERR", ""))


class Line:
    """One connection that comes back when it is lost."""

    def __init__(
        self,
        address: Callable[[], Address | None],
        timeout_s: float = 10.0,
        *,
        insist: bool = False,  # send again what was refused for no fault of its own
    ) -> None:
        self._address = address
        self._timeout_s = timeout_s
        self._insist = insist
        self._socket: socket.socket | None = None

    def exchange(self, body: bytes) -> Answer:
        """Send one message once. OSError when no answer came."""
        return self.raw(START + body + END)

    def raw(self, content: bytes) -> Answer:
        """Send bytes as they are and read one answer; an empty one when the peer hangs up."""
        connection = self.open()
        connection.sendall(content)
        answer = b""
        while not answer.endswith(END):
            piece = connection.recv(65_536)
            if not piece:
                self.close()
                return Answer()
            answer += piece
        return read_answer(answer)

    def send(self, body: bytes, patience_s: float = 60.0) -> tuple[Answer, int]:
        """Send until there is an answer; returns it with the number of tries."""
        deadline_s = time.monotonic() + patience_s
        tries = 0
        while time.monotonic() < deadline_s:
            tries += 1
            try:
                answer = self.exchange(body)
                if answer.code and not (self._insist and answer.passing):
                    return answer, tries
            except OSError:
                self.close()
            time.sleep(0.05)
        return Answer(), tries

    def open(self) -> socket.socket:
        if self._socket is None:
            address = self._address()
            if address is None:
                raise ConnectionRefusedError
            self._socket = socket.create_connection(address, timeout=self._timeout_s)
        return self._socket

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


@dataclass(frozen=True)
class Sent:
    """A line of the sender's journal."""

    site: str
    body: bytes
    answer: Answer
    tries: int
    took_s: float


@dataclass
class Journal:
    """What was sent, in order, and what the sender was told. Several threads may write it."""

    lines: list[Sent] = field(default_factory=list)

    def send(self, site: str, line: Line, body: bytes) -> Answer:
        began_s = time.monotonic()
        answer, tries = line.send(body)
        self.lines.append(Sent(site, body, answer, tries, time.monotonic() - began_s))
        return answer

    @property
    def accepted(self) -> list[Sent]:
        return [one for one in self.lines if one.answer.accepted]


class Burst:
    """Sends without waiting for answers, up to a window; what is in doubt is sent again."""

    def __init__(self, address: Callable[[], Address | None], window: int) -> None:
        self._line = Line(address)
        self._window = window

    def send(self, site: str, bodies: Sequence[bytes], journal: Journal) -> None:
        """Send all of them in order and enter each once, with the answer it got in the end."""
        waiting = [(body, 0) for body in bodies]
        while waiting:
            part = [(body, tries + 1) for body, tries in waiting[: self._window]]
            answers = self._answers([body for body, _ in part])
            for (body, tries), answer in zip(part, answers, strict=False):
                journal.lines.append(Sent(site, body, answer, tries, 0.0))
            waiting = part[len(answers) :] + waiting[self._window :]
        self._line.close()

    def _answers(self, bodies: Sequence[bytes]) -> list[Answer]:
        """Return the answers that came before the line was lost, or all of them."""
        received = b""
        try:
            connection = self._line.open()
            connection.sendall(b"".join(START + body + END for body in bodies))
            while received.count(END) < len(bodies):
                piece = connection.recv(65_536)
                if not piece:
                    raise ConnectionResetError
                received += piece
        except OSError:
            self._line.close()
            time.sleep(0.05)
        return [read_answer(frame) for frame in received.split(END)[:-1]]


class Sender:
    """Sends a site's messages in the background, one after the other."""

    def __init__(
        self,
        site: str,
        address: Callable[[], Address | None],
        bodies: Sequence[bytes],
        journal: Journal,
        pause_s: float = 0.0,
        *,
        insist: bool = False,
    ) -> None:
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(pause_s,), daemon=True)
        self._site, self._line = site, Line(address, insist=insist)
        self._bodies, self._journal = bodies, journal
        self._thread.start()

    def _run(self, pause_s: float) -> None:
        for body in self._bodies:
            if self._stopped.wait(pause_s):
                break
            self._journal.send(self._site, self._line, body)
        self._line.close()

    def stop(self) -> None:
        """Send no further message; returns when the one in flight is answered."""
        self._stopped.set()
        self.join()

    def join(self, patience_s: float = 90.0) -> None:
        self._thread.join(patience_s)
        assert not self._thread.is_alive(), "the sender did not come to an end"
