-- Every rule that spans tables, counted: Postgres cannot check these by itself because no constraint
-- reaches across tables and foreign keys would cost the hot path its speed. One statement, so one
-- snapshot: a job that moves meanwhile is seen in exactly one place.
with place as (
    select job_id, 'ready' as name from jobsched.ready
    union all
    select job_id, 'delayed' from jobsched.delayed
    union all
    select job_id, 'blocked' from jobsched.blocked
    union all
    select job_id, 'lease' from jobsched.lease
    union all
    select job_id, 'outcome' from jobsched.outcome
),
places as (
    select job_id, count(*) as number from place group by job_id
),
broken as (
    select 'every job is in exactly one state' as rule, j.id as job_id
    from jobsched.job j
    left join places p on p.job_id = j.id
    where p.number is distinct from 1
    union all
    select 'every state belongs to a job', p.job_id
    from places p
    where not exists (select from jobsched.job j where j.id = p.job_id)
    union all
    select 'a queued job stands in its own lane', r.job_id
    from jobsched.ready r
    join jobsched.job j on j.id = r.job_id
    where (r.queue, r.priority, r.type) is distinct from (j.queue, j.priority, j.type)
    union all
    select 'every running job has a worker', l.job_id
    from jobsched.lease l
    where not exists (select from jobsched.worker w where w.id = l.worker_id)
    union all
    select 'every idempotency key leads to its job', j.id
    from jobsched.job j
    where j.idempotency_key is not null
        and not exists (
            select from jobsched.idempotency i where i.key = j.idempotency_key and i.job_id = j.id
        )
    union all
    select 'no lease has a token that was never drawn', l.job_id
    from jobsched.lease l
    where l.token > (select last_value from jobsched.token_seq)
)
select rule, count(*) as jobs, min(job_id) as example
from broken
group by rule
order by rule;
