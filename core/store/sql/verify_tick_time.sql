-- Jobs that a schedule made before their time, by more than a clock can be set back unnoticed.
with wrong as materialized (
    select j.id as job_id, format('it was made at %%s, for %%s', j.created_at, j.scheduled_for) as facts
    from jobsched.job j
    where j.id >= %(first)s and j.created_at < j.scheduled_for - interval '10 s'
)
select job_id, facts, count(*) over () as total
from wrong
order by job_id, facts
limit %(limit)s
