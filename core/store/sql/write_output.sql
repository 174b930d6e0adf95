-- Keeps what running jobs said, for leases that still have their token: a stale worker's words are dropped.
insert into jobsched.job_output (job_id, token, chunk, attempt, stream, text)
select g.job_id, g.token, g.chunk, g.attempt, g.stream, g.text
from unnest(
    %(job_ids)b::bigint[], %(tokens)b::bigint[], %(chunks)b::int[], %(attempts)b::smallint[], %(streams)b::text[],
    %(texts)b::text[]
) g (job_id, token, chunk, attempt, stream, text)
where exists (
    select from jobsched.lease l where l.job_id = g.job_id and l.token = g.token
    for key share
)
on conflict do nothing
