-- Where jobs stand that a change is about to touch. Outcomes are kept where the change takes them away, lanes where it
-- gives them others.
with noted as (
    insert into jobsched.operation_job (operation_id, job_id, state, attempt, crashes, losses, run_at, held_by, outcome,
                                        queue, priority)
    select %(operation)s, v.id, v.state, v.attempt, v.crashes, v.losses, v.run_at, v.held_by,
           case when %(outcomes)s then (select to_jsonb(o) from jobsched.outcome o where o.job_id = v.id) end,
           case when %(lanes)s then v.queue end, case when %(lanes)s then v.priority end
    from jobsched.job_now v
    where v.id = any (%(ids)b::bigint[]) and v.state is not null
    order by v.id
    on conflict do nothing
    returning job_id
),
counted as (
    update jobsched.operation set jobs = jobs + (select count(*) from noted) where id = %(operation)s
)
select job_id from noted
