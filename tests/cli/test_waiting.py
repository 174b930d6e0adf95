"""Jobs that wait, and what holds them up: --after, --hold, keys, limits, why."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from jobsched.tests.store.hands import Hands

from .conftest import Outcome

Cli = Callable[..., Outcome]


def test_a_job_is_submitted_after_others_held_and_released(cli: Cli) -> None:
    """Each verb says what became of the job; show names what it waits for."""
    parent = cli("submit", "noop", "--hold").out.strip()
    child = cli("submit", "noop", "--after", parent, "--after", f"{parent}:ok")
    assert (child.code, "named" in child.err or "twice" in child.err) == (2, True)
    child_id = cli("submit", "noop", "--after", f"{parent}:any").out.strip()
    assert cli("ls", "--state", "blocked", "-o", "id").lines == [child_id, parent]
    (reasons,) = [cli("why", child_id, "-o", "json")]
    assert reasons.code == 1
    assert [(item["job"], item["reason"], item["fix"]) for item in reasons.json["items"]] == [
        (int(child_id), "dependency", None), (int(parent), "held", f"jobsched release {parent}"),
        (int(child_id), "no-worker", "jobsched worker"),
    ]  # fmt: skip
    assert cli("release", parent).code == 0
    assert cli("release", parent).code == 4
    assert cli("cancel", parent).code == 0
    assert cli("ls", "--state", "queued", "-o", "id").lines == [child_id]
    assert cli("hold", "--queue", "default").code == 0
    assert cli("release", "--queue", "default", "-o", "id").lines == [child_id]


def test_waiting_jobs_are_moved_and_moved_back(cli: Cli) -> None:
    """By number or selection, into a queue that need not exist yet; what does not wait is left out."""
    ids = [cli("submit", "noop", "-Q", "a").out.strip() for _ in range(2)]
    held = cli("submit", "noop", "-Q", "a", "--hold").out.strip()
    assert cli("move", "--queue", "a", "--to", "b", "--dry-run").code == 0
    done = cli("move", "--queue", "a", "--to", "b", "--priority", "high", "-o", "jsonl")
    assert [(line["id"], line["state"]) for line in done.rows] == [
        (int(ids[0]), "queued"), (int(ids[1]), "queued"), (int(held), "blocked"),
    ]  # fmt: skip
    assert cli("ls", "-f", "queue:b priority:high", "-q").lines == [held, ids[1], ids[0]]
    assert cli("move", ids[0], held, "--to", "b").code == 4
    assert cli("undo", "1").code == 0
    assert cli("ls", "-f", "queue:a priority:default", "-q").lines == [held, ids[1], ids[0]]
    ops = cli("ops", "ls", "-o", "jsonl").rows
    assert [(op["verb"], op["jobs"]) for op in ops] == [("move", 0), ("move", 3)]


def test_a_purge_can_be_undone(cli: Cli) -> None:
    """It is a change like others, with a number."""
    ids = [cli("submit", "noop", "-Q", "a", *more).out.strip() for more in ((), ("--hold",), ("--in", "1h"))]
    assert cli("queue", "purge", "a", "-y", "-o", "jsonl").rows[0]["cancelled"] == 3
    assert cli("ls", "--state", "cancelled", "-q").lines == ids[::-1]
    assert cli("undo", "1").code == 0
    assert cli("ls", "-f", "state:queued,blocked,scheduled", "-q").lines == ids[::-1]


def test_jobs_that_are_moved_keep_their_order(cli: Cli, database_url: str) -> None:
    """However many pages they are: the oldest still runs first; also when it is undone."""
    jobs = cli("submit", "noop", "--batch", "-", "-q", "-Q", "a", stdin="{}\n" * 1300).lines
    places = "select job_id::text from jobsched.ready where queue = %s order by seq"
    for queue, words in (("b", ["move", "-f", "queue:a", "--to", "b"]), ("a", ["undo"])):
        assert cli(*words, "-y").code == 0
        with psycopg.connect(database_url) as connection:
            assert [job_id for (job_id,) in connection.execute(places, (queue,))] == jobs


def test_a_queue_is_drained(cli: Cli, database_url: str) -> None:
    """Paused, and waited for until nothing of it runs; the time for that may be bounded."""
    cli("submit", "noop", "-Q", "a")
    with psycopg.connect(database_url, autocommit=True) as connection:
        hands = Hands(connection, lease_seconds=600.0)
        [job] = hands.claim(queue="a")
        late = cli("queue", "drain", "a", "--timeout", "0.1s")
        assert (late.code, "1 job of queue a still ran" in late.err) == (124, True)
        assert "jobsched ls --queue a --state running" in late.err
        hands.succeed(job)
    drained = cli("queue", "drain", "a", "-o", "jsonl")
    assert (drained.code, drained.rows[0]["paused"], drained.rows[0]["running"]) == (0, True, 0)
    cli("submit", "noop", "-Q", "a")
    assert cli("ls", "--queue", "a", "--state", "queued", "--count").out.strip() == "1"


def test_a_drain_keeps_why_a_queue_was_paused_and_lets_no_time_end_it(cli: Cli) -> None:
    """Whose pause it is stays; one that would end by itself does not end while somebody drains."""
    cli("queue", "set", "a", "--max-running", "5")
    for until, word in (((), "first"), (("--until", "1h"), "second")):
        cli("queue", "pause", "a", "--reason", word, *until)
        [drained] = cli("queue", "drain", "a", "-o", "jsonl").rows
        assert (drained["paused"], drained["pause_reason"], drained["paused_until"]) == (True, word, None)
    [drained] = cli("queue", "drain", "a", "--reason", "third", "-o", "jsonl").rows
    assert drained["pause_reason"] == "third"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["submit", "noop", "--after", "12"], 3, "job 12, after which"),
        (["submit", "noop", "--after", "9" * 20], 3, "is not in the store"),
        (["submit", "noop", "--after", "9" * 5000], 2, "ID:ok, ID:fail or ID:any"),
        (["submit", "noop", "--after", "0"], 3, "is not in the store"),
        (["submit", "noop", "--after", "x"], 2, "ID:ok, ID:fail or ID:any"),
        (["submit", "noop", "--unique", ""], 2, "unique key"),
        (["submit", "noop", "--concurrency-key", "a\nb"], 2, "concurrency key"),
        (["hold"], 2, "nothing selected"),
        (["move", "1"], 2, "add --to QUEUE, --priority WORD"),
        (["move", "--to", "b"], 2, "nothing selected"),
        (["move", "99", "--to", "b"], 3, "99"),
        (["move", "1", "--to", "a queue"], 2, "is not a name"),
        (["move", "1", "--priority", "urgent"], 2, "critical, high, default"),
        (["queue", "drain", "nowhere"], 3, "nowhere"),
        (["queue", "drain", "q", "--timeout", "soon"], 2, "--timeout"),
        (["release", "99"], 3, "99"),
        (["why", "99"], 3, "99"),
        (["queue", "set", "q"], 2, "--max-running 5"),
        (["queue", "set", "q", "--rate", "fast"], 2, "10/s, 100/m or 1/90s"),
        (["queue", "set", "q", "--rate", "0/s"], 2, "10/s"),
        (["queue", "set", "q", "--rate", "1/"], 2, "10/s"),
        (["queue", "set", "q", "--rate", f"{'9' * 400}/s"], 2, "10/s"),
        (["queue", "set", "q", "--max-running", "9" * 5000], 2, "whole number, or none"),
        (["queue", "set", "q", "--burst", "9" * 400], 2, "at most 1,000,000"),
        (["queue", "set", "q", "--max-running", "0"], 2, "max_running"),
        (["queue", "set", "q", "--max-running", "-1"], 2, "whole number, or none"),
        (["queue", "set", "q", "--key-limit", "0"], 2, "key_limit"),
        (["queue", "set", "a queue", "--key-limit", "1"], 2, "is not a name"),
    ],
)
def test_what_makes_no_sense_is_refused(cli: Cli, words: list[str], code: int, said: str) -> None:
    """With a code, and a line that says what would."""
    done = cli(*words)
    assert done.code == code
    assert said in done.err
    assert cli("ls", "-q").out == ""
    assert {row["name"] for row in cli("queue", "ls", "-o", "jsonl").rows} <= {"default"}


def test_limits_are_set_shown_and_taken_away(cli: Cli) -> None:
    """What is not named stays as it is."""
    assert cli("queue", "set", "mail", "--max-running", "5", "--rate", "90/m", "--key-limit", "2").code == 0
    assert cli("queue", "set", "mail", "--max-running", "none").code == 0
    (queue,) = cli("queue", "ls", "-o", "jsonl").rows
    assert [queue[name] for name in ("max_running", "rate", "burst", "key_limit")] == [None, 1.5, 2, 2]


def test_a_batch_names_what_its_jobs_wait_for(cli: Cli) -> None:
    """As the flags do; nonsense is told by line."""
    parent = cli("submit", "noop").out.strip()
    lines = [
        f'{{"type": "noop", "after": [{parent}, "{parent}"]}}',
        f'{{"type": "noop", "after": ["{parent}:any"], "concurrency_key": "k", "unique": "u", "hold": true}}',
        '{"type": "noop", "hold": "yes"}',
        '{"type": "noop", "after": 5}',
    ]
    done = cli("submit", "--batch", "-", "-o", "jsonl", stdin="\n".join(lines))
    assert done.code == 5
    assert [row.get("id") is not None for row in done.rows] == [False, True, False, False]
    assert cli("ls", "--state", "blocked", "-q").lines == [str(done.rows[1]["id"])]


def test_the_second_of_a_kind_is_the_first_one(cli: Cli) -> None:
    """--unique prints the active job's id, exit 0."""
    first = cli("submit", "noop", "--unique", "nightly")
    assert cli("submit", "noop", "--unique", "nightly").out == first.out
