-- Schedules as they may be seen, by name, with the time of this database. Bounds as in schedule_timings.sql.
select
    id, name, expression, timezone, jitter,
    case when starts_at >= '0001-01-01 00:00Z' then least(starts_at, '9999-12-31 00:00Z') end as starts_at,
    case when ends_at <= '9999-12-31 23:59:59.999999Z' then greatest(ends_at, '0001-01-01 00:00Z') end as ends_at,
    catchup, overlap, queue, type, payload, priority,
    max_attempts, backoff_kind, backoff_base, backoff_cap, timeout, tags, unique_key, concurrency_key, given,
    created_at, created_by, updated_at, updated_by, revision, decided_until, paused_at, paused_by, pause_reason,
    last_at, last_job, statement_timestamp()
from jobsched.schedule_now
where %(name)s::text is null or name = %(name)s
order by name
