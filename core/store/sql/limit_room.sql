-- How many live leases count against a queue's limit, in a snapshot that is newer than the lock.
select count(*) from jobsched.lease where limited = %(queue)s
