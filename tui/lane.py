"""Asking where jobs are to be moved to."""

from __future__ import annotations

from collections.abc import Callable

from ..core.model.errors import JobschedError
from ..core.model.priority import Priority
from . import questions
from .acting import JobVerb, move_to
from .choice import ChooseOne
from .view import View


async def choose_lane(view: View, then: Callable[[JobVerb], object]) -> None:
    """Offer the queues that there are, and the priorities; tell `then` what was chosen, if anything was."""
    if view.shell.options.read_only:
        view.shell.say("read-only — nothing is moved here", bad=True)
        return
    try:
        queues = (await view.shell.feed.ask(questions.words)).get("queues", ())
    except JobschedError as error:
        view.shell.say(error.message, bad=True)
        return
    ways = {f"queue {name}": move_to(name, None) for name in sorted(queues)}
    ways |= {f"priority {each.word}": move_to(None, each) for each in Priority}

    def take(chosen: str | None) -> None:
        if chosen is not None:
            then(ways[chosen])

    view.app.push_screen(ChooseOne(view.look, "move to", list(ways), ""), take)
