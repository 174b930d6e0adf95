-- Times that are out of order by more than ten seconds: less may be a clock that was put right, or a failover.
with span as (
    select j.id as job_id, 'submitted' as before, j.created_at as earlier, 'now' as after, now() as later
    from jobsched.job j where j.id >= %(first)s and j.created_at > now() + interval '10 s'
    union all
    select o.job_id, 'submitted', j.created_at, 'ended', o.finished_at
    from jobsched.outcome o join jobsched.job j on j.id = o.job_id and j.id >= %(first)s
    where o.job_id >= %(first)s and j.created_at > o.finished_at + interval '10 s'
    union all
    select o.job_id, 'ended', o.finished_at, 'now', now()
    from jobsched.outcome o where o.job_id >= %(first)s and o.finished_at > now() + interval '10 s'
    union all
    select a.job_id, 'submitted', j.created_at, 'attempt ended', a.finished_at
    from jobsched.attempt_log a join jobsched.job j on j.id = a.job_id and j.id >= %(first)s
    where a.job_id >= %(first)s and j.created_at > a.finished_at + interval '10 s'
    union all
    select l.job_id, 'queued', l.queued_since, 'claimed', l.claimed_at
    from jobsched.lease l where l.job_id >= %(first)s and l.queued_since > l.claimed_at + interval '10 s'
    union all
    select l.job_id, 'claimed', l.claimed_at, 'now', now()
    from jobsched.lease l where l.job_id >= %(first)s and l.claimed_at > now() + interval '10 s'
),
wrong as materialized (
    select job_id,
           format('%%s %%s, %%s %%s', before, to_char(earlier at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
                  after, to_char(later at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')) as facts
    from span
    union all
    select job_id, format('waited %%s s, ran %%s s', wait, run)
    from jobsched.outcome where job_id >= %(first)s and (wait < -10 or run < -10)
    union all
    select job_id, format('attempt %%s ran %%s s', attempt, duration)
    from jobsched.attempt_log where job_id >= %(first)s and duration < -10
)
select job_id, facts, count(*) over () as total
from wrong
order by job_id, facts
limit %(limit)s
