-- Concurrency keys of which more jobs are queued or run than their queue lets in at a time. Told for the newest of them.
with let_in as (
    select job_id from jobsched.ready where job_id >= %(first)s
    union all
    select job_id from jobsched.lease where job_id >= %(first)s
),
counted as (
    select j.queue, j.concurrency_key, count(*) as jobs, max(j.id) as job_id
    from jobsched.job j
    join let_in l on l.job_id = j.id
    where j.concurrency_key is not null and j.id >= %(first)s
    group by j.queue, j.concurrency_key
),
wrong as materialized (
    select c.job_id, format('%%s jobs of key %%L of queue %%s, of which %%s may', c.jobs, c.concurrency_key, c.queue,
                            q.key_limit) as facts
    from counted c
    join jobsched.queue q on q.name = c.queue
    where c.jobs > q.key_limit
)
select job_id, facts, count(*) over () as total
from wrong
order by job_id, facts
limit %(limit)s
