"""`concord demo`: three invented sites against a real daemon, and the account at the end."""

import json
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from engine.cli.told import told
from engine.demo.play import Score, Script, Store, play
from engine.demo.reader import Endpoint

_INVITATION = """
The endpoint stays open until you press Enter. Try:

  T={token}
  curl -s -H "Authorization: Bearer $T" '{base}/fhir/Patient?family=l&_count=3'
  curl -s -H "Authorization: Bearer $T" '{base}/fhir/Observation?code=2345-7&_count=3'
  curl -s -H "Authorization: Bearer $T" '{base}/sources/mercy/fhir/Patient?_count=3'
"""
_HOME = Path(__file__).parent.parent.parent


@told
def demo(
    *,
    messages: int = 600,
    seed: int = 1,
    crash: bool = False,
    store: Store = "sqlite",
    headless: bool = False,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> int:
    """Send the invented traffic of three sites to a real daemon and count what became of it.

    All send HL7 v2; one puts CSV files into a drop folder as well, one posts FHIR resources.

    Parameters
    ----------
    messages
        How many HL7 messages to send; files and resources come on top.
    seed
        Which day to invent; the same seed gives the same day.
    crash
        Kill processes of the daemon (SIGKILL) while it works.
    store
        What to keep everything in; for postgresql a server of its own is started.
    headless
        Say nothing on the way, and end without waiting for a look around.
    as_json
        Print the account as JSON.
    """

    def say(text: str) -> None:
        if not headless:
            print(text, file=sys.stderr)

    def look(endpoint: Endpoint, score: Score) -> None:
        print(json.dumps(asdict(score)) if as_json else _in_words(score))
        if not headless and sys.stdin.isatty():
            with suppress(EOFError):  # Ctrl-D is an answer, too
                input(_INVITATION.format(base=endpoint.base, token=endpoint.token))

    samples, mappings = _HOME / "samples", _HOME / "mappings"
    script = Script(messages, seed, crash, samples, mappings, say, look, store)
    return 0 if play(script).sound else 1


def _in_words(score: Score) -> str:
    sent, states, match = score.sent, score.states, score.matching
    ended = " + ".join(
        f"{states.get(state, 0)} {state}"
        for state in ("written", "filtered", "duplicate", "quarantined")
    )
    rate = sent.acked / score.seconds
    messages = sent.sent - sent.rows - sent.posts
    lines = [
        f"{messages} HL7 messages, {sent.rows} rows of files, {sent.posts} FHIR resources",
        (
            f"sent {sent.sent} = {sent.acked} acked + {sent.rejected} rejected"
            f" + {sent.unanswered} unanswered; {sent.resent} sent again after a lost connection"
        ),
        f"acked {sent.acked} = {ended} + {score.pending} pending",
        f"lost {score.lost}, doubled {score.doubled}, wrongly answered {score.wrongly_answered}",
        (
            f"{match.records} records of {match.people} people;"
            f" pairs wrongly joined {match.wrong_pairs}, not joined {match.missed_pairs}"
        ),
        f"{score.seconds:.1f} s, {rate:.0f} deliveries a second, one in flight on each channel",
    ]
    if score.kills:
        lines.append(f"killed on the way: {', '.join(score.kills)}")
    lines.append("sound" if score.sound else "NOT SOUND")
    return "\n".join(lines)
