-- Every job as a run of chaos left it. token: of the lease that its outcome was told under.
select j.id, j.type, j.state, j.idempotency_key, j.tags, j.crashes, o.token
from jobsched.job_now j
left join jobsched.outcome o on o.job_id = j.id
