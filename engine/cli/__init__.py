"""The `concord` command. One small file a command: arguments in, a call, an exit code out.

Exit codes: 0 fine, 1 problems found, 2 wrong usage, 75 try again, 78 wrong configuration.
Commands are imported when they are called, so that `concord --help` answers at once.
"""

import gc
import sys

from cyclopts import App

OK, PROBLEMS, USAGE, TRY_AGAIN, BAD_CONFIG = 0, 1, 2, 75, 78

# Modules, tables and mappings stay as long as the process. Looking at them again and again while
# they are made is half of the time of a start.
_CALM = 100_000, 20, 100

app = App(name="concord", help="One FHIR R4 record per person, from the EHRs of a health network.")
mpi = App(name="mpi", help="Who is who: explain, link, unlink, undo.")
app.command(mpi)
codes = App(name="codes", help="Codes without a row: list, export as a sheet, import, undo.")
app.command(codes)
new = App(name="new", help="Begin something from a sample.")
app.command(new)
channel = App(name="channel", help="The channels of a region.")
app.command(channel)

app.command("engine.cli.init:init", help="Found a region, once in its life.")
app.command("engine.cli.run:run", help="Run a region, or one of its roles.")
app.command(
    "engine.cli.map:map_files",
    name="map",
    help="Map files of messages, rows or resources to FHIR bundles.",
)
app.command("engine.cli.check:check", help="Compile all mappings and show every mistake.")
app.command("engine.cli.show:show", help="Show the effective mapping and where it was written.")
app.command("engine.cli.fmt:fmt", help="Lay mapping files out in one way.")
app.command("engine.cli.test:run_tests", name="test", help="Run the tests beside the mappings.")
app.command(
    "engine.cli.coverage:coverage",
    help="Show what of the traffic the mapping uses, ignores or has not decided about.",
)
app.command(
    "engine.cli.diff:diff", help="Map real traffic by two mappings and show what would change."
)
app.command("engine.cli.explain:explain", help="Say what an error code means and what to do.")
app.command("engine.cli.schema:schema", help="Print the JSON Schema of a file, for editors.")
app.command("engine.cli.recover:recover", help="Go on after journal or store were restored alone.")
app.command("engine.cli.status:status", help="Say what runs and how many messages ended how.")
app.command("engine.cli.messages:messages", help="List messages by what became of them.")
app.command("engine.cli.replay:replay", help="Work on messages once more, or a whole site.")
app.command(
    "engine.cli.reload:reload", help="Let the mappings on the disk hold in a running region."
)
app.command("engine.cli.rollback:rollback", help="Let mappings hold again that held before.")
app.command("engine.cli.plans:plans", help="List which mappings held since when.")
app.command("engine.cli.demo:demo", help="Send invented traffic of three sites to a real daemon.")
channel.command("engine.cli.channel:test", help="Try a channel's connection; store nothing.")
mpi.command("engine.cli.mpi:explain", help="Say why two records are one person or two.")
mpi.command("engine.cli.mpi:link", help="State that two records are one person.")
mpi.command("engine.cli.mpi:unlink", help="State that two records are two people.")
mpi.command("engine.cli.mpi:undo", help="Take an act back: a link, an unlink, a merge, an undo.")

new.command("engine.cli.new:site", help="Draft the mapping of a site from what it sends.")
codes.command("engine.cli.codes:gaps", help="List codes that their table does not have.")
codes.command("engine.cli.codes:export", help="Write the codes of a site as a sheet to fill in.")
codes.command("engine.cli.codes:import_", name="import", help="Take a sheet back, checked first.")
codes.command("engine.cli.codes:undo", help="Bring back what the last import replaced.")


def main() -> None:
    """Run the command line and exit with its code."""
    gc.set_threshold(*_CALM)
    code = app(result_action="return_int_as_exit_code_else_zero")
    gc.freeze()  # the process ends: what is left needs no last look
    sys.exit(code)
