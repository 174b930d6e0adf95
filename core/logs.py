"""Structured logs of the worker and the servers: one line a record, on stderr, as text or as JSON.

Whoever speaks for a job binds its id, attempt and worker once, and every line carries them:

    log = get_logger(worker="laptop-1")
    log.bind(job=42, attempt=1).warning("attempt failed", error="TimeoutError")

    2026-03-01T12:00:00.250Z warning attempt failed worker=laptop-1 job=42 attempt=1 error=TimeoutError

Nothing that a job or a client wrote can start a new line, move a cursor or reorder text, and
passwords in URLs are masked. structlog's global configuration belongs to the handlers' authors and
is left alone.
"""

from __future__ import annotations

import json
import logging
import math
import re
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, TextIO, cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

from .model.errors import ConfigError
from .model.text import printable

Format = Literal["console", "json"]
FORMATS: tuple[Format, ...] = ("console", "json")
LEVELS: dict[str, int] = {"debug": 10, "info": 20, "warning": 30, "error": 40}
MAX_TEXT = 10_000
"""Characters of one value that are kept."""

_URL_PASSWORD = re.compile(r"([a-z][a-z0-9+.-]*://[^\s:/@]*:)\S*@", re.IGNORECASE)
_NAMED_SECRET = re.compile(
    r"\b((?:password|passwd|secret|secret_key|access_token|api_key)\s*[=:]\s*|\bbearer\s+)\S+", re.IGNORECASE
)
_SECRET_KEY = re.compile(r"password|passwd|secret|api_?key|authorization|access_key", re.IGNORECASE)
_BARE_VALUE = re.compile(r"[^\s=\"'\\]+")
_MASK = "***"
_root: FilteringBoundLogger | None = None


class _Lines:
    """Writes whole lines to a stream, from any thread."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def msg(self, line: str) -> None:
        """Write one record. A stream that is gone (a closed pipe) must not take the worker with it."""
        with self._lock:
            try:
                self._stream.write(line + "\n")
                self._stream.flush()
            except (OSError, ValueError):
                return

    debug = info = warning = error = critical = msg


def configure(format: str = "console", level: str = "info", stream: TextIO | None = None) -> None:
    """Decide how this process logs; loggers made before keep what they had.

    format: "console" or "json". level: "debug", "info", "warning" or "error"; records below it
    cost one empty call. stream: default stderr. Warnings of libraries, which use the standard
    `logging`, are written in the same form. ConfigError: another format or level.
    """
    if format not in FORMATS:
        raise ConfigError(f"the log format is {format[:40]!r} — it is console or json", fix="set log.format = 'json'")
    if level not in LEVELS:
        raise ConfigError(
            f"the log level is {level[:40]!r} — it is one of {', '.join(LEVELS)}", fix="set log.level = 'info'"
        )
    global _root  # noqa: PLW0603 — a process has one way to log
    _root = _build(format, level, stream or sys.stderr)
    _take_over_standard_logging(LEVELS[level])


def get_logger(**bound: object) -> FilteringBoundLogger:
    """Return a logger whose every line carries `bound`, such as worker, job and attempt.

    Call it after `configure`; before, it writes "info" and above to stderr as text.
    """
    return (_root or _build("console", "info", sys.stderr)).bind(**bound)


def mask_secrets(text: str) -> str:
    """Return `text` without the passwords of URLs and of `password=…` pairs. It masks too much
    rather than too little."""
    if ":" not in text and "=" not in text:
        return text
    return _NAMED_SECRET.sub(rf"\g<1>{_MASK}", _URL_PASSWORD.sub(rf"\g<1>{_MASK}@", text))


def _build(format: Format, level: str, stream: TextIO) -> FilteringBoundLogger:
    render = _render_json if format == "json" else _render_console
    logger = structlog.wrap_logger(
        _Lines(stream),
        processors=[_stamp, structlog.processors.format_exc_info, render],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        context_class=dict,
    )
    return cast("FilteringBoundLogger", logger.bind())


def _stamp(_: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Put time (UTC, this host's clock) and level first."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    level = "error" if method in ("exception", "critical") else method
    said = event.pop("event", "")
    rest = {f"{key}_" if key in ("time", "level") else key: value for key, value in event.items()}
    return {"time": now, "level": level, "event": said, **rest}


def _render_json(_: WrappedLogger, __: str, event: EventDict) -> str:
    # ensure_ascii escapes everything but DEL, the one ASCII control that JSON allows as it is.
    clean = {str(key): _plain(str(key), value) for key, value in event.items()}
    return json.dumps(clean, ensure_ascii=True, separators=(",", ":")).replace("\x7f", "\\u007f")


def _render_console(_: WrappedLogger, __: str, event: EventDict) -> str:
    traceback = event.pop("exception", None)
    time, level, words = event.pop("time"), event.pop("level"), printable(_whole(str(event.pop("event"))))
    pairs = "".join(
        f" {printable(str(key))}={_shown(str(key), value)}" for key, value in event.items() if value is not None
    )
    line = f"{time} {level:<7} {words}{pairs}"
    if traceback is None:
        return line
    # Indented, so that no line of somebody's error message can pass for a record.
    return "\n    ".join([line, *(printable(each) for each in _whole(str(traceback)).split("\n"))])


def _shown(key: str, value: object) -> str:
    text = str(_plain(key, value))
    if _BARE_VALUE.fullmatch(text):
        return printable(text)
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{printable(escaped)}"'


def _whole(text: str) -> str:
    masked = mask_secrets(text[:MAX_TEXT])
    return masked if len(text) <= MAX_TEXT else f"{masked}… ({len(text):,} characters)"


def _plain(key: str, value: object) -> Any:
    """Return `value` as JSON knows it, secrets masked."""
    if _SECRET_KEY.search(key) and value is not None:
        return _MASK
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(str(name), item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain("", item) for item in value]
    return _whole(str(value))


class _FromStandardLogging(logging.Handler):
    """Hands records of libraries to our logger."""

    def emit(self, record: logging.LogRecord) -> None:
        level = max((each for each in LEVELS.values() if each <= record.levelno), default=10)
        extra: dict[str, Any] = {"exc_info": record.exc_info} if record.exc_info else {}
        get_logger(logger=record.name).log(level, record.getMessage(), **extra)


def _take_over_standard_logging(level: int) -> None:
    root = logging.getLogger()
    for handler in [each for each in root.handlers if isinstance(each, _FromStandardLogging)]:
        root.removeHandler(handler)
    root.addHandler(_FromStandardLogging())
    root.setLevel(max(level, logging.WARNING))  # their "info" is not our operator's business
