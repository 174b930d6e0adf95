-- Moves due jobs from `delayed` to the end of their lanes in `ready`, oldest first; those with a
-- concurrency key to `blocked`, where they wait for its turn (admit.sql).
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
found as materialized (
    select d.*, j.*
    from due d
    cross join lateral (
        select b.queue, b.priority, b.type, b.concurrency_key as key from jobsched.job b where b.id = d.job_id offset 0
    ) j
),
parked as (
    insert into jobsched.blocked (job_id, queue, priority, key, attempt, crashes, losses, solo, settled, parked)
    select job_id, queue, priority, key, attempt, crashes, losses, solo, true, true from found where key is not null
),
moved as (
    insert into jobsched.ready (queue, priority, seq, job_id, type, attempt, crashes, losses, solo)
    select queue, priority, nextval('jobsched.job_seq'), job_id, type, attempt, crashes, losses, solo
    from found where key is null
)
select queue, type, priority, key, count(*) as jobs from found group by queue, type, priority, key
