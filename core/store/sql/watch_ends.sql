-- How jobs ended lately, by queue, and (queue null) all in all: of the last %(window)s seconds, but at most the
-- newest %(most)s. `covered` is the time that those came from.
with newest as (
    select o.job_id, o.state, o.wait, o.run, o.finished_at
    from jobsched.outcome o
    where o.finished_at > statement_timestamp() - make_interval(secs => %(window)s)
    order by o.finished_at desc
    limit %(most)s
)
select j.queue, count(*), count(*) filter (where n.state = 'dead'),
       percentile_disc(0.5) within group (order by n.wait)::double precision,
       percentile_disc(0.95) within group (order by n.wait)::double precision,
       percentile_disc(0.5) within group (order by n.run)::double precision,
       percentile_disc(0.95) within group (order by n.run)::double precision,
       (select case when count(*) < %(most)s then %(window)s::double precision
                    else extract(epoch from statement_timestamp() - min(each.finished_at)) end
        from newest each)::double precision as covered
from newest n
left join lateral (select b.queue from jobsched.job b where b.id = n.job_id offset 0) j on true
group by grouping sets ((j.queue), ())
