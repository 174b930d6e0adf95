-- Gives back a key that was taken in this transaction for a job that then was not stored.
delete from jobsched.unique_active where key = %(unique_key)s and job_id = %(id)s
returning job_id
