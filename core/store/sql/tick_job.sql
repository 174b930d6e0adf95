-- Says whose tick a job is that was made in this transaction. Not a column of enqueue_blocked.sql: who may only
-- submit must not be able to say so.
update jobsched.job set schedule = %(schedule)s, scheduled_for = %(tick)s where id = %(id)s
