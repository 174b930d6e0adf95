"""A network between a client and a server that can be cut, or fall silent."""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

BYTES = 1 << 16
STUCK_SECONDS = 5.0


class Proxy:
    """Listens on a port of its own and forwards to `address()`, which is asked for each connection."""

    def __init__(self, address: Callable[[], tuple[str, int]]) -> None:
        self._address = address
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self._cut = False
        self._silent = False
        self._heard_silence = False
        self._closing = False
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._server, selectors.EVENT_READ)
        self._bell, self._button = socket.socketpair()
        self._selector.register(self._bell, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """Break every connection, and each new one at once."""
        self._cut = True
        self._ring()

    def silence(self) -> None:
        """Let nothing through, either way, and break nothing: neither end is told. What is sent waits."""
        self._silent = True
        self._ring()

    def mend(self) -> None:
        """Let everything through again, also what waited."""
        self._cut = self._silent = False
        self._ring()

    def forget(self) -> None:
        """Break every connection and drop what waited, as a router does that was restarted; then mend."""
        self.cut()
        self._until_dropped()
        self.mend()

    def close(self) -> None:
        """End it."""
        self._closing = True
        self._ring()
        self._thread.join()
        self._selector.close()
        for each in (self._server, self._bell, self._button):
            each.close()

    def _ring(self) -> None:
        self._button.send(b"!")

    def _until_dropped(self) -> None:
        pause = threading.Event()
        while self._pairs and self._thread.is_alive():
            pause.wait(0.005)

    def _run(self) -> None:
        while not self._closing:
            for key, _ in self._selector.select():
                if key.fileobj is self._server:
                    self._accept()
                elif key.fileobj is self._bell:
                    self._bell.recv(100)
                elif isinstance(key.fileobj, socket.socket) and key.fileobj in self._pairs:
                    self._forward(key.fileobj)
            if self._cut:
                self._drop_all()
            if self._silent != self._heard_silence:
                self._heard_silence = self._silent
                for each in self._pairs:
                    (self._selector.unregister if self._silent else self._listen)(each)
        self._drop_all()

    def _listen(self, to: socket.socket) -> None:
        self._selector.register(to, selectors.EVENT_READ)

    def _accept(self) -> None:
        theirs, _ = self._server.accept()
        try:
            if self._cut:
                raise ConnectionRefusedError
            ours = socket.create_connection(self._address(), timeout=STUCK_SECONDS)
        except OSError:
            theirs.close()
            return
        theirs.settimeout(STUCK_SECONDS)  # whoever reads nothing for so long must not stop the others
        for one, other in ((theirs, ours), (ours, theirs)):
            self._pairs[one] = other
            if not self._heard_silence:
                self._listen(one)

    def _forward(self, source: socket.socket) -> None:
        try:
            data = source.recv(BYTES)
            if data:
                self._pairs[source].sendall(data)
        except OSError:
            data = b""
        if not data:
            self._drop(source)

    def _drop_all(self) -> None:
        while self._pairs:
            self._drop(next(iter(self._pairs)))

    def _drop(self, one: socket.socket) -> None:
        other = self._pairs.pop(one)
        del self._pairs[other]
        for each in (one, other):
            with suppress(KeyError):
                self._selector.unregister(each)
            each.close()
