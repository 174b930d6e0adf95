-- Puts cancelled jobs that never had a lease back to wait: `blocked`, from where settle.sql sends them on to where
-- they belong, with the attempts and the time that they had. One that somebody held is held again.
with item as materialized (
    select i.* from jobsched.operation_job i
    where i.operation_id = %(operation)s and i.job_id = any (%(ids)b::bigint[])
      and i.state in ('blocked', 'scheduled', 'queued', 'retrying')
),
gone as (
    delete from jobsched.outcome
    where job_id = any (array(
        select o.job_id from jobsched.outcome o
        where o.job_id = any (array(select i.job_id from item i)) and o.state = 'cancelled' and o.token is null
          and o.finished_at >= (select p.started_at from jobsched.operation p where p.id = %(operation)s)
        order by o.job_id
        for update
    ))
    returning job_id
)
insert into jobsched.blocked (job_id, queue, priority, key, run_at, attempt, crashes, losses, solo, held_at, held_by)
select g.job_id, j.queue, j.priority, j.concurrency_key, i.run_at, i.attempt, i.crashes, i.losses, i.crashes > 0,
       case when i.held_by is not null then clock_timestamp() end, i.held_by
from gone g
join item i on i.job_id = g.job_id
cross join lateral (
    select b.queue, b.priority, b.concurrency_key from jobsched.job b where b.id = g.job_id offset 0
) j
returning job_id
