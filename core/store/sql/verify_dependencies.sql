-- Jobs that went on although a job that they wait for has not ended as asked; and jobs that stay blocked though
-- somebody has looked and nothing blocks them: nobody is going to look again.
with going as (
    select job_id, 'ready' as name from jobsched.ready where job_id >= %(first)s
    union all
    select job_id, 'delayed' from jobsched.delayed where job_id >= %(first)s
    union all
    select job_id, 'lease' from jobsched.lease where job_id >= %(first)s
    union all
    select job_id, state from jobsched.outcome where job_id >= %(first)s and state <> 'cancelled'
),
wrong as materialized (
    select g.job_id, format('%%s, and it is to run after job %%s:%%s', g.name, d.parent, d.condition) as facts
    from jobsched.dependency d
    join going g on g.job_id = d.child
    where not d.met and d.child >= %(first)s
    union all
    select b.job_id, 'it is blocked, and nothing blocks it'
    from jobsched.blocked b
    where b.job_id >= %(first)s and b.settled and not b.parked and b.held_at is null
      and not exists (
          select from jobsched.dependency d where d.child = b.job_id and not d.met and d.child >= %(first)s
      )
)
select job_id, facts, count(*) over () as total
from wrong
order by job_id, facts
limit %(limit)s
