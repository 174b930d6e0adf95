"""Listings: one set of records, every format; the shapes are a promise."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml

Cli = Callable[..., Any]
ISO = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
HOSTILE = "\x1b]0;owned\x07\u202e[red]x[/red]\n\ttab\x9b2J" + "東" * 3 + "y" * 10_000
JOB_FIELDS = [
    "id", "state", "type", "queue", "priority", "attempt", "max_attempts", "created_at", "run_at", "finished_at",
    "run", "worker", "error", "started_at", "wait", "tags", "payload", "result", "crashes", "losses", "backoff",
    "timeout", "idempotency_key", "unique_key", "concurrency_key", "held_by",
    "submitter", "progress", "progress_message", "cancel_requested", "fingerprint", "schedule", "scheduled_for",
]  # fmt: skip


def test_a_pipe_gets_tsv_without_a_header(cli: Cli) -> None:
    """Thirteen fields, ISO times, nothing shortened, newest first."""
    first, second = (
        cli("submit", "noop").out.strip(),
        cli("submit", "noop", "-Q", "q2", "--priority", "low").out.strip(),
    )
    newest, oldest = cli("ls").lines
    assert re.fullmatch(rf"{second}\tqueued\tnoop\tq2\tlow\t0\t3\t{ISO}\t\t\t\t\t", newest)
    assert re.fullmatch(rf"{first}\tqueued\tnoop\tdefault\tdefault\t0\t3\t{ISO}\t\t\t\t\t", oldest)


def test_json_is_one_envelope_with_every_field(cli: Cli) -> None:
    """{"v":1,"kind":"job.list","items":[…],"next":…}; fields may be added, never taken away."""
    job_id = int(cli("submit", "noop", "a=1").out)
    found = cli("ls", "-o", "json").json
    assert list(found) == ["v", "kind", "items", "next"]
    assert (found["v"], found["kind"], found["next"]) == (1, "job.list", None)
    (item,) = found["items"]
    assert list(item) == JOB_FIELDS
    assert (item["id"], item["payload"], item["state"], item["error"]) == (job_id, {"a": "1"}, "queued", None)
    assert re.fullmatch(ISO, item["created_at"])


def test_jsonl_is_one_record_a_line(cli: Cli) -> None:
    """Each line stands alone and says what it is."""
    cli("submit", "noop")
    cli("submit", "noop")
    rows = cli("ls", "-o", "jsonl").rows
    assert [(row["v"], row["kind"], list(row)[2:]) for row in rows] == [(1, "job", JOB_FIELDS)] * 2


def test_csv_has_a_header_unless_told_otherwise(cli: Cli) -> None:
    """RFC 4180, readable by any spreadsheet."""
    cli("submit", "noop")
    header, row = csv.reader(io.StringIO(cli("ls", "-o", "csv").out))
    assert header == JOB_FIELDS[:13]
    assert row[2] == "noop"
    assert len(cli("ls", "-o", "csv", "--no-header").lines) == 1


def test_ids_alone_for_the_next_command(cli: Cli) -> None:
    """-q and -o id are the same."""
    job_id = cli("submit", "noop").out
    assert cli("ls", "-q").out == cli("-o", "id", "ls").out == job_id


def test_yaml_says_what_json_says(cli: Cli) -> None:
    """Read by somebody else's parser; also what is nested, empty or hostile."""
    cli("submit", "noop", f"text={HOSTILE}\U000e0041", "n:=[1, null, {}]", "--tag", "t")
    for words in (
        ["ls"],
        ["show", "@last"],
        ["config", "get", "poll"],
        ["handlers", "ls"],
        ["ls", "--queue", "nobody"],
        ["ls", "--fields", "id,payload"],
    ):
        assert yaml.safe_load(cli(*words, "-o", "yaml").out) == cli(*words, "-o", "json").json
        assert cli(*words, "-o", "yaml").out.replace("\n", "").isprintable()


def test_a_template_is_a_line_for_each_record(cli: Cli) -> None:
    """Fields in braces, tabs and braces themselves; what is in a field cannot end the line."""
    job_id = cli("submit", "noop", f"text={HOSTILE}").out.strip()
    done = cli("ls", "-o", "template={{{id}}}\\t{state} of {queue}")
    assert done.out == f"{{{job_id}}}\tqueued of default\n"
    assert len(cli("ls", "-o", "template={payload}\x1b[2J").lines) == 1
    assert cli("ls", "-o", "template={payload}\x1b[2J").out.strip().isprintable()


@pytest.mark.parametrize(
    "words",
    ["submit noop", "submit noop --wait --wait-timeout 1s", "submit noop --follow --wait-timeout 1s", "queue pause a",
     "queue resume a", "queue set a --max-running 3", "queue drain a", "queue purge a -y", "cancel 1", "hold 1"],
)  # fmt: skip
@pytest.mark.parametrize("flags", [["-o", "template={nope}"], ["-o", "json", "--fields", "nope"]], ids=" ".join)
def test_nothing_is_done_where_its_result_could_not_be_shown(cli: Cli, words: str, flags: list[str]) -> None:
    """A command that is refused has changed nothing, so that it may be typed again."""
    cli("submit", "noop", "-Q", "a")
    before = cli("ls", "-o", "json").json, cli("queue", "ls", "--fields", "name,paused,queued,max_running").out
    done = cli(*words.split(), *flags)
    assert done.code == 2
    assert "there is no field 'nope'" in done.err
    after = cli("ls", "-o", "json").json, cli("queue", "ls", "--fields", "name,paused,queued,max_running").out
    assert after == before


@pytest.mark.parametrize(
    ("template", "said"),
    [("{nope}", "there is no field 'nope'"), ("{id", "cannot be read"), ("{id!r}", "nothing else may stand"),
     ("{id:>5}", "nothing else may stand"), ("{}", "there is no field ''"), ("{id.__class__}", "there is no field")],
)  # fmt: skip
def test_a_template_that_makes_no_sense_is_refused(cli: Cli, template: str, said: str) -> None:
    """With an example of one that does."""
    done = cli("ls", "-o", f"template={template}")
    assert done.code == 2
    assert said in done.err
    assert "template={id} {state}" in done.err


def test_a_wide_table_has_every_field_that_is_not_empty(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal of any width."""
    cli("submit", "noop", "x=" + "y" * 200)
    monkeypatch.setenv("COLUMNS", "60")
    wide, table = cli("ls", "-o", "wide"), cli("ls", "-o", "table")
    headings = {each.strip() for each in wide.lines[0].split("  ")}
    assert {"SUBMITTER", "PAYLOAD", "MAX ATTEMPTS"} <= headings
    assert "SUBMITTER" not in table.lines[0]
    assert len(wide.lines) == 2


def test_fields_choose_and_order_in_every_format(cli: Cli) -> None:
    """--fields type,id; without a value it lists what there is."""
    job_id = cli("submit", "noop", "a=ü").out.strip()
    assert cli("ls", "--fields", "type,id,payload").out == f'noop\t{job_id}\t{{"a":"ü"}}\n'
    assert cli("ls", "--fields", "type,id", "-o", "jsonl").rows == [
        {"v": 1, "kind": "job", "type": "noop", "id": int(job_id)}
    ]
    assert cli("ls", "--fields").lines == JOB_FIELDS
    assert cli("ls", "--fields", "-o", "json").lines == JOB_FIELDS


def test_global_flags_may_stand_before_or_after_the_verb(cli: Cli) -> None:
    """The order that is typed does not matter."""
    cli("submit", "noop")
    for argv in (["-o", "json", "queue", "ls"], ["queue", "-o", "json", "ls"], ["queue", "ls", "-o", "json"]):
        assert cli(*argv).json["kind"] == "queue.list"


def test_filters_hold_in_json_too(cli: Cli) -> None:
    """--state, --queue, --type, --tag, --since, --limit and --before cut the same way in every format."""
    ids = [int(cli("submit", "noop", "-Q", f"q{n % 2}", "--tag", f"t{n}").out) for n in range(4)]
    cli("cancel", str(ids[0]))

    def found(*flags: str) -> list[int]:
        return [item["id"] for item in cli("ls", "-o", "json", *flags).json["items"]]

    assert found("--queue", "q1") == [ids[3], ids[1]]
    assert found("--state", "cancelled") == [ids[0]]
    assert found("--state", "queued,cancelled", "--queue", "q0") == [ids[2], ids[0]]
    assert found("--tag", "t2") == [ids[2]]
    assert found("--type", "fail") == []
    assert found("--since", "1h") == ids[::-1]
    assert found("--limit", "2") == [ids[3], ids[2]]
    assert found("--limit", "2", "--before", str(ids[2])) == [ids[1], ids[0]]
    assert cli("ls", "-o", "json", "--limit", "2").json["next"] == str(ids[2])


def test_counts_are_numbers_that_awk_can_read(cli: Cli) -> None:
    """--count, --group-by, and exit codes for monitoring."""
    ids = [cli("submit", "noop", "-Q", f"q{n % 2}", "--tag", f"t{n}").out.strip() for n in range(3)]
    cli("cancel", ids[0])
    assert cli("ls", "--count").out == "3\n"
    assert cli("ls", "--count", "--state", "queued").out == "2\n"
    assert cli("ls", "--count", "--tag", "t1").out == "1\n"
    assert cli("ls", "--group-by", "queue,state").out == "q0\tcancelled\t1\nq0\tqueued\t1\nq1\tqueued\t1\n"
    assert cli("ls", "--group-by", "state", "-o", "json").json["items"] == [
        {"state": "cancelled", "count": 1},
        {"state": "queued", "count": 2},
    ]
    assert cli("ls", "--state", "dead", "--fail-if-any").code == 0
    assert cli("ls", "--state", "queued", "--fail-if-any").code == 1
    assert cli("ls", "--state", "dead", "--fail-if-none", "--count").code == 1


def test_hostile_text_reaches_no_output_raw(cli: Cli) -> None:
    """Control characters, bidi marks, markup and newlines are spelled out; no format has more lines than records."""
    job_id = cli("submit", "noop", f"text={HOSTILE}").out.strip()
    cli("cancel", job_id, "--reason", "because [red]")
    for flags in (
        ["-o", "tsv"], ["-o", "csv", "--no-header"], ["-o", "json"], ["-o", "jsonl"],
        ["-o", "template={payload}{error}"],
    ):  # fmt: skip
        fields = ["--fields", "id,payload,error"]
        done = cli("ls", *fields, *flags)
        assert len(done.lines) == 1
        assert done.out.replace("\n", "").replace("\t", "").isprintable()
        assert "[red]" in done.out
        assert "y" * 10_000 in done.out
    assert cli("ls", "-o", "json").json["items"][0]["payload"] == {"text": HOSTILE}


def test_other_listings_have_their_shapes(cli: Cli) -> None:
    """Queues, handlers and settings; empty ones are empty, not errors."""
    cli("submit", "noop")
    (queue,) = cli("queue", "ls", "-o", "json").json["items"]
    assert (queue["name"], queue["paused"], queue["queued"], queue["running"]) == ("default", False, 1, 0)
    names = [item["name"] for item in cli("handlers", "ls", "-o", "json").json["items"]]
    assert {"noop", "fail", "command", "image_resize", "pdf_invoice"} <= set(names)
    for verb in (["workers", "ls"], ["dlq", "ls"], ["dlq", "ls", "--by", "error"]):
        done = cli(*verb, "-o", "json")
        assert (done.code, done.json["items"]) == (0, [])
        assert cli(*verb).out == ""


def test_secrets_are_hidden_and_origins_shown(cli: Cli, database_url: str) -> None:
    """`config` never prints a URL with a password in it; it does say which layer won."""
    rows = {item["key"]: item for item in cli("config", "list", "-o", "json").json["items"]}
    assert rows["database_url"]["value"] == "(hidden)"
    assert rows["database_url"]["origin"] == "JOBSCHED_DATABASE_URL"
    assert rows["lease"]["origin"] == "default"
    assert cli("config", "get", "database_url").out == "(hidden)\n"
    assert cli("config", "get", "lease").out == "30s\n"
    assert database_url not in cli("config", "list").out + cli("config", "explain", "database_url").out
