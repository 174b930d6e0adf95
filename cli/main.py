"""Where the program starts: arguments in, exit code out; every error becomes a line and a code here."""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress

from ..core.model.errors import JobschedError, UsageError
from . import diagnostics, invocation

INTERRUPTED = 130
BROKEN_PIPE = 141
CLEANERS = frozenset({"jobsched.core.engine", "multiprocessing.util", "jobsched.cli.commands.demo"})
"""Modules that may have left something to be cleaned up when the interpreter ends."""
OWN_CODES = frozenset({2, 3, 124})
"""With --propagate, these still mean usage, not found and timeout; every other failure of ours is 125."""


def run(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; nothing is raised, nothing exits.

    argv: without the program's name. None is sys.argv, and means that this is the whole program: then
    the process may end here.
    """
    if argv is not None:
        return _guarded(list(argv))
    # Imports make many objects and hardly any garbage: 12 of 217 ms of `submit` went into looking for it.
    gc.set_threshold(50_000, 10, 10)
    code = _guarded(sys.argv[1:])
    _leave(code)
    return code


def _leave(code: int) -> None:
    """End the process without taking the interpreter to pieces, which is 33 of 217 ms of `submit`.

    Everything is written and closed by now. Not where threads are left, or somebody may have cleaning up to do.
    """
    if threading.active_count() > 1 or not CLEANERS.isdisjoint(sys.modules):
        return
    with suppress(OSError, ValueError, AttributeError):  # closed or missing streams have nothing left to say
        sys.stderr.flush()
        sys.stdout.flush()
    os._exit(code)


def _guarded(arguments: list[str]) -> int:
    invocation.begin()
    try:
        code = _run(arguments)
        _flush()
    except BrokenPipeError:
        _silence_stdout()
        return BROKEN_PIPE
    except KeyboardInterrupt:
        return INTERRUPTED
    except JobschedError as error:
        _peek_format(arguments)
        if isinstance(error, UsageError) and error.fix is None:
            error.fix = _help_for(arguments)
        return _report(error)
    except Exception as error:  # noqa: BLE001 - the last resort: a defect of ours still ends in one line
        return _report(_unexpected(error))
    return code


def _run(arguments: list[str]) -> int:
    if arguments in (["--version"], ["-V"]):
        return _version()
    from typer import Abort, Exit
    from typer._click.exceptions import ClickException

    from .group import program

    try:
        with program().make_context("jobsched", _with_field_values(arguments) or ["--help"]) as context:
            result = context.command.invoke(context)
    except Exit as end:
        return end.exit_code
    except Abort:
        return INTERRUPTED
    except ClickException as error:
        from .usage import explain

        raise explain(error) from None
    return result if isinstance(result, int) else 0


def _version() -> int:
    from ..core.version import VERSION
    from . import output

    output.line(f"jobsched {VERSION}")
    return 0


def _with_field_values(arguments: list[str]) -> list[str]:
    """Give a `--fields` that has no value the empty one, which lists the fields."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    given = []
    for position, argument in enumerate(arguments):
        following = arguments[position + 1] if position + 1 < end else None
        bare = argument == "--fields" and position < end and (following is None or following.startswith("-"))
        given.append("--fields=" if bare else argument)
    return given


def _peek_format(arguments: list[str]) -> None:
    """Find -o json in arguments that could not be parsed, so that the error is JSON as well."""
    run = invocation.current()
    for before, argument in zip(["", *arguments], arguments, strict=False):
        value = argument if before in ("-o", "--output") else argument.removeprefix("--output=").removeprefix("-o")
        if value in invocation.JSON_FORMATS and (before in ("-o", "--output") or value != argument):
            run.output = value


def _help_for(arguments: list[str]) -> str:
    """The help of the command that was called: what mends a command line that nothing else mends."""
    from .group import ALIASES, verbs

    words = [word for word in arguments if not word.startswith("-")]
    verb = next((word for word in words if ALIASES.get(word, word) in verbs()), "")
    return f"jobsched {verb} --help" if verb else "jobsched --help"


def _report(error: JobschedError) -> int:
    if os.environ.get("JOBSCHED_DEBUG") == "1":
        import traceback

        diagnostics.note_lines(traceback.format_exc())
    diagnostics.error(error)
    try:
        _flush()
    except BrokenPipeError:
        _silence_stdout()
    except JobschedError:
        _silence_stdout()
    if invocation.current().propagating and error.exit_code not in OWN_CODES:
        return JobschedError.exit_code
    return error.exit_code


def _unexpected(error: Exception) -> JobschedError:
    psycopg = sys.modules.get("psycopg")
    if psycopg is not None and isinstance(error, psycopg.Error):
        from ..core.store.connect import translate

        return translate(error, where="the store")
    if isinstance(error, UnicodeError):
        return UsageError(f"the input is not UTF-8 — {error}", fix="convert it, for example with iconv -t UTF-8")
    if isinstance(error, MemoryError):
        return JobschedError("out of memory")
    return JobschedError(
        f"a defect of jobsched's own — {type(error).__name__}: {error}",
        fix="run it again with JOBSCHED_DEBUG=1 and report the traceback",
    )


def _flush() -> None:
    if sys.stdout is not None and "jobsched.cli.output" in sys.modules:
        from . import output

        output.flush()
    elif sys.stdout is not None:
        sys.stdout.flush()


def _silence_stdout() -> None:
    """Let what is still buffered go nowhere, or the interpreter complains about it on its way out."""
    if sys.stdout is not None:
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, sys.stdout.fileno())
        os.close(devnull)
