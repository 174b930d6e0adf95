-- Ticks, newest first: of one schedule, or of all of them; those of one moment by the names of their schedules.
-- after: the page goes on in the middle of the moment `before`, behind this name.
select s.name, t.scheduled_for, t.state, t.decided_at, t.job_id, t.reason, t.by, t.origin,
       (select n.state from jobsched.job_now n where n.id = t.job_id) as job_state
from jobsched.tick t
join jobsched.schedule s on s.id = t.schedule_id
where (%(id)s::bigint is null or t.schedule_id = %(id)s)
  and t.scheduled_for <= %(before)s
  and (t.scheduled_for < %(before)s or s.name > %(after)s::text)
  and (%(states)s::text[] is null or t.state = any (%(states)s))
order by t.scheduled_for desc, s.name
limit %(limit)s
