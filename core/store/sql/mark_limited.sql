-- Counts the leases of a queue that has just been given a limit.
update jobsched.lease l set limited = %(queue)s
where l.limited is null and exists (select from jobsched.job j where j.id = l.job_id and j.queue = %(queue)s)
