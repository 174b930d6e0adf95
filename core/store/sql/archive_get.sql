select id, job_id, number, bucket, key, format, jobs, bytes, sha256, schema_version, first_job, last_job,
       first_finished, last_finished, created_at
from jobsched.archive
where id = any (%(ids)b::bigint[])
