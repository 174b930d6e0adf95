"""The third of `Service` that remembers what people changed, and undoes it."""

from __future__ import annotations

import builtins
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from .choosing import Choosing
from .model.results import ItemResult, Operation, Verb
from .submitting import words

if TYPE_CHECKING:
    from .model.selection import Selection


class Undoing(Choosing):
    """Changes, by their numbers. They are remembered for a week."""

    def change(
        self,
        verb: Verb,
        pages: Iterable[Sequence[int]],
        apply: Callable[[Sequence[int]], builtins.list[ItemResult]],
        *,
        by: str,
        selection: str,
    ) -> Iterator[tuple[int, builtins.list[ItemResult]]]:
        """Make a change that can be undone, page by page; give its number with what became of each page.

        pages: ids, as `pages_for` gives them. apply: makes the change, such as `retry`. selection: which jobs, in
        words. Each page is committed by itself; whoever stops asking has changed what was given so far.
        """
        number = None
        for ids in pages:
            if number is None:
                number = self.begin_operation(verb, by=by, selection=selection)
            noted = self.note_operation(number, verb, ids)
            results = apply(ids)
            refused = [each.id for each in results if not each.ok and each.id in noted]
            if refused:
                self.forget_refused(number, refused)
            yield number, results

    def pages_for(
        self, verb: Verb | None, selection: Selection | None, *, page: int = 1000
    ) -> Iterator[builtins.list[int]]:
        """Give the ids of all jobs that fit, in the order in which this change, if there is one, wants them: a moved
        job goes to the end of its lane, so the oldest is moved first."""
        return (self.select_ids_upwards if verb == "move" else self.select_ids)(selection, page=page)

    def begin_operation(self, verb: Verb, *, by: str, selection: str) -> int:
        """Write down that a change is about to be made to the jobs of `selection`; return its number."""
        from .store import operations

        with self.store.connection() as own:
            return operations.begin(own, verb, words("by", by, 200), selection)

    def note_operation(self, number: int, verb: Verb, ids: Sequence[int]) -> set[int]:
        """Write down where jobs stand that the change is about to touch; return those that are new."""
        from .store import operations

        with self.store.connection() as own:
            return operations.note(own, number, verb, ids)

    def forget_refused(self, number: int, ids: Sequence[int]) -> None:
        """Take back what was written down of jobs that the change did not change."""
        from .store import operations

        with self.store.connection() as own:
            operations.forget(own, number, ids)

    def operations(self, *, by: str | None = None, undoable: bool = False, limit: int = 50) -> builtins.list[Operation]:
        """Return changes, newest first. by: of this person. undoable: those that were not undone yet."""
        from .store import operations

        with self.store.connection() as own:
            return operations.list_operations(own, by=by, undoable=undoable, limit=limit)

    def operation(self, number: int) -> Operation:
        """Return one change. NotFound."""
        from .store import operations

        with self.store.connection() as own:
            return operations.get(own, number)

    def operation_jobs(self, number: int) -> Iterator[builtins.list[int]]:
        """Give the ids of a change's jobs, oldest first, page by page."""
        from .store import operations

        after = 0
        while True:
            with self.store.connection() as own:
                page = operations.items(own, number, after)
            if not page:
                return
            yield [job_id for job_id, _, _ in page]
            after = page[-1][0]

    def undo(self, number: int, *, by: str) -> Iterator[builtins.list[ItemResult]]:
        """Undo a change, page by page, and give what became of each job. NotFound; Conflict: undone already.

        The oldest come first: a job is there before those that wait for it, and is before them in its lane. One
        that has gone on since is left as it is, with an error in its result. A cancelled job that ran
        cannot be brought back; neither can jobs that ended because a cancelled one did.
        """
        from .store import operations

        with self.store.connection() as own:
            operation = operations.get_undoable(own, number)
        who = words("by", by, 200)
        after = 0
        while True:
            lanes: Counter[tuple[str, str]] = Counter()
            with self.store.connection() as own:
                page = operations.items(own, number, after)
                if not page:
                    operations.mark_undone(own, number, who)
                    return
                results = operations.undo(own, operation, page, who, lanes)
                self._waker.ready(own, lanes)
            yield results
            after = page[-1][0]
