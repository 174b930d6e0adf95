-- Every queue with what is in it, for somebody who asks again and again: no count goes beyond %(most)s, so a
-- million jobs that wait cost what ten thousand do. `delayed` and `lease` have no queue of their own: theirs
-- is looked up by primary key. A lane's oldest job is the first of it, but for those that came back.
with waiting as (
    select j.queue, count(*) filter (where d.state = 'scheduled') as scheduled,
           count(*) filter (where d.state = 'retrying') as retrying
    from (select job_id, state from jobsched.delayed order by job_id limit %(most)s) d
    cross join lateral (select b.queue from jobsched.job b where b.id = d.job_id offset 0) j
    group by j.queue
),
running as (
    select j.queue, count(*) as jobs
    from (select job_id from jobsched.lease order by job_id limit %(most)s) l
    cross join lateral (select b.queue from jobsched.job b where b.id = l.job_id offset 0) j
    group by j.queue
),
blocked as (
    select b.queue, count(*) as jobs
    from (select queue from jobsched.blocked order by job_id limit %(most)s) b
    group by b.queue
)
select q.name, q.created_at,
       q.paused_at is not null and (q.paused_until is null or q.paused_until > statement_timestamp()) as paused,
       q.paused_at, q.paused_by, q.pause_reason, q.paused_until,
       queued.jobs, coalesce(waiting.scheduled, 0), coalesce(waiting.retrying, 0), coalesce(running.jobs, 0),
       extract(epoch from clock_timestamp() - oldest.since)::double precision, coalesce(blocked.jobs, 0), q.key_limit,
       q.max_running, q.rate, q.burst
from jobsched.queue q
cross join lateral (
    select count(*) as jobs
    from (select from jobsched.ready r where r.queue = q.name order by r.priority, r.seq limit %(most)s) counted
) queued
cross join lateral (
    select min(first.since) as since
    from (values (0::smallint), (1::smallint), (2::smallint), (3::smallint)) lane (priority)
    cross join lateral (
        select r.since from jobsched.ready r
        where r.queue = q.name and r.priority = lane.priority
        order by r.seq
        limit 1
    ) first
) oldest
left join waiting on waiting.queue = q.name
left join blocked on blocked.queue = q.name
left join running on running.queue = q.name
order by q.name
