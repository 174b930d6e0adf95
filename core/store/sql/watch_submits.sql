-- What was submitted lately, by queue: of the last %(window)s seconds, but at most among the newest %(most)s.
with newest as (
    select j.queue, j.created_at from jobsched.job j order by j.id desc limit %(most)s
)
select n.queue, count(*) filter (where n.created_at > statement_timestamp() - make_interval(secs => %(window)s)),
       (select least(%(window)s::double precision,
                     case when count(*) < %(most)s then %(window)s::double precision
                          else extract(epoch from statement_timestamp() - min(each.created_at)) end)
        from newest each)::double precision as covered
from newest n
group by n.queue
