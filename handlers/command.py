"""`command`: runs a program, on workers that were started with `--allow-commands`."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import errno
import os
import shutil
import signal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ..core.handler import Context, Discard, handler
from ..core.host import MARK_VARIABLE, TOKEN_VARIABLE, kill_processes_of

GRACE = 2.0
"""Seconds between SIGTERM and SIGKILL."""
STREAMS = {1: "stdout", 2: "stderr"}
INHERITED = ("PATH", "HOME", "LANG", "TZ")
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NOT_EXECUTABLE, NOT_FOUND = 126, 127
"""Exit codes with which a shell says the same (POSIX, 2.8.2)."""
_NEVER = frozenset({errno.ENOENT, errno.EACCES, errno.ENOEXEC, errno.ENOTDIR, errno.EPERM, errno.E2BIG, errno.ELOOP})


class Command(BaseModel):
    """The program and its arguments, as a list: no shell reads it."""

    model_config = ConfigDict(extra="forbid")

    argv: list[str] = Field(min_length=1, max_length=10_000, description="the program and its arguments")
    env: dict[str, str] = Field(
        default_factory=dict, description="added to a clean environment", json_schema_extra={"writeOnly": True}
    )
    cwd: str | None = Field(None, min_length=1, description="working directory; default: the worker's")
    stdin: str | None = Field(
        None,
        description="text for standard input; default: none, it is empty",
        json_schema_extra={"writeOnly": True},
    )

    @field_validator("argv")
    @classmethod
    def _names_a_program(cls, value: list[str]) -> list[str]:
        if not value[0]:
            raise ValueError("the program's name is empty")
        return value

    @field_validator("env")
    @classmethod
    def _names_variables(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            if not name or "=" in name:
                raise ValueError("one of the names is not that of a variable: it is empty, or has a = in it")
        return value


class CommandFailed(Exception):
    """The program ended with another status than 0. exit_code: 128 + n if signal n ended it, as in a shell."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class CommandNotStarted(Discard):
    """There is no such program, or it cannot be run: no attempt can succeed. exit_code: 127 or 126."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@handler(
    "command",
    commands=True,
    examples=({"argv": ["echo", "hello"]}, {"argv": ["sort", "-u"], "stdin": "b\na\n", "env": {"LC_ALL": "C"}}),
)
async def command(payload: Command, context: Context) -> dict[str, int]:
    """Run a program; its output goes to the job's log as it comes, its exit code decides.

    The program leads a process group of its own. When the job ends, however it ends, the whole
    group ends: SIGTERM, then SIGKILL after 2 s; what a finished program left behind gets SIGKILL. So do
    processes that left the group, unless the program has succeeded: a daemon that it left goes on.
    """
    transport, talk = await _start(payload, context)
    pgid = transport.get_pid()
    context.track_process_group(pgid)
    has_succeeded = False
    try:
        await talk.exited.wait()
        has_succeeded = transport.get_returncode() == 0
    except asyncio.CancelledError:
        await _ask_to_end(pgid, talk)
        raise
    finally:
        _signal_group(pgid, signal.SIGKILL)
        if not has_succeeded:
            # What left the group is found by its environment.
            await asyncio.to_thread(kill_processes_of, lease_mark(context), [context.token])
        # Whoever left the group may hold the pipes open for ever; who did not is gone, and they close.
        await _wait(talk.silent, GRACE)
        transport.close()
        context.untrack_process_group(pgid)
    status = transport.get_returncode()
    if status:
        raise CommandFailed(*_describe(status))
    return {"exit_code": 0}


class _Conversation(asyncio.SubprocessProtocol):
    """Hands on output as it comes, and tells `exited` (the program has ended) from `silent` (nobody
    holds its pipes any more, which can be much later)."""

    def __init__(self, context: Context) -> None:
        self.exited = asyncio.Event()
        self.silent = asyncio.Event()
        self._context = context
        # Incremental: a character may arrive in two pieces.
        self._decoders = {fd: codecs.getincrementaldecoder("utf-8")("replace") for fd in STREAMS}

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self._say(fd, self._decoders[fd].decode(data))

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd in STREAMS:
            self._say(fd, self._decoders[fd].decode(b"", final=True))

    def process_exited(self) -> None:
        self.exited.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.silent.set()

    def _say(self, fd: int, text: str) -> None:
        if text:
            self._context.output(text, STREAMS[fd])


async def _start(payload: Command, context: Context) -> tuple[asyncio.SubprocessTransport, _Conversation]:
    pipe, none = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    try:
        transport, talk = await asyncio.get_running_loop().subprocess_exec(
            lambda: _Conversation(context),
            *payload.argv,
            stdin=none if payload.stdin is None else pipe,
            stdout=pipe,
            stderr=pipe,
            env=clean_environment(payload.env, context),
            cwd=payload.cwd,
            start_new_session=True,
        )
    except OSError as error:
        if error.errno not in _NEVER:
            raise  # no memory or no processes left: another attempt may find some
        if _is_nowhere(payload, context, error):
            raise CommandNotStarted(f"{payload.argv[0]}: {os.strerror(errno.ENOENT)}", NOT_FOUND) from error
        code = NOT_FOUND if error.errno == errno.ENOENT else NOT_EXECUTABLE
        raise CommandNotStarted(f"{error.filename or payload.argv[0]}: {error.strerror}", code) from error
    except ValueError as error:  # a NUL in an argument
        raise CommandNotStarted(f"{payload.argv[0]!r} cannot be run: {error}", NOT_EXECUTABLE) from error
    if payload.stdin is not None:
        standard_input = transport.get_pipe_transport(0)
        assert isinstance(standard_input, asyncio.WriteTransport)
        standard_input.write(payload.stdin.encode())
        standard_input.close()
    return transport, talk


def clean_environment(given: dict[str, str], context: Context) -> dict[str, str]:
    """Return the program's whole environment: nothing of the worker's that could be a secret."""
    environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
    environment.setdefault("PATH", DEFAULT_PATH)
    environment |= {"TERM": "dumb"} | given
    environment |= {"JOBSCHED_JOB_ID": str(context.job_id), "JOBSCHED_ATTEMPT": str(context.attempt)}
    return environment | {MARK_VARIABLE: lease_mark(context), TOKEN_VARIABLE: str(context.token)}


def lease_mark(context: Context) -> str:
    """Return what marks the processes of the worker; "" where no worker runs the job."""
    return str(getattr(context, "lease_mark", ""))


async def _ask_to_end(pgid: int, talk: _Conversation) -> None:
    """Let the program end in its own way, and hear its last words, for at most GRACE seconds."""
    _signal_group(pgid, signal.SIGTERM)
    await _wait(talk.exited, GRACE)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


def _is_nowhere(payload: Command, context: Context, error: OSError) -> bool:
    """Whether a program named without a slash is in no folder of the path: one that may not be looked
    into answers "permission denied", which says nothing about the program."""
    path = clean_environment(payload.env, context)["PATH"]
    program = payload.argv[0]
    return error.errno == errno.EACCES and "/" not in program and shutil.which(program, os.F_OK, path) is None


def _signal_group(pgid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pgid, number)


def _describe(status: int) -> tuple[str, int]:
    """Message and exit code for a return code of `subprocess`."""
    if status > 0:
        return f"exit code {status}", status
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    return f"ended by {name}", 128 - status
