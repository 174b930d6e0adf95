-- Takes a change for undoing; whoever comes second gets nothing.
update jobsched.operation set undone_at = clock_timestamp(), undone_by = %(by)s
where id = %(id)s and undone_at is null
returning id
