-- How many jobs have a turn of a concurrency key now, some of them, and how many are to be let in before this one.
with holder as materialized (
    select s.job_id from jobsched.slot s
    where s.queue = %(queue)s and s.key = %(key)s
      and (exists (select from jobsched.lease l where l.job_id = s.job_id)
           or exists (select from jobsched.ready r where r.job_id = s.job_id and r.seq <> r.job_id))
)
select
    coalesce((select q.key_limit from jobsched.queue q where q.name = %(queue)s), 1) as key_limit,
    (select count(*) from holder) as used,
    array(select h.job_id from holder h order by h.job_id limit 5) as holders,
    (select count(*) from jobsched.blocked b
     where b.queue = %(queue)s and b.key = %(key)s and b.parked
       and (b.priority, b.job_id) < (%(priority)s, %(id)s)) as before
