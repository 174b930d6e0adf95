-- Jobs that have more attempts, crashes or losses than they are allowed. A job that waits has used up fewer than all of
-- them, or it would have ended.
with place as (
    select job_id, 'ready' as name, attempt, crashes, losses, 1 as left_over
    from jobsched.ready where job_id >= %(first)s
    union all
    select job_id, 'delayed', attempt, crashes, losses, 1 from jobsched.delayed where job_id >= %(first)s
    union all
    select job_id, 'blocked', attempt, crashes, losses, 1 from jobsched.blocked where job_id >= %(first)s
    union all
    select job_id, 'lease', attempt, crashes, losses, 0 from jobsched.lease where job_id >= %(first)s
    union all
    select job_id, 'outcome', attempt, crashes, losses, 0 from jobsched.outcome where job_id >= %(first)s
),
wrong as materialized (
    select p.job_id,
           format('%%s: attempt %%s of %%s, %%s crashes (limit %%s), %%s losses (limit %%s)',
                  p.name, p.attempt, j.max_attempts, p.crashes, %(crash_limit)s::int, p.losses, %(lost_limit)s::int) as facts
    from place p
    join jobsched.job j on j.id = p.job_id and j.id >= %(first)s
    where p.attempt + p.left_over > j.max_attempts
       or p.crashes + p.left_over > %(crash_limit)s or p.losses + p.left_over > %(lost_limit)s
)
select job_id, facts, count(*) over () as total
from wrong
order by job_id, facts
limit %(limit)s
