-- Inside a transaction that stays open after its jobs got their ids: delivered at its commit, this
-- makes claimers rewind their cursors to the lowest seq, which may by then lie behind them.
select pg_notify('jobsched', json_build_object('kind', 'late', 'queue', g.queue, 'seq', g.seq)::text)
from unnest(%(queues)b::text[], %(seqs)b::bigint[]) g (queue, seq)
