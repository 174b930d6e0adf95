"""The verdict of chaos: what is planted is found, and nothing else."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import psycopg
import pytest

from jobsched.core.chaos import limits, verdict
from jobsched.core.chaos.jobs import PURGED
from jobsched.core.chaos.limits import KEYED, LIMITED, RATED, check_limits
from jobsched.core.chaos.verdict import Said, Told, check_history, judge, read_said, read_told
from jobsched.core.config import Settings
from jobsched.core.model.job import NewJob
from jobsched.core.registry import Registry
from jobsched.core.service import Service
from jobsched.core.store import chaos
from jobsched.core.store.chaos import Change, Left, Turn
from jobsched.tests.store.hands import Hands

WELL = Left(1, "chaos.nap", "succeeded", "k", [], 0, 7)
LIFE = (Change("leased", 1, 7, 100), Change("released", 1, 7, 101), Change("ended", 1, 7, 101))


def rules(
    left: Left | None = WELL,
    *,
    ids: tuple[tuple[int, str | None], ...] = ((1, "k"),),
    told: tuple[Told, ...] = (Told("began", 1, 7), Told("ended", 1, 7)),
    history: tuple[Change, ...] = LIFE,
    cancelled: bool = False,
    retried: int = 0,
) -> list[str]:
    """The rules that a store with one job breaks."""
    said = Said(list(ids), Counter({1: int(cancelled)}), Counter({1: retried}))
    found = judge(said=said, told=told, left=[left] if left else [], history=history, crash_limit=3)
    return [violation.rule for violation in found]


def test_a_life_as_it_should_be_breaks_nothing() -> None:
    """Leased, run, ended by its owner, told of under its key."""
    assert rules() == []


def test_a_job_that_was_acknowledged_and_is_gone_is_lost() -> None:
    """With everything that it had told."""
    assert rules(None, history=()) == [verdict.LOST, verdict.LEASED]


@pytest.mark.parametrize(
    ("left", "rule"),
    [
        (WELL._replace(state="running", token=None), verdict.OPEN),
        (WELL._replace(state="dead"), verdict.RIGHT_END),
        (WELL._replace(state="cancelled"), verdict.RIGHT_END),
        (WELL._replace(tags=["ends:dead"]), verdict.RIGHT_END),
        (WELL._replace(key="other"), verdict.RIGHT_KEY),
        (WELL._replace(token=8), verdict.TOLD_OUTCOME),
    ],
)
def test_a_wrong_end_is_found(left: Left, rule: str) -> None:
    """Not ended, ended otherwise than it must, under another key, or told by nobody who ran it."""
    assert rules(left) == [rule]


def test_ends_that_somebody_brought_about_are_right() -> None:
    """A cancellation that was asked for; a crash of every lonely run, which is the faults' doing."""
    assert rules(WELL._replace(state="cancelled", token=None), cancelled=True) == []
    assert rules(WELL._replace(state="dead", crashes=3)) == []


def test_a_job_whose_parent_ended_otherwise_or_whose_queue_was_purged_may_be_cancelled() -> None:
    """And none that merely stands in that queue, or has parents that ended as asked."""
    cancelled = WELL._replace(state="cancelled", token=None, queue=PURGED)
    assert rules(cancelled) == [verdict.RIGHT_END]
    assert rules(cancelled._replace(unmet=True)) == []
    assert judge(said=Said([(1, "k")], purged=True), told=(), left=[cancelled], history=LIFE, crash_limit=3) == []
    elsewhere = [cancelled._replace(queue=KEYED.name)]
    found = judge(said=Said([(1, "k")], purged=True), told=(), left=elsewhere, history=LIFE, crash_limit=3)
    assert [violation.rule for violation in found] == [verdict.RIGHT_END]


def test_a_unique_key_that_is_answered_with_a_job_that_has_not_got_it_is_found() -> None:
    """Or with one that is not there."""
    for left, expected in (
        (WELL._replace(unique_key="u"), []),
        (WELL._replace(unique_key="v"), [verdict.RIGHT_UNIQUE]),
        (WELL._replace(id=2), [verdict.LOST]),
    ):
        found = judge(
            said=Said(unique=[(1, "u")]), told=(), left=[left],
            history=[change._replace(job_id=left.id) for change in LIFE], crash_limit=3,
        )  # fmt: skip
        assert [violation.rule for violation in found if violation.rule != verdict.TOLD_OUTCOME] == expected


def broken_limits(*turns: tuple[str, int, str, str | None, float]) -> list[str]:
    """The limits that these leases broke."""
    broken = verdict.Broken()
    check_limits([Turn(*turn) for turn in turns], broken.add)
    return [violation.rule for violation in broken.violations()]


def test_more_jobs_of_a_key_or_a_queue_than_may_are_found() -> None:
    """One that comes when another one has gone is within the limit; what has no limit has none."""
    two = [("leased", job, KEYED.name, "a", 0.0) for job in (1, 2)]
    assert broken_limits(*two, ("leased", 3, KEYED.name, "b", 0.0), ("leased", 4, KEYED.name, None, 0.0)) == []
    assert broken_limits(*two, ("released", 1, KEYED.name, "a", 0.0), ("leased", 3, KEYED.name, "a", 0.0)) == []
    assert broken_limits(*two, ("leased", 3, KEYED.name, "a", 0.0)) == [limits.KEY_LIMIT]
    three = [("leased", job, LIMITED.name, None, 0.0) for job in (1, 2, 3)]
    assert broken_limits(*three) == []
    assert broken_limits(*three, ("leased", 4, LIMITED.name, None, 0.0)) == [limits.QUEUE_LIMIT]


def test_a_queue_that_starts_jobs_faster_than_its_rate_is_found() -> None:
    """Its burst at once, then one whenever a token has come."""
    burst = [("leased", job, RATED.name, None, 10.0) for job in range(5)]
    token = 1 / 12
    assert broken_limits(*burst, ("leased", 9, RATED.name, None, 10.0 + token)) == []
    assert broken_limits(*burst, ("leased", 9, RATED.name, None, 10.0 + token / 2)) == [limits.RATE]


def test_a_key_that_leads_to_two_jobs_is_found() -> None:
    """Told to submitters, or seen in the store."""
    assert rules(ids=((1, "k"), (2, "k"))) == [verdict.LOST, verdict.ONE_KEY]
    found = judge(said=Said(), told=(), left=[WELL, WELL._replace(id=2)], history=LIFE, crash_limit=3)
    assert verdict.ONE_KEY in [violation.rule for violation in found]


@pytest.mark.parametrize(
    ("history", "rule"),
    [
        ([("leased", 7, 1), ("leased", 8, 2)], verdict.ONE_OWNER),
        ([("leased", 7, 1), ("released", 6, 2)], verdict.ONE_OWNER),
        ([("leased", 7, 1), ("released", 7, 2), ("leased", 7, 3)], verdict.TOKENS),
        ([("leased", 7, 1), ("ended", 7, 2)], verdict.OWNERS_WORD),
        ([("leased", 7, 1), ("released", 7, 2), ("ended", 7, 3)], verdict.OWNERS_WORD),
        ([("ended", None, 1), ("ended", None, 2)], verdict.ONE_OUTCOME),
        ([("ended", None, 1), ("leased", 7, 2)], verdict.ONE_OUTCOME),
        ([("ended", None, 1), ("reopened", None, 2)], verdict.ASKED_AGAIN),
    ],
)
def test_a_history_that_cannot_be_is_found(history: list[tuple[str, int | None, int]], rule: str) -> None:
    """Two owners, two outcomes, a word of somebody else, an old token."""
    broken = verdict.Broken()

    check_history(1, [Change(what, 1, token, xid) for what, token, xid in history], 0, broken.add)

    assert [violation.rule for violation in broken.violations()] == [rule]


def test_a_job_that_somebody_ran_again_may_end_again() -> None:
    """As often as somebody asked."""
    again = (Change("reopened", 1, 7, 102), Change("leased", 1, 8, 103), Change("released", 1, 8, 104),
             Change("ended", 1, 8, 104))  # fmt: skip
    told = (Told("ended", 1, 7), Told("ended", 1, 8))
    assert rules(WELL._replace(token=8), history=LIFE + again, told=told, retried=1) == []
    assert rules(WELL._replace(token=8), history=LIFE + again, told=told) == [verdict.ASKED_AGAIN]


def test_the_store_writes_down_who_had_what(settings: Settings, database_url: str) -> None:
    """Leases, ends and second runs leave lines in the order in which they happened, by transaction."""
    with Service(settings, registry=Registry()) as service, psycopg.connect(database_url, autocommit=True) as conn:
        chaos.write_history(conn)
        hands = Hands(conn)
        (made,) = service.submit_many([NewJob("noop")])
        first = hands.run()
        service.retry([first], by="test")
        hands.run()
        history = list(chaos.history(conn))
        assert chaos.unfinished(conn) == 0

    assert made.id == first
    assert [each.what for each in history if each.what != "released"] == [
        "leased", "ended", "reopened", "leased", "ended",
    ]  # fmt: skip
    broken = verdict.Broken()
    assert len(check_history(first, history, 1, broken.add)) == 2
    assert broken.violations() == []


def test_notes_that_kill_9_tore_apart_are_passed_over(tmp_path: Path) -> None:
    """A line that is not whole was never acted upon; what stands before it counts."""
    file = tmp_path / "said-0.jsonl"
    file.write_text('{"id": 1, "key": "k"}\n{"asked": "cancel", "id": 1}\n{"id": 2, "k')
    witness = tmp_path / "witness"
    witness.write_text("began 1 7 1 99\n")

    said = read_said([file])

    assert (said.ids, said.cancelled[1], said.retried[1]) == ([(1, "k")], 1, 0)
    assert read_told(witness) == [Told("began", 1, 7)]
