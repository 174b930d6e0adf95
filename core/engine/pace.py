"""How many jobs to have in hand: enough that no slot waits for the store, and no more, since what
one worker hoards no other can run."""

from __future__ import annotations

PREFETCH_SECONDS = 0.05
MAX_PREFETCH = 1000
_FASTER = 0.1
_SLOWER = 0.5


class Pace:
    """Watches how long jobs run. It believes in slow jobs quickly and in fast ones only with time."""

    def __init__(self, concurrency: int) -> None:
        self.concurrency = concurrency
        self._mean: float | None = None

    def saw(self, seconds: float, jobs: int) -> None:
        """Note that `jobs` jobs ran for `seconds` in all."""
        mean = seconds / jobs
        if self._mean is None:
            self._mean = mean
        else:
            weight = _SLOWER if mean > self._mean else _FASTER
            self._mean += weight * (mean - self._mean)

    def stalled(self, seconds: float) -> None:
        """Note that jobs which still run have been running for `seconds`."""
        self._mean = max(self._mean or 0.0, seconds)

    def limit(self) -> int:
        """Jobs to have in hand at most: the slots, and 50 ms of work for each of them."""
        if self._mean is None:
            return self.concurrency
        ahead = self.concurrency * PREFETCH_SECONDS / max(self._mean, 1e-6)
        return self.concurrency + min(MAX_PREFETCH, int(ahead))
