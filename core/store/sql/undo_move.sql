-- The lanes in which jobs stood before they were moved, each with its jobs.
select queue, priority, array_agg(job_id order by job_id)
from jobsched.operation_job
where operation_id = %(operation)s and job_id = any (%(ids)b::bigint[]) and queue is not null
group by queue, priority
order by queue, priority
