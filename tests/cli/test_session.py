"""docs/session.md: a session on a terminal, as it was when the program was last changed."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "session.md"
WRITE = "JOBSCHED_TEST_WRITE_GENERATED"
"""Set, the session is written instead of compared: `make generated`."""


def test_the_generated_session_is_what_the_program_says(terminal: Callable[..., Any]) -> None:
    """Line by line on an empty store; only how long things took may be another. `tui` opens what no page can hold."""
    document = PAGE.read_text()
    found = re.search(r"<!-- generated: session -->\n```console\n(.*?)```\n<!-- end -->", document, re.DOTALL)
    assert found, "the page has no place for it"
    said = ""
    for line in re.findall(r"^\$ jobsched (.*)$", found[1], re.MULTILINE):
        shown = "" if line == "tui" else terminal(*shlex.split(line), NO_COLOR="1", columns=100)[1]
        said += "\n".join([f"$ jobsched {line}", *(each.rstrip() for each in shown.splitlines())]) + "\n"
    said = placeless(said)
    if os.environ.get(WRITE):
        PAGE.write_text(document[: found.start(1)] + said + document[found.end(1) :])
        return
    assert timeless(found[1]) == timeless(said), "make generated"


def placeless(text: str) -> str:
    """As if ann had been at her desk on a Monday morning, and not a test on some machine."""
    text = re.sub(r"\b[\w.-]+@[\w.-]+", "ann@desk", text)
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", "2026-03-02T09:41:07.000Z", text)


def timeless(text: str) -> list[str]:
    """The words of each line, but for durations."""
    return [" ".join(re.sub(r"\b\d+(\.\d+)?(ms|s|m)\b", "…", line).split()) for line in text.splitlines()]
