-- Tokens that are on rows of two jobs. (The attempt that killed a job has its token in `attempt_log` and in `outcome`.)
-- What came back from another store's archive brings tokens of that store.
with given as (
    select token, job_id from jobsched.lease where job_id >= %(first)s
    union all
    select token, job_id from jobsched.outcome where job_id >= %(first)s and token is not null
    union all
    select token, job_id from jobsched.attempt_log where job_id >= %(first)s
),
twice as (
    select token, min(job_id) as job_id, max(job_id) as other
    from given group by token having min(job_id) <> max(job_id)
),
wrong as materialized (
    select job_id, format('token %%s is on job %%s, too', token, other) as facts
    from twice t
    where not exists (select from jobsched.kept k where k.job_id in (t.job_id, t.other))
)
select job_id, facts, count(*) over () as total
from wrong
order by job_id, facts
limit %(limit)s
