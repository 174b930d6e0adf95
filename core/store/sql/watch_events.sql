-- The newest ends (rank 1) and failed attempts (rank 0), newest first, by the time that they say. Unlike tail.sql
-- it promises nothing about each being seen once.
with attempts as (
    select a.xid, 0 as rank, a.token as id, a.job_id, a.kind as what, a.attempt, a.finished_at,
           left(a.message, 500) as message, a.duration, a.worker_id
    from jobsched.attempt_log a
    order by a.finished_at desc
    limit %(limit)s
),
outcomes as (
    select o.xid, 1 as rank, o.job_id as id, o.job_id, o.state as what, o.attempt, o.finished_at,
           left(o.error, 500) as message, o.run as duration, o.worker_id
    from jobsched.outcome o
    order by o.finished_at desc
    limit %(limit)s
),
page as materialized (
    select * from attempts union all select * from outcomes
    order by finished_at desc, rank desc, id desc
    limit %(limit)s
)
select p.xid::text, p.rank, p.id, p.job_id, p.what, p.attempt, p.finished_at, p.message, p.duration, w.name,
       j.type, j.queue
from page p
left join lateral (select b.type, b.queue from jobsched.job b where b.id = p.job_id offset 0) j on true
left join lateral (select b.name from jobsched.worker b where b.id = p.worker_id offset 0) w on true
order by p.finished_at desc, p.rank desc, p.id desc
