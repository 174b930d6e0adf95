-- Files of archived jobs, newest first. holding: only those whose range of ids has this one in it.
select id, job_id, number, bucket, key, format, jobs, bytes, sha256, schema_version, first_job, last_job,
       first_finished, last_finished, created_at
from jobsched.archive
where id < %(before)s and (%(holding)s::bigint is null or %(holding)s between first_job and last_job)
order by id desc
limit %(limit)s
