-- Takes the key, before the query runs. Whoever has taken it and not yet committed is waited for; no row comes
-- back if it has committed.
insert into jobsched_tx.applied (key, job_id, store_id, query_hash)
values ($1, $2, $3, $4)
on conflict (key) do nothing
returning xid::text
