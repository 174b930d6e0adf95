-- Writes the real start and the progress of long jobs, for leases that still have their token.
update jobsched.lease l
set started_at = coalesce(l.started_at, clock_timestamp() - make_interval(secs => g.ran)),
    progress = coalesce(g.progress, l.progress),
    progress_message = coalesce(g.message, l.progress_message)
from unnest(
    %(job_ids)b::bigint[], %(tokens)b::bigint[], %(ran)b::double precision[], %(progress)b::real[], %(messages)b::text[]
) g (job_id, token, ran, progress, message)
where l.job_id = any (%(job_ids)b::bigint[]) and l.job_id = g.job_id and l.token = g.token
