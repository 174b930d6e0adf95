-- Puts archived jobs back, those of `ids` if it is given; one that is in the store already stays as it is.
insert into jobsched.job
select r.*
from unnest(%(lines)s::text[]) g (line)
cross join lateral jsonb_populate_record(null::jobsched.job, g.line::jsonb -> 'job') r
where %(ids)b::bigint[] is null or r.id = any (%(ids)b::bigint[])
on conflict (id) do nothing
returning id, queue
