"""One claimed file from its bytes to `done` or `failed`, or held for another time.

Rule: `done` says that every row is on disk, `failed` that the sender has something to mend, and a
file that is still in `processing` that we have.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from channels.csv_sftp import memory
from channels.csv_sftp.event import FileFinished, FileRefused
from channels.csv_sftp.papers import REJECTED, RUN, RejectFile, Run
from channels.csv_sftp.place import DONE, FAILED, TOO_LARGE, Place, Seen
from channels.csv_sftp.reading import Survey, deliveries, survey
from channels.csv_sftp.stepping import stepped
from channels.csv_sftp.submit import Submission
from engine.core.clock import EPOCH, instant
from engine.core.fault import Category, Fault, FaultError, refuse
from engine.formats.delimited.cell import time_in
from engine.formats.delimited.contract import Contract
from engine.plugin.event import ChannelFailed
from engine.plugin.protocol import Intake, Surroundings

_CHANGED = Fault(Category.BUSY, "file-changed", "the file changed while it was read; once more")
_REFUSED = frozenset({Category.INVALID, Category.UNSUPPORTED})


@dataclass(frozen=True, slots=True)
class Desk:
    """What it takes to read files of one place into the intake."""

    place: Place
    spool: Path
    around: Surroundings
    intake: Intake
    max_bytes: int  # of a file
    max_pending: int  # rows waiting for the disk


async def take(desk: Desk, seen: Seen, contract: Contract) -> bool:
    """Read a claimed file; False when nothing can be stored, so that others need not be tried.

    A file that cannot be read now stays claimed, and keeps nobody else waiting.
    """
    around = desk.around
    began_s = asyncio.get_running_loop().time()
    run = Run(contract.feed, seen.name, instant(around.clock.now_us()))
    rejects = desk.spool / REJECTED
    rejects.unlink(missing_ok=True)
    try:
        run = await _read(desk, seen, contract, run)
    except FaultError as error:
        if error.fault.category not in _REFUSED:
            around.report(ChannelFailed(around.channel, around.site, error.fault.code))
            return error.fault == _CHANGED
        run = replace(run, code=error.fault.code, where=error.fault.where)
    except OSError:
        around.report(ChannelFailed(around.channel, around.site, "file-unreadable"))
        return True
    except Exception:  # noqa: BLE001 - one file must not end the intake of every site
        around.report(ChannelFailed(around.channel, around.site, "unexpected-error"))
        run = replace(run, code="unexpected-error")
    run = replace(run, seconds=round(asyncio.get_running_loop().time() - began_s, 6))
    await _finish(desk, run)
    return True


async def turn_away(desk: Desk, name: str, code: str) -> None:
    """Move a claimed file to `failed` unread."""
    (desk.spool / REJECTED).unlink(missing_ok=True)
    await _finish(desk, Run("", name, instant(desk.around.clock.now_us()), code=code))


async def _read(desk: Desk, seen: Seen, contract: Contract, run: Run) -> Run:
    if seen.size > desk.max_bytes:
        raise FaultError(TOO_LARGE)
    async with desk.place.opened(seen.name, desk.max_bytes) as path:
        found = await _surveyed(desk, path, contract, seen.name)
        before = await memory.last(desk.place, contract.feed)
        same = before if before.sha256 == found.sha256 else None
        file_us = same.file_us if same else seen.changed_us
        source_us = _extracted_us(seen, contract, same, desk.around.clock.now_us())
        submission = Submission(desk.around, desk.intake, desk.max_pending)
        rows = deliveries(path, contract, found, (source_us, file_us), seen.name)
        rejects = RejectFile(desk.spool / REJECTED, found)
        async with stepped(rows) as chunks:
            async for chunk in chunks:
                for given in chunk:
                    await submission.put(given)
                await _write_rejects(submission, rejects)
                if submission.held:
                    break
        await submission.settled()
        await _write_rejects(submission, rejects)
    if submission.held:
        raise FaultError(submission.held)
    await _check_unchanged(desk, seen)
    await memory.keep(
        desk.place, contract.feed, memory.Last(found.sha256, source_us, seen.name, file_us)
    )
    return replace(
        run.surveyed(found),
        submitted=submission.submitted,
        rejected=submission.rejected,
        same_as=same.name if same else "",
    )


async def _surveyed(desk: Desk, path: Path, contract: Contract, name: str) -> Survey:
    async with stepped(survey(path, contract, desk.max_bytes, name)) as steps:
        async for step in steps:
            if step is not None:
                return step
    raise refuse(Category.BUG, "survey-without-end", "a survey ended without a result")


def _extracted_us(seen: Seen, contract: Contract, same: memory.Last | None, now_us: int) -> int:
    """Return when the file was extracted: by its name, else by its last change.

    The file before, sent again, keeps its time, or it would be news. A change in the future is a
    wrong clock, which must not make its rows newer than everything to come.
    """
    if contract.name_time:
        found = time_in(seen.name, contract.name_time, contract.zone)
        if found is not None:
            return (found - EPOCH) // timedelta(microseconds=1)
    return same.source_us if same else min(seen.changed_us, now_us)


async def _write_rejects(submission: Submission, rejects: RejectFile) -> None:
    if rows := submission.take_rejects():
        await asyncio.to_thread(rejects.add, rows)


async def _check_unchanged(desk: Desk, seen: Seen) -> None:
    """A writer that still had the file open may have gone on: then it is read again."""
    now = next((one for one in await desk.place.claimed() if one.name == seen.name), None)
    if now is None or (now.size, now.changed_us) != (seen.size, seen.changed_us):
        raise FaultError(_CHANGED)


async def _finish(desk: Desk, run: Run) -> None:
    paper, rejects = desk.spool / RUN, desk.spool / REJECTED
    await asyncio.to_thread(run.write, paper)
    papers = {RUN: paper}
    if rejects.exists():
        papers[REJECTED] = rejects
    await desk.place.finish(run.file, DONE if run.is_clean else FAILED, papers)
    code = run.code or ("rows-rejected" if run.rejected else "")
    around = desk.around
    event = FileRefused if code else FileFinished
    around.report(event(around.channel, around.site, code, run.submitted, run.seconds))
