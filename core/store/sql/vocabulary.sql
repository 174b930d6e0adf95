-- What completion offers on a command line, the likeliest first: the newest jobs, the newest dead ones, what these
-- are tagged with, queues, live workers and the types that they know. A job that is nowhere has no state.
with newest as materialized (
    select id, state, type, tags
    from jobsched.job_now
    where id = any (array(select j.id from jobsched.job j order by j.id desc limit 200))
), dead as materialized (
    select o.job_id as id, j.type, j.tags
    from jobsched.outcome o
    join jobsched.job j on j.id = o.job_id
    where o.state = 'dead'
    order by o.job_id desc
    limit 100
)
(select 'ids' as kind, id::text as word, concat_ws(' ', state, type) as about from newest order by id desc)
union all
(select 'dead', id::text, 'dead ' || type from dead order by id desc)
union all
(select 'tags', tag, '' from (select unnest(tags) from newest union select unnest(tags) from dead) t (tag)
 order by tag limit 200)
union all
(select 'queues', name, case when paused_at is not null then 'paused' else '' end from jobsched.queue order by name limit 200)
union all
(select 'workers', name, state || ' on ' || host from jobsched.worker where ended_at is null order by id desc limit 200)
union all
(select distinct 'types', t.name, ''
 from jobsched.worker w
 cross join lateral (select unnest(w.types) union select jsonb_object_keys(w.schemas)) t (name)
 where w.ended_at is null
 order by t.name
 limit 200)
union all
(select 'schedules', name, type from jobsched.schedule order by name limit 200)
