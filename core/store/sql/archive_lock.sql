-- Outcomes of jobs that are about to leave, held until the transaction ends. Whoever retries, discards or prunes
-- one at this moment keeps it: it is passed by, and archived another time.
select o.job_id, o.xid::text
from jobsched.outcome o
where o.job_id = any (array(select unnest(%(ids)b::bigint[])))
order by o.job_id
for update skip locked
