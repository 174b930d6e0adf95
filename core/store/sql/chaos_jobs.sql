-- Every job as a run of chaos left it. token: of the lease that its outcome was told under. unmet: another
-- job did not end as this one was to wait for.
select j.id, j.type, j.state, j.idempotency_key, j.tags, j.crashes, o.token, j.queue, j.unique_key,
       exists (select from jobsched.dependency d where d.child = j.id and not d.met) as unmet
from jobsched.job_now j
left join jobsched.outcome o on o.job_id = j.id
