-- Gives jobs that are held another lane, and says which of them the mover holds. A job's row and its place change in
-- one statement; a job that somebody has let go of or ended meanwhile is left alone.
with place as (
    update jobsched.blocked b
    set queue = coalesce(%(queue)s::text, b.queue), priority = coalesce(%(priority)s::smallint, b.priority), settled = false
    where b.held_at is not null
      and b.job_id = any (array(
          select x.job_id from jobsched.blocked x where x.job_id = any (%(ids)b::bigint[]) order by x.job_id for update
      ))
    returning b.job_id, b.queue, b.priority, b.held_by
),
moved as (
    update jobsched.job j set queue = p.queue, priority = p.priority
    from place p
    where j.id = p.job_id
)
select job_id, held_by = %(by)s from place
