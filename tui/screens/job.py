"""A job in full: summary, attempts, payload, its log as it comes, what it waits for, and everything raw."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, ClassVar

from rich.table import Table
from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import ContentSwitcher, Input, Static

from ...core.model.errors import JobNotFound, JobschedError
from ...core.model.results import Verb
from ...core.model.states import State
from .. import questions
from ..acting import JOB_VERBS, JobVerb, on_jobs
from ..lane import choose_lane
from ..look import Look, span, style_of
from ..questions import JobView
from ..saving import save_log
from ..text import lines as split_lines
from ..view import View, pairs, words
from ..widgets.line import Line
from ..widgets.log_ring import LogRing

TABS = ("Summary", "Attempts", "Payload", "Logs", "Dependencies", "Raw")
PAGES = 20
"""Pages of output that are read at most before the screen is drawn again."""


class JobDetail(View):
    """Everything about one job; 1 to 6 or [ and ] change the page."""

    DEFAULT_CSS = """
    JobDetail > #job-title { height: 1; padding: 0 1; text-style: bold; }
    JobDetail > #job-tabs { height: 1; padding: 0 1; }
    JobDetail > ContentSwitcher { height: 1fr; }
    JobDetail VerticalScroll { padding: 0 1; scrollbar-size-vertical: 1; }
    JobDetail LogRing { padding: 0 0 0 1; }
    JobDetail VerticalScroll Static { text-wrap: wrap; }
    JobDetail > Input { height: 1; padding: 0 1; background: $boost; display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right_square_bracket,tab", "turn(1)", "Next page", key_display="]", id="job.next"),
        Binding("left_square_bracket,shift+tab", "turn(-1)", "Page before", show=False, id="job.previous"),
        *(Binding(str(n), f"page({n})", name, show=False) for n, name in enumerate(TABS, 1)),
        Binding("slash", "grep", "Filter", key_display="/", priority=True, id="job.grep"),
        Binding("S", "save", "Save log", show=False, priority=True, id="job.save"),
        Binding("R", "act('retry')", "Retry", id="job.retry"),
        Binding("C", "act('cancel')", "Cancel", id="job.cancel"),
        Binding("H", "act('hold')", "Hold", id="job.hold"),
        Binding("L", "act('release')", "Release", show=False, id="job.release"),
        Binding("M", "move", "Move", show=False, id="job.move"),
    ]
    HELP = (
        "The log follows its end until you scroll up; f follows it again, w breaks long lines, t shows times, S "
        "writes all of it into a new file."
    )

    def __init__(self, look: Look, job_id: int, *, page: int = 1) -> None:
        super().__init__(id="job")
        self.job_id = job_id
        self.page = page
        self.ring = LogRing(look=look, now=self._now, id="page-4")
        self.shown: JobView | None = None
        self._after: tuple[int, int] | None = None

    def _now(self) -> datetime:
        """Asked for when the app is there."""
        return self.shell.now()

    def compose(self) -> ComposeResult:
        yield Static(id="job-title")
        yield Static(id="job-tabs")
        with ContentSwitcher(initial=f"page-{self.page}"):
            for number, name in enumerate(TABS, 1):
                if name == "Logs":
                    yield self.ring
                else:
                    with VerticalScroll(id=f"page-{number}"):
                        yield Static(id=f"text-{number}")
        yield Line(compact=True, placeholder="only lines with this text", id="grep")
        yield Line(compact=True, placeholder="a new file for the whole log", id="save", select_on_focus=False)

    def on_mount(self) -> None:
        self._draw_tabs()

    async def look_again(self) -> None:
        ask = self.shell.feed.ask
        try:
            self.shown = await ask(questions.job(self.job_id))
        except JobNotFound as error:
            self.put("job-title", words([(error.message, "red")], self.look))
            return
        reasons = []
        if self.page == 1 and not self.shown.job.state.is_final and self.shown.job.state is not State.RUNNING:
            reasons = await ask(questions.why(self.job_id))
        await self._read_output()
        self._draw(self.shown, reasons)

    def take_focus(self) -> None:
        for page in self.query(f"#page-{self.page}"):  # none while it is being closed
            self.give_keys(page)

    def argv(self) -> Sequence[str]:
        return ("logs", str(self.job_id)) if self.page == 4 else ("show", str(self.job_id))

    def chosen_id(self) -> str | None:
        return str(self.job_id)

    def action_turn(self, pages: int) -> None:
        """Go to the next page, or the one before."""
        self.action_page((self.page - 1 + pages) % len(TABS) + 1)

    def action_page(self, number: int) -> None:
        """Go to a page."""
        self.page = number
        self.query_one(ContentSwitcher).current = f"page-{number}"
        self._draw_tabs()
        self.take_focus()
        self.refresh_bindings()
        self.shell.feed.nudge()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that lead into a line work at once, before the next key is read: in the line they are characters."""
        return action not in ("grep", "save") or not isinstance(self.screen.focused, Input)

    def action_grep(self) -> None:
        """Show only some lines of the log."""
        if self.page != 4:
            self.action_page(4)
        line = self.query_one("#grep", Input)
        line.display = True
        self.give_keys(line)

    def action_save(self) -> None:
        """Ask for a file to write the log into."""
        if self.page != 4:
            self.action_page(4)
        line = self.query_one("#save", Input)
        line.value, line.display = line.value or f"job-{self.job_id}.log", True
        line.cursor_position = len(line.value)
        self.give_keys(line)

    def action_act(self, verb: Verb) -> None:
        """Propose a change of the job."""
        self._propose(JOB_VERBS[verb])

    async def action_move(self) -> None:
        """Ask where to, and propose to move the job."""
        await choose_lane(self, self._propose)

    def _propose(self, verb: JobVerb) -> None:
        if self.shown is not None:
            self.shell.propose(on_jobs(verb, [self.shown.job]))

    @on(Input.Submitted, "#grep")
    def _grep(self, event: Input.Submitted) -> None:
        self.ring.set_pattern(event.value)
        event.input.display = bool(event.value)
        self.give_keys(self.ring)

    @on(Input.Submitted, "#save")
    def _save(self, event: Input.Submitted) -> None:
        event.input.display = False
        self.give_keys(self.ring)
        if event.value.strip():
            self.run_worker(self._write(event.value.strip()), group="save")

    async def _write(self, where: str) -> None:
        try:
            path, written = await save_log(self.shell.feed, self.job_id, where)
        except JobschedError as error:
            self.shell.say(error.message, bad=True)
        else:
            self.shell.say(f"{written:,} characters are in {path}")

    def on_key(self, event: events.Key) -> None:
        """Escape in a line gives the keys back to the page."""
        line = self.screen.focused
        if event.key == "escape" and isinstance(line, Input):
            event.stop()
            line.display = line.id == "grep" and bool(self.ring.pattern)
            self.give_keys(self.ring)

    async def _read_output(self) -> None:
        """What it said since."""
        for _ in range(PAGES):
            try:
                chunks = await self.shell.feed.ask(questions.output(self.job_id, self._after))
            except JobNotFound:
                return
            for chunk in chunks:
                self.ring.add(chunk.at, chunk.stream, chunk.text, source=chunk.token)
            if chunks:
                self._after = (chunks[-1].token, chunks[-1].chunk)
            if len(chunks) < questions.LOG_PAGE:
                break
        self.ring.complete = self.shown is not None and self.shown.job.state.is_final
        self.ring.refresh()

    # Drawing

    def _draw_tabs(self) -> None:
        parts = []
        for number, name in enumerate(TABS, 1):
            parts.append((f" {number} {name} ", "reverse" if number == self.page else "dim"))
        self.put("job-tabs", words(parts, self.look))

    def _draw(self, shown: JobView, reasons: Sequence[tuple[str, str | None]]) -> None:
        job = shown.job
        state, style = self.look.state(job.state)
        self.put(
            "job-title",
            words(
                [
                    (f"{job.id}  {job.type}  ", ""),
                    (state, style),
                    (f"  attempt {job.attempt}/{job.max_attempts}", "dim"),
                ],
                self.look,
            ),
        )
        pages: dict[int, Text | Table] = {
            1: self._summary(shown, reasons),
            2: self._attempts(shown),
            3: self._json({"payload": job.payload, "result": job.result}),
            5: self._dependencies(shown),
            6: self._json(asdict(job)),
        }
        text = pages.get(self.page)
        if text is not None:
            self.put(f"text-{self.page}", text)

    def _summary(self, shown: JobView, reasons: Sequence[tuple[str, str | None]]) -> Table:
        job = shown.job
        facts = [
            ("queue", f"{job.queue}, priority {job.priority.word}"),
            ("attempts", f"{job.attempt} of {job.max_attempts}, backoff {job.backoff}"),
            ("crashes", str(job.crashes) if job.crashes else ""),
            ("lost", f"by {job.losses} workers that vanished" if job.losses else ""),
            ("timeout", span(job.timeout)),
            ("submitted", f"{self.ago(job.created_at)} ago by {job.submitter}"),
            ("due", self._when(job.run_at)),
            ("started", self._when(job.started_at)),
            ("ended", self._when(job.finished_at)),
            ("waited", span(job.wait)),
            ("ran", span(job.run)),
            ("worker", job.worker or ""),
            ("held by", job.held_by or ""),
            ("tags", ", ".join(job.tags)),
            ("key", job.idempotency_key or ""),
            ("unique", job.unique_key or ""),
            ("concurrency", job.concurrency_key or ""),
            ("cancel", "asked for, not yet obeyed" if job.cancel_requested and not job.state.is_final else ""),
            ("progress", self._progress(shown)),
        ]
        drawn = [((name, "dim"), (value, "")) for name, value in facts if value]
        if job.error:
            drawn += [(("error", "dim"), (line, "red")) for line in split_lines(job.error, most=20)]
        for reason, fix in reasons:
            drawn.append((("why", "dim"), (reason, "yellow")))
            if fix:
                drawn.append((("  fix", "dim"), (fix, "bold")))
        return pairs(drawn, 12, self.look)

    def _when(self, moment: Any) -> str:
        if moment is None:
            return ""
        ago = self.ago(moment)
        return f"{ago if ago.startswith('in ') else f'{ago} ago'}, {moment:%Y-%m-%d %H:%M:%S} UTC"

    def _progress(self, shown: JobView) -> str:
        job = shown.job
        if job.progress is None or job.state.is_final:
            return ""
        filled = round(job.progress * 20)
        bar = self.look.pick("█", "#") * filled + self.look.pick("░", ".") * (20 - filled)
        return f"{bar} {job.progress:.0%} {job.progress_message or ''}".strip()

    def _attempts(self, shown: JobView) -> Text:
        drawn: list[list[tuple[str, str]]] = []
        for attempt in shown.attempts:
            details = [f"on {attempt.worker}" if attempt.worker else "", f"after {span(attempt.duration)}"]
            if attempt.signal is not None:
                details.append(f"signal {attempt.signal}")
            if attempt.exit_code is not None:
                details.append(f"exit code {attempt.exit_code}")
            if attempt.memory_peak:
                details.append(f"memory peak {attempt.memory_peak / 1048576:.0f} MiB")
            drawn.append(
                [
                    (f"#{attempt.attempt} {attempt.kind}", "bold red"),
                    (f"  {self.ago(attempt.finished_at)} ago, {', '.join(filter(None, details))}", "dim"),
                ]
            )
            said = f"{attempt.error_class or ''}: {attempt.message or ''}".strip(": ")
            drawn += [[("   " + line, "")] for line in split_lines(said, most=50)]
            drawn += [[("   " + line, "dim")] for line in split_lines(attempt.traceback or "", most=500)]
        if shown.job.state is State.SUCCEEDED:
            drawn.append([(f"#{shown.job.attempt} succeeded", "bold green"), (f"  after {span(shown.job.run)}", "dim")])
        return self._joined(drawn or [[("no attempt has failed", "dim")]])

    def _dependencies(self, shown: JobView) -> Text:
        drawn: list[list[tuple[str, str]]] = []
        for each in shown.dependencies:
            if each.parent == shown.job.id:
                drawn.append([("before ", "dim"), (f"job {each.child}, if this one ends {each.condition}", "")])
                continue
            state = each.parent_state
            stands = self.look.state(state)[0] if state else "not in the store"
            met = "met, " if each.met else ""
            drawn.append(
                [
                    ("after  ", "dim"),
                    (f"job {each.parent}:{each.condition}, {met}", ""),
                    (stands, style_of(state) if state else ""),
                ]
            )
        return self._joined(drawn or [[("it waits for no job, and none for it", "dim")]])

    def _json(self, value: Any) -> Text:
        text = json.dumps(value, ensure_ascii=False, indent=2, default=str)
        return self._joined([[(line, "")] for line in split_lines(text, most=5000)])

    def _joined(self, lines: Sequence[Sequence[tuple[str, str]]]) -> Text:
        text = Text("\n").join(words(line, self.look) for line in lines)
        text.no_wrap = False
        return text
