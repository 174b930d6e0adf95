"""Changes in the line mode: shown with the command line that does the same, and made only after a yes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..core.model.errors import QueueNotFound, UsageError
from ..core.model.job import MAX_ID
from . import questions
from .acting import JOB_VERBS, TYPED, Act, counted, on_jobs, on_queue, on_selections, told, undo_of

if TYPE_CHECKING:
    from ..core.model.results import Verb
    from ..core.model.selection import Selection
    from .feed import Direct
    from .options import Options


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
            act = self._of_jobs(word, words, wanted)
        elif word in ("pause", "resume"):
            act = self._of_queue(word, words)
        elif word in ("u", "undo") and not words:
            act = self._undo()
        else:
            return False
        self._propose(act)
        return True

    def _of_jobs(self, word: Verb, words: Sequence[str], wanted: Selection | None) -> Act:
        verb = JOB_VERBS[word]
        if list(words) == ["all"]:
            if wanted is None:
                raise UsageError("all is what fits the filter, and there is none — write /SELECTION first")
            count, tallies = self._store.ask(questions.counts([wanted]))
            if not count:
                raise UsageError("no job matches")
            return on_selections(verb, [wanted], count, counted(tallies))
        wrong = [each for each in words if not (each.isascii() and each.isdecimal() and int(each[:20]) <= MAX_ID)]
        if wrong or not words:
            raise UsageError(f"{word} wants the numbers of jobs, or all" + (f" — {wrong[0][:40]!r}" if wrong else ""))
        ids = list(dict.fromkeys(map(int, words)))
        jobs = self._store.ask(lambda service: service.look(ids))
        missing = set(ids) - {job.id for job in jobs}
        if missing:
            raise UsageError(f"there is no job {min(missing)}")
        return on_jobs(verb, jobs)

    def _of_queue(self, word: str, words: Sequence[str]) -> Act:
        if len(words) != 1:
            raise UsageError(f"{word} wants the name of a queue")
        for each in self._store.ask(questions.board).queues:
            if each.queue.name == words[0]:
                if each.queue.paused == (word == "pause"):
                    raise UsageError(f"queue {words[0]} is {'' if each.queue.paused else 'not '}paused")
                return on_queue(each.queue)
        raise QueueNotFound(f"there is no queue {words[0][:60]!r}")

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
