-- Rows about jobs that are not there. All tables go through one anti-join, so `job` is read once. What is noted of
-- a job that came back from an archive goes with it, too.
with about as (
    select job_id, 'ready' as place from jobsched.ready where job_id >= %(first)s
    union all
    select job_id, 'delayed' from jobsched.delayed where job_id >= %(first)s
    union all
    select job_id, 'blocked' from jobsched.blocked where job_id >= %(first)s
    union all
    select child, 'dependency' from jobsched.dependency where child >= %(first)s
    union all
    select job_id, 'lease' from jobsched.lease where job_id >= %(first)s
    union all
    select job_id, 'outcome' from jobsched.outcome where job_id >= %(first)s
    union all
    select job_id, 'attempt_log' from jobsched.attempt_log where job_id >= %(first)s
    union all
    select job_id, 'job_output' from jobsched.job_output where job_id >= %(first)s
    union all
    select job_id, 'checkpoint' from jobsched.checkpoint where job_id >= %(first)s
    union all
    select job_id, 'kept' from jobsched.kept where job_id >= %(first)s
),
orphans as (
    select a.job_id, a.place, count(*) as rows
    from about a
    where not exists (select from jobsched.job j where j.id = a.job_id and j.id >= %(first)s)
    group by a.job_id, a.place
),
wrong as materialized (
    select job_id, format('%%s in %%s', case rows when 1 then '1 row' else rows || ' rows' end, place) as facts
    from orphans
)
select job_id, facts, count(*) over () as total
from wrong
order by job_id, facts
limit %(limit)s
