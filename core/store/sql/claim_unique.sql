-- Takes a unique-while-active key for a job, unless a job that has not ended has it: then no row comes
-- back. Whether the holder has ended is asked of a snapshot that may be old, which errs on the safe side.
insert into jobsched.unique_active as held (key, job_id) values (%(unique_key)s, %(id)s)
on conflict (key) do update set job_id = excluded.job_id
    where held.job_id = excluded.job_id
       or exists (select from jobsched.outcome o where o.job_id = held.job_id)
returning job_id
