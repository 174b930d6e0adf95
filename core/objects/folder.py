"""Objects in a folder: `<root>/<bucket>/<key>`, written beside and renamed, so never half there."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from ..model.errors import Conflict, JobschedError, ObjectNotFound, ObjectStoreUnreachable, PermissionDenied, TryAgain
from . import ObjectInfo, ObjectRef
from .keys import check_bucket, check_key

CHUNK = 1 << 20
SCRATCH = ".incoming"
"""Where files are written before they are renamed; no bucket's name starts with a dot."""


class FolderStore:
    """root: made by the first `put`, for its owner only."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    def put(self, bucket: str, key: str, data: bytes | BinaryIO, content_type: str) -> ObjectRef:
        """Store `data`; on the disk (fsync) before this returns. A folder keeps no content type."""
        path = self._path(bucket, key)
        with _translated(bucket, key):
            scratch = self.root / SCRATCH
            _make_folder(scratch)
            _make_folder(path.parent)
            size, sha256 = _write_then_rename(BytesIO(data) if isinstance(data, bytes) else data, scratch, path)
        return ObjectRef(bucket, key, size, sha256, str(path))

    def get(self, bucket: str, key: str) -> bytes:
        path = self._path(bucket, key)
        with _translated(bucket, key):
            return path.read_bytes()

    def stream(self, bucket: str, key: str) -> Iterator[bytes]:
        path = self._path(bucket, key)
        with _translated(bucket, key), path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk

    def head(self, bucket: str, key: str) -> ObjectInfo:
        path = self._path(bucket, key)
        with _translated(bucket, key):
            if path.is_dir():
                raise FileNotFoundError(errno.ENOENT, "it is a folder", str(path))
            return _describe(bucket, key, path)

    def list(self, bucket: str, prefix: str = "") -> Iterator[ObjectInfo]:
        check_bucket(bucket)
        top = self.root / bucket
        keys = sorted(
            path.relative_to(top).as_posix()
            for path in (Path(folder, name) for folder, _, names in os.walk(top) for name in names)
        )
        for key in keys:
            if key.startswith(prefix):
                with _translated(bucket, key):
                    info = _describe(bucket, key, top / key)
                yield info

    def delete(self, bucket: str, key: str) -> None:
        path = self._path(bucket, key)
        with _translated(bucket, key):
            path.unlink(missing_ok=True)
            self._remove_empty_folders(path.parent, self.root / bucket)

    def _path(self, bucket: str, key: str) -> Path:
        check_bucket(bucket)
        check_key(key)
        return self.root / bucket / key

    @staticmethod
    def _remove_empty_folders(folder: Path, top: Path) -> None:
        """So that a key's folder does not stand in the way of a later key of that name."""
        while folder != top and top in folder.parents:
            try:
                folder.rmdir()
            except OSError:  # not empty, or gone already: either way nothing is left to tidy
                return
            folder = folder.parent


def _make_folder(path: Path) -> None:
    """Make it and what is missing above it, for their owner only: `mkdir` gives what is above to everybody."""
    for folder in (*reversed(path.parents), path):
        folder.mkdir(mode=0o700, exist_ok=True)


def _write_then_rename(source: BinaryIO, scratch: Path, path: Path) -> tuple[int, str]:
    """Return size and SHA-256 of what is now, durably, at `path`."""
    digest, size = hashlib.sha256(), 0
    descriptor, temporary = tempfile.mkstemp(dir=scratch)
    try:
        with os.fdopen(descriptor, "wb") as file:
            while chunk := source.read(CHUNK):
                digest.update(chunk)
                size += len(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _fsync_folder(path.parent)
    return size, digest.hexdigest()


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _describe(bucket: str, key: str, path: Path) -> ObjectInfo:
    stat = path.stat()
    return ObjectInfo(bucket, key, stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC))


@contextmanager
def _translated(bucket: str, key: str) -> Iterator[None]:
    """Turn the system's errors into those of the tree."""
    try:
        yield
    except OSError as error:
        raise _translate(error, f"{bucket}/{key}") from error


def _translate(error: OSError, name: str) -> JobschedError:
    reason = error.strerror or type(error).__name__
    match error.errno:
        case errno.ENOENT:
            return ObjectNotFound(f"there is no object {name}")
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return PermissionDenied(f"object {name} cannot be read or written — {reason}: {error.filename}")
        case errno.ENOSPC | errno.EDQUOT:
            return TryAgain(f"object {name} was not stored — {reason}", fix="make room on the disk, then retry")
        case errno.EISDIR | errno.ENOTDIR | errno.EEXIST:
            return Conflict(f"object {name} cannot be stored in a folder — a longer or shorter key stands in its place")
    return ObjectStoreUnreachable(f"object {name} cannot be read or written — {reason}")
