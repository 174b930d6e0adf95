"""Logs: one line a record, whatever a job or a client wrote."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from jobsched.core import logs
from jobsched.core.model.errors import ConfigError

HOSTILE = "a\x1b[31m\r\nb\x07\x9b\u202ec\u2066\u2028d\x7f\ud800"
UNSEEN = "\x1b\r\x07\x9b\u202e\u2066\u2028\x7f\ud800"


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., io.StringIO]]:
    """Configure logs to a string; put the process back as it was."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    monkeypatch.setattr(logs, "_root", None)

    def configured(format: str, level: str = "info") -> io.StringIO:
        stream = io.StringIO()
        logs.configure(format, level, stream)
        return stream

    yield configured
    root.handlers[:] = before
    root.setLevel(level)


def only_record(stream: io.StringIO) -> dict[str, Any]:
    (line,) = stream.getvalue().splitlines()
    return dict(json.loads(line))


def test_every_line_of_a_job_carries_its_id_attempt_and_worker(logged: Callable[..., io.StringIO]) -> None:
    """What is bound once is on each later line."""
    stream = logged("json")
    log = logs.get_logger(worker="w-1").bind(job=42, attempt=2)

    log.info("started")
    log.warning("failed", error="TimeoutError")

    for line in stream.getvalue().splitlines():
        record = json.loads(line)
        assert (record["worker"], record["job"], record["attempt"]) == ("w-1", 42, 2)


@pytest.mark.parametrize("format", logs.FORMATS)
def test_hostile_text_stays_on_its_line_and_moves_no_cursor(format: str, logged: Callable[..., io.StringIO]) -> None:
    """Control characters, ESC, bidi marks and line breaks are escaped in names, values and messages."""
    stream = logged(format)

    logs.get_logger(worker=HOSTILE).info(HOSTILE, **{HOSTILE: [HOSTILE], "plain": HOSTILE})

    assert stream.getvalue().count("\n") == 1
    assert not set(stream.getvalue()) & set(UNSEEN)


def test_json_brings_back_what_was_said(logged: Callable[..., io.StringIO]) -> None:
    """Escaping loses nothing in JSON."""
    stream = logged("json")

    logs.get_logger().info("é", value=HOSTILE, ratio=float("nan"), nested={"a": (1, None)})

    record = only_record(stream)
    assert (record["event"], record["value"], record["ratio"]) == ("é", HOSTILE, "nan")
    assert record["nested"] == {"a": [1, None]}


def test_a_traceback_cannot_pass_for_a_record(logged: Callable[..., io.StringIO]) -> None:
    """In the console format the lines of a traceback are indented and escaped."""
    stream = logged("console")
    try:
        raise RuntimeError("first\n2026-01-01T00:00:00.000Z info    paid\x1b[2J")
    except RuntimeError:
        logs.get_logger(job=1).exception("attempt failed")

    first, *rest = stream.getvalue().splitlines()

    assert "error   attempt failed job=1" in first
    assert rest
    assert all(line.startswith("    ") for line in rest)
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize("format", logs.FORMATS)
def test_passwords_never_reach_the_log(format: str, logged: Callable[..., io.StringIO]) -> None:
    """Passwords in URLs and conninfo strings, and values under secret names, are masked."""
    stream = logged(format)

    logs.get_logger(url="postgresql://ann:s3cr@t@db/jobs").warning(
        "cannot connect: host=db password=s3cret",
        objects={"secret_key": "s3cret"},
        header="Authorization: Bearer s3cret",
    )

    assert "s3c" not in stream.getvalue()
    assert "postgresql://ann:***@db/jobs" in stream.getvalue()


def test_a_level_that_is_off_writes_nothing(logged: Callable[..., io.StringIO]) -> None:
    """Records below the level are dropped before anything is made of them."""
    stream = logged("console", "warning")

    logs.get_logger().info("not this")
    logs.get_logger().warning("but this")

    assert "not this" not in stream.getvalue()
    assert "but this" in stream.getvalue()


def test_fields_cannot_change_a_lines_time_or_level(logged: Callable[..., io.StringIO]) -> None:
    """A handler's own `level` or `time` field stands beside the record's."""
    stream = logged("json")

    logs.get_logger().error("broken", level="info", time="1970")

    record = only_record(stream)
    assert (record["level"], record["level_"], record["time_"]) == ("error", "info", "1970")


def test_warnings_of_libraries_come_in_the_same_form(logged: Callable[..., io.StringIO]) -> None:
    """Standard logging is written as our records, their chatter is not."""
    stream = logged("json")

    logging.getLogger("somelib").info("chatter")
    logging.getLogger("somelib").warning("100%% of %s\n", "it")

    record = only_record(stream)
    assert (record["event"], record["level"], record["logger"]) == ("100% of it\n", "warning", "somelib")


def test_console_values_can_be_told_apart(logged: Callable[..., io.StringIO]) -> None:
    """Values with blanks are quoted, quotes and backslashes in them escaped."""
    stream = logged("console")

    logs.get_logger().info("done", plain="a", spaced="b c", tricky='d" e="\\')

    assert 'done plain=a spaced="b c" tricky="d\\" e=\\"\\\\"' in stream.getvalue()


def test_a_broken_pipe_does_not_reach_the_caller(logged: Callable[..., io.StringIO]) -> None:
    """A worker whose stderr is gone works on."""
    logged("console").close()

    logs.get_logger().info("nobody reads this")


@pytest.mark.parametrize(("format", "level"), [("xml", "info"), ("json", "loud")])
def test_an_unknown_format_or_level_is_refused_with_the_fix(format: str, level: str) -> None:
    """The message names what is accepted."""
    with pytest.raises(ConfigError) as refused:
        logs.configure(format, level)

    assert refused.value.fix
