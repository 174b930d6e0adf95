-- Remembers a file, in the transaction that deletes its jobs.
insert into jobsched.archive (job_id, number, bucket, key, format, jobs, bytes, sha256, schema_version,
                              first_job, last_job, first_finished, last_finished)
values (%(job_id)s, %(number)s, %(bucket)s, %(key)s, %(format)s, %(jobs)s, %(bytes)s, %(sha256)s, %(schema_version)s,
        %(first_job)s, %(last_job)s, %(first_finished)s, %(last_finished)s)
