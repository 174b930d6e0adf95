-- Deletes one batch of jobs that ended more than %(age)s seconds ago, with all that is kept about
-- them. Their idempotency keys stay until the window after the end has passed. A job that somebody is
-- retrying at this moment is skipped, and so is one that came back from an archive a short while ago.
-- `any(array(…))` keeps every deletion on its index, and `statement_timestamp()` the search on the old
-- end of its own (see promote.sql).
with old as materialized (
    select o.job_id, o.finished_at from jobsched.outcome o
    where o.finished_at < statement_timestamp() - make_interval(secs => %(age)s) and o.state = any (%(states)b::text[])
      and not exists (
          select from jobsched.kept k where k.job_id = o.job_id and k.until > statement_timestamp() offset 0
      )
    order by o.finished_at
    limit %(batch)s
    for update of o skip locked
),
jobs as (
    delete from jobsched.job where id = any (array(select job_id from old))
),
attempts as (
    delete from jobsched.attempt_log where job_id = any (array(select job_id from old))
),
outputs as (
    delete from jobsched.job_output where job_id = any (array(select job_id from old))
),
dependencies as (
    delete from jobsched.dependency where child = any (array(select job_id from old))
),
uniques as (
    delete from jobsched.unique_active where job_id = any (array(select job_id from old))
),
slots as (
    delete from jobsched.slot where job_id = any (array(select job_id from old))
),
checkpoints as (
    delete from jobsched.checkpoint where job_id = any (array(select job_id from old))
),
came_back as (
    delete from jobsched.kept where job_id = any (array(select job_id from old))
),
keys as (
    update jobsched.idempotency i
    set expires_at = (select o.finished_at + make_interval(secs => %(window)s) from old o where o.job_id = i.job_id)
    where i.job_id = any (array(select job_id from old))
),
outcomes as (
    delete from jobsched.outcome where job_id = any (array(select job_id from old))
    returning job_id
)
select count(*) from outcomes
