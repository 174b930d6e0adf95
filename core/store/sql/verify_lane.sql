-- Queued jobs that do not stand in the lane of their own queue and priority, or under another type.
with wrong as materialized (
    select r.job_id,
           format('it stands in %%s at priority %%s as %%s; its job says %%s, %%s, %%s',
                  r.queue, r.priority, r.type, j.queue, j.priority, j.type) as facts
    from jobsched.ready r
    join jobsched.job j on j.id = r.job_id and j.id >= %(first)s
    where r.job_id >= %(first)s and (r.queue, r.priority, r.type) is distinct from (j.queue, j.priority, j.type)
)
select job_id, facts, count(*) over () as total
from wrong
order by job_id, facts
limit %(limit)s
