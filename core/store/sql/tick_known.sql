-- Which of some ticks a schedule has, and which of them fired.
select t.scheduled_for, t.state = 'fired' from jobsched.tick t
where t.schedule_id = %(id)s and t.scheduled_for = any (%(ticks)b::timestamptz[])
