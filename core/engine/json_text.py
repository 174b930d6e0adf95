"""JSON texts of what jobs hand over (results, checkpoints), refused here if Postgres would refuse them:
one that came through would take the whole batch that it is written in down with it."""

from __future__ import annotations

import json
import re
from typing import Any

_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def to_json(value: Any, what: str, *, limit: int, instead: str) -> str:
    """Return `value` as JSON text. `what` and `instead` are for the error: "the result", "…".

    A pydantic model is dumped by itself. TypeError, ValueError: it is no JSON, over `limit` bytes,
    nested too deeply, or holds text that Postgres cannot (NUL, lone surrogates).
    """
    try:
        if hasattr(value, "model_dump_json"):
            text = str(value.model_dump_json())
        else:
            text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        size = len(text.encode())
    except RecursionError:
        raise ValueError(f"{what} is nested too deeply") from None
    except UnicodeEncodeError:
        raise ValueError(f"{what} holds a lone surrogate — not a character that UTF-8 can carry") from None
    if size > limit:
        raise ValueError(f"{what} is over {limit:,} bytes — {instead}")
    if "\\u0000" in text and _NUL.search(text):
        raise ValueError(f"{what} holds a NUL character, which Postgres cannot store")
    return text
