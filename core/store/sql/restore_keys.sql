-- Gives jobs that have just come back their idempotency keys: those that are free, whose window is over, or that
-- are still remembered for them. A newer job keeps its own.
insert into jobsched.idempotency as held
select r.*
from unnest(%(lines)s::text[]) g (line)
cross join lateral jsonb_populate_record(null::jobsched.idempotency, g.line::jsonb -> 'idempotency') r
where r.job_id = any (%(ids)b::bigint[])
on conflict (key) do update
set job_id = excluded.job_id, payload_hash = excluded.payload_hash, expires_at = excluded.expires_at
where held.job_id = excluded.job_id or held.expires_at <= statement_timestamp()
returning job_id
