"""What the user types, read into values."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobsched.cli import arguments
from jobsched.core.model.errors import PayloadInvalid, UsageError
from jobsched.core.model.states import State


def test_fields_are_text_json_or_files(tmp_path: Path) -> None:
    """key=text, key:=JSON, key@FILE; the first mark decides."""
    (tmp_path / "note.txt").write_text("hello\n")
    fields = ["a=1", "b:=[1, 2]", f"c@{tmp_path / 'note.txt'}", "url=http://x/?a:=b@c", "e="]
    assert arguments.payload(fields, None) == {
        "a": "1", "b": [1, 2], "c": "hello\n", "url": "http://x/?a:=b@c", "e": "",
    }  # fmt: skip


def test_fields_win_over_args() -> None:
    """--args is the base, fields change it."""
    assert arguments.payload(["a:=2"], '{"a": 1, "b": 3}') == {"a": 2, "b": 3}


@pytest.mark.parametrize(
    ("fields", "args", "said"),
    [
        (["plain"], None, "is not a payload field"),
        (["=x"], None, "is not a payload field"),
        (["a:={"], None, "a:= is not JSON"),
        (["a:=NaN"], None, "NaN is not a JSON number"),
        (["a@/no/such/file"], None, "cannot be read"),
        ([], "[1]", "a job's payload is a JSON object"),
        ([], '{"a": 1, "a": 2}', "the key 'a' is there twice"),
        ([], "{", "--args is not JSON"),
        ([], "@/no/such/file", "cannot be read"),
        ([], "[" * 100_000, "nested too deeply"),
    ],
)
def test_a_payload_that_cannot_be_meant_is_refused(fields: list[str], args: str | None, said: str) -> None:
    """The message says which field and what is wrong with it."""
    with pytest.raises(UsageError) as caught:
        arguments.payload(fields, args)
    assert said in caught.value.message


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    """Bytes are not guessed at."""
    (tmp_path / "latin").write_bytes(b"caf\xe9")
    with pytest.raises(UsageError, match="not UTF-8"):
        arguments.payload([f"a@{tmp_path / 'latin'}"], None)


def test_json_says_where_it_stops_being_json() -> None:
    """Line and column, in the words of the flag that held it."""
    with pytest.raises(PayloadInvalid, match="line 2, column 3"):
        arguments.load_json("{\n  x}", "--args")


def test_states_are_read_in_every_spelling() -> None:
    """Comma-separated, any case, other systems' words."""
    assert arguments.states(["dead,RUNNING", "completed"]) == (State.DEAD, State.RUNNING, State.SUCCEEDED)
    with pytest.raises(UsageError, match="did you mean queued"):
        arguments.states(["quued"])
