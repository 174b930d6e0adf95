"""A store with jobs that ended long ago, of a queue of their own: nobody else's jobs go."""

from __future__ import annotations

from typing import Any

import psycopg

from tests.store.old_jobs import leased, many_old_jobs

from ..scene import Scene

QUEUE = "emails"
OLD = {"older_than": "30d", "queue": QUEUE}


def prepare(example: dict[str, Any], scene: Scene) -> dict[str, Any]:
    """The example, about jobs of that queue, ten of which are old enough."""
    _ready(scene, 10)
    return {**example, "queue": QUEUE}


def slow(scene: Scene) -> dict[str, Any]:
    """A file for each of very many jobs."""
    _ready(scene, 100_000)
    return {**OLD, "batch": 1}


def temporary(scene: Scene) -> dict[str, Any]:
    """An object store that is away."""
    _ready(scene, 10)
    away = "http://127.0.0.1:1"
    scene.settings(objects__endpoint=away, objects__access_key="k3y-1d", objects__secret_key="k3y-s3cr3t")
    return OLD


def hopeless(scene: Scene) -> dict[str, Any]:
    """A file that is called like the folder of the new files."""
    _ready(scene, 10)
    scene.context.objects.put("archive", "taken", b"", "text/plain")
    return {**OLD, "prefix": "taken"}


def _ready(scene: Scene, jobs: int) -> None:
    """The context is that of a job which runs, in a store with old jobs."""
    with psycopg.connect(scene.store_url, autocommit=True) as connection:
        scene.context.job_id, scene.context.token = leased(connection)
        many_old_jobs(connection, jobs, QUEUE)
