-- Puts back the checkpoints of jobs that have just come back. `data` may be a JSON null.
with made as (
    insert into jobsched.checkpoint (job_id, token, data)
    select r.job_id, r.token, g.line::jsonb -> 'checkpoint' -> 'data'
    from unnest(%(lines)s::text[]) g (line)
    cross join lateral jsonb_populate_record(null::jobsched.checkpoint, g.line::jsonb -> 'checkpoint') r
    where r.job_id = any (%(ids)b::bigint[])
    returning token
)
select count(*), coalesce(max(token), 0) from made
