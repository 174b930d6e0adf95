-- Cancels one batch of a lane's queued jobs, above %(after)s and up to the place %(last)s, if they were
-- submitted before the purge. Those that somebody is claiming at this moment are left to him.
with gone as (
    delete from jobsched.ready
    where ctid = any (array(
        select r.ctid from jobsched.ready r
        where r.queue = %(queue)s and r.priority = %(priority)s and r.seq > %(after)s and r.seq <= %(last)s
          and r.job_id <= %(last_job)s
        order by r.seq
        limit %(batch)s
        for update skip locked
    ))
    returning seq, job_id, attempt, crashes, losses
),
ended as (
    insert into jobsched.outcome (job_id, state, attempt, crashes, losses, error)
    select job_id, 'cancelled', attempt, crashes, losses, 'cancelled by ' || %(by)s from gone
)
select count(*), max(seq) from gone
