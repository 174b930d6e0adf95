-- The net under the others: children of jobs that have ended, and keys with parked jobs, in case whoever
-- should have looked died before. One page of each; the caller comes back every now and then.
(select d.child as job_id, null as queue, null as key
 from jobsched.dependency d
 cross join lateral (
     select from jobsched.blocked b where b.job_id = d.child and b.held_at is null offset 0
 ) waiting
 cross join lateral (
     select from jobsched.outcome o where o.job_id = d.parent
     union all
     select where not exists (select from jobsched.job j where j.id = d.parent)
     offset 0
 ) ended
 where not d.met
 limit %(n)s)
union all
(select null, k.queue, k.key from (select distinct queue, key from jobsched.blocked where parked) k limit %(n)s)
