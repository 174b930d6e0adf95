"""`submit --batch`: one job a line in, one result a line out, in the same order."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ..core.model.backoff import parse_backoff
from ..core.model.durations import parse_duration
from ..core.model.errors import Conflict, JobschedError, TryAgain, UsageError
from ..core.model.job import NewJob, parse_after
from ..core.model.payload import MAX_PAYLOAD_BYTES
from ..core.model.priority import parse_priority
from ..core.model.times import parse_time
from . import arguments, diagnostics, invocation, last, output
from .output import Column

if TYPE_CHECKING:
    from ..core.model.results import Submitted
    from ..core.service import Service

COLUMNS = (
    Column("id", "id"),
    Column("i", "number"),
    Column("created", "flag"),
    Column("error"),
    Column("code", shown=False),
    Column("fix", shown=False),
)
CHUNK = 1000
CHUNK_BYTES = 16 << 20
LONGEST_LINE = MAX_PAYLOAD_BYTES + (64 << 10)
PARTIAL = 5
OPTIONS = frozenset(
    {
        *("type", "payload", "queue", "priority", "max_attempts", "backoff", "timeout", "at", "in", "key", "tags"),
        *("after", "unique", "concurrency_key", "hold"),
    }
)


@dataclass(slots=True)
class _Line:
    """A line of the batch: what it asks for, or what is wrong with it."""

    number: int
    job: NewJob | None = None
    error: JobschedError | None = None
    submitted: Submitted | None = None
    size: int = 0


def submit_batch(source: str, defaults: NewJob, *, unchecked: bool, atomic: bool) -> int:
    """Submit each line of a file (`-`: stdin) and write one result for each, in order.

    A line is an object with `type`, `payload` and options by their flags' names; what it leaves out
    is taken from the command line. Where the type was given there, a line that has none is a payload. Returns 0,
    the common exit code if every line failed, or 5. atomic: nothing is stored unless all of it can be.
    """
    run = invocation.current()
    if output.fields_asked(COLUMNS):
        return 0
    run.auto = "jsonl"
    tally = _Tally()
    with _open(source) as stream, invocation.open_service() as service:
        lines = _read(stream, defaults)
        for chunk in [list(lines)] if atomic else _chunks(lines):
            if run.dry_run:
                _check(service, chunk, unchecked)
            elif atomic:
                _all_or_none(service, chunk, unchecked)
            else:
                _each(service, chunk, unchecked)
            tally.report(chunk, service, remember=not run.dry_run)
        tally.close()
    if tally.count == 0:
        diagnostics.warn("the batch has no lines: nothing was submitted")
    return tally.exit_code(atomic)


class _Tally:
    """Writes results and remembers what the exit code needs."""

    def __init__(self) -> None:
        self._writer = output.writer("submit.result", COLUMNS)
        self._codes: set[int] = set()
        self._failed = 0
        self.count = 0

    def report(self, chunk: list[_Line], service: Service, *, remember: bool) -> None:
        ids_only = invocation.current().format == "id"
        for line in chunk:
            self.count += 1
            if line.error is not None:
                self._failed += 1
                self._codes.add(line.error.exit_code)
                if ids_only or self._failed == 1:
                    diagnostics.warn(f"line {line.number + 1}: {line.error.message}", fix=line.error.fix)
            if line.submitted is not None or not ids_only:
                self._writer.write(_row(line))
        done = [line.submitted.id for line in chunk if line.submitted is not None]
        if done and remember:
            last.remember(service.store.shown_url, done[-1])
        output.flush()

    def close(self) -> None:
        self._writer.close()

    def exit_code(self, atomic: bool) -> int:
        if not self._failed:
            return 0
        nothing_went_well = atomic or self._failed == self.count
        return self._codes.pop() if nothing_went_well and len(self._codes) == 1 else PARTIAL


def _row(line: _Line) -> dict[str, Any]:
    row: dict[str, Any] = {}
    if line.submitted is not None:
        row |= {"id": line.submitted.id, "created": line.submitted.created}
    if line.error is not None:
        row |= {"error": line.error.message, "code": line.error.code, "fix": line.error.fix}
    return {"i": line.number, "created": False, **row}


def _each(service: Service, chunk: list[_Line], unchecked: bool) -> None:
    """Submit a chunk in one statement; if that is refused, line by line, to find which."""
    good = [line for line in chunk if line.job is not None]
    try:
        for line, submitted in zip(good, _submit_many(service, good, unchecked), strict=True):
            line.submitted = submitted
    except (UsageError, Conflict):
        for line in good:
            if line.job is not None:
                try:
                    line.submitted = service.submit(line.job, unchecked=unchecked)
                except (UsageError, Conflict) as error:
                    line.error = error


def _all_or_none(service: Service, lines: list[_Line], unchecked: bool) -> None:
    _check(service, lines, unchecked)
    if any(line.error is not None for line in lines):
        return
    for line, submitted in zip(lines, _submit_many(service, lines, unchecked), strict=True):
        line.submitted = submitted


def _submit_many(service: Service, lines: list[_Line], unchecked: bool) -> list[Submitted]:
    jobs = [line.job for line in lines if line.job is not None]
    return service.submit_many(jobs, unchecked=unchecked) if jobs else []


def _check(service: Service, lines: list[_Line], unchecked: bool) -> None:
    for line in lines:
        if line.job is not None:
            try:
                service.check(line.job, unchecked=unchecked)
            except UsageError as error:
                line.error = error


@contextmanager
def _open(source: str) -> Iterator[BinaryIO]:
    if source == "-":
        yield sys.stdin.buffer
        return
    with ExitStack() as stack:
        try:
            stream = stack.enter_context(Path(source).open("rb"))
        except OSError as error:
            raise UsageError(f"--batch: {source} cannot be read — {error.strerror}") from None
        yield stream


def _read(stream: BinaryIO, defaults: NewJob) -> Iterator[_Line]:
    """Parse the lines; blank ones count, but have no result."""
    number = 0
    while raw := _read_line(stream, LONGEST_LINE + 1):
        line = _Line(number, size=len(raw))
        number += 1
        if not raw.strip():
            continue
        try:
            if len(raw) > LONGEST_LINE:
                while raw and not raw.endswith(b"\n"):
                    raw = _read_line(stream, LONGEST_LINE)
                raise UsageError(f"line {number} is longer than {LONGEST_LINE:,} bytes")
            line.job = _job(arguments.load_json(raw.decode(), f"line {number}"), defaults)
            line.job.check()
        except UnicodeDecodeError:
            line.error = UsageError(f"line {number} is not UTF-8")
        except UsageError as error:
            line.job, line.error = None, error
        yield line


def _read_line(stream: BinaryIO, longest: int) -> bytes:
    try:
        return stream.readline(longest)
    except OSError as error:
        raise TryAgain(f"the batch cannot be read — {error.strerror}") from None


def _job(record: Any, defaults: NewJob) -> NewJob:
    if not isinstance(record, dict):
        raise UsageError("a line of a batch is a JSON object", fix='{"type": "noop", "payload": {}}')
    if "type" not in record and defaults.type:
        payload = record["payload"] if record.keys() == {"payload"} else record
        return replace(defaults, payload=payload)
    unknown = record.keys() - OPTIONS
    if unknown:
        raise UsageError(f"there is no option {min(unknown)!r} — there are {', '.join(sorted(OPTIONS))}")
    changes = {name: value for name, value in _options(record) if value is not None}
    if "type" not in changes:
        raise UsageError("the line has no type", fix='{"type": "noop", "payload": {}}')
    return replace(defaults, **changes)


def _options(record: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    def text(name: str, reader: Any) -> Any:
        value = record.get(name)
        return arguments.read(name, str(value), reader) if value is not None else None

    yield "type", text("type", str)
    yield "payload", record.get("payload")
    yield "queue", text("queue", str)
    yield "priority", text("priority", parse_priority)
    yield "max_attempts", text("max_attempts", int)
    yield "backoff", text("backoff", parse_backoff)
    yield "timeout", text("timeout", parse_duration)
    yield "run_at", text("at", parse_time)
    yield "delay", text("in", parse_duration)
    yield "idempotency_key", text("key", str)
    tags = record.get("tags")
    if tags is not None and not (isinstance(tags, list) and all(isinstance(tag, str) for tag in tags)):
        raise UsageError("tags is a list of names")
    yield "tags", tuple(tags) if tags is not None else None
    after = record.get("after")
    if after is not None and not (isinstance(after, list) and all(isinstance(each, int | str) for each in after)):
        raise UsageError("after is a list of job ids, each with or without :ok, :any or :fail")
    yield "after", tuple(parse_after(str(each)) for each in after) if after is not None else None
    yield "unique_key", text("unique", str)
    yield "concurrency_key", text("concurrency_key", str)
    if not isinstance(record.get("hold", False), bool):
        raise UsageError("hold is true or false")
    yield "hold", record.get("hold")


def _chunks(lines: Iterator[_Line]) -> Iterator[list[_Line]]:
    """Lines that go in one statement: not too many, and not too large for the memory of either side."""
    chunk: list[_Line] = []
    size = 0
    for line in lines:
        chunk.append(line)
        size += line.size
        if len(chunk) == CHUNK or size >= CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk
