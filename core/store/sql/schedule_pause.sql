-- Pausing again changes who and why.
with changed as (
    update jobsched.schedule
    set paused_at = coalesce(paused_at, clock_timestamp()), paused_by = %(by)s, pause_reason = %(reason)s,
        revision = revision + 1
    where name = %(name)s
    returning id
)
select id, pg_notify('jobsched_schedule', id::text) from changed
