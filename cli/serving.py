"""Flags of the programs that stay: workers and schedulers say what they do in logs, and serve metrics and health."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import arguments, invocation

if TYPE_CHECKING:
    from ..core.config import Settings

LOG_FORMATS = ("console", "json")
LOG_LEVELS = ("debug", "info", "warning", "error")
Text = str | None
Name = Annotated[Text, typer.Option("--name", help="Default: host and process id.")]
MetricsPort = Annotated[
    int | None, typer.Option("--metrics-port", min=0, max=65535, help="Serve /metrics, /health, /ready; 0: any.")
]
MetricsHost = Annotated[str, typer.Option("--metrics-host", help="Address to serve them on.")]
LogFormat = Annotated[Text, typer.Option("--log-format", metavar="FORMAT", help="console or json.")]
LogLevel = Annotated[Text, typer.Option("--log-level", metavar="LEVEL", help="debug, info, warning or error.")]


def settings_with(changes: Mapping[str, Any], *, log_format: str | None, log_level: str | None) -> Settings:
    """The settings, with what the flags say on top. changes: values by key, `.` written `__`; None is not given."""
    wanted = {
        **changes,
        "log__format": arguments.choice("--log-format", log_format, LOG_FORMATS),
        "log__level": arguments.choice("--log-level", log_level, LOG_LEVELS),
    }
    given = {key: value for key, value in wanted.items() if value is not None}
    return invocation.current().settings.replace(**given)
