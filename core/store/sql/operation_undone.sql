-- Remembers that a change was undone; the first one who says so counts.
update jobsched.operation set undone_at = clock_timestamp(), undone_by = %(by)s
where id = %(id)s and undone_at is null
