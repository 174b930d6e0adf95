delete from jobsched_tx.applied where key = any (%(keys)s)
