"""What is made from the command tree: completion scripts, docs/cli.md, man pages."""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path

import pytest

from jobsched.cli.reference import roff
from jobsched.cli.reference.completions import script
from jobsched.cli.reference.markdown import exit_codes, reference
from jobsched.cli.reference.scripts import FILES
from jobsched.cli.reference.tree import Node, tree
from jobsched.core.model.errors import JobschedError

ROOT = Path(__file__).parents[1]
WRITE = "JOBSCHED_TEST_WRITE_GENERATED"
"""Set, what is generated is written instead of compared: `make generated`."""


@cache
def program() -> Node:
    return tree()


@cache
def made() -> dict[str, str]:
    """Path → what the file has to be."""
    found = {f"completions/{name}": script(shell, program()) for shell, name in FILES.items()}
    found["docs/cli.md"] = reference(program())
    return found | {f"docs/man/{name}": page for name, page in roff.pages(program()).items()}


def test_generated_files_are_what_the_command_tree_says() -> None:
    """A verb or flag that is new, gone or explained otherwise is so in every place."""
    if os.environ.get(WRITE):
        for old in (ROOT / "docs/man").glob("*.1"):
            old.unlink()
        for path, text in made().items():
            (ROOT / path).parent.mkdir(exist_ok=True)
            (ROOT / path).write_text(text)
        return

    there = [*(f"docs/man/{each.name}" for each in (ROOT / "docs/man").glob("*.1")), "docs/cli.md"]
    assert {path for path in made() if not path.startswith("completions/")} == set(there), "make generated"
    assert [path for path, text in made().items() if (ROOT / path).read_text() != text] == [], "make generated"


def test_every_command_and_flag_is_explained() -> None:
    """Each has a line of help, and each argument of a name that does not explain itself."""
    for node in program().walk():
        assert node.summary.strip(), node.path
        assert [flag.names for flag in node.flags if not flag.help.strip()] == [], node.path


def test_every_exit_code_of_an_error_is_documented() -> None:
    """The contract of `jobsched help exit-codes` has a line for whatever an error ends with."""

    def codes(kind: type[JobschedError]) -> set[int]:
        return {kind.exit_code}.union(*(codes(each) for each in kind.__subclasses__()))

    assert codes(JobschedError) <= {int(code) for code, _ in exit_codes()}


@pytest.mark.parametrize("name", sorted(roff.pages(tree())))
def test_man_pages_hold_no_request_that_nobody_wrote(name: str) -> None:
    """A line of help that begins with a dot or has a backslash is text to roff, too."""
    known = (".TH ", ".SH ", ".TP", ".PP", ".br", '.\\"')
    for line in made()[f"docs/man/{name}"].splitlines():
        assert not line.startswith((".", "'")) or line.startswith(known), line
        assert set(re.findall(r"\\(.)", line.removeprefix('.\\"'))) <= set("fe-&"), line
