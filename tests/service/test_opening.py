"""When the store is opened: with the first use, and once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from jobsched.core import submitting
from jobsched.core.config import Settings
from jobsched.core.service import Service

TOGETHER = 1.0
"""Seconds for which an opening waits for another one."""


def test_two_threads_that_are_the_first_open_one_store(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second waits for what the first opens; a second store would never be closed."""
    opened: list[Any] = []
    both = threading.Barrier(2)
    really = submitting.open_store

    def slowly(*args: Any, **options: Any) -> Any:
        with suppress(threading.BrokenBarrierError):
            both.wait(TOGETHER)
        opened.append(really(*args, **options))
        return opened[-1]

    monkeypatch.setattr(submitting, "open_store", slowly)
    with Service(settings, pool_size=2) as service, ThreadPoolExecutor(2) as threads:
        first, second = threads.submit(lambda: service.store), threads.submit(lambda: service.store)
        assert first.result() is second.result()
        assert opened == [service.store]
