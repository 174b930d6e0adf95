"""The half of `Service` that finds jobs by a selection: lists, pages of ids, counts.

What selections ask most (states, a queue, a type, a tag) is answered by the statements that lists
without a selection use; only the rest loads SQLAlchemy.
"""

from __future__ import annotations

import builtins
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import nullcontext
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .model.errors import UsageError
from .model.job import MAX_ID, Job
from .model.results import Tally
from .model.states import FINAL, State
from .store import jobs
from .store.patience import patient
from .submitting import Submitting

if TYPE_CHECKING:
    from .model.selection import Selection

MAX_PAGE = 10_000
PATIENCE = 60.0
"""Seconds after which a list or count that has to read too much is given up."""


class Choosing(Submitting):
    """Finds jobs. A selection that is None is every job."""

    def select(
        self,
        selection: Selection | None,
        *,
        before: int | None = None,
        limit: int = 50,
        sort: str | None = None,
        patience: float = PATIENCE,
    ) -> builtins.list[Job]:
        """Return one page of the jobs that fit, newest (largest id) first.

        before: the smallest id of the page above. limit: 1 to 10,000. sort: a field, smallest first, or
        `-field`, largest first; then there is one page alone. TryAgain: it took longer than `patience` seconds.
        """
        _check_limit(limit)
        plain = None if sort else _plain(selection)
        with self.store.connection() as own:
            if plain is not None:
                return jobs.list_jobs(own, before=before, limit=limit, **plain)
            from .store import selecting, sorting

            chosen = selection or _everything()
            if sort:
                return sorting.sorted_jobs(own, chosen, sort, limit, patience=patience)
            return selecting.select_jobs(own, chosen, _page(before, limit), patience=patience)

    def select_ids(
        self, selection: Selection | None, *, page: int = 1000, patience: float = PATIENCE
    ) -> Iterator[builtins.list[int]]:
        """Give the ids of all jobs that fit, newest first, page by page: changing one page disturbs no later one."""
        from .store import selecting

        before: int | None = None
        while True:
            with self.store.connection() as own:
                ids = selecting.select_ids(own, selection or _everything(), _page(before, page), patience=patience)
            if ids:
                yield ids
            if len(ids) < page:
                return
            before = ids[-1]

    def select_ids_upwards(
        self, selection: Selection | None, *, page: int = 1000, patience: float = PATIENCE
    ) -> Iterator[builtins.list[int]]:
        """The same, the oldest page first, for changes that put jobs into an order. They are read twice: only where
        pages begin is kept."""
        from .model.selection import Condition, Selection
        from .model.selection.expression import Compare

        chosen = selection or _everything()
        begins = [ids[0] for ids in self.select_ids(chosen, page=page, patience=patience)]
        low = 0
        for high in reversed(begins):
            between = Selection(
                (*chosen.conditions, Condition("id", Compare(">", low)), Condition("id", Compare("<=", high)))
            )
            ids = [job_id for some in self.select_ids(between, page=2 * page, patience=patience) for job_id in some]
            if ids:  # more than a page, where others have come to fit
                yield ids[::-1]
            low = high

    def count(
        self, selection: Selection | None, by: Sequence[str] = (), *, patience: float | None = None
    ) -> builtins.list[Tally]:
        """Count the jobs that fit, for each combination of queue, state, type and error, as `by` says; most first.

        Without `by` there is exactly one count. Of an error's kind, one message stands for all. patience: seconds,
        then TryAgain; default a minute, and by queue and state alone, as many as it takes.
        """
        plain = _plain(selection)
        if plain is not None and not set(plain) - {"states", "queue"} and not set(by) - {"queue", "state"}:
            return self._counted(plain["states"], plain.get("queue"), by, patience)
        from .store import selecting

        unknown = [name for name in by if name not in selecting.GROUPS]
        if unknown:
            raise UsageError(f"jobs are not counted by {unknown[0][:40]!r} — there are {', '.join(selecting.GROUPS)}")
        with self.store.connection() as own:
            found = selecting.count_by(own, selection or _everything(), by, patience=patience or PATIENCE)
        return found if by or found else [Tally({}, 0)]

    def _counted(
        self, states: Collection[State], queue: str | None, by: Sequence[str], patience: float | None
    ) -> builtins.list[Tally]:
        """The counts by queue and state alone, put together."""
        with self.store.connection() as own, nullcontext() if patience is None else patient(own, patience):
            counts = jobs.count_jobs(own, finished=not states or not FINAL.isdisjoint(states))
        tally: Counter[tuple[str, ...]] = Counter() if by else Counter({(): 0})
        for each in counts:
            for state, number in each.by_state.items():
                if queue in (None, each.queue) and (not states or state in states):
                    tally[tuple({"queue": each.queue, "state": state.value}[name] for name in by)] += number
        return [Tally(dict(zip(by, key, strict=True)), number) for key, number in tally.most_common()]


def _page(before: int | None, limit: int) -> Any:
    from .store.selecting import Page

    return Page(MAX_ID if before is None else max(0, min(before, MAX_ID)), limit)


def _everything() -> Selection:
    from .model.selection import Selection

    return Selection(())


def _plain(selection: Selection | None) -> dict[str, Any] | None:
    """The selection as arguments of `list_jobs`; None where it says more."""
    if selection is None:
        return {"states": ()}
    from .model.selection import AnyOf, Compare

    found: dict[str, Any] = {}
    states = frozenset(State)
    for condition in selection.conditions:
        test = condition.test
        if (
            isinstance(test, Compare)
            and condition.field == "created"
            and not condition.negated
            and "since" not in found
        ):
            if test.operator != ">=" or not isinstance(test.value, datetime):
                return None
            found["since"] = test.value
            continue
        if not isinstance(test, AnyOf):
            return None
        values = test.values
        if condition.field == "state":
            named = {value for value in values if isinstance(value, State)}
            states = states - named if condition.negated else states & named
        elif condition.field in ("queue", "type", "tag") and not condition.negated and len(values) == 1:
            if condition.field in found:
                return None
            found[condition.field] = values[0]
        else:
            return None
    if not states:
        return None
    return found | {"states": () if states == frozenset(State) else states}


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= MAX_PAGE:
        raise UsageError(f"the limit is {limit} — it must be 1 to {MAX_PAGE:,}")
