-- One row for each db_tx job whose query was applied, written in the transaction of the query itself. That a
-- key is there once is what makes an attempt wait for another one that is under way. A result is only null
-- inside that transaction. The hash of query and parameters tells a job from one of an older store that was
-- restored and gives its numbers out again.
create table if not exists jobsched_tx.applied (
    key text primary key,
    job_id bigint not null,
    store_id text not null,
    query_hash text not null,
    xid xid8 not null default pg_current_xact_id(),
    applied_at timestamptz not null default now(),
    result json
)
