"""Roles besides the owner. What each may do is enforced by Postgres, whatever program it uses."""

from __future__ import annotations

from typing import Literal, get_args

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from ..model.errors import Conflict, NotFound, PermissionDenied
from .sql import load

Access = Literal["viewer", "submitter", "none"]
ACCESSES: tuple[Access, ...] = get_args(Access)
_STATEMENTS: dict[Access, tuple[str, ...]] = {
    "viewer": ("revoke", "grant_viewer"),
    "submitter": ("revoke", "grant_viewer", "grant_submitter"),
    "none": ("revoke",),
}


def read_access(word: str) -> Access:
    """Return the access that `word` names. ValueError lists those that there are."""
    for access in ACCESSES:
        if access == word:
            return access
    raise ValueError(f"{word[:40]!r} is not one of {', '.join(ACCESSES)}")


def grant(connection: Connection[TupleRow], role: str, access: Access) -> None:
    """Let `role` do what `access` says in this store, and nothing else, from its commit on.

    viewer: look. submitter: look, and submit. none: nothing. PermissionDenied: the connection's own
    role does not own the store. NotFound: there is no such role. Conflict: it may do everything already, as owner,
    superuser or member of the owner, and a grant could not lessen that.
    """
    row = connection.execute(load("role_owns"), {"role": role}).fetchone()
    if row is None:
        raise NotFound(
            f"there is no role called {role[:80]!r} in the database",
            fix="make it in psql: create role \"NAME\" login password '…'",
        )
    has_all, may_grant, owner = row
    if not may_grant:
        raise PermissionDenied(
            f"only the owner of the store's schema, {owner}, can grant that", fix=f"connect as {owner}"
        )
    if has_all:
        raise Conflict(
            f"the role {role!r} has the rights of the store's owner — a grant would not lessen them",
            fix="make a role of its own for this, without superuser",
        )
    with connection.transaction():
        for name in _STATEMENTS[access]:
            connection.execute(sql.SQL(load(name)).format(role=sql.Identifier(role)))
