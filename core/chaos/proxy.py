"""A network between a client and a server that can be cut, or fall silent."""

from __future__ import annotations

import queue
import selectors
import socket
import threading
from collections.abc import Callable

BYTES = 1 << 16
STUCK_SECONDS = 5.0


class Proxy:
    """Listens on a port of its own and forwards to `address()`, which is asked for each connection."""

    def __init__(self, address: Callable[[], tuple[str, int]]) -> None:
        self._address = address
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self._cut = False
        self._muted: set[socket.socket] = set()
        """From which nothing is taken; what they send waits."""
        self._mute_new = (False, False)
        self._closing = False
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._clients: set[socket.socket] = set()
        self._todo: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._server, selectors.EVENT_READ)
        self._bell, self._button = socket.socketpair()
        self._selector.register(self._bell, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """Break every connection, and each new one at once."""
        self._do(self._cut_now)

    def silence(self) -> None:
        """Let nothing through, either way, and break nothing: neither end is told. What is sent waits."""
        self._do(lambda: self._mute(clients=True, servers=True, new=True))

    def swallow_answers(self) -> None:
        """Let through what clients say, and hold back what they are answered."""
        self._do(lambda: self._mute(clients=False, servers=True, new=True))

    def strand(self) -> None:
        """Silence the connections that there are, for good, and let new ones through: the way has moved."""
        self._do(lambda: self._mute(clients=True, servers=True, new=False))

    def mend(self) -> None:
        """Let everything through again, also what waited."""
        self._do(self._mend_now)

    def forget(self) -> None:
        """Break every connection and drop what waited, as a router does that was restarted; then mend."""
        self.cut()
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

    def _do(self, what: Callable[[], None]) -> None:
        """Have the thread do it, and wait until it is done."""
        done = threading.Event()
        self._todo.put(what)
        self._todo.put(done.set)
        self._ring()
        while not done.wait(STUCK_SECONDS) and self._thread.is_alive():
            pass

    def _run(self) -> None:
        while not self._closing:
            for key, _ in self._selector.select():
                if key.fileobj is self._server:
                    self._accept()
                elif key.fileobj is self._bell:
                    self._bell.recv(100)
                elif isinstance(key.fileobj, socket.socket) and key.fileobj in self._pairs.keys() - self._muted:
                    self._forward(key.fileobj)
            while not self._todo.empty():
                self._todo.get()()
        self._drop_all()

    def _cut_now(self) -> None:
        self._cut = True
        self._drop_all()

    def _mute(self, *, clients: bool, servers: bool, new: bool) -> None:
        self._mute_new = (clients and new, servers and new)
        for each in self._pairs:
            if clients if each in self._clients else servers:
                self._mute_one(each)

    def _mute_one(self, one: socket.socket) -> None:
        if one not in self._muted:
            self._muted.add(one)
            self._selector.unregister(one)

    def _mend_now(self) -> None:
        self._cut = False
        self._mute_new = (False, False)
        for each in self._muted:
            self._selector.register(each, selectors.EVENT_READ)
        self._muted.clear()

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
        self._clients.add(theirs)
        for one, other, mute in zip((theirs, ours), (ours, theirs), self._mute_new, strict=True):
            self._pairs[one] = other
            self._selector.register(one, selectors.EVENT_READ)
            if mute:
                self._mute_one(one)

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
            if each not in self._muted:
                self._selector.unregister(each)
            self._muted.discard(each)
            self._clients.discard(each)
            each.close()
