-- Moves due jobs from `delayed` to the end of their lanes in `ready`, oldest first.
-- Several workers may do this at once: each takes other rows. `statement_timestamp()`, because a clock that
-- moves during the statement cannot bound an index scan: one due job would cost a walk over all that wait.
with due as materialized (
    delete from jobsched.delayed
    where job_id = any (array(
        select d.job_id from jobsched.delayed d
        where d.run_at <= statement_timestamp()
        order by d.run_at
        limit %(n)s
        for update skip locked
    ))
    returning job_id, attempt, crashes, losses, solo
),
moved as (
    insert into jobsched.ready (queue, priority, seq, job_id, type, attempt, crashes, losses, solo)
    select j.queue, j.priority, nextval('jobsched.job_seq'), d.job_id, j.type, d.attempt, d.crashes, d.losses, d.solo
    from due d
    cross join lateral (select b.queue, b.priority, b.type from jobsched.job b where b.id = d.job_id offset 0) j
    returning queue, type, priority
)
select queue, type, priority, count(*) as jobs from moved group by queue, type, priority
