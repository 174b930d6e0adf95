"""What a command line asks of a schedule: EXPR, TYPE, fields and flags, for `cron add` and `cron edit`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from ...core.model.durations import parse_duration
from ...core.model.errors import UsageError
from ...core.model.job import NewJob, check_name
from ...core.model.schedule import Catchup, NewSchedule, Overlap
from ...core.model.times import parse_time
from .. import arguments, job_options
from ..job_options import COMMAND_TYPE

Text = str | None
At = Annotated[Text, typer.Option("--at", metavar="TIME", help="Once, in EXPR's place: 14:30, tomorrow 09:00, ISO.")]
Zone = Annotated[Text, typer.Option("--tz", metavar="ZONE", help="EXPR's zone, as Europe/Athens; default UTC.")]
Jitter = Annotated[Text, typer.Option("--jitter", metavar="SPAN", help="Each job runs up to so much later.")]
Start = Annotated[Text, typer.Option("--start", metavar="TIME", help="No tick before.")]
End = Annotated[Text, typer.Option("--end", metavar="TIME", help="No tick after.")]
CatchUp = Annotated[
    Text, typer.Option("--catchup", metavar="WHICH", help="Ticks that no scheduler was there for: none, last, all.")
]
OverLap = Annotated[
    Text,
    typer.Option("--overlap", metavar="RULE", help="While a job runs: allow, skip, buffer-one, cancel-other."),
]
MaxAttempts = Annotated[int | None, typer.Option("--max-attempts", help="1 to 100.")]
CLEARED: dict[str, Any] = {
    **dict.fromkeys(("queue", "priority", "max_attempts", "backoff", "timeout", "unique_key", "concurrency_key")),
    "tags": (),
}
"""Options of a job that can be unset, as they are then."""
UNSET_JOB = {
    "queue": "queue", "priority": "priority", "max-attempts": "max_attempts", "backoff": "backoff",
    "timeout": "timeout", "unique": "unique_key", "concurrency-key": "concurrency_key", "tag": "tags",
}  # fmt: skip
UNSET_OWN: dict[str, tuple[str, Any]] = {
    "tz": ("timezone", "UTC"), "jitter": ("jitter", 0.0), "start": ("start", None), "end": ("end", None),
    "catchup": ("catchup", Catchup.NONE), "overlap": ("overlap", Overlap.ALLOW),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """What was given; None and empty where nothing was.

    words: EXPR (without `at`), TYPE (without `line`) and payload fields. line: the program behind `--`.
    options: those of the job, as job_options reads them.
    """

    words: Sequence[str] = ()
    line: Sequence[str] | None = None
    at: str | None = None
    zone: str | None = None
    jitter: str | None = None
    start: str | None = None
    end: str | None = None
    catchup: str | None = None
    overlap: str | None = None
    args: str | None = None
    env: Sequence[str] | None = None
    cwd: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def new(self, name: str) -> NewSchedule:
        """The schedule to add. UsageError: something is missing, too much, or cannot be read."""
        check_name("schedule", name)
        words = list(self.words)
        if self.at is None and not (words and is_expression(words[0])):
            raise _no_expression(name, words)
        if self.at is not None and words and is_expression(words[0]):
            raise UsageError(
                f"both {words[0][:60]!r} and --at were given — a schedule has one of them",
                fix=f"jobsched cron add {name} --at '{self.at}' TYPE",
            )
        timing = self._timing(words)
        if self.line is not None:
            if words not in ([], [COMMAND_TYPE]):
                raise UsageError(
                    f"both the type {words[0][:60]!r} and a program behind -- were given",
                    fix=f"jobsched cron add {name} 'EXPR' [FLAGS] -- CMD …",
                )
            usage = f"jobsched cron add {name} '* * * * *'"
            payload = job_options.command_payload(self.line, self.env, self.cwd, usage=usage)
            return NewSchedule(name=name, job=NewJob(COMMAND_TYPE, payload, **self.options), **timing)
        if not words:
            raise UsageError(
                "cron add needs a TYPE, or a program behind --", fix=f"jobsched cron add {name} '0 3 * * *' noop"
            )
        job_type, *fields = words
        check_name("type", job_type)
        payload = job_options.fields_payload(job_type, fields, self.args, self.env, self.cwd)
        return NewSchedule(name=name, job=NewJob(job_type, payload, **self.options), **timing)

    def changed(
        self, old: NewSchedule, *, rename: str | None, job_type: str | None, unset: Sequence[str]
    ) -> NewSchedule:
        """`old` with what was given in the place of what it has. unset: options that get their default again,
        and `payload.KEY`. UsageError: nothing was given, or it cannot be read."""
        words = list(self.words)
        own, job, payload = _cleared(unset, old)
        own |= self._timing(words)
        if rename is not None:
            check_name("schedule", rename)
            own["name"] = rename
        job |= self.options
        if job_type is not None:
            job["type"] = job_type
        job["payload"] = self._changed_payload(payload, old, words)
        if self.line is not None:
            job["type"] = COMMAND_TYPE
        found = replace(old, job=replace(old.job, **job), **own)
        if found == old:
            raise UsageError("nothing to change was given", fix=f"jobsched cron edit {old.name} '0 4 * * *'")
        return found

    def _changed_payload(self, payload: dict[str, Any], old: NewSchedule, fields: list[str]) -> dict[str, Any]:
        """The payload with the given fields in it; --args is all of it."""
        if self.line is not None:
            if fields or self.args is not None:
                raise UsageError("both payload fields and a program behind -- were given")
            usage = f"jobsched cron edit {old.name}"
            program = job_options.command_payload(self.line, self.env, self.cwd, usage=usage)
            return {**payload, **program} if old.job.type == COMMAND_TYPE else program
        if self.args is not None:
            payload = {}
        payload |= arguments.payload(fields, self.args)
        if self.env or self.cwd:
            if old.job.type != COMMAND_TYPE:
                raise UsageError(f"--env and --cwd are for programs, and {old.name} makes jobs of type {old.job.type}")
            payload |= {"env": arguments.pairs("--env", self.env)} if self.env else {}
            payload |= {"cwd": self.cwd} if self.cwd else {}
        return payload

    def _timing(self, words: list[str]) -> dict[str, Any]:
        """What was said of when; takes EXPR from the words, where it is."""
        found = {
            "timezone": self.zone,
            "jitter": arguments.read("--jitter", self.jitter, parse_duration),
            "start": self._moment("--start", self.start),
            "end": self._moment("--end", self.end),
            "catchup": _choice("--catchup", self.catchup, Catchup),
            "overlap": _choice("--overlap", self.overlap, Overlap),
        }
        if words and is_expression(words[0]):
            found["expression"] = words.pop(0)
        if self.at is not None:
            found["expression"] = self._once(self.at)
        return {key: value for key, value in found.items() if value is not None}

    def _once(self, text: str) -> str:
        moment = self._moment("--at", text)
        if moment is None or moment <= datetime.now(UTC):
            raise UsageError(
                f"--at {text[:60]!r} has passed — it would never fire", fix="jobsched submit makes a job now"
            )
        return f"@at {moment.isoformat().replace('+00:00', 'Z')}"

    def _moment(self, flag: str, text: str | None) -> datetime | None:
        """A time of the zone that was given with it, else local time, as everywhere."""
        if text is None or self.zone is None:
            return arguments.read(flag, text, parse_time)
        from ...core.calendar import check_zone

        check_zone(self.zone)
        zone = ZoneInfo(self.zone)
        return arguments.read(flag, text, lambda given: parse_time(given, zone=zone))


def is_expression(word: str) -> bool:
    """Whether a word is meant as cron fields, `@every 90s` or the like, and neither as a type nor as a field.

    Payload fields hold a `=`, or a `@` that is not their first character.
    """
    return word.startswith("@") or (any(blank in word for blank in " \t") and not _is_field(word))


def _is_field(word: str) -> bool:
    return word.find("=") > 0 or word.find("@") > 0


def _no_expression(name: str, words: list[str]) -> UsageError:
    if words and (words[0][:1] in "*?" or words[0][:1].isdecimal()):
        five = " ".join(words[:5])
        return UsageError(
            f"{words[0][:60]!r} is one field of five — they are one word, in quotes",
            fix=f"jobsched cron add {name} '{five if len(words) >= 5 and '/' not in words[1] else '*/5 * * * *'}' TYPE",
        )
    return UsageError(
        "cron add needs an EXPR (five cron fields in quotes, '@every 90s', …), or --at TIME",
        fix=f"jobsched cron add {name} '0 3 * * *' {words[0] if words else 'TYPE'}"[:200],
    )


def _cleared(unset: Sequence[str], old: NewSchedule) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The schedule's and the job's options that are unset, as they are then, and the payload without its keys."""
    own: dict[str, Any] = {}
    job: dict[str, Any] = {}
    payload = dict(old.job.payload)
    for word in (part.strip() for text in unset for part in text.split(",")):
        if word in UNSET_JOB:
            job[UNSET_JOB[word]] = CLEARED[UNSET_JOB[word]]
        elif word in UNSET_OWN:
            own |= [UNSET_OWN[word]]
        elif word.startswith("payload.") and word.removeprefix("payload.") in payload:
            del payload[word.removeprefix("payload.")]
        else:
            known = ", ".join([*UNSET_JOB, *UNSET_OWN, "payload.KEY"])
            raise UsageError(f"--unset: there is no {word[:60]!r} — there are {known}")
    return own, job, payload


def _choice(flag: str, word: str | None, kind: type[Catchup] | type[Overlap]) -> Catchup | Overlap | None:
    found = arguments.choice(flag, word, tuple(kind))
    return None if found is None else kind(found)
