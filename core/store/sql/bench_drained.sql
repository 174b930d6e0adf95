select count(*), extract(epoch from max(o.finished_at) - min(o.finished_at))
from jobsched.outcome o join jobsched.job j on j.id = o.job_id
where j.queue = %(queue)s and j.id > %(after_id)s
