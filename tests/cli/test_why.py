"""`jobsched why` names commands: whoever runs them one after the other gets the job to run."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace

import psycopg
import pytest

from jobsched.core.config import Settings
from jobsched.core.model.job import After, NewJob
from jobsched.core.model.priority import Priority
from jobsched.core.service import Service
from jobsched.tests.cli.conftest import Outcome
from jobsched.tests.store.hands import Hands

Cli = Callable[..., Outcome]
NOOP = NewJob("noop")
STEPS = 12


def behind_a_paused_queue(service: Service, hands: Hands) -> int:
    job = service.submit(NOOP).id
    service.pause_queue("default", by="ann", reason='100% "sure" $(reboot) it\'s {down}')
    return job


def behind_a_limit(service: Service, hands: Hands) -> int:
    ids = [made.id for made in service.submit_many([NOOP] * 8)]
    hands.claim(4)
    service.set_queue("default", {"max_running": 2})
    return ids[-1]


def behind_a_rate(service: Service, hands: Hands) -> int:
    service.set_queue("default", {"rate": 1 / 86_400, "burst": 1})
    hands.connection.execute("update jobsched.queue set tokens = 0")
    return service.submit(NOOP).id


def behind_its_key(service: Service, hands: Hands) -> int:
    """The first of which runs, and three of which come before it."""
    ids = [service.submit(replace(NOOP, concurrency_key="it's %s; $(reboot)")).id for _ in range(5)]
    hands.claim()
    return ids[-1]


def behind_a_key_whose_holder_is_paused(service: Service, hands: Hands) -> int:
    ids = [service.submit(replace(NOOP, concurrency_key="k")).id for _ in range(2)]
    service.pause_queue("default", by="ann")
    return ids[-1]


def held(service: Service, hands: Hands) -> int:
    return service.submit(replace(NOOP, hold=True)).id


def scheduled(service: Service, hands: Hands) -> int:
    return service.submit(replace(NOOP, delay=1e6)).id


def retrying(service: Service, hands: Hands) -> int:
    job = service.submit(NOOP).id
    hands.fail(hands.claim()[0])
    return job


def behind_a_chain_of_parents(service: Service, hands: Hands) -> int:
    """One held, one scheduled in a paused queue, one behind its key."""
    first = service.submit(replace(NOOP, hold=True)).id
    service.submit(replace(NOOP, concurrency_key="k"))
    hands.claim()
    second = service.submit(replace(NOOP, after=(After(first),), concurrency_key="k")).id
    third = service.submit(replace(NOOP, queue="paused", delay=1e6)).id
    service.pause_queue("paused", by="ann")
    return service.submit(replace(NOOP, after=(After(second), After(third)))).id


def held_behind_a_parent_that_failed(service: Service, hands: Hands) -> int:
    parent = service.submit(NOOP).id
    child = service.submit(replace(NOOP, after=(After(parent),), hold=True)).id
    service.cancel([parent], by="ann")
    return child


def in_a_queue_that_nobody_serves(service: Service, hands: Hands) -> int:
    hands.connection.execute("update jobsched.worker set queues = array['elsewhere']")
    return service.submit(replace(NOOP, queue="far/away@here")).id


def of_a_type_that_needs_a_flag(service: Service, hands: Hands) -> int:
    return service.submit(NewJob("command", {"argv": ["true"]})).id


def with_a_worker_that_was_killed(service: Service, hands: Hands) -> int:
    job = service.submit(NOOP).id
    hands.claim()
    hands.connection.execute("update jobsched.worker set heartbeat_at = now() - interval '1 h'")
    return job


def behind_what_nobody_has_looked_at(service: Service, hands: Hands) -> int:
    """It was submitted in a transaction of its submitter's own."""
    hands.connection.execute("delete from jobsched.worker")
    with psycopg.connect(service.store.url) as theirs:
        return service.submit(replace(NOOP, unique_key="u"), connection=theirs).id


def behind_urgent_jobs_with_every_worker_busy(service: Service, hands: Hands) -> int:
    service.submit_many([replace(NOOP, priority=Priority.CRITICAL, queue="urgent")] * 3)
    hands.connection.execute("update jobsched.worker set state = 'busy'")
    return service.submit(replace(NOOP, priority=Priority.LOW)).id


def in_a_queue_that_was_deleted(service: Service, hands: Hands) -> int:
    job = service.submit(NOOP).id
    hands.connection.execute("delete from jobsched.queue")
    return job


@pytest.mark.parametrize(
    "scene",
    [
        behind_a_paused_queue, behind_a_limit, behind_a_rate, behind_its_key, behind_a_key_whose_holder_is_paused, held,
        scheduled, retrying, behind_a_chain_of_parents, held_behind_a_parent_that_failed,
        in_a_queue_that_nobody_serves, of_a_type_that_needs_a_flag, with_a_worker_that_was_killed,
        behind_what_nobody_has_looked_at, behind_urgent_jobs_with_every_worker_busy, in_a_queue_that_was_deleted,
    ],
)  # fmt: skip
def test_whoever_runs_the_commands_that_it_names_gets_the_job_to_run(
    cli: Cli, program: Cli, settings: Settings, database_url: str, scene: Callable[[Service, Hands], int]
) -> None:
    """The last reason that names a command first, since it lies deepest; where none does, a worker has to work."""
    with psycopg.connect(database_url, autocommit=True) as connection, Service(settings) as service:
        hands = Hands(connection, lease_seconds=600.0)
        job = scene(service, hands)
        before = service.get(job).state
        told: list[str] = []
        for _ in range(STEPS):
            done = cli("why", str(job), "-o", "jsonl")
            if service.get(job).state.is_final:
                break
            assert done.code == (0 if service.get(job).state == "running" else 1)
            rows = done.rows
            assert rows
            fixes = [row["fix"] for row in reversed(rows) if row["fix"]]
            told.append(f"{[row['reason'] for row in rows]} → {fixes[:1]}")
            program_name, *words = shlex.split(fixes[0] if fixes else "jobsched worker")
            assert program_name == "jobsched"
            if words[0] == "worker":
                assert program(*words, "--burst").code == 0
            else:
                fixed = cli(*words)
                assert fixed.code == 0, fixed.err
        assert service.get(job).state == "succeeded", (before, told)


def test_text_of_the_store_cannot_reach_the_terminal(
    cli: Cli, terminal: Callable[..., tuple[int, str]], settings: Settings, database_url: str
) -> None:
    """Whoever can write to the store can write anything: who paused, why, who holds, keys, names of workers."""
    evil = "\x1b[2Jevil\x07\u202e"
    with psycopg.connect(database_url, autocommit=True) as connection, Service(settings) as service:
        Hands(connection, evil)
        service.submit(NOOP)
        service.pause_queue("default", by="ann")
        parent = service.submit(replace(NOOP, hold=True)).id
        ids = [service.submit(replace(NOOP, concurrency_key="k", after=(After(parent),))).id, parent]
        ids += [made.id for made in service.submit_many([replace(NOOP, concurrency_key="k")] * 2)]
        connection.execute("update jobsched.queue set paused_by = %s, pause_reason = %s", (evil, evil))
        connection.execute("update jobsched.blocked set held_by = %s where held_by is not null", (evil,))
        for table in ("blocked set key", "slot set key", "job set concurrency_key"):
            connection.execute(f"update jobsched.{table} = %s".encode(), (evil,))
        connection.execute("update jobsched.worker set command = 'stop'")
    for flags in ((), ("-o", "jsonl"), ("-o", "csv")):
        done = cli("why", *map(str, ids), *flags)
        assert done.code == 1
        assert not {"\x1b", "\x07", "\u202e"} & set(done.out + done.err)
    _, shown = terminal("why", *map(str, ids), NO_COLOR="1")
    assert "\x1b[2J" not in shown
    assert r"\e[2Jevil\x07\u202e" in shown
