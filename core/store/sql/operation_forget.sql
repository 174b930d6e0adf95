-- Forgets jobs that a change was meant for and that it did not change: it cannot be undone for them.
with gone as (
    delete from jobsched.operation_job
    where operation_id = %(operation)s and job_id = any (%(ids)b::bigint[])
    returning job_id
)
update jobsched.operation set jobs = jobs - (select count(*) from gone) where id = %(operation)s
