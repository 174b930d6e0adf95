-- Two at the same moment would both find nothing and both create it. The number is jobsched's own.
select pg_advisory_xact_lock(7308605968012141)
