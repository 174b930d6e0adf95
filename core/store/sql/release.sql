-- Lets go of held jobs, of those alone that %(by)s holds where he is named; settle.sql then says where each belongs.
update jobsched.blocked set held_at = null, held_by = null, settled = false
where job_id = any (array(
    select b.job_id from jobsched.blocked b
    where b.job_id = any (%(ids)b::bigint[]) and b.held_at is not null
      and (%(by)s::text is null or b.held_by = %(by)s)
    order by b.job_id
    for update
))
returning job_id
