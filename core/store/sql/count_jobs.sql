-- How many jobs stand in each state, per queue. Succeeded and cancelled ones are counted only when
-- asked for: that reads all of `outcome`.
select j.queue, s.state, count(*)
from (
    select l.job_id, 'running' as state from jobsched.lease l
    union all
    select d.job_id, d.state from jobsched.delayed d
    union all
    select b.job_id, 'blocked' from jobsched.blocked b
    union all
    select o.job_id, o.state from jobsched.outcome o where o.state = 'dead'
    union all
    select o.job_id, o.state from jobsched.outcome o where o.state <> 'dead' and %(finished)s::boolean
) s
join jobsched.job j on j.id = s.job_id
group by j.queue, s.state
union all
select queue, 'queued', count(*) from jobsched.ready group by queue
