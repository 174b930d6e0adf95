-- Locks the outcomes of jobs, in the order of job ids, until the end of this transaction.
select o.job_id from jobsched.outcome o where o.job_id = any (%(ids)b::bigint[]) order by o.job_id for update
