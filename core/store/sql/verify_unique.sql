-- Jobs that have not ended and share a unique key, or whose key leads to another job or to none, so that a second one
-- could get it.
with live as (
    select job_id from jobsched.ready where job_id >= %(first)s
    union all
    select job_id from jobsched.delayed where job_id >= %(first)s
    union all
    select job_id from jobsched.blocked where job_id >= %(first)s
    union all
    select job_id from jobsched.lease where job_id >= %(first)s
),
shared as (
    select j.unique_key, count(*) as jobs, min(j.id) as first, max(j.id) as job_id
    from jobsched.job j
    join live l on l.job_id = j.id
    where j.unique_key is not null and j.id >= %(first)s
    group by j.unique_key
),
wrong as materialized (
    select job_id, format('%%s active jobs have the key %%L, the first is %%s', jobs, unique_key, first) as facts
    from shared
    where jobs > 1
    union all
    select s.job_id, format('its key %%L leads to %%s', s.unique_key, coalesce('job ' || u.job_id, 'no job'))
    from shared s
    left join jobsched.unique_active u on u.key = s.unique_key
    where s.jobs = 1 and u.job_id is distinct from s.job_id
)
select job_id, facts, count(*) over () as total
from wrong
order by job_id, facts
limit %(limit)s
