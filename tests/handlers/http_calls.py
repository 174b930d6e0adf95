"""Runs http_call against this test's own server."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from jobsched.handlers.http_call import HttpCall, http_call

from .context import RecordingContext  # noqa: TID251 (it is tests.handlers)

TOKEN = "tok-1234567890abcdef"


def reaching_here(context: RecordingContext) -> RecordingContext:
    """The context, with settings under which a job may reach the test's server, and gives up soon."""
    context.settings = context.settings.replace(fetch__allow=("127.0.0.1",), fetch__timeout=10.0)
    return context


def call(context: RecordingContext, url: str, **payload: Any) -> dict[str, Any]:
    """Run it on the payload as it is stored; return its result."""
    text = json.dumps({"url": url, **payload})
    return asyncio.run(http_call(HttpCall.model_validate_json(text), context))
