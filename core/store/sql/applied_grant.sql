-- What a worker's role needs, and no more.
grant usage on schema jobsched_tx to {role};
grant select, insert, update (result) on jobsched_tx.applied to {role}
