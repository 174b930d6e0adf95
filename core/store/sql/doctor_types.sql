-- Types among the next 1000 jobs of each lane that no live worker of their queue runs, though one serves it.
with live as materialized (
    select w.queues, w.types from jobsched.worker w
    where w.ended_at is null and w.heartbeat_at > clock_timestamp() - make_interval(secs => w.lease_seconds)
),
next as (
    select q.name as queue, r.type, count(*) as jobs
    from jobsched.queue q
    cross join generate_series(0, 3) p (priority)
    cross join lateral (
        select n.type from jobsched.ready n where n.queue = q.name and n.priority = p.priority order by n.seq limit 1000
    ) r
    group by q.name, r.type
)
select n.queue, n.type, n.jobs
from next n
where exists (select from live l where l.queues is null or n.queue = any (l.queues))
  and not exists (select from live l where (l.queues is null or n.queue = any (l.queues)) and n.type = any (l.types))
order by n.jobs desc, n.queue, n.type
limit 20
