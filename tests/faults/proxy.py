"""A network between worker and store that can be cut."""

from __future__ import annotations

import selectors
import socket
import threading


class Proxy:
    """Listens on a port of its own and forwards to `address`, until it is cut."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self._cut = False
        self._closing = False
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._server, selectors.EVENT_READ)
        self._bell, self._button = socket.socketpair()
        self._selector.register(self._bell, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def cut(self) -> None:
        """Break every connection, and each new one at once."""
        self._cut = True
        self._button.send(b"!")

    def mend(self) -> None:
        """Let new connections through again."""
        self._cut = False

    def close(self) -> None:
        """End it."""
        self._closing = True
        self._button.send(b"!")
        self._thread.join()
        self._selector.close()
        for each in (self._server, self._bell, self._button):
            each.close()

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
        self._drop_all()

    def _accept(self) -> None:
        theirs, _ = self._server.accept()
        if self._cut:
            theirs.close()
            return
        ours = socket.create_connection(self._address)
        for one, other in ((theirs, ours), (ours, theirs)):
            self._pairs[one] = other
            self._selector.register(one, selectors.EVENT_READ)

    def _forward(self, source: socket.socket) -> None:
        try:
            data = source.recv(1 << 16)
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
            self._selector.unregister(each)
            each.close()
