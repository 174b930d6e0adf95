"""The janitor: a tiny process that outlives its keeper by a moment, to leave nothing running.

Runners tell it which process groups their jobs started. When its keeper dies, however suddenly, it
kills those groups and the runners and exits; when a runner dies, the keeper has it kill that
runner's groups. It imports nothing of jobsched: it is started as a plain file, in a few ms.

    python -I -S janitor.py WORDS_FD KEEPER_FD

Words are lines: `+PGID RUNNER`, `-PGID RUNNER`, `r RUNNER` (a runner began), `! RUNNER` (it ended).
"""

import os
import select
import signal
import sys


class Janitor:
    """What is to be killed: the runners, and each one's process groups."""

    def __init__(self) -> None:
        self.groups: dict[int, set[int]] = {}

    def hear(self, line: bytes) -> None:
        """Take one word. What a job scribbled into the pipe is none, and is passed over."""
        try:
            first, second = line.split(b" ")
            runner, group = int(second), int(first[1:] or b"0")
        except ValueError:
            return
        if runner <= 1 or (first[:1] in b"+-" and group <= 1):  # kill() takes 0, 1 and less for other things
            return
        if first == b"r":
            self.groups.setdefault(runner, set())
        elif first == b"!":
            self.kill_groups(runner)
            self.groups.pop(runner, None)
        elif first.startswith(b"+"):
            self.groups.setdefault(runner, set()).add(group)
        elif first.startswith(b"-"):
            self.groups.get(runner, set()).discard(group)

    def kill_groups(self, runner: int) -> None:
        """Kill the process groups that a runner's jobs started."""
        for group in self.groups.get(runner, ()):
            _kill(os.killpg, group)

    def kill_everything(self) -> None:
        """Kill the runners, so that they start nothing more, and then all groups."""
        for runner in self.groups:
            _kill(os.kill, runner)
        for runner in self.groups:
            self.kill_groups(runner)


def _kill(how, target: int) -> None:  # type: ignore[no-untyped-def]
    try:
        how(target, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def main() -> None:
    """Listen until the keeper is gone."""
    words_fd, keeper_fd = int(sys.argv[1]), int(sys.argv[2])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    janitor = Janitor()
    rest = b""
    watched = [words_fd, keeper_fd]
    while True:
        ready, _, _ = select.select(watched, [], [])
        words = os.read(words_fd, 65536) if words_fd in ready else b""
        *lines, rest = (rest + words).split(b"\n")
        for line in lines:
            janitor.hear(line)
        if words:
            continue
        if keeper_fd in ready:
            janitor.kill_everything()
            return
        watched.remove(words_fd)


if __name__ == "__main__":
    main()
