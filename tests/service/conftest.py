"""The use cases over a database of the test's own, and a worker worked by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from jobsched.core.config import Settings
from jobsched.core.service import Service
from jobsched.tests.store.hands import Hands

Connect = Callable[[], psycopg.Connection[Any]]


@pytest.fixture
def service(settings: Settings) -> Iterator[Service]:
    """The use cases, as a program of its own."""
    with Service(settings) as opened:
        yield opened


@pytest.fixture
def connection(connect: Connect) -> psycopg.Connection[Any]:
    """One such connection."""
    return connect()


@pytest.fixture
def hands(connection: psycopg.Connection[Any]) -> Hands:
    """A worker that does what the test says."""
    return Hands(connection)
