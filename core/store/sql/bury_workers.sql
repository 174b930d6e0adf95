-- First statement of the reaper: declares workers dead that were silent for longer than their lease,
-- and those (`dead`) that a process on their own host has proved dead. A heartbeat that commits
-- first is seen by the re-check of this update; one that comes later touches no row, which tells
-- that worker to stop.
update jobsched.worker
set ended_at = clock_timestamp(), end_reason = 'lost', state = 'unavailable'
where id = any (array(
    select w.id from jobsched.worker w
    where w.ended_at is null
      and (w.heartbeat_at < clock_timestamp() - make_interval(secs => w.lease_seconds)
           or w.id = any (%(dead)s::bigint[]))
    order by w.id
    for update skip locked
))
returning id, name, mark
