-- Which of these jobs are not in this lane, where null is any.
select id from jobsched.job
where id = any (%(ids)b::bigint[])
  and ((%(queue)s::text is not null and queue <> %(queue)s) or (%(priority)s::smallint is not null and priority <> %(priority)s))
