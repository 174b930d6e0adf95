-- Keeps a job's checkpoint for its next attempt, if the lease still has its token.
insert into jobsched.checkpoint (job_id, token, data)
select l.job_id, l.token, %(data)s::jsonb
from jobsched.lease l
where l.job_id = %(job_id)s and l.token = %(token)s
for key share
on conflict (job_id) do update set token = excluded.token, data = excluded.data
where jobsched.checkpoint.token <= excluded.token
