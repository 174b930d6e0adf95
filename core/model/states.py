"""The life of a job: its states and the one table that says what may follow what.

A job's state is the table of the store that its row is in (docs/states.md draws this table; a test
keeps drawing and table equal). `None` stands for "not in the store yet".
"""

from __future__ import annotations

import enum


class State(enum.StrEnum):
    """Where a job is. The value is the word shown to people and stored in `outcome.state`."""

    BLOCKED = "blocked"
    """Waits for other jobs, for somebody who holds it, or for the turn of its concurrency key."""
    SCHEDULED = "scheduled"
    """Its time has not come (`--at`, `--in`, or the handler snoozed it)."""
    QUEUED = "queued"
    """May be claimed now."""
    RUNNING = "running"
    """Leased by a worker."""
    RETRYING = "retrying"
    """Failed; waits for its next attempt."""
    SUCCEEDED = "succeeded"
    DEAD = "dead"
    """Attempts or crash budget used up, or discarded by its handler: the dead-letter queue."""
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """True where nothing more happens unless a person asks for it."""
        return self in FINAL


FINAL = frozenset({State.SUCCEEDED, State.DEAD, State.CANCELLED})
WAITING = frozenset({State.BLOCKED, State.SCHEDULED, State.QUEUED, State.RETRYING})

TABLE_OF: dict[State, str] = {
    State.BLOCKED: "blocked",
    State.SCHEDULED: "delayed",
    State.QUEUED: "ready",
    State.RUNNING: "lease",
    State.RETRYING: "delayed",
    State.SUCCEEDED: "outcome",
    State.DEAD: "outcome",
    State.CANCELLED: "outcome",
}

TRANSITIONS: dict[State | None, dict[State, str]] = {
    None: {
        State.QUEUED: "submit",
        State.SCHEDULED: "submit --at/--in",
        State.BLOCKED: "submit --after/--hold/--concurrency-key",
    },
    State.BLOCKED: {
        State.QUEUED: "nothing blocks it any more",
        State.SCHEDULED: "nothing but its time blocks it",
        State.RETRYING: "release",
        State.CANCELLED: "cancel; a parent ended otherwise",
    },
    State.SCHEDULED: {
        State.QUEUED: "promote",
        State.BLOCKED: "hold; promote with a concurrency key",
        State.CANCELLED: "cancel",
    },
    State.QUEUED: {State.RUNNING: "claim", State.BLOCKED: "hold", State.CANCELLED: "cancel"},
    State.RUNNING: {
        State.SUCCEEDED: "complete",
        State.RETRYING: "fail, attempts left",
        State.DEAD: "fail, none left; crash or loss budget used up; discard",
        State.CANCELLED: "cancel, obeyed",
        State.QUEUED: "hand back, crash, reap",
        State.SCHEDULED: "snooze",
    },
    State.RETRYING: {
        State.QUEUED: "promote, retry now",
        State.BLOCKED: "hold; promote with a concurrency key",
        State.CANCELLED: "cancel",
    },
    State.SUCCEEDED: {State.QUEUED: "retry", State.BLOCKED: "retry with a concurrency key"},
    State.DEAD: {State.QUEUED: "retry", State.BLOCKED: "retry with a concurrency key", State.CANCELLED: "discard"},
    State.CANCELLED: {State.QUEUED: "retry", State.BLOCKED: "retry with a concurrency key"},
}


def may_follow(before: State | None, after: State) -> bool:
    """Whether a job may go straight from `before` to `after`."""
    return after in TRANSITIONS.get(before, {})


SEED_WORDS: dict[str, State] = {
    "pending": State.QUEUED,
    "in_progress": State.RUNNING,
    "completed": State.SUCCEEDED,
    "failed": State.DEAD,
    "deadletter": State.DEAD,
}
"""Other systems' words that are understood where a state is asked for."""


def parse_state(word: str) -> State:
    """Return the state called `word` (any case, other systems' words too); ValueError if there is none."""
    lowered = word.strip().lower()
    return SEED_WORDS.get(lowered) or State(lowered)
