"""`cpu_intensive`: keeps one core busy, for so long or for so much."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from ..core.handler import Context, handler
from ._simulation import Meter, Seconds, Workload, burn


class CpuIntensive(Workload):
    """`seconds` of CPU time, or `rounds` of a megabyte each to hash; without either, one second."""

    seconds: Annotated[Seconds, Field(gt=0)] | None = Field(None, description="CPU time to use up; default: 1")
    rounds: int | None = Field(None, ge=1, le=10_000_000, description="megabytes to hash")

    @model_validator(mode="after")
    def _has_one_size(self) -> CpuIntensive:
        if self.seconds is not None and self.rounds is not None:
            raise ValueError("give either seconds or rounds")
        return self


@handler("cpu_intensive", examples=({"payload": "test task", "seconds": 0.2}, {"rounds": 100}))
def cpu_intensive(payload: CpuIntensive, context: Context) -> dict[str, Any]:
    """Hash with SHA-256 on one core; jobs that run side by side use a core each."""
    payload.fail_if_asked()
    seconds = None if payload.rounds else payload.seconds or 1.0
    return burn(Meter(context), seconds=seconds, rounds=payload.rounds, text=payload.payload or "")
