-- Takes a unique-while-active key for a job if nobody has it, and locks its row until the end of this
-- transaction, so that whoever wants the key meanwhile waits. What comes back is the job that has the key.
insert into jobsched.unique_active as held (key, job_id) values (%(unique_key)s, %(id)s)
on conflict (key) do update set job_id = held.job_id
returning job_id
