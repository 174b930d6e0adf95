-- Idempotency keys and jobs that do not lead to each other. A key is remembered as long as its job is there and for
-- %(window)s seconds after its end; then a newer job may have taken it over, and when that one is forgotten, so is
-- the key. What came back from an archive has lived longer than its key.
with wrong as materialized (
    select j.id as job_id,
           case when i.key is null then 'its key is not remembered'
                else format('its key leads to the older job %%s', i.job_id) end as facts
    from jobsched.job j
    left join jobsched.idempotency i on i.key = j.idempotency_key and i.job_id >= %(first)s
    left join jobsched.outcome o on o.job_id = j.id and o.job_id >= %(first)s
    where j.id >= %(first)s and j.idempotency_key is not null
      and case when i.key is null
              then o.finished_at is null or o.finished_at > now() - make_interval(secs => %(window)s)
              else i.job_id < j.id end
      and not exists (select from jobsched.kept k where k.job_id = j.id)
    union all
    select i.job_id,
           case when j.id is null then 'a key is remembered for ever for a job that is not there'
                when i.expires_at is not null then 'its key is forgotten while it is still there'
                else 'a key leads to it that it has not got' end
    from jobsched.idempotency i
    left join jobsched.job j on j.id = i.job_id and j.id >= %(first)s
    where i.job_id >= %(first)s
      and case when j.id is null then i.expires_at is null
              else i.expires_at is not null or j.idempotency_key is distinct from i.key end
      and not exists (select from jobsched.kept k where k.job_id = i.job_id)
)
select job_id, facts, count(*) over () as total
from wrong
order by job_id, facts
limit %(limit)s
