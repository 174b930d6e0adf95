select o.wait from jobsched.outcome o join jobsched.job j on j.id = o.job_id
where j.queue = %(queue)s and o.wait is not null
