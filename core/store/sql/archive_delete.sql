-- Deletes jobs whose outcomes this transaction holds, with all that is kept about them, as prune_jobs.sql does.
-- Their idempotency keys stay until the window after the end has passed.
with ids as materialized (
    select unnest(%(ids)b::bigint[]) as id
),
jobs as (
    delete from jobsched.job where id = any (array(select id from ids))
),
attempts as (
    delete from jobsched.attempt_log where job_id = any (array(select id from ids))
),
outputs as (
    delete from jobsched.job_output where job_id = any (array(select id from ids))
),
checkpoints as (
    delete from jobsched.checkpoint where job_id = any (array(select id from ids))
),
dependencies as (
    delete from jobsched.dependency where child = any (array(select id from ids))
),
uniques as (
    delete from jobsched.unique_active where job_id = any (array(select id from ids))
),
slots as (
    delete from jobsched.slot where job_id = any (array(select id from ids))
),
came_back as (
    delete from jobsched.kept where job_id = any (array(select id from ids))
),
outcomes as (
    delete from jobsched.outcome where job_id = any (array(select id from ids))
    returning job_id, finished_at
),
keys as (
    update jobsched.idempotency i
    set expires_at = (select o.finished_at + make_interval(secs => %(window)s) from outcomes o where o.job_id = i.job_id)
    where i.job_id = any (array(select id from ids))
)
select count(*) from outcomes
