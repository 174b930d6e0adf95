"""`default`: a little of everything, for submitters that have no type of work in mind."""

from __future__ import annotations

from typing import Any

from ..core.handler import Context, handler
from ._simulation import Workload, mix


class Default(Workload):
    """A text; the work is always the same."""


@handler("default", examples=({"payload": "test task"},))
def default(payload: Default, context: Context) -> dict[str, Any]:
    """Do a tenth of a second's work: hash a little, write and read a megabyte, talk to itself over TCP."""
    payload.fail_if_asked()
    return mix(context, seconds=0.05, megabytes=1, requests=2, kilobytes=16)
