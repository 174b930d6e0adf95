-- Whether this role may move blocked jobs on; one that may only submit may not.
select has_table_privilege('jobsched.blocked', 'delete')
