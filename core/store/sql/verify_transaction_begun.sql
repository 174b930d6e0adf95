-- Ends that say they were written by a transaction that has not begun yet: `tail` holds them back until it has.
with ahead as (
    select job_id, 'outcome' as place, xid from jobsched.outcome
    where job_id >= %(first)s and xid >= pg_snapshot_xmax(pg_current_snapshot())
    union all
    select job_id, 'attempt_log', xid from jobsched.attempt_log
    where job_id >= %(first)s and xid >= pg_snapshot_xmax(pg_current_snapshot())
),
wrong as materialized (
    select job_id, format('%%s: transaction %%s, the next one is %%s', place, xid,
                  pg_snapshot_xmax(pg_current_snapshot())) as facts
    from ahead
)
select job_id, facts, count(*) over () as total
from wrong
order by job_id, facts
limit %(limit)s
