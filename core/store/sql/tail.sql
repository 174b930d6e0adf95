-- Outcomes (rank 1) and failed attempts (rank 0) after (xid, rank, id), in that order, of transactions
-- below the oldest one that still runs. Transactions commit out of order; below that line nothing can
-- appear any more, so whoever reads on from the last row that he got sees each one exactly once.
with line as materialized (
    select pg_snapshot_xmin(pg_current_snapshot()) as xmin
),
attempts as (
    select a.xid, 0 as rank, a.token as id, a.job_id, a.kind as what, a.attempt, a.finished_at, a.message,
           a.duration, a.worker_id
    from jobsched.attempt_log a
    where (a.xid, a.token) > (%(xid)s::xid8, case %(rank)s::integer when 0 then %(id)s::bigint else 9223372036854775807 end)
      and a.xid < (select xmin from line)
    order by a.xid, a.token
    limit %(limit)s
),
outcomes as (
    select o.xid, 1 as rank, o.job_id as id, o.job_id, o.state as what, o.attempt, o.finished_at, o.error as message,
           o.run as duration, o.worker_id
    from jobsched.outcome o
    where (o.xid, o.job_id) > (%(xid)s::xid8, case %(rank)s::integer when 1 then %(id)s::bigint else 0 end)
      and o.xid < (select xmin from line)
    order by o.xid, o.job_id
    limit %(limit)s
),
page as materialized (
    select * from attempts union all select * from outcomes
    order by xid, rank, id
    limit %(limit)s
)
select p.xid::text, p.rank, p.id, p.job_id, p.what, p.attempt, p.finished_at, p.message, p.duration, w.name,
       j.type, j.queue, j.schedule, j.scheduled_for
from page p
left join lateral (select b.type, b.queue, b.schedule, b.scheduled_for from jobsched.job b where b.id = p.job_id offset 0) j on true
left join lateral (select b.name from jobsched.worker b where b.id = p.worker_id offset 0) w on true
order by p.xid, p.rank, p.id
