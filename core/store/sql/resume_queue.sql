-- Workers are told: jobs may be waiting in it.
with changed as (
    update jobsched.queue
    set paused_at = null, paused_by = null, pause_reason = null, paused_until = null
    where name = %(name)s
    returning name
)
select pg_notify('jobsched', json_build_object('kind', 'queue', 'queue', name)::text) from changed
