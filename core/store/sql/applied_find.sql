select query_hash, result from jobsched_tx.applied where key = $1
