"""No statement on the way of a job, and no list, may read a big table from end to end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from jobsched.core.store.selecting import Page
from jobsched.core.store.sql import load
from jobsched.tests.store.plans import custom_plan, generic_plan, pretend_empty, selection_plan, sequential_scans

BIG = {
    "job", "ready", "delayed", "lease", "outcome", "attempt_log", "job_output", "checkpoint", "idempotency", "worker",
    "blocked", "dependency", "slot", "unique_active", "tick",
}  # fmt: skip
MAX_ID = (1 << 63) - 1
LOOK: dict[str, Any] = {
    "before": datetime(2100, 1, 1, tzinfo=UTC), "after": datetime(1970, 1, 1, tzinfo=UTC), "after_id": 0, "n": 2000,
    "states": ["succeeded"], "queue": None, "type": None, "tag": None,
}  # fmt: skip
HOT = (
    "claim", "succeed", "end_attempts", "promote", "next_due", "reap", "heartbeat", "bury_workers", "neighbours",
    "cancel_requests", "report_progress", "write_output", "save_checkpoint",
    "enqueue_one", "enqueue", "idempotency_holders", "ensure_queues", "wake", "published_types",
    "worker_names", "hide_fields",
    "get_jobs", "job_states", "list_jobs", "list_jobs_by_state", "list_workers", "attempts", "read_output", "tail",
    "cancel", "requeue", "discard", "elsewhere", "move", "command_worker",
    "prune_jobs", "prune_keys", "prune_workers",
    "settle", "admit", "waiters", "unsettled", "hold", "release", "enqueue_blocked", "lock_unique", "claim_unique",
    "unique_holder", "unique_keys", "lock_outcomes", "dependencies", "limit_room",
    "vocabulary", "waiting_lanes", "why_rank", "why_key", "why_limits",
    "tick_decide", "tick_own", "tick_active", "tick_known", "tick_write", "tick_list", "schedule_list",
    "schedule_ticks", "schedule_forget", "schedule_timings", "prune_ticks", "doctor_schedules",
    "watch_ends", "watch_submits", "watch_dead", "watch_events",
    "doctor_workers", "doctor_queues", "doctor_types", "doctor_overdue", "doctor_dead",
    "operation_note", "operation_jobs", "undo_cancel", "undo_discard", "undo_retry", "undo_due", "undo_move",
)  # fmt: skip

# A hundred schedules with 5,000 ticks each, of which every second one fired.
# A million jobs: 600,000 finished, of which 6,000 are dead and the oldest 60 cancelled, 200,000 queued
# (some of which came back), 50,000 delayed, 50,000 blocked, of which somebody holds 10,000, and 100,000 leased to 20
# workers; 20,000 workers have ended.
FILL = """
insert into jobsched.job (id, queue, type, payload, priority, max_attempts, backoff_kind, backoff_base, backoff_cap,
                          idempotency_key, tags, submitter, created_at)
select i, 'q' || i % 5, 'noop', '{}', i % 4, 3, 'fixed', 1, 1, case when i % 20 = 0 then 'k' || i end,
       case when i % 100 = 0 then array['t'] else '{}' end, 'me', now() - make_interval(secs => 1000001 - i)
from generate_series(1, 1000000) i;
select setval('jobsched.job_seq', 2000000);
insert into jobsched.queue (name) select 'q' || i from generate_series(0, 4) i;
insert into jobsched.idempotency (key, job_id, payload_hash)
select 'k' || i, i, decode(repeat('00', 32), 'hex') from generate_series(20, 1000000, 20) i;
insert into jobsched.outcome (job_id, state, attempt, token, finished_at, error)
select i, case when i <= 60 then 'cancelled' when i % 100 = 0 then 'dead' else 'succeeded' end, 1, i,
       now() - make_interval(secs => 1000001 - i), case when i % 100 = 0 then 'broke' end
from generate_series(1, 600000) i;
insert into jobsched.ready (queue, priority, seq, job_id, type, attempt, crashes, losses, solo)
select 'q' || i % 5, i % 4, case when i % 10 = 0 then i + 500000 else i end, i, 'noop', 0, 0, 0, false
from generate_series(600001, 800000) i;
insert into jobsched.delayed (job_id, state, run_at, attempt, crashes, losses, solo)
select i, 'scheduled', now() + interval '1 hour', 0, 0, 0, false from generate_series(800001, 850000) i;
insert into jobsched.blocked (job_id, queue, priority, key, attempt, crashes, losses, solo, settled, parked, held_at,
                              held_by)
select i, 'q' || i % 5, i % 4, case when i % 2 = 0 then 'k' || i % 100 end, 0, 0, 0, false, i % 10 <> 2,
       i % 2 = 0 and i % 10 <> 2, case when i % 10 in (1, 2) then now() end,
       case i % 10 when 1 then 'me' when 2 then 'eva' end
from generate_series(850001, 900000) i;
insert into jobsched.dependency (child, parent, condition)
select i, i - 800000, 'ok' from generate_series(850001, 900000, 2) i;
insert into jobsched.slot (job_id, queue, key)
select i, 'q' || i % 5, 'k' || i % 100 from generate_series(900001, 950000) i;
insert into jobsched.unique_active (key, job_id) select 'u' || i, i from generate_series(850001, 900000) i;
insert into jobsched.worker (name, host, boot_id, pid_namespace, pid, pid_start, version, types, schemas, concurrency,
                             lease_seconds, state, mark, ended_at, end_reason)
select 'w' || i, 'h', 'b', 1, i, 1, '1', '{noop}', '{}', 1, 30, 'available', '-',
       case when i > 20 then now() - make_interval(mins => i) end, case when i > 20 then 'stopped' end
from generate_series(1, 20020) i;
insert into jobsched.lease (job_id, token, worker_id, attempt, crashes, losses, solo, queued_since, limited)
select i, i, i % 20 + 1, 1, 0, 0, false, now(), case when i % 1000 = 0 then 'q0' end
from generate_series(900001, 1000000) i;
insert into jobsched.attempt_log (token, job_id, attempt, kind)
select i, i % 600000 + 1, 1, 'failed' from generate_series(1, 50000) i;
insert into jobsched.job_output (job_id, token, chunk, attempt, stream, text)
select i, i, 0, 1, 'log', 'said' from generate_series(1, 50000) i;
insert into jobsched.checkpoint (job_id, token, data) select i, i, '{}' from generate_series(1, 50000) i;
insert into jobsched.schedule (name, expression, timezone, jitter, catchup, overlap, queue, type, payload, priority,
                               max_attempts, backoff_kind, backoff_base, backoff_cap, tags, given, created_by,
                               updated_by)
select 's' || i, '@every 1m', 'UTC', 0, 'none', 'skip', 'q1', 'noop', '{}', 2, 3, 'fixed', 1, 1, '{}', '{}', 'me', 'me'
from generate_series(1, 100) i;
insert into jobsched.tick (schedule_id, scheduled_for, state, job_id, reason, by, origin)
select s, now() - make_interval(mins => i), case when i % 2 = 0 then 'fired' else 'skipped' end,
       case when i % 2 = 0 then i * 100 + s end, case when i % 2 = 1 then 'busy' end, 'me', 'schedule'
from generate_series(1, 100) s, generate_series(1, 5000) i;
"""


@pytest.fixture(scope="module")
def full(server_url: str, _admin: Any) -> Iterator[psycopg.Connection[Any]]:
    """A connection to a store with a million jobs, analyzed."""
    name = f"full_{os.getpid()}"
    _admin.create(name, "template_jobsched")
    with psycopg.connect(f"{server_url.rpartition('/')[0]}/{name}", autocommit=True) as connection:
        connection.execute(FILL)
        connection.execute("vacuum analyze")
        yield connection
    _admin.unwanted.append(name)


@pytest.fixture
def full_but_unknown(full: psycopg.Connection[Any]) -> Iterator[psycopg.Connection[Any]]:
    """The same rows, while the statistics still say that there are none."""
    with full.transaction(force_rollback=True):
        pretend_empty(full, *BIG)
        yield full


@pytest.mark.parametrize("name", HOT)
def test_a_statement_finds_its_rows_by_index(full: psycopg.Connection[Any], name: str) -> None:
    """With the plan that serves any parameters."""
    assert sequential_scans(generic_plan(full, name)) & BIG == set()


@pytest.mark.parametrize("name", HOT)
def test_a_statement_finds_its_rows_by_index_when_tables_were_empty_yesterday(
    full_but_unknown: psycopg.Connection[Any], name: str
) -> None:
    """Statistics lag behind: a plan that is only good for an empty table must not be chosen."""
    assert sequential_scans(generic_plan(full_but_unknown, name)) & BIG == set()


FILTERS = {"queue": None, "type": None, "tag": None, "since": None, "before": MAX_ID, "limit": 50}


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("list_jobs", FILTERS),
        ("list_jobs", FILTERS | {"queue": "q1", "before": 100_000}),
        ("list_jobs_by_state", FILTERS | {"states": ["queued"]}),
        ("list_jobs_by_state", FILTERS | {"states": ["dead", "running"], "before": 100_000}),
        ("list_jobs_by_state", FILTERS | {"states": ["succeeded", "scheduled", "queued"], "queue": "q1"}),
        ("get_jobs", {"ids": list(range(1, 21))}),
        ("job_states", {"ids": list(range(1, 21))}),
        ("cancel", {"ids": list(range(790_000, 790_100)), "by": "me", "running": True}),
        ("hold", {"ids": list(range(790_000, 790_100)), "by": "me"}),
        ("hold", {"ids": list(range(850_001, 850_101)), "by": "me"}),
        ("release", {"ids": list(range(850_001, 850_101)), "by": None}),
        ("settle", {"ids": list(range(850_001, 850_101))}),
        ("move", {"ids": list(range(850_001, 850_101)), "queue": "q1", "priority": None}),
        ("elsewhere", {"ids": list(range(850_001, 850_101)), "queue": "q1", "priority": None}),
        ("requeue", {"ids": list(range(1, 101))}),
        ("discard", {"ids": list(range(1, 101))}),
        ("tail", {"xid": "1000", "rank": 0, "id": -1, "limit": 1000}),
        ("prune_jobs", {"age": 999_000.0, "states": ["succeeded", "cancelled"], "batch": 1000, "window": 60.0}),
        ("prune_jobs", {"age": 999_000.0, "states": ["dead"], "batch": 1000, "window": 60.0}),
        ("watch_queues", {"most": 10_001}),
        ("watch_ends", {"most": 500, "window": 60.0}),
        ("watch_ends", {"most": 500, "window": 999_999.0}),
        ("watch_submits", {"most": 500, "window": 60.0}),
        ("watch_dead", {"most": 20_000, "window": 3600.0, "limit": 500}),
        ("watch_events", {"limit": 200}),
        ("archive_look", LOOK),
        ("archive_look", LOOK | {"queue": "q1", "type": "noop", "tag": "t", "states": ["dead"]}),
        ("archive_read", {"ids": list(range(1, 10_001))}),
        ("archive_lock", {"ids": list(range(1, 10_001))}),
        ("archive_delete", {"ids": list(range(1, 10_001)), "window": 60.0}),
    ],
)
def test_the_plan_for_real_parameters_is_as_good(
    full: psycopg.Connection[Any], name: str, params: dict[str, Any]
) -> None:
    """With the plan that the first five executions get."""
    assert sequential_scans(custom_plan(full, name, params)) & BIG == set()


@pytest.mark.parametrize(
    ("name", "params", "most"),
    [
        ("vocabulary", {}, 5000),
        ("list_jobs", FILTERS, 1500),
        ("list_jobs_by_state", FILTERS | {"states": ["queued"]}, 8000),
        ("list_jobs_by_state", FILTERS | {"states": ["dead"]}, 1500),
        ("list_jobs_by_state", FILTERS | {"states": ["cancelled"]}, 1500),
        ("list_jobs_by_state", FILTERS | {"states": ["running", "scheduled", "succeeded"]}, 2500),
        ("watch_ends", {"most": 500, "window": 999_999.0}, 3000),
        ("watch_submits", {"most": 500, "window": 60.0}, 600),
        ("watch_events", {"limit": 200}, 3000),
        ("unsettled", {"n": 1000}, 60),
    ],
)
def test_a_page_costs_what_it_shows_not_what_there_is(
    full: psycopg.Connection[Any], name: str, params: dict[str, Any], most: int
) -> None:
    """Counted in the blocks that are touched: a page of a small state is not paid for by a big one."""
    touched = blocks(full, name, params)
    assert touched < most, f"{touched} blocks"


SINCE_THE_60TH = None
"""An age of retention that 60 jobs have reached, however long ago the store was filled: one more reaches a fixed age
with each second."""


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("promote", {"n": 1000}),
        ("reap", {"lost_limit": 20, "n": 5000, "ended_within": 600.0, "thorough": False}),
        ("prune_jobs", {"age": SINCE_THE_60TH, "states": ["succeeded", "cancelled"], "batch": 1000, "window": 60.0}),
        ("prune_jobs", {"age": SINCE_THE_60TH, "states": ["dead"], "batch": 1000, "window": 60.0}),
        ("prune_keys", {"batch": 1000}),
        ("archive_look", LOOK | {"n": 20}),
        ("prune_workers", {"age": 86_400.0 * 90, "batch": 1000}),
        ("prune_ticks", {"age": 86_400.0 * 4, "batch": 1000}),
        (
            "tick_list",
            {"id": None, "before": datetime(2100, 1, 1, tzinfo=UTC), "after": "a", "states": None, "limit": 20},
        ),
        (
            "tick_list",
            {"id": 50, "before": datetime(2100, 1, 1, tzinfo=UTC), "after": None, "states": None, "limit": 20},
        ),
        ("tick_active", {"id": 50}),
    ],
)
def test_housekeeping_that_finds_little_reads_little(
    full: psycopg.Connection[Any], name: str, params: dict[str, Any]
) -> None:
    """One due job is not looked for among all that wait, nor a dead worker's leases among all that run:
    a condition that bounds its index scan is not a filter."""
    with full.transaction(force_rollback=True):
        full.execute("update jobsched.delayed set run_at = now() - interval '1 s' where job_id = 840000")
        full.execute("update jobsched.idempotency set expires_at = now() + interval '1 h' where job_id < 20000")
        if params.get("age", 0) is SINCE_THE_60TH:
            params = params | {"age": _age_of(full, 60)}
        touched = blocks(full, name, params)
    assert touched < 700, f"{touched} blocks"


SELECTIONS = (
    ("state:dead", 1500), ("state:dead error~bro*", 1500), ("error~broke", 2500), ("state:queued queue:q1", 4000),
    ("state:queued,running", 9000), ("type:noop", 1500), ("queue:q0 -state:succeeded", 8000),
    ("state:running run>1h worker:w3", 700_000), ("tag:t", 6000), ("state:succeeded attempt>=1", 1500),
    ("state:scheduled", 1500),
    ("state:blocked queue:q1", 2500), ("id:12,15,900001", 200), ("100..120", 1000), ("key:k20,k40", 200),
    ("age<1h", 1500), ("state:running priority:critical", 2500), ("finished>-1h", 2500),
    ("state:dead args.user=42", 130_000), ("state:cancelled worker~*", 2000), ("submitter:me state:queued", 9000),
    ("held:me", 1500), ("held~*", 1500), ("held:nobody", 1500), ("state:blocked -held~*", 1500),
    ("due<-1h", 100), ("due>-1h", 1500), ("state:dead queue:q1", 35_000),
    ("queue:q1 -state:succeeded", 4000), ("tag:t -state:succeeded", 60_000),
)  # fmt: skip
"""Common filters, and how many blocks a page may touch. Those with large numbers look at every job of a state:
docs/selection.md says what one costs."""


@pytest.mark.parametrize(("text", "most"), SELECTIONS)
def test_a_selection_reads_backwards_from_where_its_jobs_stand(
    full: psycopg.Connection[Any], text: str, most: int
) -> None:
    """Without reading a big table from end to end, and no more of it than until the page is full."""
    plan = selection_plan(full, text, Page(), run=True)
    assert sequential_scans(plan) & BIG == set()
    touched = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    assert touched < most, f"{touched} blocks"


@pytest.mark.parametrize("text", [text for text, _ in SELECTIONS])
def test_a_selection_does_so_when_tables_were_empty_yesterday(
    full_but_unknown: psycopg.Connection[Any], text: str
) -> None:
    """As every other statement that lists."""
    assert sequential_scans(selection_plan(full_but_unknown, text, Page(before=500_000))) & BIG == set()


def _age_of(connection: psycopg.Connection[Any], job_id: int) -> float:
    """Seconds since the job ended, less half a second: a retention that it has outlived, and none that ended later."""
    row = connection.execute(
        "select extract(epoch from now() - finished_at)::float8 - 0.5 from jobsched.outcome where job_id = %s",
        (job_id,),
    ).fetchone()
    assert row is not None
    age: float = row[0]
    return age


def blocks(connection: psycopg.Connection[Any], name: str, params: dict[str, Any]) -> int:
    """Run a statement and return how many blocks of tables and indexes it touched."""
    with connection.cursor() as cursor:
        cursor.execute(b"explain (analyze, buffers, timing off, format json) " + load(name).encode(), params)
        row = cursor.fetchone()
    assert row is not None
    plan = row[0][0]["Plan"]
    total: int = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    return total
