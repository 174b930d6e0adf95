"""Keys of one's own: checked at the door, known to the help, and to the command line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from jobsched.core.model.errors import ConfigError
from jobsched.core.model.job import NewJob
from jobsched.core.service import Service
from jobsched.tests.tui.driving import until_shown
from jobsched.tui.keymap import known, read_keymap

Drive = Callable[..., Any]


def test_no_key_has_two_uses_as_it_is() -> None:
    """Whatever is changed to the keys that it has already is fine."""
    keys = known()
    assert len(keys) == len(Counter(keys)) > 50
    assert {"jobs_cancel", "app_undo", "table_every", "log_wrap"} <= set(keys)
    shared = {"app_back", "table_unmark"}  # Escape takes the marks away first, and goes back where there are none
    alone = [name for name in keys if name.partition("_")[0] not in ("job", "log") and name not in shared]
    assert read_keymap({name: ",".join(keys[name].keys) for name in alone})


@pytest.mark.parametrize(
    ("keymap", "said"),
    [
        ({"jobs_cancle": "x"}, "jobs_cancel is the closest"),
        ({"jobs_cancel": ""}, "keys are characters or names"),
        ({"jobs_cancel": "x;y"}, "keys are characters or names"),
        ({"jobs_cancel": "j"}, "table_down's"),
        ({"jobs_cancel": "R"}, "jobs_retry's"),
        ({"app_undo": "S"}, "(Stop) already"),
        ({"jobs_cancel": "x", "jobs_hold": "x"}, "already"),
    ],
)
def test_what_cannot_be_meant_is_refused(keymap: dict[str, str], said: str) -> None:
    """With the name of what has the key."""
    with pytest.raises(ConfigError, match="keymap") as caught:
        read_keymap(keymap)
    assert said in f"{caught.value.message} {caught.value.fix}"


def test_keys_can_be_exchanged_and_views_may_share_them() -> None:
    """Only the end of it has to be free of doubt."""
    assert read_keymap({"jobs_cancel": "R", "jobs_retry": "C"}) == {"jobs.cancel": "R", "jobs.retry": "C"}
    assert read_keymap({"jobs_cancel": "ctrl+k, D"}) == {"jobs.cancel": "ctrl+k,D"}


async def test_another_key_does_it_and_the_old_one_does_not(driven: Drive, service: Service) -> None:
    """Help names the new one."""
    service.submit(NewJob("noop"))
    async with driven(view="jobs", size=(120, 60), keymap=read_keymap({"jobs_cancel": "X"})) as (_, pilot):
        await until_shown(pilot, "1 loaded")
        await pilot.press("question_mark")
        assert "X                       Cancel" in await until_shown(pilot, "upper-case letters")
        await pilot.press("escape", "C")
        await pilot.press("X")
        await until_shown(pilot, "Cancel 1 job?")
