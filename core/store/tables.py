"""The store's tables as SQLAlchemy knows them: what lists with free filters are made of.

Only what such a list asks for. Nothing here may be imported by a command that has no filter: SQLAlchemy
alone takes longer than a whole `jobsched submit`.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    MetaData,
    Numeric,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

_METADATA = MetaData(schema="jobsched")
_TIME = DateTime(timezone=True)

job = Table(
    "job",
    _METADATA,
    Column("id", BigInteger),
    Column("queue", Text),
    Column("type", Text),
    Column("priority", SmallInteger),
    Column("tags", ARRAY(Text)),
    Column("submitter", Text),
    Column("created_at", _TIME),
    Column("idempotency_key", Text),
    Column("unique_key", Text),
    Column("concurrency_key", Text),
    Column("schedule", Text),
    Column("scheduled_for", _TIME),
)
_used_up = ("attempt", "crashes", "losses")
outcome = Table(
    "outcome",
    _METADATA,
    Column("job_id", BigInteger),
    Column("state", Text),
    *(Column(name, SmallInteger) for name in _used_up),
    Column("worker_id", BigInteger),
    Column("finished_at", _TIME),
    Column("wait", Double),
    Column("run", Double),
    Column("error", Text),
    Column("fingerprint", Text),
)
lease = Table(
    "lease",
    _METADATA,
    Column("job_id", BigInteger),
    *(Column(name, SmallInteger) for name in _used_up),
    Column("worker_id", BigInteger),
    Column("claimed_at", _TIME),
    Column("queued_since", _TIME),
    Column("started_at", _TIME),
)
ready = Table(
    "ready",
    _METADATA,
    Column("queue", Text),
    Column("priority", SmallInteger),
    Column("seq", BigInteger),
    Column("job_id", BigInteger),
    Column("type", Text),
    *(Column(name, SmallInteger) for name in _used_up),
)
delayed = Table(
    "delayed",
    _METADATA,
    Column("job_id", BigInteger),
    Column("state", Text),
    Column("run_at", _TIME),
    *(Column(name, SmallInteger) for name in _used_up),
)
blocked = Table(
    "blocked",
    _METADATA,
    Column("job_id", BigInteger),
    Column("queue", Text),
    Column("priority", SmallInteger),
    Column("run_at", _TIME),
    Column("held_by", Text),
    *(Column(name, SmallInteger) for name in _used_up),
)
queue = Table("queue", _METADATA, Column("name", Text))
worker = Table("worker", _METADATA, Column("id", BigInteger), Column("name", Text))
idempotency = Table("idempotency", _METADATA, Column("key", Text), Column("job_id", BigInteger))

job_now = Table(
    "job_now",
    _METADATA,
    Column("id", BigInteger),
    Column("type", Text),
    Column("state", Text),
    Column("queue", Text),
    Column("priority", SmallInteger),
    Column("payload", JSONB),
    Column("attempt", SmallInteger),
    Column("max_attempts", SmallInteger),
    Column("crashes", SmallInteger),
    Column("losses", SmallInteger),
    Column("backoff_kind", Text),
    Column("backoff_base", Double),
    Column("backoff_cap", Double),
    Column("timeout", Double),
    Column("tags", ARRAY(Text)),
    Column("idempotency_key", Text),
    Column("submitter", Text),
    Column("created_at", _TIME),
    Column("run_at", _TIME),
    Column("started_at", _TIME),
    Column("finished_at", _TIME),
    Column("wait", Numeric),
    Column("run", Double),
    Column("worker", Text),
    Column("progress", Double),
    Column("progress_message", Text),
    Column("cancel_requested", Boolean),
    Column("result", JSONB),
    Column("error", Text),
    Column("fingerprint", Text),
    Column("unique_key", Text),
    Column("concurrency_key", Text),
    Column("held_by", Text),
    Column("parked", Boolean),
    Column("schedule", Text),
    Column("scheduled_for", _TIME),
)
"""The view, its columns in the order in which `jobs.read_job` takes them."""
