-- Outcomes of jobs that are about to leave, held until the transaction ends. Whoever retries, discards or prunes
-- one at this moment keeps it: it is passed by, and archived another time. So does a job that was archived by
-- somebody else and restored since it was looked at: it came back with the same xid.
select o.job_id, o.xid::text
from jobsched.outcome o
where o.job_id = any (array(select unnest(%(ids)b::bigint[])))
  and not exists (
      select from jobsched.kept k where k.job_id = o.job_id and k.until > statement_timestamp() offset 0
  )
order by o.job_id
for update of o skip locked
