-- Jobs that a schedule made, and no tick of it. A schedule that was removed, or changed since, proves nothing: its
-- name may have been another one's. Neither does a job that is older than what is kept of ticks, or that came back from
-- an archive.
with wrong as materialized (
    select j.id as job_id, format('schedule %%s is said to have made it, for %%s, and no tick did', j.schedule,
                                  j.scheduled_for) as facts
    from jobsched.job j
    join jobsched.schedule s on s.name = j.schedule and s.updated_at <= j.created_at
    left join jobsched.tick t on t.job_id = j.id
    left join jobsched.kept k on k.job_id = j.id
    where j.id >= %(first)s and t.job_id is null and k.job_id is null
      and j.created_at > now() - make_interval(secs => %(ticks_kept)s)
)
select job_id, facts, count(*) over () as total
from wrong
order by job_id, facts
limit %(limit)s
