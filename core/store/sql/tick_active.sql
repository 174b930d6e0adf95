-- The jobs of a schedule that have not ended, among its newest hundred, oldest first; whether each has begun; and
-- whether it was made to wait for others. Most have ended, which their outcome tells soonest.
select j.id,
       j.state = 'running' or j.attempt + j.crashes + j.losses > 0,
       exists (select from jobsched.dependency d where d.child = j.id)
from jobsched.job_now j
where j.id = any (array(
    select n.job_id
    from (
        select t.job_id from jobsched.tick t
        where t.schedule_id = %(id)s and t.state = 'fired'
        order by t.scheduled_for desc
        limit 100
    ) n
    where not exists (select from jobsched.outcome o where o.job_id = n.job_id offset 0)
))
and j.state not in ('succeeded', 'dead', 'cancelled')
order by j.id
