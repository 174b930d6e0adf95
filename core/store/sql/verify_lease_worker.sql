-- Leases of workers that were never registered, or were forgotten before their leases were taken back.
with wrong as materialized (
    select l.job_id, format('token %%s of worker %%s', l.token, l.worker_id) as facts
    from jobsched.lease l
    where l.job_id >= %(first)s and not exists (select from jobsched.worker w where w.id = l.worker_id)
)
select job_id, facts, count(*) over () as total
from wrong
order by job_id, facts
limit %(limit)s
