"""A payload is a JSON object of at most 1 MiB, with one spelling."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobsched.core.model.errors import PayloadInvalid, PayloadTooLarge
from jobsched.core.model.payload import MAX_PAYLOAD_BYTES, encode_payload, payload_hash

TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
)


@given(st.dictionaries(TEXT, VALUES))
def test_a_payload_survives_its_encoding(payload: dict[str, Any]) -> None:
    """What is stored is what was given."""
    assert json.loads(encode_payload(payload)) == payload


@given(st.dictionaries(TEXT, VALUES))
def test_the_order_of_keys_does_not_matter(payload: dict[str, Any]) -> None:
    """The same payload has the same hash, so the same idempotency key does not conflict with itself."""
    reordered = dict(reversed(payload.items()))
    assert encode_payload(payload) == encode_payload(reordered)


def test_type_and_payload_both_count_for_the_hash() -> None:
    """Another type with the same payload is another job."""
    assert payload_hash("a", "{}") == payload_hash("a", "{}")
    assert len({payload_hash("a", "{}"), payload_hash("b", "{}"), payload_hash("a", '{"x":1}')}) == 3
    assert len(payload_hash("a", "{}")) == 32


@pytest.mark.parametrize(
    ("payload", "kind"),
    [([], "a list"), ("x", "a string"), (1, "a number"), (True, "a boolean"), (None, "null"), (b"x", "a bytes")],
)
def test_only_an_object_is_a_payload(payload: object, kind: str) -> None:
    """The message says what it was and how to give fields."""
    with pytest.raises(PayloadInvalid, match=f"the payload is {kind} — ") as caught:
        encode_payload(payload)
    assert "key=value" in (caught.value.fix or "")


@pytest.mark.parametrize("value", [math.nan, math.inf, b"bytes", object(), {1, 2}, "\ud800", "nul \0", ["deep", "\0"]])
def test_what_json_or_postgres_cannot_hold_is_refused(value: object) -> None:
    """Before anything is sent to the store."""
    with pytest.raises(PayloadInvalid):
        encode_payload({"field": value})


def test_a_nul_hidden_in_a_key_is_found_and_an_escaped_backslash_is_not_one() -> None:
    """Only the character counts, not the six letters of its escape."""
    with pytest.raises(PayloadInvalid, match="NUL"):
        encode_payload({"a\0": 1})
    assert json.loads(encode_payload({"text": "\\u0000"})) == {"text": "\\u0000"}


def test_a_payload_nested_without_end_is_refused() -> None:
    """A hostile payload ends in one line, not in a traceback."""
    nested: dict[str, Any] = {}
    for _ in range(100_000):
        nested = {"a": nested}
    with pytest.raises(PayloadInvalid, match="too deeply"):
        encode_payload(nested)


def test_the_limit_counts_encoded_bytes() -> None:
    """1 MiB is allowed to the byte; one more is refused, with both sizes."""
    room = MAX_PAYLOAD_BYTES - len('{"t":""}')
    assert len(encode_payload({"t": "x" * room})) == MAX_PAYLOAD_BYTES
    with pytest.raises(PayloadTooLarge, match="1,048,577 bytes — the limit is 1,048,576"):
        encode_payload({"t": "x" * (room + 1)})
    with pytest.raises(PayloadTooLarge):
        encode_payload({"t": "é" * (room // 2 + 1)})
