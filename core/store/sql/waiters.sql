-- Who may go on now that these jobs have ended, or have left `ready` and their lease: the children that
-- wait for them, and the concurrency keys of which they had a slot.
select d.child as job_id, null as queue, null as key from jobsched.dependency d
where d.parent = any (%(ids)b::bigint[]) and not d.met
union all
select null, s.queue, s.key from jobsched.slot s where s.job_id = any (%(ids)b::bigint[])
