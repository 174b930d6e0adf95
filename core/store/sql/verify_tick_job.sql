-- Ticks that fired without the job that they made, or whose job is of another tick. A job that may have been deleted
-- by retention, or archived, is not missing.
with wrong as materialized (
    select t.job_id,
           case when j.id is null then format('it was made by the tick of %%s, and is not there', t.scheduled_for)
                else format('it was made by the tick of %%s, and says that of %%s', t.scheduled_for,
                            coalesce(j.scheduled_for::text, 'none'))
           end as facts
    from jobsched.tick t
    left join jobsched.job j on j.id = t.job_id
    where t.state = 'fired' and t.job_id >= %(first)s
      and case
              when j.id is null then
                  t.decided_at > now() - make_interval(secs => %(jobs_kept)s)
                  and not exists (select from jobsched.archive a where t.job_id between a.first_job and a.last_job)
              else j.scheduled_for is distinct from t.scheduled_for
          end
)
select job_id, facts, count(*) over () as total
from wrong
order by job_id, facts
limit %(limit)s
