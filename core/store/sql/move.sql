-- Gives jobs that are held another lane: the row of each and its place in one statement.
with place as (
    update jobsched.blocked b
    set queue = coalesce(%(queue)s::text, b.queue), priority = coalesce(%(priority)s::smallint, b.priority), settled = false
    where b.held_at is not null
      and b.job_id = any (array(
          select x.job_id from jobsched.blocked x where x.job_id = any (%(ids)b::bigint[]) order by x.job_id for update
      ))
    returning b.job_id, b.queue, b.priority
)
update jobsched.job j set queue = p.queue, priority = p.priority
from place p
where j.id = p.job_id
