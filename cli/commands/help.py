"""Topics: exit-codes, output, times, environment."""

from __future__ import annotations

from textwrap import fill
from typing import Annotated

import typer

from ...core.config import SETTINGS
from ...core.model.errors import UsageError
from ...core.model.times import FORMS
from .. import output

COLUMNS = 80
EXIT_CODES = """\
  0  done
  1  a job failed, or a condition that was asked for is false
  2  the command line makes no sense
  3  no such job, queue or worker
  4  conflict: the job is in another state, or the key is taken by another job
  5  partly done: the lines on stdout say which
  6  you said no
 69  the store cannot be reached
 75  try again: lock, serialization, full disk
 77  permission denied
 78  configuration, schema or a handler module is unusable
124  --timeout elapsed
125  jobsched itself failed
130  Ctrl-C
141  whoever read the output has gone
With --propagate: the job's own exit code."""
OUTPUT = """\
stdout carries data, stderr talk. On a terminal a listing is a table; in a pipe
it is TSV without header, times in ISO 8601 UTC, nothing shortened, control
characters spelled out (\\n, \\t, \\e) and backslashes doubled.
  -o json    {"v":1,"kind":"job.list","items":[…]}
  -o jsonl   {"v":1,"kind":"job",…} for each record, as soon as it is known
  -o csv     with a header (--no-header)        -o id, -q   bare ids
  --fields id,state   these fields; `--fields` alone lists them
  --time relative|local|utc|epoch
Colour: --color, NO_COLOR, FORCE_COLOR, CLICOLOR_FORCE, CLICOLOR, TERM=dumb."""
TIMES = f"""\
{fill(f"--at takes {FORMS}; without a zone it is local time.", COLUMNS)}
--in, --timeout, --since take durations: 250ms, 30s, 5m, 1h30m, 2d, 1w; a bare
number is seconds."""


def command(topic: Annotated[str, typer.Argument(metavar="TOPIC", help="Without one: the list.")] = "") -> None:
    """Explain a topic: exit-codes, output, times, environment."""
    topics = {"exit-codes": EXIT_CODES, "output": OUTPUT, "times": TIMES, "environment": _environment()}
    if not topic:
        output.line("topics: " + ", ".join(topics) + "; for a command: jobsched COMMAND --help")
        return
    if topic not in topics:
        raise UsageError(f"there is no topic {topic[:80]!r} — there are {', '.join(topics)}", fix="jobsched help")
    for line in topics[topic].splitlines():
        output.line(line)


def _environment() -> str:
    rows = [(setting.env[0] + ("NAME" if setting.env[0].endswith("_") else ""), setting.help) for setting in SETTINGS]
    width = max(len(name) for name, _ in rows)
    return "\n".join(
        fill(text, COLUMNS, initial_indent=f"{name:{width}}  ", subsequent_indent=" " * (width + 2))
        for name, text in rows
    )
