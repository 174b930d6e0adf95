-- Transactions below this are over: what they wrote can be seen, and none of them writes again.
select pg_snapshot_xmin(pg_current_snapshot())::text
