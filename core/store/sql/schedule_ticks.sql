-- What became of the newest ticks of each schedule, at most %(looked)s and not older than %(since)s seconds, and how
-- many of its newest ten jobs have not ended. A backfill is late on purpose.
select
    s.name, n.missed, n.newest_missed, n.skipped, n.newest_skipped, n.late, n.latest,
    (
        select count(*)
        from (
            select t.job_id from jobsched.tick t
            where t.schedule_id = s.id and t.state = 'fired'
            order by t.scheduled_for desc
            limit 10
        ) f
        where exists (select from jobsched.job j where j.id = f.job_id offset 0)
          and not exists (select from jobsched.outcome o where o.job_id = f.job_id offset 0)
    ) as active
from jobsched.schedule s
cross join lateral (
    select count(*) filter (where t.state = 'missed') as missed,
           max(t.scheduled_for) filter (where t.state = 'missed') as newest_missed,
           count(*) filter (where t.state = 'skipped') as skipped,
           max(t.scheduled_for) filter (where t.state = 'skipped') as newest_skipped,
           count(*) filter (where t.lateness > %(late)s) as late,
           max(t.lateness) as latest
    from (
        select k.state, k.scheduled_for,
               case when k.state = 'fired' and k.origin = 'schedule'
                   then extract(epoch from k.decided_at - k.scheduled_for)::float8
               end as lateness
        from jobsched.tick k
        where k.schedule_id = s.id and k.scheduled_for > statement_timestamp() - make_interval(secs => %(since)s)
        order by k.scheduled_for desc
        limit %(looked)s
    ) t
) n
order by s.name
