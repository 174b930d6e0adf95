-- Wakes the idle workers that have been idle longest, at most one a job, and nobody else: with a
-- broadcast every idle worker would run for the same job. Moving idle_since sends the next wake-up
-- to the next worker. A row that is locked belongs to a worker that is being woken already. A worker
-- that passes a wake-up on names itself as `not_id`. Nothing is lost with a wake-up that a crash of the
-- server undoes, so its commit does not wait for the disk.
with chosen as (
    select w.id from jobsched.worker w
    where set_config('synchronous_commit', 'off', true) is not null
      and w.ended_at is null
      and w.heartbeat_at > clock_timestamp() - make_interval(secs => w.lease_seconds)
      and w.state = 'available'
      and w.command is null
      and w.id is distinct from %(not_id)s::bigint
      and (w.queues is null or %(queue)s::text = any (w.queues))
      and %(type)s::text = any (w.types)
    order by w.idle_since
    limit %(jobs)s::integer
    for update skip locked
),
woken as (
    update jobsched.worker w set idle_since = clock_timestamp()
    from chosen c where w.id = c.id
    returning w.id
)
select pg_notify('jobsched_worker_' || id, concat_ws(' ', 'wake', %(queue)s::text, %(type)s::text)) from woken
