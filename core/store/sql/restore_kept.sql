-- Retention and archival leave jobs that have come back alone for %(keep)s seconds. The row stays as long as the job.
insert into jobsched.kept (job_id, until)
select id, statement_timestamp() + make_interval(secs => %(keep)s) from unnest(%(ids)b::bigint[]) g (id)
on conflict (job_id) do update set until = excluded.until
