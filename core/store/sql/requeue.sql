-- Runs jobs again. Finished ones start anew, with their whole budget; those that wait for a time or
-- a retry go on where they are, but now. A new number from the sequence puts them at the end of
-- their lane, never behind a claimer's cursor. Jobs that run or are queued don't come back from here.
-- A checkpoint says how far a job came: one that did not succeed goes on from it, one that succeeded
-- starts from the beginning. A job with a concurrency key waits for its turn in `blocked`; whoever
-- retries a job no longer wants it to wait for others.
with finished as (
    delete from jobsched.outcome
    where job_id = any (array(
        select o.job_id from jobsched.outcome o where o.job_id = any (%(ids)b::bigint[]) order by o.job_id for update
    ))
    returning job_id, state
),
forgotten as (
    delete from jobsched.checkpoint
    where job_id = any (array(select f.job_id from finished f where f.state = 'succeeded'))
),
delayed as (
    delete from jobsched.delayed
    where job_id = any (array(
        select d.job_id from jobsched.delayed d where d.job_id = any (%(ids)b::bigint[]) order by d.job_id for update
    ))
    returning job_id, attempt, crashes, losses, solo
),
taken as materialized (
    select job_id, 0::smallint as attempt, 0::smallint as crashes, 0::smallint as losses, false as solo from finished
    union all
    select job_id, attempt, crashes, losses, solo from delayed
),
found as materialized (
    select t.*, j.queue, j.priority, j.type, j.key
    from (select * from taken order by job_id) t
    cross join lateral (
        select b.queue, b.priority, b.type, b.concurrency_key as key from jobsched.job b where b.id = t.job_id offset 0
    ) j
),
free as (
    update jobsched.dependency set met = true
    where child = any (array(select job_id from taken)) and not met
),
parked as (
    insert into jobsched.blocked (job_id, queue, priority, key, attempt, crashes, losses, solo)
    select job_id, queue, priority, key, attempt, crashes, losses, solo from found where key is not null
),
queued as (
    insert into jobsched.ready (queue, priority, seq, job_id, type, attempt, crashes, losses, solo)
    select queue, priority, nextval('jobsched.job_seq'), job_id, type, attempt, crashes, losses, solo
    from found where key is null
)
select job_id, queue, type, key from found
