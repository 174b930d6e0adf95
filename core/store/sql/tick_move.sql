-- Moves the frontier of a schedule past a tick that somebody backfilled before it was decided, and never back. The
-- transaction has locked its row.
update jobsched.schedule set decided_until = %(until)s where id = %(id)s and decided_until < %(until)s
