"""A job's payload: a JSON object of at most 1 MiB, and the one canonical spelling of it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from .errors import PayloadInvalid, PayloadTooLarge

MAX_PAYLOAD_BYTES = 1 << 20
# Made once: json.dumps makes one at every call that wants something else than its defaults.
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def encode_payload(payload: object) -> str:
    """Return the canonical JSON text (sorted keys, no blanks, UTF-8) that is stored.

    PayloadInvalid: not an object, not JSON (NaN, bytes, …), or text that Postgres cannot hold (NUL,
    lone surrogates). PayloadTooLarge: over MAX_PAYLOAD_BYTES once encoded.
    """
    if not isinstance(payload, dict):
        raise PayloadInvalid(
            f"the payload is {_kind(payload)} — a job's payload is a JSON object",
            fix='give fields as key=value, or --args \'{"key": "value"}\'',
        )
    try:
        text = _CANONICAL.encode(payload)
        size = len(text.encode())
    except UnicodeEncodeError:
        raise PayloadInvalid("the payload holds a lone surrogate — not a character that UTF-8 can carry") from None
    except RecursionError:
        raise PayloadInvalid("the payload is nested too deeply to be read") from None
    except (TypeError, ValueError) as error:
        raise PayloadInvalid(f"the payload is not JSON — {error}") from None
    if size > MAX_PAYLOAD_BYTES:
        raise PayloadTooLarge(
            f"the payload is {size:,} bytes — the limit is {MAX_PAYLOAD_BYTES:,}",
            fix="put the data into the object store or a file and pass its key",
        )
    if "\\u0000" in text and _has_nul(payload):
        raise PayloadInvalid("the payload holds a NUL character (\\u0000) — Postgres cannot store it")
    return text


def payload_hash(job_type: str, encoded: str) -> bytes:
    """32 bytes that are equal exactly when type and canonical payload are: SHA-256."""
    return hashlib.sha256(f"{job_type}\n{encoded}".encode()).digest()


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_has_nul(key) or _has_nul(item) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return any(_has_nul(item) for item in value)
    return False


def _kind(value: object) -> str:
    names: dict[type, str] = {list: "a list", str: "a string", int: "a number", float: "a number", bool: "a boolean"}
    return "null" if value is None else names.get(type(value), f"a {type(value).__name__}")
