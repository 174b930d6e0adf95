-- Where a queued job stands among those that the same workers run (%(types)s, null: any; in %(queues)s, null: all):
-- how many stand before it in its queue, how many of higher priority in other queues, whether it must run alone, and
-- how many jobs of its queue ended within the last minute. No more than %(most)s of each are counted.
with mine as (
    select r.queue, r.priority, r.seq, r.solo from jobsched.ready r
    where r.queue = %(queue)s and r.priority = %(priority)s and r.seq = %(id)s
    union all
    select r.queue, r.priority, r.seq, r.solo from jobsched.ready r where r.job_id = %(id)s and r.seq <> r.job_id
)
select
    (select count(*) from (
        select from jobsched.ready r
        where r.queue = %(queue)s and r.priority <= %(priority)s
          and (r.priority < %(priority)s or r.seq < (select m.seq from mine m))
          and (%(types)s::text[] is null or r.type = any (%(types)s))
        limit %(most)s
    ) before) as before,
    (select count(*) from (
        select from jobsched.queue q
        cross join lateral (
            select from jobsched.ready r
            where r.queue = q.name and r.priority < %(priority)s
              and (%(types)s::text[] is null or r.type = any (%(types)s))
            limit %(most)s
        ) its
        where q.name <> %(queue)s and (%(queues)s::text[] is null or q.name = any (%(queues)s))
          and (q.paused_at is null or q.paused_until <= statement_timestamp())
        limit %(most)s
    ) urgent) as urgent,
    (select m.solo from mine m) as solo,
    (select count(*) from (
        select from jobsched.outcome o
        cross join lateral (select from jobsched.job j where j.id = o.job_id and j.queue = %(queue)s offset 0) its
        where o.finished_at > statement_timestamp() - interval '1 minute'
        limit %(most)s
    ) ended) as ended_last_minute
