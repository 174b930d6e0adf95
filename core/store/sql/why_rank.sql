-- Where a queued job stands: how many stand before it in its queue (no more than %(most)s are counted),
-- whether it must run alone, and how many jobs of the queue ended within the last minute.
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
        limit %(most)s
    ) before) as before,
    (select m.solo from mine m) as solo,
    (select count(*) from (
        select from jobsched.outcome o
        cross join lateral (select from jobsched.job j where j.id = o.job_id and j.queue = %(queue)s offset 0) its
        where o.finished_at > statement_timestamp() - interval '1 minute'
        limit %(most)s
    ) ended) as ended_last_minute
