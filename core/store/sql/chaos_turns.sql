-- Leases of these queues' jobs as they were taken and given up.
select h.what, h.job_id, j.queue, j.concurrency_key, extract(epoch from h.at)::double precision
from jobsched_chaos.history h
join jobsched.job j on j.id = h.job_id
where h.what in ('leased', 'released') and j.queue = any (%(queues)s)
order by h.n
