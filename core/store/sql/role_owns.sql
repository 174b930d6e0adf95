-- Whether a role has the owner's rights anyway (a superuser does), and whether who asks has them: without,
-- Postgres lets a grant do nothing, with no more than a warning. No row: there is no such role.
select pg_has_role(r.oid, n.nspowner, 'member'), pg_has_role(n.nspowner, 'member'), n.nspowner::regrole::text
from pg_roles r, pg_namespace n
where r.rolname = %(role)s and n.nspname = 'jobsched'
