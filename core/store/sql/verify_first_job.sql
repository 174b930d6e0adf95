-- The next job from an id on, by primary key, and whether it was submitted at %(since)s or later.
select j.id, j.created_at >= %(since)s::timestamptz from jobsched.job j where j.id >= %(id)s order by j.id limit 1
