"""cancel, retry, queue and dlq: selections, per-item results, confirmation, exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Cli = Callable[..., Any]


def submit(cli: Cli, count: int, *flags: str) -> list[str]:
    lines = '{"type":"noop"}\n' * count
    done: list[str] = cli("submit", "--batch", "-", "-q", *flags, stdin=lines).lines
    return done


def test_each_job_of_a_change_has_its_result(cli: Cli) -> None:
    """Some went well, some did not: exit 5, and the lines say which."""
    first, second = submit(cli, 2)
    assert cli("cancel", first).code == 0
    done = cli("cancel", first, second, "999", "-o", "jsonl")
    assert done.code == 5
    assert [(row["id"], row["ok"], row["code"]) for row in done.rows] == [
        (int(first), False, "WRONG_STATE"),
        (int(second), True, None),
        (999, False, "JOB_NOT_FOUND"),
    ]


def test_when_all_conflict_it_is_exit_4(cli: Cli) -> None:
    """Nothing was done because everything is in another state."""
    ids = submit(cli, 2)
    cli("cancel", *ids)
    assert cli("cancel", *ids).code == 4
    assert cli("retry", *ids).code == 0
    assert cli("retry", *ids).code == 4


def test_selections_come_from_ids_stdin_last_and_filters(cli: Cli) -> None:
    """Lines, JSONL, @last and filters name the same jobs."""
    ids = submit(cli, 4, "-Q", "q")
    assert cli("cancel", "-", stdin=f"{ids[0]}\n\n").code == 0
    assert cli("cancel", "-", stdin=json.dumps({"v": 1, "id": int(ids[1])})).code == 0
    assert cli("cancel", "@last").lines[0].startswith(ids[3])
    assert cli("cancel", "--queue", "q").lines == [f"{ids[2]}\ttrue\tcancelled\t"]
    assert len(cli("retry", "--state", "cancelled", "--queue", "q").lines) == 4
    assert cli("retry", "-", stdin=cli("ls", "-o", "jsonl").out).code == 4


def test_selecting_nothing_is_an_error_unless_allowed(cli: Cli) -> None:
    """`jobsched cancel $IDS` with an empty variable must not cancel everything."""
    submit(cli, 1)
    assert cli("cancel").code == 2
    assert cli("cancel", "-", stdin="").code == 2
    assert cli("cancel", "--queue", "other").code == 2
    assert cli("cancel", "--queue", "other", "--allow-empty").code == 0
    assert cli("retry", "--state", "dead", "--allow-empty").code == 0
    assert cli("ls", "--state", "queued", "--count").out == "1\n"


def test_more_than_twenty_jobs_need_a_yes(cli: Cli) -> None:
    """Nobody can be asked in a pipe: exit 2 with the flag to add, and nothing done."""
    submit(cli, 21)
    refused = cli("cancel", "--queue", "default")
    assert refused.code == 2
    assert "add --yes" in refused.err
    assert cli("ls", "--state", "cancelled", "--count").out == "0\n"
    assert cli("cancel", "--queue", "default", "--yes").code == 0
    assert cli("ls", "--state", "cancelled", "--count").out == "21\n"


def test_a_dry_run_names_the_jobs_and_changes_nothing(cli: Cli) -> None:
    """For every change that takes a selection."""
    ids = submit(cli, 2)
    done = cli("cancel", "--queue", "default", "-n")
    assert (done.code, sorted(done.lines)) == (0, sorted(ids))
    assert cli("ls", "--state", "queued", "--count").out == "2\n"
    assert cli("queue", "purge", "default", "--dry-run").code == 0
    assert cli("ls", "--state", "queued", "--count").out == "2\n"


def test_queues_are_paused_resumed_and_purged(cli: Cli) -> None:
    """What is paused says by whom, why and until when."""
    submit(cli, 2)
    paused = cli("queue", "pause", "default", "--reason", "maintenance", "--until", "1h", "-o", "json").json["items"][0]
    assert (paused["paused"], paused["pause_reason"]) == (True, "maintenance")
    assert paused["paused_by"]
    assert paused["paused_until"]
    assert cli("queue", "resume", "default", "-o", "json").json["items"][0]["paused"] is False
    assert cli("queue", "purge", "default").code == 2
    assert cli("queue", "purge", "default", "--yes").out == "default\t2\n"


def test_waiting_has_a_limit(cli: Cli) -> None:
    """Exit 124 when --timeout is over; 1 when a job did not succeed."""
    (job_id,) = submit(cli, 1)
    late = cli("wait", job_id, "--timeout", "50ms")
    assert (late.code, late.out) == (124, "")
    cli("cancel", job_id)
    done = cli("wait", job_id)
    assert done.code == 1
    assert done.out.startswith(f"{job_id}\tcancelled\t")


def test_waiting_for_any_ends_with_the_first(cli: Cli) -> None:
    """The others may go on."""
    first, second = submit(cli, 2)
    cli("cancel", second)
    assert cli("wait", "--any", first, second).lines[0].startswith(second)
