"""The life of a job is one table."""

from __future__ import annotations

import pytest

from jobsched.core.model.states import FINAL, SEED_WORDS, TABLE_OF, TRANSITIONS, WAITING, State, may_follow, parse_state


def test_every_state_has_a_table_and_a_way_in_and_out() -> None:
    """No state is unreachable, and none is a trap: even a final one can be left by a person's retry."""
    assert set(TABLE_OF) == set(State)
    assert {after for ways in TRANSITIONS.values() for after in ways} == set(State)
    assert set(TRANSITIONS) == {None, *State}
    assert all(TRANSITIONS.values())


def test_final_waiting_and_running_are_all_there_is() -> None:
    """The three groups do not overlap and leave nothing out."""
    assert FINAL | WAITING | {State.RUNNING} == set(State)
    assert not FINAL & WAITING
    assert {state for state in State if state.is_final} == FINAL
    assert {TABLE_OF[state] for state in FINAL} == {"outcome"}


@pytest.mark.parametrize("final", sorted(FINAL))
def test_an_ended_job_moves_only_when_a_person_says_so(final: State) -> None:
    """Retry and discard are the only transitions from a final state: a late worker cannot bring one about."""
    assert set(TRANSITIONS[final].values()) <= {"retry", "retry with a concurrency key", "discard"}


@pytest.mark.parametrize(
    ("before", "after", "allowed"),
    [
        (None, State.QUEUED, True),
        (None, State.RUNNING, False),
        (State.QUEUED, State.RUNNING, True),
        (State.QUEUED, State.SUCCEEDED, False),
        (State.SUCCEEDED, State.RUNNING, False),
        (State.DEAD, State.CANCELLED, True),
        (State.SUCCEEDED, State.CANCELLED, False),
        (State.RUNNING, State.QUEUED, True),
    ],
)
def test_what_may_follow_what(before: State | None, after: State, allowed: bool) -> None:
    """A job cannot skip the lease, and cannot end twice."""
    assert may_follow(before, after) is allowed


@pytest.mark.parametrize("word", [*State, *(word.upper() for word in State), *SEED_WORDS, " queued "])
def test_states_are_understood_in_any_case_and_in_other_systems_words(word: str) -> None:
    """Somebody who comes from another queue types its words."""
    assert parse_state(word) in State


def test_an_unknown_state_is_refused() -> None:
    """ValueError, for the door to explain."""
    with pytest.raises(ValueError, match="'done'"):
        parse_state("done")
