"""`io_intensive`: keeps the disk busy."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from ..core.handler import Context, handler
from ._simulation import Megabytes, Meter, Workload, churn


class IoIntensive(Workload):
    """A file of `megabytes`, written and read `rounds` times."""

    megabytes: Annotated[Megabytes, Field(ge=1)] = Field(16, description="size of the file")
    rounds: int = Field(1, ge=1, le=10_000, description="how often it is written and read")


@handler("io_intensive", examples=({"payload": "test task"}, {"megabytes": 4, "rounds": 3}))
def io_intensive(payload: IoIntensive, context: Context) -> dict[str, Any]:
    """Write a temporary file, force it to the disk, read it back and compare the hashes."""
    payload.fail_if_asked()
    return churn(Meter(context), megabytes=payload.megabytes, rounds=payload.rounds)
