-- Whether the archiving job still has the lease that it runs under, and keeps it until the transaction ends: the
-- reaper passes a lease by that somebody holds. Its worker may go on writing the job's progress.
select from jobsched.lease where job_id = %(job_id)s and token = %(token)s for key share
