-- How many of these jobs were submitted with an idempotency key.
select count(*) from jobsched.job where id = any (array(select unnest(%(ids)b::bigint[]))) and idempotency_key is not null
