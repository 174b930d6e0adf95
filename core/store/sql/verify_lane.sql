-- Queued jobs that do not stand in the lane of their own queue and priority, or under another type; blocked ones that
-- would go into another lane, or wait for another concurrency key.
with wrong as materialized (
    select r.job_id,
           format('it stands in %%s at priority %%s as %%s; its job says %%s, %%s, %%s',
                  r.queue, r.priority, r.type, j.queue, j.priority, j.type) as facts
    from jobsched.ready r
    join jobsched.job j on j.id = r.job_id and j.id >= %(first)s
    where r.job_id >= %(first)s and (r.queue, r.priority, r.type) is distinct from (j.queue, j.priority, j.type)
    union all
    select b.job_id,
           format('it is blocked for %%s at priority %%s with key %%L; its job says %%s, %%s, %%L',
                  b.queue, b.priority, b.key, j.queue, j.priority, j.concurrency_key)
    from jobsched.blocked b
    join jobsched.job j on j.id = b.job_id and j.id >= %(first)s
    where b.job_id >= %(first)s and (b.queue, b.priority, b.key) is distinct from (j.queue, j.priority, j.concurrency_key)
)
select job_id, facts, count(*) over () as total
from wrong
order by job_id, facts
limit %(limit)s
