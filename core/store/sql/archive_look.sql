-- The next %(n)s outcomes in the order of their ends, from (%(after)s, %(after_id)s) on, that are older than
-- %(before)s: which of them are to be archived, and how much room each takes as it is stored. Those that are
-- not `wanted` are told as well, so that a rare type is looked for in small steps. The laterals with
-- `offset 0` keep each lookup on its index, whatever the statistics say.
with looked as materialized (
    select o.job_id, o.xid, o.finished_at, o.state, coalesce(pg_column_size(o.result), 0) as size
    from jobsched.outcome o
    where o.finished_at >= %(after)s and o.finished_at < %(before)s
      and (o.finished_at, o.job_id) > (%(after)s, %(after_id)s)
    order by o.finished_at, o.job_id
    limit %(n)s
)
select l.job_id, l.xid::text, l.finished_at, w.wanted,
       case when w.wanted then l.size + j.size + coalesce(s.size, 0) else 0 end
from looked l
cross join lateral (
    select b.queue, b.type, b.tags, pg_column_size(b.payload) as size from jobsched.job b where b.id = l.job_id offset 0
) j
cross join lateral (
    select l.state = any (%(states)b::text[])
       and (%(queue)s::text is null or j.queue = %(queue)s)
       and (%(type)s::text is null or j.type = %(type)s)
       and (%(tag)s::text is null or %(tag)s = any (j.tags))
       and not exists (
           select from jobsched.kept k where k.job_id = l.job_id and k.until > statement_timestamp() offset 0
       ) as wanted
) w
left join lateral (
    select sum(pg_column_size(p.text)) as size from jobsched.job_output p where p.job_id = l.job_id offset 0
) s on w.wanted
order by l.finished_at, l.job_id
