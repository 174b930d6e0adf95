"""`mixed_workload`: keeps processor, disk and network busy, one after the other."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from ..core.handler import Context, handler
from ._simulation import Kilobytes, Megabytes, Requests, Seconds, Workload, mix


class MixedWorkload(Workload):
    """How much of each; 0 leaves that part out."""

    seconds: Annotated[Seconds, Field(ge=0)] = Field(0.5, description="CPU time to use up")
    megabytes: Annotated[Megabytes, Field(ge=0)] = Field(8, description="to write to the disk and read back")
    requests: Annotated[Requests, Field(ge=0)] = Field(10, description="to a TCP server of the job's own")
    kilobytes: Kilobytes = 64

    @model_validator(mode="after")
    def _has_work(self) -> MixedWorkload:
        if not (self.seconds or self.megabytes or self.requests):
            raise ValueError("seconds, megabytes and requests are all 0: that leaves nothing to do")
        return self


@handler(
    "mixed_workload",
    examples=({"payload": "test task"}, {"seconds": 0.1, "megabytes": 2, "requests": 3, "kilobytes": 16}),
)
def mixed_workload(payload: MixedWorkload, context: Context) -> dict[str, Any]:
    """Hash, write and read a file, and talk to itself over TCP, as much of each as asked."""
    payload.fail_if_asked()
    return mix(
        context,
        seconds=payload.seconds,
        megabytes=payload.megabytes,
        requests=payload.requests,
        kilobytes=payload.kilobytes,
    )
