-- Attempts whose end was written after a newer lease of the job had ended, or after the job itself had. Later is what
-- is later by the transaction's number and by the clock: a clock that was set back, or a dump that was restored into
-- another cluster, moves one of them only.
with attempt as (
    select job_id, token, xid, finished_at,
           lead(token) over job as next_token, lead(xid) over job as next_xid,
           lead(finished_at) over job as next_finished
    from jobsched.attempt_log
    where job_id >= %(first)s
    window job as (partition by job_id order by token)
),
wrong as materialized (
    select job_id, format('token %%s was ended after token %%s', token, next_token) as facts
    from attempt
    where xid > next_xid and finished_at > next_finished
    union all
    select a.job_id, format('token %%s was ended after the job was %%s', a.token, o.state)
    from jobsched.attempt_log a
    join jobsched.outcome o on o.job_id = a.job_id and o.job_id >= %(first)s
    where a.job_id >= %(first)s and a.xid > o.xid and a.finished_at > o.finished_at
)
select job_id, facts, count(*) over () as total
from wrong
order by job_id, facts
limit %(limit)s
