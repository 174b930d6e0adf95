-- Archive files whose jobs cannot all be gone: those that the file holds and those of its range that are still here
-- (and did not come back from an archive) are more than the range has ids. Which ids a file holds, only the file says.
with file as (
    select a.id, a.bucket, a.key, a.first_job, a.last_job, a.jobs, count(*) as here, min(j.id) as job_id
    from jobsched.archive a
    join jobsched.job j on j.id between a.first_job and a.last_job
    where a.last_job >= %(first)s
      and not exists (select from jobsched.kept k where k.job_id = j.id)
    group by a.id
),
wrong as materialized (
    select job_id,
           format('archive %%s holds %%s jobs from %%s to %%s, and %%s of that range are here',
                  id, jobs, first_job, last_job, here) as facts
    from file
    where jobs + here > last_job - first_job + 1
)
select job_id, facts, count(*) over () as total
from wrong
order by job_id, facts
limit %(limit)s
