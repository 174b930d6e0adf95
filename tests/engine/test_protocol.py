"""Frames between keeper and runner."""

from __future__ import annotations

import itertools
import os
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobsched.core.engine.protocol import FrameError, FrameReader, encode, write_all

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
frames = st.lists(st.lists(values, min_size=1, max_size=4), max_size=5)


@given(frames, st.lists(st.integers(0, 400), max_size=20))
def test_however_the_stream_is_cut_the_same_frames_come_out(said: list[list[Any]], cuts: list[int]) -> None:
    """A pipe keeps the order of bytes and nothing else."""
    stream = b"".join(encode(*parts) for parts in said)
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    reader = FrameReader()

    heard = [frame for start, end in itertools.pairwise(edges) for frame in reader.feed(stream[start:end])]

    assert heard == said


@pytest.mark.parametrize(
    "noise", [b"Traceback (most recent call last)", b"\0\0\0\1\xc1", b"\0\0\0\1\x05", b"\0\0\0\1\x90"]
)
def test_what_is_no_frame_is_refused(noise: bytes) -> None:
    """Job code can write into the runner's pipe; nobody waits for gigabytes, or guesses."""
    with pytest.raises(FrameError):
        list(FrameReader().feed(noise))


def test_more_than_a_pipe_holds_is_written_whole() -> None:
    """os.write may take less than it is given."""
    out, into = os.pipe()
    data = os.urandom(1 << 20)
    writer = threading.Thread(target=write_all, args=(into, data))
    writer.start()
    heard = b""
    while len(heard) < len(data):
        heard += os.read(out, 1 << 16)
    writer.join()
    os.close(out)
    os.close(into)
    assert heard == data
