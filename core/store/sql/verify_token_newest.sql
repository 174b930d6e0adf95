-- Tokens of a job that are newer than the one of its lease or outcome: somebody spoke for it who was not its owner.
-- An outcome without a token is that of a job that nobody held. A lease's own attempt is logged when the lease ends,
-- never before.
with owner as (
    select job_id, token, 'lease' as place from jobsched.lease where job_id >= %(first)s
    union all
    select job_id, token, 'outcome' from jobsched.outcome where job_id >= %(first)s and token is not null
),
said as (
    select job_id, token, 'attempt_log' as place from jobsched.attempt_log where job_id >= %(first)s
    union all
    select job_id, token, 'checkpoint' from jobsched.checkpoint where job_id >= %(first)s
    union all
    select job_id, token, 'job_output' from jobsched.job_output where job_id >= %(first)s
),
newer as (
    select o.job_id, o.place as held, o.token as owned, s.place, max(s.token) as token
    from said s
    join owner o on o.job_id = s.job_id
    where s.token > o.token or (s.token = o.token and o.place = 'lease' and s.place = 'attempt_log')
    group by o.job_id, o.place, o.token, s.place
),
wrong as materialized (
    select job_id, format('%%s has token %%s, its %%s %%s', place, token, held, owned) as facts
    from newer
)
select job_id, facts, count(*) over () as total
from wrong
order by job_id, facts
limit %(limit)s
