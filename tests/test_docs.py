"""The documents: what can be generated is, and what can be run runs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.metrics_core import Metric

from jobsched.cli.commands.help import EXIT_CODES
from jobsched.core import config
from jobsched.core.config import SETTINGS
from jobsched.core.metrics import GAUGES, SchedulerMetrics, WorkerMetrics
from jobsched.core.model.selection import FIELDS
from jobsched.core.model.selection.fields import OPERATORS
from jobsched.core.model.states import TABLE_OF, TRANSITIONS, State
from jobsched.tui.keymap import known, read_keymap

ROOT = Path(__file__).parents[1]
PROGRAM = str(Path(sys.executable).with_name("jobsched"))
WRITE = "JOBSCHED_TEST_WRITE_GENERATED"
"""Set, the generated parts are written instead of compared: `make generated`."""


def drawn_states() -> str:
    """The transition table as a Mermaid diagram and as a table of states."""
    lines = ["```mermaid", "stateDiagram-v2"]
    for before, following in TRANSITIONS.items():
        for after, words in following.items():
            # In Mermaid a semicolon ends the line.
            lines.append(f"    {before or '[*]'} --> {after}: {words.replace('; ', ' / ')}")
    lines += [f"    {state} --> [*]" for state in State if state.is_final]
    lines += ["```", "", "| state | table | ends the job |", "|---|---|---|"]
    lines += [f"| `{state}` | `{TABLE_OF[state]}` | {'yes' if state.is_final else ''} |" for state in State]
    return "\n".join(lines)


def settings_table() -> str:
    """Every setting with its variable, default and meaning."""
    lines = ["| setting | environment | default | |", "|---|---|---|---|"]
    for setting in SETTINGS:
        names = ", ".join(f"`{name}{'NAME' if setting.table else ''}`" for name in setting.env)
        default = f"`{setting.default}`" if setting.default else ""
        mark = "" if not setting.trusted else " ¹"
        key = f"{setting.key}.NAME" if setting.table else setting.key
        lines.append(f"| `{key}`{mark} | {names} | {default} | {setting.help} |")
    return "\n".join(lines)


def exit_codes_table() -> str:
    """The contract of `jobsched help exit-codes`."""
    rows = re.findall(r"^ *(\d+)  (.*)$", EXIT_CODES, re.MULTILINE)
    lines = ["| code | meaning |", "|---|---|", *(f"| {code} | {meaning} |" for code, meaning in rows)]
    return "\n".join([*lines, "", "With `--propagate`, the job's own exit code."])


def fields_table() -> str:
    """Every field of the selection grammar."""
    lines = ["| field | compared by | |", "|---|---|---|"]
    for field in FIELDS.values():
        operators = " ".join(f"`{each}`" for each in OPERATORS[field.kind])
        also = f" (also {', '.join(f'`{alias}`' for alias in field.aliases)})" if field.aliases else ""
        lines.append(f"| `{field.name}` | {operators} | {field.help}{also} |")
    return "\n".join(lines)


def cron_metrics_table() -> str:
    """Every metric of a scheduler that has decided a tick."""
    metrics = SchedulerMetrics(clock_ahead=lambda: 0.0, silent=lambda: 0.0, process=False)
    metrics.decided([("name", "fired", 0.1)], 0)
    return table_of(metrics.collect())


def metrics_table() -> str:
    """Every metric of a worker that has done everything once."""
    metrics = WorkerMetrics({name: lambda: 0.0 for name in GAUGES}, process=False)
    metrics.finished("type", "success", [1.0], [1.0])
    metrics.of_schedule("name", "success", 1)
    for count in (metrics.retried, metrics.deadlettered, metrics.recovered, metrics.promoted):
        count("default", 1)
    return table_of(metrics.collect())


def table_of(families: Iterable[Metric]) -> str:
    """Metrics, their labels and what they are."""
    lines = ["| metric | labels | |", "|---|---|---|"]
    for family in families:
        labels = sorted({label for sample in family.samples for label in sample.labels} - {"le"})
        name = family.name + ("_total" if family.type == "counter" else "")
        lines.append(f"| `{name}` | {', '.join(f'`{label}`' for label in labels)} | {family.documentation} |")
    return "\n".join(lines)


CHARACTERS = {"asterisk": "*", "slash": "/", "colon": ":", "plus": "+", "minus": "-", "question_mark": "?"}
CHARACTERS |= {"left_square_bracket": "[", "right_square_bracket": "]"}


def keys_table() -> str:
    """Every key of the screens, by the name that [keymap] knows: `jobsched tui --keys`."""
    lines = ["| key | does | name |", "|---|---|---|"]
    for key in known().values():
        keys = " ".join(f"`{CHARACTERS.get(each, each)}`" for each in key.keys)
        lines.append(f"| {keys} | {key.what} | `{key.name}` |")
    return "\n".join(lines)


GENERATED: list[tuple[str, str, Callable[[], str]]] = [
    ("docs/states.md", "states", drawn_states),
    ("README.md", "settings", settings_table),
    ("README.md", "exit-codes", exit_codes_table),
    ("docs/selection.md", "fields", fields_table),
    ("docs/operations.md", "metrics", metrics_table),
    ("docs/tui.md", "keys", keys_table),
    ("docs/operations.md", "cron-metrics", cron_metrics_table),
]


@pytest.mark.parametrize(("path", "name", "generate"), GENERATED, ids=[name for _, name, _ in GENERATED])
def test_generated_parts_are_what_the_code_says(path: str, name: str, generate: Callable[[], str]) -> None:
    """A drawing or table that is made from the code equals what the code makes today."""
    document = (ROOT / path).read_text()
    found = re.search(rf"<!-- generated: {name} -->\n(.*?)\n?<!-- end -->", document, re.DOTALL)
    assert found, f"{path} has no place for {name}"
    if os.environ.get(WRITE):
        (ROOT / path).write_text(document[: found.start(1)] + generate() + "\n<!-- end -->" + document[found.end() :])
        return

    assert found.group(1) == generate(), "make generated"


def jobsched(*words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the installed program."""
    return subprocess.run([PROGRAM, *words], capture_output=True, text=True, **options)


def documents() -> list[Path]:
    return [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(path: Path, language: str) -> list[str]:
    """The fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(), re.DOTALL | re.MULTILINE)


def commands(path: Path) -> set[tuple[str, ...]]:
    """The command lines of `jobsched` in a document's shell blocks and inline code, split into words."""
    text = "\n".join(
        [*blocks(path, "sh"), *blocks(path, "console"), *re.findall(r"`(jobsched [^`]+)`", path.read_text())]
    )
    lines = re.findall(r"(?:^|[\s(|;&])jobsched ([a-z-][^|;&#)\n]*)", text)
    return {tuple(line.partition(" -- ")[0].split()) for line in lines}


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_every_command_in_a_document_exists(path: Path) -> None:
    """A reader who types what is printed gets no usage error: verb and flags are there."""
    for words in commands(path):
        if words[0].startswith("-"):
            continue
        nouns = ("queue", "dlq", "workers", "handlers", "db", "db-tx", "config", "archive", "cron")
        noun = [word for word in words[1:2] if words[0] in nouns]
        shown = jobsched(words[0], *noun, "--help")
        assert shown.returncode == 0, f"jobsched {words[0]}: {shown.stderr}"
        flags = {word.partition("=")[0] for word in words if word.startswith("--")} - {"--help"}
        assert {flag for flag in flags if flag not in shown.stdout} == set(), words


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_every_make_target_in_a_document_exists(path: Path) -> None:
    """`make x` in a document is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert set(re.findall(r"`?\bmake ([a-z-]+)`", path.read_text())) <= targets


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    """A relative link names a file that is there."""
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text())

    assert [link for link in links if not (path.parent / link).exists()] == []


def test_the_readmes_program_runs(environ: dict[str, str], database_url: str, tmp_path: Path) -> None:
    """The Python example submits a job, and a worker's end of it is what it prints."""
    (program,) = blocks(ROOT / "README.md", "python")
    there: dict[str, Any] = {"env": environ | {"JOBSCHED_DATABASE_URL": database_url}, "cwd": tmp_path}
    worker = subprocess.Popen([PROGRAM, "worker"], stderr=subprocess.DEVNULL, **there)

    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, **there)
    worker.terminate()

    assert (printed.stdout, worker.wait(30)) == ("succeeded\n", 0), printed.stderr


def test_the_readmes_session_runs(environ: dict[str, str], database_url: str, tmp_path: Path) -> None:
    """Every line of the first session ends well on an empty store, and shows what it is said to show."""
    (session,) = blocks(ROOT / "README.md", "console")
    lines = re.findall(r"^\$ (.*)$", session, re.MULTILINE)
    script = "\n".join(["trap 'kill %1; wait' EXIT", *lines])
    environment = environ | {"JOBSCHED_DATABASE_URL": database_url}
    environment["PATH"] = f"{Path(PROGRAM).parent}:{environment['PATH']}"

    result = subprocess.run(
        ["bash", "-ec", script], capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=60
    )

    assert "exit code 3\nworking\n" in result.stdout, result.stdout + result.stderr
    assert (result.returncode, len(lines)) == (0, 6)


def test_the_settings_of_the_screens_page_are_taken(environ: dict[str, str], tmp_path: Path) -> None:
    """Its profiles and its keymap, as they are printed."""
    profiles, keymap = blocks(ROOT / "docs/tui.md", "toml")
    file = Path(environ["XDG_CONFIG_HOME"]) / "jobsched" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(f"{keymap}\n{profiles}")
    live = config.load(environ=environ, cwd=tmp_path, profile="live")
    assert (live["tui.production"], live["tui.read_only"]) == (True, False)
    assert config.load(environ=environ, cwd=tmp_path, profile="staging")["tui.read_only"] is True
    assert read_keymap(live["keymap"])["jobs.cancel"] == "ctrl+k"


def test_the_schedules_of_their_page_can_be_applied(environ: dict[str, str], database_url: str, tmp_path: Path) -> None:
    """The file of docs/cron.md, as it is printed; exported, it is taken back unchanged."""
    (text,) = blocks(ROOT / "docs/cron.md", "toml")
    there: dict[str, Any] = {"env": environ | {"JOBSCHED_DATABASE_URL": database_url}, "cwd": tmp_path}

    applied = jobsched("cron", "apply", "-f", "-", input=text, **there)
    exported = jobsched("cron", "export", **there)
    again = jobsched("cron", "apply", "-f", "-", input=exported.stdout, **there)

    assert applied.stdout == "nightly-report\tadded\t\npoll\tadded\t\n", applied.stderr
    assert again.stdout == "nightly-report\tunchanged\t\npoll\tunchanged\t\n", again.stderr


def test_the_example_handler_does_what_its_page_says(
    environ: dict[str, str], database_url: str, tmp_path: Path
) -> None:
    """The module of docs/handlers.md, as it is printed, runs in a real worker."""
    (tmp_path / "reports.py").write_text(blocks(ROOT / "docs/handlers.md", "python")[0])
    there: dict[str, Any] = {
        "env": environ | {"JOBSCHED_DATABASE_URL": database_url, "JOBSCHED_IMPORTS": "reports"},
        "cwd": tmp_path,
    }

    jobsched("submit", "report", "month=2026-03", "amounts:=[5, 7]", **there)
    jobsched("submit", "report", "month=2026-04", "amounts:=[5, -7]", **there)
    refused = jobsched("submit", "report", "month=March", "amounts:=[]", **there)
    worked = jobsched("worker", "--burst", **there)
    jobs = [json.loads(line) for line in jobsched("ls", "-o", "jsonl", **there).stdout.splitlines()]

    assert (refused.returncode, worked.returncode) == (2, 0), refused.stderr + worked.stderr
    assert [(job["id"], job["state"]) for job in jobs] == [(2, "dead"), (1, "succeeded")]
    assert "amount 2 is negative" in jobs[0]["error"]
    shown = json.loads(jobsched("show", "1", "-o", "json", **there).stdout)
    assert '"total": 12' in json.dumps(shown)


def test_the_example_of_hidden_fields_does_what_its_page_says(
    environ: dict[str, str], database_url: str, tmp_path: Path
) -> None:
    """The second module of docs/handlers.md runs in a real worker: nothing hidden is shown, the store is open."""
    _, module = blocks(ROOT / "docs/handlers.md", "python")
    (tmp_path / "renewals.py").write_text(module)
    there: dict[str, Any] = {
        "env": environ | {"JOBSCHED_DATABASE_URL": database_url, "JOBSCHED_IMPORTS": "renewals"},
        "cwd": tmp_path,
    }
    words = ("submit", "renew", "customer:=7", "password=sesame", 'notes:={"pin": "hunter2"}')

    refused = jobsched(*words, **there)
    there["env"]["JOBSCHED_DB_DEFAULT"] = "postgresql://contracts/db"
    submitted, worked = jobsched(*words, **there), jobsched("worker", "--burst", **there)
    (job,) = json.loads(jobsched("ls", "-o", "json", **there).stdout)["items"]

    assert "no database is called 'default'" in refused.stderr
    assert (refused.returncode, submitted.returncode, worked.returncode) == (2, 0, 0), worked.stderr
    assert job["payload"] == {"customer": 7, "password": "(hidden)", "notes": "(hidden)"}
    assert (job["state"], job["result"]) == ("succeeded", {"customer": 7, "jobs": 1})
