-- Cancels jobs. Those that wait end at once; those that run are flagged, where %(running)s, and their workers are
-- told when this commits. Rows are locked in the order of job ids, so that two cancels cannot deadlock;
-- one that a claim holds is waited for, and is gone then: the caller looks again with a fresh
-- snapshot for every job that does not come back from here. No joins, so that the plans stay index
-- scans whatever the statistics say.
with place as materialized (
    select j.id, j.queue, j.priority from jobsched.job j where j.id = any (%(ids)b::bigint[])
),
queued as (
    delete from jobsched.ready
    where ctid = any (array(
        select r.ctid from (select * from place order by id) p
        cross join lateral (
            select f.ctid from jobsched.ready f
            where f.queue = p.queue and f.priority = p.priority and f.seq = p.id
            for update
        ) r
    ))
    returning job_id, attempt, crashes, losses
),
came_back as (
    delete from jobsched.ready
    where ctid = any (array(
        select b.ctid from jobsched.ready b
        where b.job_id = any (%(ids)b::bigint[]) and b.seq <> b.job_id
        order by b.job_id
        for update
    ))
    returning job_id, attempt, crashes, losses
),
delayed as (
    delete from jobsched.delayed
    where job_id = any (array(
        select d.job_id from jobsched.delayed d where d.job_id = any (%(ids)b::bigint[]) order by d.job_id for update
    ))
    returning job_id, attempt, crashes, losses
),
blocked as (
    delete from jobsched.blocked
    where job_id = any (array(
        select b.job_id from jobsched.blocked b where b.job_id = any (%(ids)b::bigint[]) order by b.job_id for update
    ))
    returning job_id, attempt, crashes, losses
),
flagged as (
    update jobsched.lease
    set cancel_requested_at = coalesce(cancel_requested_at, clock_timestamp()),
        cancel_requested_by = coalesce(cancel_requested_by, %(by)s)
    where job_id = any (array(
        select l.job_id from jobsched.lease l
        where l.job_id = any (%(ids)b::bigint[]) and %(running)s
        order by l.job_id
        for update
    ))
    returning job_id, worker_id
),
told as (
    select pg_notify('jobsched_worker_' || w.worker_id, 'cancel') from (select distinct worker_id from flagged) w
),
ended as (
    insert into jobsched.outcome (job_id, state, attempt, crashes, losses, error)
    select job_id, 'cancelled', attempt, crashes, losses, 'cancelled by ' || %(by)s
    from (select * from queued union all select * from came_back union all select * from delayed union all
          select * from blocked) gone
    returning job_id, state
)
select job_id, state from ended
union all
select job_id, case when (select count(*) from told) > 0 then 'running' end from flagged
