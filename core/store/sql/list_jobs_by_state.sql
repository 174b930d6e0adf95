-- Jobs of the given states, newest first, one page below %(before)s. Each state's own table is read
-- backwards from there, so that ten queued jobs among ten million finished ones are found at once;
-- the lateral with `offset 0` looks the filters up by primary key, whatever the statistics say.
-- A queued job's place is (queue, priority, seq = its id), unless it came back: those have an index.
-- (Said by `case`, because a planner that is told that seq and job_id are equal sorts a whole lane.)
-- A table whose states are not asked for is not touched.
with succeeded as (
    select o.job_id from jobsched.outcome o
    cross join lateral (
        select from jobsched.job j
        where j.id = o.job_id
          and (%(queue)s::text is null or j.queue = %(queue)s)
          and (%(type)s::text is null or j.type = %(type)s)
          and (%(tag)s::text is null or %(tag)s = any (j.tags))
          and (%(since)s::timestamptz is null or j.created_at >= %(since)s)
        offset 0
    ) wanted
    where o.state = 'succeeded' and 'succeeded' = any (%(states)b::text[]) and o.job_id < %(before)s
    order by o.job_id desc
    limit %(limit)s
),
cancelled as (
    select o.job_id from jobsched.outcome o
    cross join lateral (
        select from jobsched.job j
        where j.id = o.job_id
          and (%(queue)s::text is null or j.queue = %(queue)s)
          and (%(type)s::text is null or j.type = %(type)s)
          and (%(tag)s::text is null or %(tag)s = any (j.tags))
          and (%(since)s::timestamptz is null or j.created_at >= %(since)s)
        offset 0
    ) wanted
    where o.state = 'cancelled' and 'cancelled' = any (%(states)b::text[]) and o.job_id < %(before)s
    order by o.job_id desc
    limit %(limit)s
),
dead as (
    select o.job_id from jobsched.outcome o
    cross join lateral (
        select from jobsched.job j
        where j.id = o.job_id
          and (%(queue)s::text is null or j.queue = %(queue)s)
          and (%(type)s::text is null or j.type = %(type)s)
          and (%(tag)s::text is null or %(tag)s = any (j.tags))
          and (%(since)s::timestamptz is null or j.created_at >= %(since)s)
        offset 0
    ) wanted
    where o.state = 'dead' and 'dead' = any (%(states)b::text[]) and o.job_id < %(before)s
    order by o.job_id desc
    limit %(limit)s
),
running as (
    select l.job_id from jobsched.lease l
    cross join lateral (
        select from jobsched.job j
        where j.id = l.job_id
          and (%(queue)s::text is null or j.queue = %(queue)s)
          and (%(type)s::text is null or j.type = %(type)s)
          and (%(tag)s::text is null or %(tag)s = any (j.tags))
          and (%(since)s::timestamptz is null or j.created_at >= %(since)s)
        offset 0
    ) wanted
    where 'running' = any (%(states)b::text[]) and l.job_id < %(before)s
    order by l.job_id desc
    limit %(limit)s
),
waiting as (
    select d.job_id from jobsched.delayed d
    cross join lateral (
        select from jobsched.job j
        where j.id = d.job_id
          and (%(queue)s::text is null or j.queue = %(queue)s)
          and (%(type)s::text is null or j.type = %(type)s)
          and (%(tag)s::text is null or %(tag)s = any (j.tags))
          and (%(since)s::timestamptz is null or j.created_at >= %(since)s)
        offset 0
    ) wanted
    where %(states)b::text[] && '{scheduled,retrying}'
      and d.state = any (%(states)b::text[]) and d.job_id < %(before)s
    order by d.job_id desc
    limit %(limit)s
),
blocked as (
    select b.job_id from jobsched.blocked b
    cross join lateral (
        select from jobsched.job j
        where j.id = b.job_id
          and (%(queue)s::text is null or j.queue = %(queue)s)
          and (%(type)s::text is null or j.type = %(type)s)
          and (%(tag)s::text is null or %(tag)s = any (j.tags))
          and (%(since)s::timestamptz is null or j.created_at >= %(since)s)
        offset 0
    ) wanted
    where 'blocked' = any (%(states)b::text[]) and b.job_id < %(before)s
    order by b.job_id desc
    limit %(limit)s
),
queued as (
    select r.job_id
    from jobsched.queue q
    cross join (values (0::smallint), (1::smallint), (2::smallint), (3::smallint)) lane (priority)
    cross join lateral (
        select f.job_id from jobsched.ready f
        cross join lateral (
            select from jobsched.job j
            where j.id = f.job_id
              and (%(queue)s::text is null or j.queue = %(queue)s)
              and (%(type)s::text is null or j.type = %(type)s)
              and (%(tag)s::text is null or %(tag)s = any (j.tags))
              and (%(since)s::timestamptz is null or j.created_at >= %(since)s)
            offset 0
        ) wanted
        where f.queue = q.name and f.priority = lane.priority and f.seq < %(before)s
          and case when f.seq = f.job_id then true end
        order by f.seq desc
        limit %(limit)s
    ) r
    where 'queued' = any (%(states)b::text[]) and (%(queue)s::text is null or q.name = %(queue)s)
),
came_back as (
    select b.job_id from jobsched.ready b
    cross join lateral (
        select from jobsched.job j
        where j.id = b.job_id
          and (%(queue)s::text is null or j.queue = %(queue)s)
          and (%(type)s::text is null or j.type = %(type)s)
          and (%(tag)s::text is null or %(tag)s = any (j.tags))
          and (%(since)s::timestamptz is null or j.created_at >= %(since)s)
        offset 0
    ) wanted
    where 'queued' = any (%(states)b::text[]) and b.seq <> b.job_id and b.job_id < %(before)s
    order by b.job_id desc
    limit %(limit)s
)
select
    id, type, state, queue, priority, payload, attempt, max_attempts, crashes, losses, backoff_kind, backoff_base,
    backoff_cap, timeout, tags, idempotency_key, submitter, created_at, run_at, started_at, finished_at, wait, run,
    worker, progress, progress_message, cancel_requested, result, error, fingerprint, unique_key, concurrency_key, held_by,
    parked, schedule, scheduled_for
from jobsched.job_now
where id = any (array(
    select job_id from (
        select job_id from succeeded union all
        select job_id from cancelled union all
        select job_id from dead union all
        select job_id from running union all
        select job_id from waiting union all
        select job_id from blocked union all
        select job_id from queued union all
        select job_id from came_back
    ) page
    order by job_id desc
    limit %(limit)s
))
order by id desc
