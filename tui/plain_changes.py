"""Changes in the line mode: shown with the command line that does the same, and made only after a yes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from ..core.model.errors import QueueNotFound, ScheduleNotFound, UsageError, WorkerNotFound
from ..core.model.job import MAX_ID, check_name
from . import questions
from .acting import (
    JOB_VERBS,
    TYPED,
    Act,
    JobVerb,
    counted,
    move_to,
    on_jobs,
    on_queue,
    on_schedule,
    on_selections,
    on_worker,
    told,
    trigger,
    undo_of,
)

if TYPE_CHECKING:
    from ..core.model.selection import Selection
    from .feed import Direct
    from .options import Options

ENDS: dict[str, Literal["drain", "stop"]] = {"drain": "drain", "stop": "stop"}
"""What a worker can be told."""


class Changes:
    """say: writes a line. answer: asks, and gives what is answered."""

    def __init__(
        self, options: Options, store: Direct, say: Callable[[str], None], answer: Callable[[str], str]
    ) -> None:
        self._options = options
        self._store = store
        self._say = say
        self._answer = answer

    def obey(self, word: str, words: Sequence[str], wanted: Selection | None) -> bool:
        """Whether `word` is a change; then it is proposed. wanted: what `all` is. JobschedError."""
        if word in JOB_VERBS:
            act = self._of_jobs(JOB_VERBS[word], words, wanted)
        elif word == "move":
            if not words:
                raise UsageError("move wants a queue, and the numbers of jobs, or all")
            check_name("queue", words[0])
            act = self._of_jobs(move_to(words[0], None), words[1:], wanted)
        elif word in ("pause", "resume"):
            act = self._of_schedule(word, words[1:]) if words[:1] == ["schedule"] else self._of_queue(word, words)
        elif word == "trigger":
            act = self._of_schedule(word, words)
        elif word in ENDS:
            act = self._of_worker(ENDS[word], " ".join(words))
        elif word in ("u", "undo") and not words:
            act = self._undo()
        else:
            return False
        self._propose(act)
        return True

    def _of_jobs(self, verb: JobVerb, words: Sequence[str], wanted: Selection | None) -> Act:
        if list(words) == ["all"]:
            if wanted is None:
                raise UsageError("all is what fits the filter, and there is none — write /SELECTION first")
            count, tallies = self._store.ask(questions.counts([wanted]))
            if not count:
                raise UsageError("no job matches")
            return on_selections(verb, [wanted], count, counted(tallies))
        wrong = [each for each in words if not (each.isascii() and each.isdecimal() and int(each[:20]) <= MAX_ID)]
        if wrong or not words:
            raise UsageError(
                f"{verb.verb} wants the numbers of jobs, or all" + (f" — {wrong[0][:40]!r}" if wrong else "")
            )
        ids = list(dict.fromkeys(map(int, words)))
        jobs = self._store.ask(lambda service: service.look(ids))
        missing = set(ids) - {job.id for job in jobs}
        if missing:
            raise UsageError(f"there is no job {min(missing)}")
        return on_jobs(verb, jobs)

    def _of_queue(self, word: str, words: Sequence[str]) -> Act:
        if len(words) != 1:
            raise UsageError(f"{word} wants the name of a queue, or schedule and the name of one")
        for each in self._store.ask(questions.board).queues:
            if each.queue.name == words[0]:
                if each.queue.paused == (word == "pause"):
                    raise UsageError(f"queue {words[0]} is {'' if each.queue.paused else 'not '}paused")
                return on_queue(each.queue)
        raise QueueNotFound(f"there is no queue {words[0][:60]!r}")

    def _of_schedule(self, word: str, words: Sequence[str]) -> Act:
        if len(words) != 1:
            raise UsageError(f"{word} wants the name of a schedule")
        for each in self._store.ask(questions.schedules):
            if each.spec.name != words[0]:
                continue
            if word == "trigger":
                return trigger(each)
            if (each.paused_at is not None) == (word == "pause"):
                raise UsageError(f"schedule {words[0]} is {'' if word == 'pause' else 'not '}paused")
            return on_schedule(each)
        raise ScheduleNotFound(f"there is no schedule {words[0][:60]!r}")

    def _of_worker(self, word: Literal["drain", "stop"], name: str) -> Act:
        """name: or number, where more than one has the name."""
        if not name:
            raise UsageError(f"{word} wants the name of a worker")
        found = [each for each in self._store.ask(questions.workers) if name in (each.name, str(each.id))]
        live = [each for each in found if each.liveness != "lost"]
        if not live:
            raise WorkerNotFound(f"worker {name[:60]} is lost" if found else f"there is no worker {name[:60]!r}")
        if len(live) > 1:
            numbers = ", ".join(str(each.id) for each in live)
            raise UsageError(f"{len(live)} workers are called {name[:60]!r} — write {word} and one of {numbers}")
        return on_worker(live[0], word)

    def _undo(self) -> Act:
        last = self._store.ask(questions.last_change(self._options.by))
        if last is None:
            raise UsageError(f"there is no change by {self._options.by} to undo")
        return undo_of(last)

    def _propose(self, act: Act) -> None:
        """Show a change, and make it if the answer is yes: the number, where that is what has to be written."""
        if self._options.read_only:
            self._say(f"read-only — {act.command}")
            return
        self._say(f"{act.what}?")
        for line in act.about:
            self._say(line)
        self._say(f"the command line that does the same: {act.command}")
        if self._options.typed or act.count > TYPED:
            agreed = self._answer(f"write {act.count} to do it, anything else changes nothing:") == str(act.count)
        else:
            agreed = self._answer("do it? yes or no [no]:").casefold() in ("y", "yes")
        if agreed:
            self._say(told(self._store.change(act.call, self._options.by))[0])
        else:
            self._say("nothing was changed")
