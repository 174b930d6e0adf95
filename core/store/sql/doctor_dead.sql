-- Dead letters among the newest 10000 by job id: of the last day, of the seven days before it, and all of them.
select count(*) filter (where o.finished_at > statement_timestamp() - interval '1 day'),
       count(*) filter (where o.finished_at <= statement_timestamp() - interval '1 day'
                          and o.finished_at > statement_timestamp() - interval '8 days'),
       count(*)
from (
    select d.finished_at from jobsched.outcome d where d.state = 'dead' order by d.job_id desc limit 10000
) o
