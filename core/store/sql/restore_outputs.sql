-- Puts back what jobs that have just come back had said.
with made as (
    insert into jobsched.job_output
    select r.*
    from unnest(%(lines)s::text[]) g (line)
    cross join lateral jsonb_populate_record(null::jobsched.job_output, g.line::jsonb -> 'job_output') r
    where r.job_id = any (%(ids)b::bigint[])
    returning token
)
select count(*), coalesce(max(token), 0) from made
