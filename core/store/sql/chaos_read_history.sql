-- In the order in which it happened to each job: a transaction that touches what another one did to a
-- job sees that one's lines committed, so its own have greater numbers.
select what, job_id, token, xid::text::bigint from jobsched_chaos.history order by job_id, n
