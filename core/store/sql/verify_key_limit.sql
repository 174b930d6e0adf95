-- Concurrency keys of which more jobs are queued or run than their queue lets in at a time, told for the newest of them;
-- and jobs that were let in without a slot, in whose place others would be.
with let_in as (
    select job_id from jobsched.ready where job_id >= %(first)s
    union all
    select job_id from jobsched.lease where job_id >= %(first)s
),
keyed as (
    select j.id, j.queue, j.concurrency_key
    from jobsched.job j
    join let_in l on l.job_id = j.id
    where j.concurrency_key is not null and j.id >= %(first)s
),
counted as (
    select queue, concurrency_key, count(*) as jobs, max(id) as job_id from keyed group by queue, concurrency_key
),
wrong as materialized (
    select c.job_id, format('%%s jobs of key %%L of queue %%s, of which %%s may', c.jobs, c.concurrency_key, c.queue,
                            q.key_limit) as facts
    from counted c
    join jobsched.queue q on q.name = c.queue
    where c.jobs > q.key_limit
    union all
    select k.id, format('it has no slot of key %%L', k.concurrency_key)
    from keyed k
    where not exists (select from jobsched.slot s where s.job_id = k.id and s.queue = k.queue and s.key = k.concurrency_key)
)
select job_id, facts, count(*) over () as total
from wrong
order by job_id, facts
limit %(limit)s
