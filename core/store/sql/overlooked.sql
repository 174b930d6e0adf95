-- The net under the others: children of jobs that have ended, and keys with parked jobs and a turn to give, in
-- case whoever should have looked died before. One page of each; the caller comes back every now and then, and
-- whatever is on a page is moved, so that the next one follows. (A held child is on it only to have it noted
-- that its parent ended as asked.)
(select d.child as job_id, null as queue, null as key
 from jobsched.dependency d
 cross join lateral (
     select b.held_at from jobsched.blocked b where b.job_id = d.child offset 0
 ) waiting
 cross join lateral (
     select o.state from jobsched.outcome o where o.job_id = d.parent
     union all
     select null where not exists (select from jobsched.job j where j.id = d.parent)
     offset 0
 ) ended
 where not d.met
   and (
       waiting.held_at is null
       or case d.condition
              when 'ok' then ended.state = 'succeeded'
              when 'fail' then ended.state in ('dead', 'cancelled')
              else true
          end
   )
 limit %(n)s)
union all
(select null, k.queue, k.key
 from (select distinct b.queue, b.key from jobsched.blocked b where b.parked) k
 where (
           select count(*) from jobsched.slot s
           where s.queue = k.queue and s.key = k.key
             and (
                 exists (select from jobsched.lease l where l.job_id = s.job_id)
                 or exists (select from jobsched.ready r where r.job_id = s.job_id and r.seq <> r.job_id)
             )
       ) < coalesce((select q.key_limit from jobsched.queue q where q.name = k.queue), 1)
 limit %(n)s)
