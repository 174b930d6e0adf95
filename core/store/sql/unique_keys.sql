-- The unique-while-active keys of jobs, in the order of keys.
select j.id, j.unique_key from jobsched.job j
where j.id = any (%(ids)b::bigint[]) and j.unique_key is not null
order by j.unique_key, j.id
