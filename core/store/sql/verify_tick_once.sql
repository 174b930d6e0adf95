-- Ticks that made two jobs, and jobs that two ticks made. (Of a schedule that was changed since: see verify_job_tick.)
with jobs as (
    select j.schedule, j.scheduled_for, max(j.id) as job_id, count(*) as jobs, min(j.id) as first
    from jobsched.job j
    join jobsched.schedule s on s.name = j.schedule and s.updated_at <= j.created_at
    where j.id >= %(first)s
    group by j.schedule, j.scheduled_for
    having count(*) > 1
),
ticks as (
    select t.job_id, count(*) as ticks, min(t.scheduled_for) as first
    from jobsched.tick t
    where t.job_id >= %(first)s
    group by t.job_id
    having count(*) > 1
),
wrong as materialized (
    select job_id, format('%%s jobs were made for %%s of schedule %%s, the first is %%s', jobs, scheduled_for, schedule,
                          first) as facts
    from jobs
    union all
    select job_id, format('%%s ticks made it, the first is of %%s', ticks, first) from ticks
)
select job_id, facts, count(*) over () as total
from wrong
order by job_id, facts
limit %(limit)s
