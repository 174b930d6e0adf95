-- Each queue: pause, how long the job at the head of its lanes has waited (of lanes, not of jobs: by primary key), and
-- how many live workers serve it.
select q.name,
       q.paused_at is not null and (q.paused_until is null or q.paused_until > statement_timestamp()) as paused,
       q.paused_by, q.pause_reason, extract(epoch from clock_timestamp() - q.paused_at)::float8 as paused_for,
       q.paused_until,
       extract(epoch from clock_timestamp() - head.since)::float8 as oldest,
       (
           select count(*) from jobsched.worker w
           where w.ended_at is null and w.heartbeat_at > clock_timestamp() - make_interval(secs => w.lease_seconds)
             and (w.queues is null or q.name = any (w.queues))
       ) as workers
from jobsched.queue q
left join lateral (
    select min(first.since) as since
    from generate_series(0, 3) p (priority)
    cross join lateral (
        select r.since from jobsched.ready r where r.queue = q.name and r.priority = p.priority order by r.seq limit 1
    ) first
) head on true
order by q.name
