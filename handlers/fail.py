"""`fail`: fails when its payload contains the words `invalid_job`; for trying out retries and the DLQ."""

from __future__ import annotations

import json
from typing import Any

from ..core.handler import Context, handler


@handler("fail", examples=({"message": "invalid_job", "times": 2},))
async def fail(payload: dict[str, Any], context: Context) -> dict[str, int]:
    """Fail while the payload contains "invalid_job", at most `times` times if that is given."""
    times = payload.get("times")
    if "invalid_job" not in json.dumps(payload):
        return {"attempts": context.attempt}
    if isinstance(times, int):
        failed = context.checkpoint or 0  # attempts count from 1 again after `dlq retry`
        if failed >= times:
            return {"attempts": context.attempt}
        context.save_checkpoint(failed + 1)
    raise RuntimeError(str(payload.get("message", "invalid_job")))
