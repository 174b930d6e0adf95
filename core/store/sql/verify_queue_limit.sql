-- Queues that run more jobs than their limit. Told for the newest lease.
with counted as (
    select l.limited as queue, count(*) as jobs, max(l.job_id) as job_id
    from jobsched.lease l
    where l.limited is not null
    group by l.limited
),
wrong as materialized (
    select c.job_id, format('%%s jobs of queue %%s run, of which %%s may', c.jobs, c.queue, q.max_running) as facts
    from counted c
    join jobsched.queue q on q.name = c.queue
    where c.jobs > q.max_running
)
select job_id, facts, count(*) over () as total
from wrong
order by job_id, facts
limit %(limit)s
