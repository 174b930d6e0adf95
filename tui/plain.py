"""The screens as lines, for screen readers and terminals that cannot move their cursor: `jobsched tui --plain`.

Nothing here knows Textual, and nothing that is written has an escape code in it. What a key does on the screens
is a word and Enter here; what is on a screen is short lines that begin with what they are about.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, TextIO, TypeVar

from ..core.model.durations import parse_duration
from ..core.model.errors import JobNotFound, JobschedError, StoreUnreachable, UsageError
from ..core.model.job import MAX_ID
from ..core.model.results import Event, OutputChunk, TailCursor
from ..core.model.selection import parse
from . import plain_lines, questions
from .feed import FIRST_RETRY, LONGEST_RETRY, Direct
from .look import Look, span
from .plain_changes import Changes
from .plain_input import Lines
from .plain_run import run_line

if TYPE_CHECKING:
    from ..core.model.job import Job
    from ..core.model.selection import Selection
    from ..core.service import Service
    from .options import Options

PAGE = 20
"""Lines that are said at a time."""
MOST_PAGES = 10
"""Pages of events that are counted at a time."""
SCREENS = ("overview", "queues", "jobs", "workers", "dead", "cron", "activity")
TITLES = ("overview", "queues", "jobs", "workers", "dead letters", "cron", "activity")
MENU = ", ".join(f"{n} {title}" for n, title in enumerate(TITLES, 1))
PARTS = {"l": "log", "a": "payload", "e": "attempts", "o": "dependencies", "w": "why"}
"""What there is to say of a job besides its summary: letter → word."""
HELP = (
    f"screens: {MENU}",
    "Enter: what has changed since",
    "n: next page",
    "r: the same again, as it is now",
    "/SELECTION: jobs that fit, such as /state:dead queue:emails; / alone: every job",
    "a number: the job with that number; job 5: where the number is a screen's",
    "of the job: l log, newest line first, a payload, e attempts, o dependencies, w why it does not run",
    "l 123, a 123 and so on: of that job",
    "changes: retry, cancel, hold, release, discard or move QUEUE, and numbers of jobs; cancel all: all that fit",
    "changes: pause QUEUE, resume QUEUE; u: undo the last one of jobs",
    "changes: drain WORKER, to end after what it runs; stop WORKER, to end at once; its name or number",
    "changes: pause schedule NAME, resume schedule NAME; trigger NAME: make a job of a schedule now",
    "each change is shown first, with the command line that does the same, and made only after yes",
    "watch, watch 10s: say what has changed without being asked; watch off: only when Enter is pressed",
    ":LINE: run a line of the program, such as :ls --state dead",
    "q: quit",
)
Answer = TypeVar("Answer")


@dataclass(slots=True)
class News:
    """What has ended since somebody asked. cursor: up to where that is known."""

    cursor: TailCursor | None = None
    events: list[Event] = field(default_factory=list)

    def told(self) -> str:
        """It in a line, empty where there is nothing; then it is known."""
        states = [each.state.value for each in self.events if each.state is not None]
        failed = len(self.events) - len(states)
        self.events = []
        parts = []
        if states:
            parts.append(f"{len(states):,} job{'s' if len(states) != 1 else ''} ended")
            parts += [f"{count:,} {word}" for word in ("dead", "cancelled") if (count := states.count(word))]
        if failed:
            parts.append(f"{failed:,} attempt{'s' if failed != 1 else ''} failed")
        return ", ".join(parts)


class Plain:
    """One session. say writes a line; lines gives those that are written to it; store answers."""

    def __init__(self, options: Options, store: Direct, lines: Lines, out: TextIO) -> None:
        self.options = options
        self.store = store
        self.look = Look(options.ascii_only)
        self.watching = False
        self.interval = options.interval
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)
        self._lines = lines
        self._out = out
        self._changes = Changes(options, store, self.say, self._answer)
        self._news = News()
        self._screen: Callable[[], None] = self._overview
        self._words: dict[str, Callable[[], None]] = {
            "n": self._more, "r": self._again, "?": self._help, "help": self._help,
        }  # fmt: skip
        self._job: tuple[int, str] | None = None
        self._wanted: Selection | None = None
        self._rest: list[str] = []
        self._before: int | None = None
        self._lost = self._prompted = False
        self._delay = FIRST_RETRY

    # The session

    def run(self) -> int:
        """Say and obey until somebody leaves; return the exit code. Raises what opening the store does."""
        profile = f", profile {self.options.profile}" if self.options.profile else ""
        role = "read-only" if self.options.read_only else "changes are possible"
        self.say(f"jobsched, store {self.store.where}{profile}, {role}")
        self.say(f"screens: {MENU}; ? help, q quit")
        self._news.cursor = self.store.ask(questions.ended_since(None))[1]
        self._try(partial(self._start, self.options.view, self.options.filter))
        while True:
            try:
                line = self._next_line()
            except EOFError:
                self._out.write("\n" * self._prompted)
                return 0
            if line.strip() in ("q", "quit", "exit"):
                return 0
            self._try(partial(self._obey, line))

    def say(self, text: str) -> None:
        """Write a line: nothing in it is obeyed by a terminal."""
        self._out.write("\n" * self._prompted + self.look.text(text) + "\n")
        self._out.flush()
        self._prompted = False

    def _next_line(self) -> str:
        """What is written; meanwhile what changes is said, if somebody watches, and a lost store is asked for."""
        while True:
            if not self._prompted:
                self._prompt(">")
            line = self._lines.next(self._delay if self._lost else self.interval if self.watching else None)
            if line is not None:
                self._prompted = False
                return line
            self._try(self._say_changed, again=False)

    def _prompt(self, text: str) -> None:
        self._out.write(self.look.text(text) + " ")
        self._out.flush()
        self._prompted = True

    def _answer(self, question: str) -> str:
        """What is answered to a question; nothing where the input has ended."""
        self._prompt(question)
        try:
            answer = self._lines.next(None) or ""
        except EOFError:
            return ""
        self._prompted = False
        return answer.strip()

    def _try(self, call: Callable[[], None], *, again: bool = True) -> None:
        """Do something; wrong words are said, a store that is lost too (where it was already: only `again`)."""
        try:
            call()
        except StoreUnreachable as error:
            before, self._lost = self._lost, True
            self._delay = min(LONGEST_RETRY, self._delay * 2) if before else FIRST_RETRY
            if before and again:
                self.say(f"the store is still unreachable: {error.message}")
            elif not before:
                self.say(f"the store is unreachable: {error.message}")
                self.say("it is asked again and again; Enter asks now, q quits")
        except JobschedError as error:
            self.say(error.message + (f" — fix: {error.fix}" if error.fix else ""))

    def _ask(self, question: Callable[[Service], Answer]) -> Answer:
        answer = self.store.ask(question)
        if self._lost:
            self._lost, self._delay = False, FIRST_RETRY
            self.say("the store is back")
        return answer

    # What may be written

    def _obey(self, line: str) -> None:
        text = line.strip()
        word, _, rest = text.partition(" ")
        if not text:
            self.say(self._changed() or "nothing has changed")
        elif text.startswith("/"):
            self._filter(text[1:])
        elif text.startswith(":"):
            run_line(text[1:], self.options, self.look, self.say)
        elif text.isdecimal() and text.isascii():
            self._number(int(text[:20]))
        elif word in ("job", "show") and rest:
            self._open(_job_id(rest), "summary")
        elif word in PARTS or word in PARTS.values():
            self._part(PARTS.get(word, word), rest)
        elif word == "watch":
            self._watch(rest)
        elif text in self._words:
            self._words[text]()
        elif not self._changes.obey(word, rest.split(), self._wanted):
            raise UsageError(f"{text[:60]!r} is nothing that can be done here", fix="?")

    def _number(self, number: int) -> None:
        if 1 <= number <= len(SCREENS):
            self._start(SCREENS[number - 1])
        else:
            self._open(_job_id(str(number)), "summary")

    def _part(self, part: str, rest: str) -> None:
        if not rest and self._job is None:
            raise UsageError(f"{part} is of a job — open one by its number, or write {part} NUMBER")
        self._open(_job_id(rest) if rest else self._job[0], part)  # type: ignore[index]

    def _watch(self, rest: str) -> None:
        if rest == "off":
            self.watching = False
            self.say("changes are said when Enter is pressed")
            return
        if rest:
            try:
                self.interval = max(0.25, parse_duration(rest))
            except ValueError as error:
                raise UsageError(f"{error}") from None
        self.watching = True
        self.say(f"changes are said every {span(self.interval)}; watch off ends it")

    def _help(self) -> None:
        for line in HELP:
            self.say(line)

    def _again(self) -> None:
        self._screen()

    def _more(self) -> None:
        if not self._rest and self._before is not None:
            self._rest = self._job_page()
        if self._rest:
            self._say_page()
        else:
            self.say("that was all")

    # Screens

    def _start(self, name: str, text: str = "") -> None:
        """Go to a screen and say it."""
        self._job = None
        if name == "jobs" and text:
            self._filter(text)
            return
        self._screen = getattr(self, f"_{name}")
        self._screen()

    def _filter(self, text: str) -> None:
        text = text.strip()
        last = None if self.options.last is None else partial(self.options.last, self.store.where)
        self._wanted = parse(text, me=self.options.by, last=last) if text else None
        self._start("jobs")

    def _overview(self) -> None:
        self._show("overview", plain_lines.overview(self._ask(questions.board)))

    def _queues(self) -> None:
        self._show("queues", plain_lines.queues(self._ask(questions.board), self.now()), "no queue yet")

    def _jobs(self) -> None:
        about = f"jobs that fit {self._wanted}" if self._wanted else "jobs, newest first"
        self._before = None
        self._show(about, self._job_page(), "no job matches", keep=True)

    def _workers(self) -> None:
        self._show("workers", plain_lines.workers(self._ask(questions.workers), self.now()), "no worker runs")

    def _dead(self) -> None:
        self._show("dead letters", plain_lines.dead(self._ask(questions.dead_kinds), self.now()), "no job is dead")

    def _cron(self) -> None:
        self._show("cron", plain_lines.cron(self._ask(questions.schedules), self.now()), "no schedule yet")

    def _activity(self) -> None:
        self._show(
            "activity, newest first",
            plain_lines.activity(self._ask(questions.events), self.now()),
            "nothing has ended yet",
        )

    def _open(self, job_id: int, part: str) -> None:
        self._screen = partial(self._open, job_id, part)
        shown = self._ask(questions.job(job_id))
        self._job = (job_id, shown.job.state.value)
        name = f"{part} of job {job_id}"
        if part == "log":
            self._show(name, plain_lines.log(partial(self._output, job_id)), "it has said nothing")
        elif part == "payload":
            self._show(name, plain_lines.payload(shown))
        elif part == "attempts":
            self._show(name, plain_lines.attempts(shown, self.now()), "no attempt has failed")
        elif part == "dependencies":
            self._show(name, plain_lines.dependencies(shown), "it waits for no job, and none for it")
        else:
            reasons = plain_lines.reasons(shown, self._ask(questions.why(job_id)))
            self._show(name, reasons if part == "why" else plain_lines.summary(shown, self.now()) + reasons)

    def _output(self, job_id: int, after: tuple[int, int] | None) -> Sequence[OutputChunk]:
        return self._ask(questions.output(job_id, after))

    def _job_page(self) -> list[str]:
        """The next jobs that fit, as lines."""
        wanted, before = self._wanted, self._before

        def ask(service: Service) -> list[Job]:
            return list(service.select(wanted, before=before, limit=PAGE, patience=questions.PATIENCE))

        page = self._ask(ask)
        self._before = page[-1].id if len(page) == PAGE else None
        return [plain_lines.job(each, self.now()) for each in page]

    def _show(self, title: str, lines: Sequence[str], empty: str = "nothing", *, keep: bool = False) -> None:
        """Say a screen's first page. keep: there may be more than these lines."""
        if not keep:
            self._before = None
        self.say(f"{title}, as of {self.now():%H:%M:%S} UTC")
        self._rest = list(lines) or [empty]
        self._say_page()

    def _say_page(self) -> None:
        for line in self._rest[:PAGE]:
            self.say(line)
        del self._rest[:PAGE]
        if self._rest:
            self.say(f"n: the next page, {len(self._rest):,} more lines")
        elif self._before is not None:
            self.say("n: the next page")

    # Changes that others make

    def _say_changed(self) -> None:
        if said := self._changed():
            self.say(said)

    def _changed(self) -> str:
        """What has ended since it was said last, and whether the job that is open is in another state."""
        for _ in range(MOST_PAGES):
            events, self._news.cursor = self._ask(questions.ended_since(self._news.cursor))
            self._news.events += events
            if not events:
                break
        said = [self._news.told()]
        if self._job is not None:
            job_id, before = self._job
            try:
                now = self._ask(questions.job(job_id)).job.state.value
            except JobNotFound:
                now = "not in the store any more"
            if now != before:
                self._job = (job_id, now)
                said.append(f"job {job_id} is {now}")
        return "; ".join(filter(None, said))


def _job_id(text: str) -> int:
    """UsageError: not the number of a job."""
    text = text.strip().removeprefix("#")
    if not (text.isascii() and text.isdecimal()) or not 0 < int(text[:20]) <= MAX_ID:
        raise UsageError(f"{text[:40]!r} is not the number of a job")
    return int(text)


def run(options: Options) -> int:
    """Say and obey until somebody leaves; return the exit code. Raises what opening the store does."""
    store = Direct(options.settings)
    try:
        return Plain(options, store, Lines(sys.stdin.fileno()), sys.stdout).run()
    finally:
        store.close()
