-- Puts back what jobs that have just come back had waited for.
with made as (
    insert into jobsched.dependency
    select r.*
    from unnest(%(lines)s::text[]) g (line)
    cross join lateral jsonb_populate_record(null::jobsched.dependency, g.line::jsonb -> 'dependency') r
    where r.child = any (%(ids)b::bigint[])
    returning child
)
select count(*), 0::bigint from made
