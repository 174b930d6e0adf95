-- Whether anything of the queue is ready, read from the newest end: there are no dead rows to walk over.
select exists (
    select from jobsched.ready where queue = %(queue)s order by priority desc, seq desc limit 1
)
