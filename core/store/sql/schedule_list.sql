-- Schedules as they may be seen, by name, with the time of this database.
select
    id, name, expression, timezone, jitter, starts_at, ends_at, catchup, overlap, queue, type, payload, priority,
    max_attempts, backoff_kind, backoff_base, backoff_cap, timeout, tags, unique_key, concurrency_key, given,
    created_at, created_by, updated_at, updated_by, revision, decided_until, paused_at, paused_by, pause_reason,
    last_at, last_job, statement_timestamp()
from jobsched.schedule_now
where %(name)s::text is null or name = %(name)s
order by name
