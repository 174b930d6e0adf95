-- After the query, in the transaction that took the key: no row comes back if it is another one by now.
update jobsched_tx.applied set result = $1::json
where key = $2 and xid = $3::xid8 and xid = pg_current_xact_id()
returning key
