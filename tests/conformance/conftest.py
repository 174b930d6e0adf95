"""Scenes for handlers, and a fleet for those that a real worker runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobsched.core.config import Settings
from jobsched.core.registry import Registry
from jobsched.core.service import Service
from tests.faults.fleet import Fleet

from .scene import Scene


@pytest.fixture
def scene(tmp_path: Path, make_database: Callable[..., str]) -> Iterator[Scene]:
    """Surroundings for a handler that is called here."""
    made = Scene(tmp_path / "home", make_database, planted=True)
    yield made
    made.close()


@pytest.fixture
def fleet(environ: dict[str, str], settings: Settings, tmp_path: Path) -> Iterator[Fleet]:
    """Workers of this test's own store; what is left of them is killed after it."""
    with Service(settings, registry=Registry()) as service:
        workers = Fleet(environ, tmp_path, service)
        try:
            yield workers
        finally:
            workers.close()
