"""Topics: exit-codes, output, selection, times, schedules, environment."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import fill
from typing import Annotated

import typer

from ...core.config import PROFILE, SETTINGS
from ...core.model.errors import UsageError
from ...core.model.selection import FIELDS
from ...core.model.times import FORMS
from .. import output
from ..group import ALIASES, verbs

COLUMNS = 80
EXIT_CODES = """\
  0  done
  1  a job failed, or a condition that was asked for is false
  2  the command line makes no sense
  3  no such job, queue, worker or schedule
  4  conflict: the job is in another state, or the key or name is taken
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
             jobsched schema KIND describes each; fields are only ever added
  -o yaml    the JSON document, a line for each field
  -o csv     with a header (--no-header)        -o id, -q   bare ids
  -o wide    a table of every field, however wide that is
  -o 'template={id} {state}\t{queue}'   a line of your own for each record
  --fields id,state   these fields; `--fields` alone lists them
  --time relative|local|utc|epoch
Colour: --color, NO_COLOR, FORCE_COLOR, CLICOLOR_FORCE, CLICOLOR, TERM=dumb."""
SELECTION = """\
Lists, changes and wait take ids (12), ranges (10..20), @last (the job that you
submitted last), @mine (yours), - (ids or JSON lines on stdin), and -f:
  jobsched ls -f 'state:dead queue:emails error~timeout age>2h -tag:nightly'
All of it must hold. A selection that matches nothing is an error (exit 2), or
exit 0 with --allow-empty; changes of more than 20 jobs are asked about (--yes).
  field:a,b    equal to one of these; ranges where there is an order: age:1h..2h
  field~x      contains x; with * or ? it is a pattern of the whole: type~send_*
               (ASCII letters in any case; in quotes * and ? mean themselves)
  field>x  >=  <  <=
  -field:x     the opposite; what a job does not have passes no test
  "two words"  quotes around blanks and commas; \\" and \\\\ inside of them
  args.a.b=x   a value of the payload: 42 is the number or the text, "42" the text
Times are compared with a moment (2026-05-01T14:30Z, "today 09:00") or with one
ago: finished>-1h is within the last hour.
Fields:
{fields}"""
TIMES = f"""\
{fill(f"--at takes {FORMS}; without a zone it is local time.", COLUMNS)}
--in, --timeout, --since take durations: 250ms, 30s, 5m, 1h30m, 2d, 1w; a bare
number is seconds."""

SCHEDULES = """\
An expression is one word, in quotes:
  '30 2 * * *'                minute, hour, day of month, month, day of week
  '*/10 8-17 * * mon-fri'     steps, ranges, lists (1,15), names
  '0 9 1 * fri'               day of month and day of week: either, as in cron
  '0 18 L * *'  LW  5L  mon#1 last day, last weekday, last Friday, first Monday
  @hourly @daily @weekly @monthly @yearly
  '@every 90s'                counted from when the schedule was made
  '@at 2030-12-01T09:00'      once; on the command line --at
It is read in --tz, by default UTC. jobsched cron next 'EXPR' --tz ZONE tries
it out.

Where clocks change: a time of day that is skipped runs right after the change,
one that comes twice runs the first time. An expression whose minute or hour
begins with * follows the clock on the wall: twice, or not at all.

--catchup   ticks that no scheduler was there for: none of them fires, the last
            one, or all. cron backfill makes the others' jobs.
--overlap   while a job of the schedule has not ended, a tick makes its job all
            the same (allow), makes none (skip), makes one that waits, and none
            while one waits (buffer-one), or cancels it first (cancel-other).
--jitter    a tick's job runs up to so much later; the same on every host.

A file for cron apply; cron export writes one:
  [schedules.nightly]
  expression = "0 3 * * *"
  timezone = "Europe/Athens"
  type = "email"
  payload = { to = "ops@example.com", message = "Good morning" }
Further keys: queue, priority, max_attempts, backoff, timeout, unique,
concurrency_key, tags, jitter, start, end, catchup, overlap; payload_json in
the place of payload, where TOML cannot say it (null)."""


def command(topic: Annotated[str, typer.Argument(metavar="TOPIC", help="Without one: the list.")] = "") -> None:
    """Explain a topic: exit-codes, output, selection, times, schedules, environment."""
    if not topic:
        output.line("topics: " + ", ".join(TOPICS) + "; for a command: jobsched COMMAND --help")
        return
    if topic not in TOPICS:
        raise _unknown(topic)
    for line in TOPICS[topic]().splitlines():
        output.line(line)


def _selection() -> str:
    fields = "\n".join(
        fill(field.help, COLUMNS, initial_indent=f"  {field.name:12} ", subsequent_indent=" " * 15)
        for field in FIELDS.values()
    )
    return SELECTION.format(fields=fields)


def _unknown(topic: str) -> UsageError:
    if ALIASES.get(topic, topic) in verbs():
        return UsageError(f"{topic} is a command, not a topic", fix=f"jobsched {topic} --help")
    from difflib import get_close_matches

    close = get_close_matches(topic, TOPICS, 1)
    meant = f"did you mean {close[0]}?" if close else f"there are {', '.join(TOPICS)}"
    return UsageError(f"there is no topic {topic[:80]!r} — {meant}", fix=f"jobsched help {close[0]}" if close else None)


def _environment() -> str:
    rows = [(PROFILE, "the profile in use: settings of [profile.NAME] in a config.toml; -p is stronger")]
    rows += [(setting.env[0] + ("NAME" if setting.env[0].endswith("_") else ""), setting.help) for setting in SETTINGS]
    width = max(len(name) for name, _ in rows)
    return "\n".join(
        fill(text, COLUMNS, initial_indent=f"{name:{width}}  ", subsequent_indent=" " * (width + 2))
        for name, text in rows
    )


TOPICS: dict[str, Callable[[], str]] = {
    "exit-codes": lambda: EXIT_CODES,
    "output": lambda: OUTPUT,
    "selection": _selection,
    "times": lambda: TIMES,
    "schedules": lambda: SCHEDULES,
    "environment": _environment,
}
