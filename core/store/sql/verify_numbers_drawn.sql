-- Tokens, ids and places in lanes above their sequences. A sequence is read as it is now, which is never behind
-- what the snapshot holds.
with sequence as materialized (
    select (select case when is_called then last_value else last_value - 1 end from jobsched.token_seq) as token,
           (select case when is_called then last_value else last_value - 1 end from jobsched.job_seq) as job
),
high as (
    select id as job_id, 'job id' as what, id as number from jobsched.job
    where id >= %(first)s and id > (select job from sequence)
    union all
    select job_id, 'place in ready', seq from jobsched.ready where job_id >= %(first)s and seq > (select job from sequence)
    union all
    select l.job_id, 'token of lease', l.token from jobsched.lease l
    where l.job_id >= %(first)s and l.token > (select token from sequence)
    union all
    select o.job_id, 'token of outcome', o.token from jobsched.outcome o
    where o.job_id >= %(first)s and o.token > (select token from sequence)
    union all
    select job_id, 'token in attempt_log', a.token from jobsched.attempt_log a
    where job_id >= %(first)s and a.token > (select token from sequence)
    union all
    select job_id, 'token in checkpoint', c.token from jobsched.checkpoint c
    where job_id >= %(first)s and c.token > (select token from sequence)
),
wrong as materialized (
    select job_id, format('%%s %%s', what, number) as facts
    from high
)
select job_id, facts, count(*) over () as total
from wrong
order by job_id, facts
limit %(limit)s
