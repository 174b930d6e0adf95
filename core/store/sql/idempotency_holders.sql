-- Whose keys these are. A holder that retention has deleted has no state any more.
select i.key, i.job_id, i.payload_hash, n.state
from jobsched.idempotency i
left join jobsched.job_now n on n.id = i.job_id
where i.key = any (%(keys)b::text[])
