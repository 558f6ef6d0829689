"""Answers: their ids are short and never repeat, not even over a restart."""

from dataclasses import dataclass

from channels.mllp.answer import Answers, reply_ids
from channels.mllp.framing import Frame, Framer
from engine.core.fault import Category, Fault
from engine.formats.hl7v2.ack import read_header


@dataclass
class SetClock:
    us: int = 1_790_000_000_000_000

    def now_us(self) -> int:
        return self.us


def test_ids_differ_within_a_run_and_between_runs() -> None:
    clock = SetClock()
    first = reply_ids(clock)
    clock.us += 1
    second = reply_ids(clock)
    ids = [first() for _ in range(1000)] + [second() for _ in range(1000)]
    assert len(set(ids)) == 2000


def test_ids_fit_msh_10_for_centuries() -> None:
    ids = reply_ids(SetClock(us=2**53))
    assert len(ids()) <= 20
    assert ids().isalnum()


def test_an_answer_is_one_frame_that_names_the_message() -> None:
    header = read_header(b"MSH|^~\\&|A|B|C|D|||ADT^A01|K7|P|2.5.1\r")
    answers = Answers(SetClock())
    fault = Fault(Category.UNSUPPORTED, "unknown-trigger", "no rule", "MSH-9")
    (good,) = Framer(10_000).feed(answers.write(header, None))
    (bad,) = Framer(10_000).feed(answers.write(header, fault))
    assert isinstance(good, Frame)
    assert isinstance(bad, Frame)
    assert b"\rMSA|AA|K7" in good.body
    assert b"\rMSA|AR|K7" in bad.body
    assert b"\rERR|" in bad.body
