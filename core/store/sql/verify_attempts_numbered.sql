-- Attempts that do not follow on what the log has before them. One that failed uses up its number; one that crashed,
-- was lost or was handed back does not; a job that is run anew begins at 1 again, and its log goes on.
with attempt as (
    select job_id, token, attempt, kind,
           case when kind in ('failed', 'timeout') then attempt else attempt - 1 end as used,
           lag(case when kind in ('failed', 'timeout') then attempt else attempt - 1 end, 1, 0) over job as used_before,
           lead(token) over job is null as is_last
    from jobsched.attempt_log
    where job_id >= %(first)s
    window job as (partition by job_id order by token)
),
place as (
    select job_id, 'ready' as name, attempt from jobsched.ready where job_id >= %(first)s
    union all
    select job_id, 'delayed', attempt from jobsched.delayed where job_id >= %(first)s
    union all
    select job_id, 'blocked', attempt from jobsched.blocked where job_id >= %(first)s
    union all
    select job_id, 'lease', attempt from jobsched.lease where job_id >= %(first)s
    union all
    select job_id, state, attempt from jobsched.outcome where job_id >= %(first)s
),
wrong as materialized (
    select job_id, format('attempt %%s (token %%s) follows on %%s used up', attempt, token, used_before) as facts
    from attempt
    where attempt <> 1 and attempt <> used_before + 1
    union all
    select p.job_id, format('%%s: attempt %%s follows on %%s used up', p.name, p.attempt, coalesce(a.used, 0))
    from place p
    left join attempt a on a.job_id = p.job_id and a.is_last
    where case
        when p.name in ('ready', 'delayed', 'blocked') then p.attempt not in (0, coalesce(a.used, 0))
        when p.name in ('lease', 'succeeded') then p.attempt not in (1, coalesce(a.used, 0) + 1)
        when p.name = 'dead' then p.attempt not in (coalesce(a.used, 0), coalesce(a.used, 0) + 1)
        else p.attempt not in (0, 1, coalesce(a.used, 0), coalesce(a.used, 0) + 1)
    end
)
select job_id, facts, count(*) over () as total
from wrong
order by job_id, facts
limit %(limit)s
