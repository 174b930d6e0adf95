-- A page of the jobs of a change, oldest first, with where they stood.
select job_id, state, held_by from jobsched.operation_job
where operation_id = %(operation)s and job_id > %(after)s
order by job_id
limit %(limit)s
