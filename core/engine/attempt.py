"""One attempt at one job, inside the runner: find the handler, check the payload, call it, and say
in a `Report` how it ended if it did not succeed."""

from __future__ import annotations

import asyncio
import json
import sys
import sysconfig
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, TypeVar

from ..handler import Cancelled, Discard, Handler, Retry, Snooze
from ..model.errors import PayloadInvalid
from ..model.fingerprint import fingerprint
from ..payload_check import model_problems
from .json_text import to_json
from .protocol import MAX_DELAY_SECONDS, Report, Work

MAX_MESSAGE_CHARS = 2_000
MAX_CLASS_CHARS = 200
MAX_TRACEBACK_CHARS = 16_000
MAX_RESULT_BYTES = 1 << 20
Asked = Literal["", "cancel", "timeout"]
"""Why a job was asked to stop, if it was."""
Result = TypeVar("Result")
_STDLIB = sysconfig.get_paths()["stdlib"]


def read_payload(handler: Handler, text: str) -> Any:
    """Return what the handler's function takes. PayloadInvalid: it does not fit the model."""
    if handler.payload_model is None:
        return {} if text == "{}" else json.loads(text)
    from pydantic import ValidationError

    try:
        return handler.payload_model.model_validate_json(text)
    except ValidationError as error:
        problems = model_problems(error, handler.secret_fields)
        told = "; ".join(f"{where}: {what}" for where, what in problems)
        raise PayloadInvalid(f"the payload does not fit {handler.name} — {told}", problems=problems) from None


def encode_result(value: Any) -> str | None:
    """Return the JSON text of a handler's result. TypeError, ValueError: it cannot be stored."""
    if value is None:
        return None
    return to_json(
        value, "the result", limit=MAX_RESULT_BYTES, instead="put it into the object store and return its key"
    )


def describe_end(work: Work, error: BaseException, *, asked: Asked, wait: float, run: float) -> Report:
    """Return the report of an attempt that ended with `error`. asked: whether it had been asked to stop.

    A cancellation that nobody asked for (a job whose own task was cancelled) is a failure like any other.
    """
    try:
        return _describe(work, error, asked, wait, run)
    except BaseException:  # noqa: BLE001 - an exception's own methods may do anything, and the job must end
        message = "it cannot be described: its own methods raise"
        return Report(work.token, "failed", wait, run, "Exception", message, None, "indescribable")


def _describe(work: Work, error: BaseException, asked: Asked, wait: float, run: float) -> Report:
    match error:
        case asyncio.CancelledError() | Cancelled() if asked == "timeout":
            return _timeout(work, wait, run)
        case asyncio.CancelledError() | Cancelled() if asked == "cancel":
            return Report(work.token, "cancelled", wait, run)
        case Snooze():
            return Report(work.token, "snooze", wait, run, delay=_seconds(error.delay) or 0.0)
        case Retry():
            return _failure(work, "retry", error, wait, run, delay=_seconds(error.delay))
        case Discard() | PayloadInvalid():
            return _failure(work, "discard", error, wait, run)
        case _:
            return _failure(work, "failed", error, wait, run)


def _seconds(delay: object) -> float | None:
    """A handler's delay as the store can take it; None where it is no number at all."""
    if not isinstance(delay, int | float) or delay != delay:
        return None
    return float(min(max(delay, 0.0), MAX_DELAY_SECONDS))


def _timeout(work: Work, wait: float, run: float) -> Report:
    message = f"ran longer than its timeout of {work.timeout:g} s"
    print_ = fingerprint("JobTimeout", message, work.type)
    return Report(work.token, "timeout", wait, run, "JobTimeout", message, None, print_)


def _failure(
    work: Work, kind: str, error: BaseException, wait: float, run: float, delay: float | None = None
) -> Report:
    error_class = _clean(type(error).__qualname__)[:MAX_CLASS_CHARS]
    message = _clean(_message(error))[:MAX_MESSAGE_CHARS]
    exit_code = _try(lambda: getattr(error, "exit_code", None), None)
    return Report(
        work.token,
        kind,
        wait,
        run,
        error_class,
        message,
        _try(lambda: _clean(_format(error))[-MAX_TRACEBACK_CHARS:], None),
        fingerprint(error_class, message, _place(error.__traceback__)),
        delay,
        exit_code if isinstance(exit_code, int) and -32768 <= exit_code <= 32767 else None,
    )


def _try(ask: Callable[[], Result], otherwise: Result) -> Result:
    """What an exception's own attributes say, or `otherwise` where they raise."""
    try:
        return ask()
    except Exception:  # noqa: BLE001 - a job's exception may do anything
        return otherwise


def _message(error: BaseException) -> str:
    """What the error says, also where its own `__str__` fails."""
    try:
        said = str(error)
    except Exception as second:  # noqa: BLE001 - a job's exception may do anything
        return f"(its message cannot be shown: {type(second).__name__})"
    if not said and isinstance(error, asyncio.CancelledError):
        return "something in the job was cancelled, and nobody had asked for that"
    return said


def _format(error: BaseException) -> str:
    """The traceback without the frames of the runner itself."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename.startswith(str(Path(__file__).parent)):
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames))


def _place(trace: TracebackType | None) -> str:
    """`file.py:function` of the innermost frame that is not the standard library's."""
    place = ""
    while trace is not None:
        code = trace.tb_frame.f_code
        if not code.co_filename.startswith((_STDLIB, "<frozen")) or "site-packages" in code.co_filename:
            place = f"{Path(code.co_filename).name}:{code.co_name}"
        trace = trace.tb_next
    return place


def _clean(text: str) -> str:
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


def silence_interrupts() -> None:
    """The terminal's Ctrl-C reaches the keeper alone; it decides.

    Not SIG_IGN: programs that a job starts would inherit it, and could not be asked to end.
    """
    import signal

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: None)
    sys.setswitchinterval(0.005)
