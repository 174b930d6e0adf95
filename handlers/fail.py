"""`fail`: fails when its payload contains the words `invalid_job`; for trying out retries and the DLQ."""

from __future__ import annotations

import json
from typing import Any

from ..core.handler import Context, handler


@handler("fail", examples=({"message": "invalid_job", "times": 2},))
async def fail(payload: dict[str, Any], context: Context) -> dict[str, int]:
    """Fail while the payload contains "invalid_job", at most `times` times if that is given."""
    times = payload.get("times")
    wants_failure = "invalid_job" in json.dumps(payload)
    if wants_failure and (not isinstance(times, int) or context.attempt <= times):
        raise RuntimeError(str(payload.get("message", "invalid_job")))
    return {"attempts": context.attempt}
