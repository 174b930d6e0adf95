-- Ticks while it was paused are not made up. One that is not paused stays as it is. A frontier that lies ahead,
-- because this database's clock was, comes back: what `tick` holds does not fire again.
with changed as (
    update jobsched.schedule
    set paused_at = null, paused_by = null, pause_reason = null, revision = revision + 1,
        decided_until = statement_timestamp()
    where name = %(name)s and paused_at is not null
    returning id
)
select id, pg_notify('jobsched_schedule', id::text) from changed
