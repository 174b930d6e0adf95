"""Hostile names and texts in the store, shown on terminals of all kinds: nothing is obeyed, no column moves.

They are written past jobsched's own checks, as whoever has the store's password may.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from rich.cells import cell_len

from jobsched.core.model.text import DANGEROUS
from jobsched.tests.store.old_jobs import old_job

NAMES = [
    "\x1b[2J\x1b]0;owned\x07", "a\nb\r\nc", "a\tb\x0b\x0c\x08", "\x9b31mred", "\u202egnp.exe", "\u2066x\u2069",
    "\u2028", "[red]x[/red] [link=x]", "$(touch pwned)`touch pwned`", "'\"\\", "%s{0}", "-rf", "東京" * 30,
    "e\u0301" * 40, "\u0301x", "👩\u200d👩\u200d👧\u200d👦" * 5, "ﷺ" * 20, "\U000e0041tag", "\u200bzero", "\ufeffbom",
    "x" * 128, "नमस्ते" * 9, "🇩🇪" * 9,
]  # fmt: skip
LONG = "y" * 10_000
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
TERMINALS: dict[str, tuple[int, dict[str, str]]] = {
    "80 columns": (80, {"LANG": "C.UTF-8"}),
    "40 columns": (40, {"LANG": "C.UTF-8"}),
    "dumb": (80, {"TERM": "dumb"}),
    "without colour": (80, {"NO_COLOR": "1"}),
    "in the C locale": (80, {"LANG": "C"}),
    "ASCII for certain": (80, {"LC_ALL": "C"}),
}
TABLES = ["ls", "dlq ls", "dlq ls --by error", "queue ls", "workers ls", "ls --fields id,tags,type,error,queue"]
TEXTS = ["show {all}", "show -v {all}", "tail -n 5 --since 0-0-0", "why {all}", "logs {all}", "logs --timestamps {all}"]
MACHINE = [
    f"{verb} -o {form}" for verb in ("ls", "show {few}", "logs {few}") for form in ("tsv", "json", "jsonl", "csv")
]
WORKER = """
insert into jobsched.worker (name, host, boot_id, pid_namespace, pid, pid_start, version, types, schemas, concurrency,
                             lease_seconds, state, mark)
values (%s, %s, '-', 1, 1, 1, %s, array[%s], '{}', 1, 3600, 'available', '-')
"""
MANY = """
import json, os, sys
from jobsched.cli.main import run
for argv in json.loads(os.environ["LINES"]):
    print(f"== {argv}", flush=True)
    run(argv.split())
"""


@pytest.fixture
def ids(connect: Callable[[], psycopg.Connection[Any]]) -> list[int]:
    """A dead job for each of NAMES, with that name in every place that has room for it; their ids."""
    db = connect()
    found = []
    for number, name in enumerate(NAMES):
        text = f"{name} {name}\n{LONG}"
        found.append(
            old_job(
                db, 1, key=f"{number} {name}", queue=name, type=name, tags=[name], submitter=name, error=text, odd=text,
                fingerprint=f"{number:016}", payload=json.dumps({name: text}),
            )
        )  # fmt: skip
        db.execute("insert into jobsched.queue (name) values (%s)", (name,))
        db.execute(WORKER, (name, name, name, name))
    return found


@pytest.fixture
def shown(terminal: Callable[..., tuple[int, str]]) -> Callable[..., dict[str, str]]:
    """shown(["ls"], columns=80): what a terminal gets of each command line."""

    def run(lines: list[str], **environ: Any) -> dict[str, str]:
        _, text = terminal(program=[sys.executable, "-c", MANY], LINES=json.dumps(lines), **environ)
        parts = re.split(r"(?m)^== (.*)\r\n", text)
        found = dict(zip(parts[1::2], parts[2::2], strict=True))
        assert list(found) == lines, text[:2000]
        return found

    return run


def lines_of(text: str, *, coloured: bool) -> list[str]:
    """The lines as they are seen; there is nothing in them but text, colour where it is wanted, and ends of lines."""
    plain = COLOUR.sub("", text) if coloured else text
    assert not DANGEROUS.search(plain.replace("\r\n", "")), DANGEROUS.sub(lambda found: f"<{ord(found[0]):x}>", plain)
    return plain.split("\r\n")[:-1]


def left_edge(line: str, column: int) -> str:
    """What stands from a column on, whose edge must be one of a character's, with two blanks before it."""
    at = next((end for end in range(len(line) + 1) if cell_len(line[:end]) >= column), None)
    if at is None:
        return ""
    assert cell_len(line[:at]) == column, line
    assert column == 0 or line[:at].endswith("  "), line
    return line[at:]


@pytest.mark.parametrize("name", TERMINALS)
def test_tables_stay_aligned_and_nothing_in_them_is_obeyed(
    name: str, ids: list[int], shown: Callable[..., dict[str, str]]
) -> None:
    """Each row is one line no wider than the terminal, and its cells begin where their headings do."""
    columns, environ = TERMINALS[name]
    coloured = not {"NO_COLOR", "TERM"} & set(environ)
    for line, text in shown(TABLES, columns=columns, **environ).items():
        head, *rows = lines_of(text, coloured=coloured)
        assert len(rows) == len(NAMES), line
        assert max(cell_len(row.rstrip()) for row in (head, *rows)) <= columns, line
        for title in ("STATE", "TYPE", "QUEUE", "ERROR", "TAGS", "LIVENESS", "MESSAGE"):
            found = re.search(rf"  {title}( |$)", head)
            for row in rows if found else []:
                left_edge(row, found.start() + 2)  # type: ignore[union-attr]
        if line == "ls":
            place = head.index("STATE")
            assert {left_edge(row, place).split()[1] for row in rows} == {"dead"}


@pytest.mark.parametrize("name", TERMINALS)
def test_what_is_told_in_words_is_not_obeyed_either(
    name: str, ids: list[int], shown: Callable[..., dict[str, str]]
) -> None:
    """Records, events, reasons and what jobs said; of what they said, tabs and ends of lines remain."""
    columns, environ = TERMINALS[name]
    coloured = not {"NO_COLOR", "TERM"} & set(environ)
    commands = [line.format(all=" ".join(map(str, ids))) for line in TEXTS]
    found = shown(commands, columns=columns, **environ)
    for line, text in found.items():
        said = text.replace("\t", "") if line.startswith("logs") else text
        assert lines_of(said, coloured=coloured), line


def test_machine_formats_are_as_safe_on_a_terminal(ids: list[int], shown: Callable[..., dict[str, str]]) -> None:
    """Somebody looks at JSON before piping it; it still says what is stored."""
    commands = [line.format(few=" ".join(map(str, ids[:4]))) for line in MACHINE]
    found = shown(commands)
    for line, text in found.items():
        separators = text.replace("\t", "") if line.endswith("tsv") else text
        assert lines_of(separators, coloured=False), line
    jobs = json.loads(found["ls -o json"])["items"]
    assert [job["type"] for job in reversed(jobs)] == NAMES
