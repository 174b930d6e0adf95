"""Sends what handlers write with the standard `logging` module to the log of the job that they run for."""

from __future__ import annotations

import logging
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .runner_context import RunnerContext

current_context: ContextVar[RunnerContext | None] = ContextVar("current_context", default=None)


class _JobLog(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        context = current_context.get()
        if context is None:
            return
        try:
            context.output(f"{record.levelname.lower()}: {self.format(record)}\n", "log")
        except Exception:  # noqa: BLE001 - as in every logging.Handler: a record that cannot be formatted fails nobody
            self.handleError(record)


def capture_logging() -> None:
    """Install the handler at level INFO on the root logger."""
    root = logging.getLogger()
    root.addHandler(_JobLog())
    root.setLevel(logging.INFO)
