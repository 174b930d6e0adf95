"""`jobsched verify`: what it prints, what it exits with, and that a busy store is no cause for alarm."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from jobsched.core.config import Settings
from jobsched.core.model.backoff import Backoff, BackoffKind
from jobsched.core.model.job import NewJob
from jobsched.core.service import Service
from jobsched.core.store.verify import INVARIANTS
from jobsched.tests.cli.conftest import Outcome, Spawn

Cli = Callable[..., Outcome]


@pytest.fixture
def lost_job(cli: Cli, database_url: str) -> str:
    """A job that somebody deleted from where it waited; its id."""
    job_id = cli("submit", "noop", "-q").out.strip()
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("delete from jobsched.ready")
    return job_id


def test_a_sound_store_is_exit_0_and_every_invariant_is_told(cli: Cli) -> None:
    """One line each: the sentence, rows looked at, violations."""
    cli("submit", "noop")
    done = cli("verify")
    assert done.code == 0
    assert [line.split("\t")[0] for line in done.lines] == [each.sentence for each in INVARIANTS]
    assert done.lines[0] == "every job is in exactly one place\t2\t0"
    assert f"{len(INVARIANTS)} of {len(INVARIANTS)} invariants hold, 0 violations" in done.err


def test_a_broken_one_is_exit_1_with_job_facts_and_what_to_do(cli: Cli, lost_job: str) -> None:
    """For programs in JSON, for a person in words; its ids can be given to other commands."""
    done = cli("verify", "-o", "json")
    assert done.code == 1
    (first, *others) = done.json["items"]
    assert (first["name"], first["violations"]) == ("one_place", 1)
    assert first["found"] == [{"job": int(lost_job), "facts": "it is in none of them"}]
    assert [each["violations"] for each in others] == [0] * (len(INVARIANTS) - 1)
    assert "every job is in exactly one place: not so — " in done.err
    assert "  fix: " in done.err
    assert cli("verify", "-q").lines == [lost_job]
    listed = cli("verify", "--violations")
    assert listed.code == 1
    assert listed.lines == [f"{lost_job}\tit is in none of them\tone_place\tevery job is in exactly one place"]


def test_a_terminal_gets_a_table_and_the_violations_below(
    terminal: Callable[..., tuple[int, str]], lost_job: str
) -> None:
    """What holds, then what does not."""
    code, shown = terminal("verify", NO_COLOR="1")
    assert code == 1, shown
    assert shown.index("INVARIANT") < shown.index("every job is in exactly one place: 1 violations")
    assert "it is in none of them" in shown


def test_text_of_the_store_cannot_reach_the_terminal(cli: Cli, database_url: str) -> None:
    """Facts name queues and types: what moves a cursor is spelled out."""
    cli("submit", "noop")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("update jobsched.ready set type = E'\\x1b[2Jevil'")
    for flags in ((), ("--violations",), ("-o", "json"), ("--violations", "-o", "csv")):
        done = cli("verify", *flags)
        assert done.code == 1
        assert "\x1b" not in done.out + done.err
    assert r"\e[2Jevil" in cli("verify", "--violations").out


def test_since_is_a_time_or_how_long_ago(cli: Cli, lost_job: str) -> None:
    """Only jobs submitted since then; a word that is neither is exit 2."""
    assert cli("verify", "--since", "1h").code == 1
    assert cli("verify", "--since", "2999-01-01").code == 0
    wrong = cli("verify", "--since", "soon")
    assert wrong.code == 2
    assert "--since" in wrong.err


def test_a_busy_store_is_no_cause_for_alarm(spawn: Spawn, settings: Settings) -> None:
    """Whatever moves while it looks, it sees one moment: submits, claims, ends, failures, cancels, retries, and a
    worker that is killed. Nor has any of that left something behind."""
    quick = Backoff(BackoffKind.FIXED, 0.01, 0.01)
    workers = [spawn("worker", "--concurrency", "4") for _ in range(2)]
    looks = 0
    with Service(settings) as service:
        ids: list[int] = []
        while looks < 25:
            new = [NewJob("noop"), NewJob("noop", delay=0.05), NewJob("fail", backoff=quick)] * 100
            made = [each.id for each in service.submit_many(new, unchecked=True)]
            made.append(service.submit(NewJob("noop", idempotency_key=f"key {looks}")).id)
            service.cancel(made[::10], by="test")
            service.retry(ids[-50:], by="test")
            ids += made
            assert {each.name: each.found for each in service.verify() if each.violations} == {}
            looks += 1
            if looks == 10:
                workers[0].kill()
        service.wait(ids[:200], timeout=60)
        for worker in workers:
            worker.terminate()
            worker.wait()
        assert {each.name: each.found for each in service.verify() if each.violations} == {}
        states = {state for counts in service.counts() for state in counts.by_state}
    assert {"succeeded", "cancelled"} <= states
