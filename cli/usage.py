"""The argument parser's complaints in jobsched's words: one line, why, and the command that helps."""

from __future__ import annotations

from typer._click.exceptions import (
    BadOptionUsage,
    BadParameter,
    ClickException,
    MissingParameter,
    NoSuchOption,
)
from typer._click.exceptions import UsageError as ParserUsageError

from ..core.model.errors import UsageError


def explain(error: ClickException) -> UsageError:
    """Return the same complaint as an error of ours."""
    path = _path(error)
    message = _message(error, path).rstrip(".")
    return UsageError(message, fix=f"{path} --help")


def _path(error: ClickException) -> str:
    context = error.ctx if isinstance(error, ParserUsageError) else None
    return context.command_path if context is not None else "jobsched"


def _message(error: ClickException, path: str) -> str:
    match error:
        case NoSuchOption():
            close = _closest(error)
            return f"{path} has no flag {error.option_name[:80]}" + (f" — did you mean {close}?" if close else "")
        case MissingParameter():
            return f"{path} needs {_name(error) or 'an argument'}"
        case BadParameter():
            return f"{_name(error) or 'the value'}: {_lower(error.message)}"
        case BadOptionUsage():
            return f"{error.option_name} needs a value" if "requires" in error.message else _lower(error.message)
    extra = "Got unexpected extra argument"
    if error.message.startswith(extra):
        return f"{path} has no use for {error.message.partition(' (')[2].rpartition(')')[0][:80]!r}"
    return _lower(error.message)


def _closest(error: NoSuchOption) -> str | None:
    if error.possibilities:
        return error.possibilities[0]
    from difflib import get_close_matches

    known = [name for param in error.ctx.command.params for name in param.opts] if error.ctx is not None else []
    return next(iter(get_close_matches(error.option_name, known, 1)), None)


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _name(error: BadParameter) -> str | None:
    """The flag or argument that is meant, as the user writes it."""
    if error.param is None:
        return None
    flags = (name for name in reversed(error.param.opts) if name.startswith("--"))
    return next(flags, error.param.human_readable_name.upper())
