-- Takes waiting jobs out of the way: they stay `blocked` until somebody releases them. Rows are locked in
-- the order of job ids; those that run or have ended don't come back from here (see cancel.sql).
with place as materialized (
    select j.id, j.queue, j.priority, j.concurrency_key from jobsched.job j where j.id = any (%(ids)b::bigint[])
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
    returning job_id, null::timestamptz as run_at, attempt, crashes, losses, solo
),
came_back as (
    delete from jobsched.ready
    where ctid = any (array(
        select b.ctid from jobsched.ready b
        where b.job_id = any (%(ids)b::bigint[]) and b.seq <> b.job_id
        order by b.job_id
        for update
    ))
    returning job_id, null::timestamptz as run_at, attempt, crashes, losses, solo
),
delayed as (
    delete from jobsched.delayed
    where job_id = any (array(
        select d.job_id from jobsched.delayed d where d.job_id = any (%(ids)b::bigint[]) order by d.job_id for update
    ))
    returning job_id, run_at, attempt, crashes, losses, solo
),
blocked as (
    update jobsched.blocked set held_at = coalesce(held_at, clock_timestamp()), held_by = coalesce(held_by, %(by)s),
                                parked = false
    where job_id = any (array(
        select b.job_id from jobsched.blocked b where b.job_id = any (%(ids)b::bigint[]) order by b.job_id for update
    ))
    returning job_id
),
moved as (
    insert into jobsched.blocked (job_id, queue, priority, key, run_at, attempt, crashes, losses, solo, held_at, held_by)
    select g.job_id, p.queue, p.priority, p.concurrency_key, g.run_at, g.attempt, g.crashes, g.losses, g.solo,
           clock_timestamp(), %(by)s
    from (select * from queued union all select * from came_back union all select * from delayed) g
    cross join lateral (select p.* from place p where p.id = g.job_id) p
    returning job_id
)
select job_id from blocked
union all
select job_id from moved
