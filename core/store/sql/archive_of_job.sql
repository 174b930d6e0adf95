-- The files that one archiving job has written so far, in whichever attempts.
select id, job_id, number, bucket, key, format, jobs, bytes, sha256, schema_version, first_job, last_job,
       first_finished, last_finished, created_at
from jobsched.archive
where job_id = %(job_id)s
order by number
