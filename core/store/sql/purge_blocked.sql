-- Cancels one batch of a queue's blocked jobs, above %(after)s, if they were submitted before the purge.
with gone as (
    delete from jobsched.blocked
    where job_id = any (array(
        select b.job_id from jobsched.blocked b
        where b.queue = %(queue)s and b.job_id > %(after)s and b.job_id <= %(last)s
        order by b.job_id
        limit %(batch)s
        for update skip locked
    ))
    returning job_id, attempt, crashes, losses
),
ended as (
    insert into jobsched.outcome (job_id, state, attempt, crashes, losses, error)
    select job_id, 'cancelled', attempt, crashes, losses, 'cancelled by ' || %(by)s from gone
)
select count(*), max(job_id) from gone
