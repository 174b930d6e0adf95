-- How many rows there are of each table, of the jobs from %(first)s on. One pass over each.
select 'job', count(*) from jobsched.job where id >= %(first)s
union all
select 'ready', count(*) from jobsched.ready where job_id >= %(first)s
union all
select 'delayed', count(*) from jobsched.delayed where job_id >= %(first)s
union all
select 'blocked', count(*) from jobsched.blocked where job_id >= %(first)s
union all
select 'dependency', count(*) from jobsched.dependency where child >= %(first)s
union all
select 'slot', count(*) from jobsched.slot where job_id >= %(first)s
union all
select 'unique_active', count(*) from jobsched.unique_active where job_id >= %(first)s
union all
select 'lease', count(*) from jobsched.lease where job_id >= %(first)s
union all
select 'outcome', count(*) from jobsched.outcome where job_id >= %(first)s
union all
select 'attempt_log', count(*) from jobsched.attempt_log where job_id >= %(first)s
union all
select 'job_output', count(*) from jobsched.job_output where job_id >= %(first)s
union all
select 'checkpoint', count(*) from jobsched.checkpoint where job_id >= %(first)s
union all
select 'idempotency', count(*) from jobsched.idempotency where job_id >= %(first)s
union all
select 'archive', count(*) from jobsched.archive where last_job >= %(first)s
union all
select 'tick', count(*) from jobsched.tick where job_id >= %(first)s
union all
select 'kept', count(*) from jobsched.kept where job_id >= %(first)s
