-- Pausing again changes who, why and until when. Workers are told, to look at the queue anew. Until a time that
-- has passed there is nothing to pause: no row.
with changed as (
    update jobsched.queue
    set paused_at = clock_timestamp(), paused_by = %(by)s, pause_reason = %(reason)s, paused_until = %(until)s
    where name = %(name)s and (%(until)s::timestamptz is null or %(until)s > statement_timestamp())
    returning name
)
select pg_notify('jobsched', json_build_object('kind', 'queue', 'queue', name)::text) from changed
