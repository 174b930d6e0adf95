-- Null: no table. Otherwise whether this role may do what a db_tx job does with it.
select case when to_regclass('jobsched_tx.applied') is not null then
    has_table_privilege('jobsched_tx.applied', 'select')
    and has_table_privilege('jobsched_tx.applied', 'insert')
    and has_column_privilege('jobsched_tx.applied', 'result', 'update')
end
