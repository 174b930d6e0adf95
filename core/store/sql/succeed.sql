-- Ends leases whose jobs succeeded. Only a lease that still has the token that it was given out with
-- is ended; the tokens that were accepted come back, a stale one does not.
--
-- Written without a join: with `job_id = any(...)` and hashed `in (select ...)` filters (which the
-- coalesce keeps from becoming joins) the plan is the same whatever the statistics of the lease table
-- say; as a join it turns quadratic or into a full scan when they say "empty".
with ended as (
    delete from jobsched.lease
    where job_id = any (%(job_ids)b::bigint[])
      and coalesce(token in (select unnest(%(tokens)b::bigint[])), false)
    returning token
)
insert into jobsched.outcome (job_id, state, attempt, crashes, losses, token, worker_id, wait, run, result)
select g.job_id, 'succeeded', g.attempt, coalesce(g.crashes, 0), coalesce(g.losses, 0), g.token, %(worker_id)s,
       g.wait, g.run, g.result::jsonb
from unnest(
    %(job_ids)b::bigint[], %(tokens)b::bigint[], %(attempts)b::smallint[], %(crashes)b::smallint[],
    %(losses)b::smallint[], %(waits)b::real[], %(runs)b::real[], %(results)b::text[]
) g (job_id, token, attempt, crashes, losses, wait, run, result)
where coalesce(g.token in (select e.token from ended e), false)
returning token
