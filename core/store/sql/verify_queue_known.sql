-- Workers of every queue read the names from `queue`: a lane whose queue is missing there is looked at by nobody.
with wrong as materialized (
    select r.job_id, format('queue %%s', r.queue) as facts
    from jobsched.ready r
    where r.job_id >= %(first)s and not exists (select from jobsched.queue q where q.name = r.queue)
)
select job_id, facts, count(*) over () as total
from wrong
order by job_id, facts
limit %(limit)s
