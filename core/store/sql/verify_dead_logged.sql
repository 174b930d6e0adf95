-- Dead jobs whose last attempt is not in the log: it is written in the statement that ends the job.
with wrong as materialized (
    select o.job_id, coalesce('token ' || o.token, 'no token') as facts
    from jobsched.outcome o
    where o.job_id >= %(first)s and o.state = 'dead'
      and not exists (
          select from jobsched.attempt_log a
          where a.token = o.token and a.job_id = o.job_id and a.job_id >= %(first)s
      )
)
select job_id, facts, count(*) over () as total
from wrong
order by job_id, facts
limit %(limit)s
