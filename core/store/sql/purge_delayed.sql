-- Cancels those of one batch of delayed jobs, above %(after)s, that belong to a queue. Says how many
-- it ended and where the batch ended (null: there was none).
with batch as materialized (
    select d.job_id from jobsched.delayed d
    where d.job_id > %(after)s and d.job_id <= %(last)s
    order by d.job_id
    limit %(batch)s
    for update skip locked
),
gone as (
    delete from jobsched.delayed
    where job_id = any (array(
        select b.job_id from batch b
        cross join lateral (
            select from jobsched.job j where j.id = b.job_id and j.queue = %(queue)s offset 0
        ) wanted
    ))
    returning job_id, attempt, crashes, losses
),
ended as (
    insert into jobsched.outcome (job_id, state, attempt, crashes, losses, error)
    select job_id, 'cancelled', attempt, crashes, losses, 'cancelled by ' || %(by)s from gone
)
select (select count(*) from gone), (select max(job_id) from batch)
