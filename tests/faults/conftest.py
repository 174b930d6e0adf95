"""A fleet of real workers for one test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from jobsched.core import config
from jobsched.core.config import Settings
from jobsched.core.registry import Registry
from jobsched.core.service import Service

from .fleet import Fleet


@pytest.fixture
def fleet(environ: dict[str, str], settings: Settings, tmp_path: Path) -> Iterator[Fleet]:
    """Workers of this test's own store; what is left of them is killed after it."""
    with Service(settings, registry=Registry()) as service:
        workers = Fleet(environ, tmp_path, service)
        try:
            yield workers
        finally:
            workers.close()


@pytest.fixture
def own_store(environ: dict[str, str], tmp_path: Path) -> Iterator[Fleet]:
    """A fleet with an embedded Postgres of its own, which may be killed."""
    with Service(config.load(environ=environ, cwd=tmp_path), registry=Registry()) as service:
        fleet = Fleet(environ, tmp_path, service)
        del fleet.environ["JOBSCHED_DATABASE_URL"]
        try:
            yield fleet
        finally:
            fleet.close()
