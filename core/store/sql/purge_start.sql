-- Where a purge ends: jobs that come later are not meant. Null: there is no such queue.
select (select last_value from jobsched.job_seq) from jobsched.queue where name = %(queue)s
