"""A connection that comes back: each loop of a worker owns one."""

from __future__ import annotations

import os
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Protocol, TypeVar

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from ..model.errors import ConfigError, JobschedError, PermissionDenied, StoreUnreachable, TryAgain
from .connect import translate

Conn = Connection[TupleRow]
"""A connection as the engine passes it about, without knowing more of it."""
Result = TypeVar("Result")
FIRST_DELAY = 0.1
LONGEST_DELAY = 5.0
WORTH_REPEATING = (StoreUnreachable, TryAgain, PermissionDenied, ConfigError)
"""A login that is refused, a database that is missing or a server that only reads may be a failover
in the middle: the worker had come in before."""


class Opener(Protocol):
    """Opens a connection; `Store.connect` with a name."""

    def __call__(self) -> Connection[TupleRow]: ...


class LinkStopped(Exception):
    """The worker stops; there is no connection any more."""


class Link:
    """One connection, opened again whenever it is lost, for one thread at a time.

    told: called with the error when the store is lost, and with None when it is back.
    """

    def __init__(
        self,
        opener: Opener,
        where: str,
        stop: threading.Event,
        told: Callable[[JobschedError | None], None] = lambda _: None,
    ) -> None:
        self._open = opener
        self._where = where
        self._stop = stop
        self._told = told
        self._conn: Connection[TupleRow] | None = None
        self._busy_since: float | None = None
        self._lost = False

    def run(self, use: Callable[[Connection[TupleRow]], Result]) -> Result:
        """Call `use` with a working connection, again and again until it gets through.

        `use` may be called again after its work was committed but not acknowledged, so it must be
        safe to repeat. LinkStopped: the worker stops. Errors that repeating cannot mend are raised.
        """
        delay = FIRST_DELAY
        while True:
            began = time.monotonic()
            try:
                with self.once() as conn:
                    result = use(conn)
            except WORTH_REPEATING as error:
                if time.monotonic() - began > LONGEST_DELAY:
                    delay = FIRST_DELAY  # it worked for a while: this is another loss
                if not self._lost:
                    self._lost = True
                    self._told(error)
                if self._stop.wait(random.uniform(delay / 2, delay)):
                    raise LinkStopped from error
                delay = min(LONGEST_DELAY, delay * 2)
            else:
                if self._lost:
                    self._lost = False
                    self._told(None)
                return result

    @contextmanager
    def once(self) -> Iterator[Connection[TupleRow]]:
        """Give a connection, opening one if need be; psycopg's errors come out as jobsched's.

        A connection that failed in any way is thrown away, so the next use starts afresh.
        """
        if self._conn is None or self._conn.closed:
            self._conn = self._open()
        self.still_moves()
        try:
            yield self._conn
        except psycopg.Error as error:
            self.close()
            raise translate(error, where=self._where) from error
        finally:
            self._busy_since = None

    def still_moves(self) -> None:
        """A long use says that it is not stuck."""
        self._busy_since = time.monotonic()

    def break_if_stuck(self, seconds: float) -> bool:
        """From another thread: break the connection if one use has waited on it for so long; say whether.

        The kernel notices a peer that is gone. It does not notice a pooler or balancer that takes
        everything and answers nothing: without this, whoever waits for the answer waits for ever.
        """
        since = self._busy_since
        if since is None or time.monotonic() - since < seconds:
            return False
        self.break_off()
        return True

    def break_off(self) -> None:
        """From another thread: break the connection, in use or not; the next use opens another one."""
        conn, self._busy_since = self._conn, None
        if conn is not None:
            with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(conn.fileno())) as line:
                line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection, if there is one."""
        conn, self._conn = self._conn, None
        if conn is not None:
            conn.close()
