"""The screens over a real store, with its own jobs in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import psycopg
import pytest
from textual.pilot import Pilot

from jobsched.core.config import Settings
from jobsched.core.service import Service
from jobsched.tests.store.hands import Hands
from jobsched.tui.app import JobschedApp, Options

Driven = AbstractAsyncContextManager[tuple[JobschedApp, Pilot[None]]]


@pytest.fixture
def service(settings: Settings) -> Iterator[Service]:
    """The use cases, for what happens while the screens are open."""
    with Service(settings) as opened:
        yield opened


@pytest.fixture
def connection(connect: Callable[[], psycopg.Connection[Any]]) -> psycopg.Connection[Any]:
    """A connection to the store."""
    return connect()


@pytest.fixture
def hands(connection: psycopg.Connection[Any]) -> Hands:
    """A worker that does what the test says."""
    return Hands(connection, lease_seconds=3600.0)


@pytest.fixture
def driven(settings: Settings) -> Callable[..., Driven]:
    """driven(size=(120, 40), …): the app and its pilot; options as `Options` takes them."""

    @asynccontextmanager
    async def drive(*, size: tuple[int, int] = (120, 40), **options: Any) -> Any:
        app = JobschedApp(Options(settings, by="ann@desk", interval=0.25, **options))
        async with app.run_test(size=size, notifications=True) as pilot:
            yield app, pilot

    return drive
