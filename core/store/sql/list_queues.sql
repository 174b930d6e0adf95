-- Every queue (or the one named) with what is waiting and running in it now. `delayed` and `lease`
-- have no queue of their own: theirs is looked up by primary key.
with queued as (
    select r.queue, count(*) as jobs, extract(epoch from clock_timestamp() - min(r.since))::double precision as oldest
    from jobsched.ready r
    where %(name)s::text is null or r.queue = %(name)s
    group by r.queue
),
waiting as (
    select j.queue, count(*) filter (where d.state = 'scheduled') as scheduled,
           count(*) filter (where d.state = 'retrying') as retrying
    from jobsched.delayed d join jobsched.job j on j.id = d.job_id
    group by j.queue
),
blocked as (
    select b.queue, count(*) as jobs from jobsched.blocked b
    where %(name)s::text is null or b.queue = %(name)s
    group by b.queue
),
running as (
    select j.queue, count(*) as jobs from jobsched.lease l join jobsched.job j on j.id = l.job_id group by j.queue
)
select q.name, q.created_at,
       q.paused_at is not null and (q.paused_until is null or q.paused_until > statement_timestamp()) as paused,
       q.paused_at, q.paused_by, q.pause_reason, q.paused_until,
       coalesce(queued.jobs, 0), coalesce(waiting.scheduled, 0), coalesce(waiting.retrying, 0),
       coalesce(running.jobs, 0), queued.oldest, coalesce(blocked.jobs, 0), q.key_limit,
       q.max_running, q.rate, q.burst
from jobsched.queue q
left join queued on queued.queue = q.name
left join waiting on waiting.queue = q.name
left join blocked on blocked.queue = q.name
left join running on running.queue = q.name
where %(name)s::text is null or q.name = %(name)s
order by q.name
