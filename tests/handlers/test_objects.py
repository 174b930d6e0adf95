"""The object store: one set of rules, held by the folder and by S3."""

from __future__ import annotations

import hashlib
import io
import os
import socket
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobsched.core.config import Settings
from jobsched.core.model.errors import (
    ConfigError,
    Conflict,
    ObjectNotFound,
    ObjectStoreUnreachable,
    PermissionDenied,
    UsageError,
)
from jobsched.core.objects import ObjectStore, check_key, open_objects
from jobsched.core.objects.folder import FolderStore

KEY = "invoices/2026-001.pdf"


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, settings: Settings, tmp_path: Path) -> ObjectStore:
    """Either kind."""
    chosen = request.getfixturevalue("s3_settings") if request.param == "s3" else settings
    return open_objects(cast("Settings", chosen), tmp_path)


@pytest.fixture
def bucket() -> str:
    """A bucket that nobody has made."""
    return f"b-{uuid.uuid4().hex}"


def test_what_was_put_can_be_read_and_the_bucket_is_made(store: ObjectStore, bucket: str) -> None:
    """`put` says size and SHA-256 of what it stored."""
    ref = store.put(bucket, KEY, b"data", "application/pdf")
    assert (ref.bucket, ref.key, ref.size, ref.sha256) == (bucket, KEY, 4, hashlib.sha256(b"data").hexdigest())
    assert store.get(bucket, KEY) == b"data"
    assert store.head(bucket, KEY).size == 4


def test_put_replaces(store: ObjectStore, bucket: str) -> None:
    """The last one counts."""
    store.put(bucket, KEY, b"first", "text/plain")
    store.put(bucket, KEY, b"2", "text/plain")
    assert store.get(bucket, KEY) == b"2"


def test_a_file_is_stored_from_where_it_stands(store: ObjectStore, bucket: str) -> None:
    """Several megabytes, without being read into memory at once."""
    data = os.urandom(3_000_000)
    source = io.BytesIO(b"head" + data)
    source.seek(4)
    ref = store.put(bucket, "big", source, "application/octet-stream")
    assert (ref.size, ref.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert store.get(bucket, "big") == data


def test_an_object_can_be_read_piece_by_piece(store: ObjectStore, bucket: str) -> None:
    """At most a megabyte at a time; a reader may stop in between."""
    data = os.urandom(2_500_000)
    store.put(bucket, "big", data, "application/octet-stream")
    pieces = list(store.stream(bucket, "big"))
    assert (b"".join(pieces), max(map(len, pieces)) <= 1 << 20) == (data, True)
    assert next(store.stream(bucket, "big"))[:10] == data[:10]
    with pytest.raises(ObjectNotFound):
        next(store.stream(bucket, "nothing"))


def test_a_listing_is_ordered_and_takes_a_prefix(store: ObjectStore, bucket: str) -> None:
    """Keys in order, those of other buckets left out."""
    for key in ("b/2", "a", "b/1", "c/d/e", "naïve/ключ"):
        store.put(bucket, key, b"x", "text/plain")
    assert [info.key for info in store.list(bucket)] == ["a", "b/1", "b/2", "c/d/e", "naïve/ключ"]
    assert [info.key for info in store.list(bucket, "b/")] == ["b/1", "b/2"]


def test_what_is_not_there_is_not_found(store: ObjectStore, bucket: str) -> None:
    """In a bucket that exists, and in one that does not."""
    store.put(bucket, KEY, b"x", "text/plain")
    for where, key in ((bucket, "other"), (bucket, "invoices"), (f"{bucket}x", KEY)):
        with pytest.raises(ObjectNotFound, match=key):
            store.get(where, key) if key != "invoices" else store.head(where, key)
        with pytest.raises(ObjectNotFound, match=key):
            store.head(where, key)
    assert list(store.list(f"{bucket}x")) == []


def test_delete_is_for_good_and_twice_is_no_error(store: ObjectStore, bucket: str) -> None:
    """After it the key's name is free, also as a folder's."""
    store.put(bucket, "a/b", b"x", "text/plain")
    store.delete(bucket, "a/b")
    store.delete(bucket, "a/b")
    store.delete(f"{bucket}x", "a/b")
    assert list(store.list(bucket)) == []
    store.put(bucket, "a", b"y", "text/plain")
    assert store.get(bucket, "a") == b"y"


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/etc/passwd",
        "..",
        "../x",
        "a/../../x",
        "a/./b",
        "a//b",
        "a/",
        "a\\..\\b",
        "a\0b",
        "a\nb",
        "\x1b[31m",
        "a\u202eb",
        "a\ud800",
        "x" * 256,
        "é" * 600,
        "/".join(["abc"] * 400),
    ],
)
def test_a_key_that_could_leave_its_bucket_is_refused(store: ObjectStore, key: str) -> None:
    """By every method, before anything is touched."""
    for call in (store.get, store.head, store.delete, lambda b, k: store.put(b, k, b"", "text/plain")):
        with pytest.raises(UsageError, match="object key"):
            call("bucket", key)


@pytest.mark.parametrize("bucket", ["", "..", "a", "A-b", "a/b", ".incoming", "a.b", "-ab", "x" * 64])
def test_a_bucket_that_is_no_name_is_refused(store: ObjectStore, bucket: str) -> None:
    """The same names for a folder as for S3."""
    with pytest.raises(UsageError, match="bucket"):
        store.put(bucket, "k", b"", "text/plain")
    with pytest.raises(UsageError, match="bucket"):
        list(store.list(bucket))


@given(st.text(max_size=40))
def test_no_key_that_passes_leads_out_of_the_bucket(key: str) -> None:
    """Whatever the text: it is refused, or its path lies below the bucket."""
    try:
        check_key(key)
    except UsageError:
        return
    path = os.path.normpath(f"/root/bucket/{key}")
    assert path.startswith("/root/bucket/")
    assert path == f"/root/bucket/{key}"


class _Breaking(io.BytesIO):
    def read(self, size: int | None = -1) -> bytes:
        if self.tell():
            raise OSError(5, "Input/output error")
        return super().read(1)


def test_a_put_that_breaks_leaves_the_old_object_and_no_trace(tmp_path: Path) -> None:
    """An object is there whole or not at all."""
    store = FolderStore(tmp_path)
    store.put("bucket", KEY, b"old", "text/plain")
    with pytest.raises(ObjectStoreUnreachable, match="Input/output error"):
        store.put("bucket", KEY, _Breaking(b"newer"), "text/plain")
    assert store.get("bucket", KEY) == b"old"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["2026-001.pdf"]


def test_nobody_else_may_look_into_any_folder(tmp_path: Path) -> None:
    """Keys tell something too: numbers of invoices, names of exports."""
    before = os.umask(0o022)
    try:
        FolderStore(tmp_path / "home" / "objects").put("bucket", "a/b/c.txt", b"x", "text/plain")
    finally:
        os.umask(before)
    folders = [path for path in tmp_path.rglob("*") if path.is_dir()]
    assert len(folders) == 6
    assert {path.stat().st_mode & 0o777 for path in folders} == {0o700}


def test_a_folder_cannot_hold_a_key_below_another_key(tmp_path: Path) -> None:
    """S3 can; the error says why, and the object that was there stays."""
    store = FolderStore(tmp_path)
    store.put("bucket", "a", b"x", "text/plain")
    with pytest.raises(Conflict, match="longer or shorter key"):
        store.put("bucket", "a/b", b"y", "text/plain")
    assert store.get("bucket", "a") == b"x"


@pytest.mark.parametrize(
    ("access_key", "secret_key"), [("testkey", "wrong"), ("nobody", "testsecret123")], ids=["secret", "key"]
)
def test_a_wrong_key_or_secret_is_permission_denied(s3_settings: Settings, access_key: str, secret_key: str) -> None:
    """By every call, with the settings to look at, and without the secret."""
    settings = s3_settings.replace(objects__access_key=access_key, objects__secret_key=secret_key)
    store = open_objects(settings, Path("/nowhere"))
    calls: list[Callable[[], object]] = [
        lambda: store.get("bucket", KEY),
        lambda: store.head("bucket", KEY),
        lambda: store.put("bucket", KEY, b"", "text/plain"),
        lambda: list(store.list("bucket")),
    ]
    for call in calls:
        with pytest.raises(PermissionDenied) as denied:
            call()
        assert "JOBSCHED_S3_SECRET_KEY" in (denied.value.fix or "")
        assert secret_key not in str(denied.value)


def test_an_endpoint_that_is_down_or_no_s3_is_unreachable(s3_settings: Settings) -> None:
    """Worth another attempt."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    for endpoint in (f"http://127.0.0.1:{port}", "https://" + s3_settings["objects.endpoint"][7:]):
        store = open_objects(s3_settings.replace(objects__endpoint=endpoint), Path("/nowhere"))
        with pytest.raises(ObjectStoreUnreachable) as failed:
            store.get("bucket", KEY)
        assert failed.value.retryable


@pytest.mark.parametrize(
    "endpoint",
    ["localhost:9000", "ftp://x", "http://", "http://u:hunter2@x", "http://x/path", "http://x:y", "http://x?y"],
)
def test_an_endpoint_that_is_none_is_a_configuration_error(s3_settings: Settings, endpoint: str) -> None:
    """When the store is opened, not when the first job fails."""
    with pytest.raises(ConfigError) as wrong:
        open_objects(s3_settings.replace(objects__endpoint=endpoint), Path("/nowhere"))
    assert "hunter2" not in str(wrong.value)


def test_an_endpoint_without_keys_is_a_configuration_error(s3_settings: Settings) -> None:
    """Both are needed."""
    with pytest.raises(ConfigError, match="no secret key"):
        open_objects(s3_settings.replace(objects__secret_key=None), Path("/nowhere"))
