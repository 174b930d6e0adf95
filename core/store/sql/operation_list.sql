-- Changes, newest first; of one person or of all, one or many. One that found no job leaves nothing to undo.
select id, verb, by, selection, jobs, started_at, undone_at, undone_by
from jobsched.operation
where (%(id)s::bigint is null or id = %(id)s)
  and (%(by)s::text is null or by = %(by)s)
  and (not %(undoable)s or (undone_at is null and jobs > 0))
order by id desc
limit %(limit)s
