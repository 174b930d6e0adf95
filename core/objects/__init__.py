"""The object store: S3 when an endpoint is configured, else a folder that holds the same keys.

    store = open_objects(settings, home)
    ref = store.put("secure", "invoices/2026-001.pdf", data, "application/pdf")
    data = store.get(ref.bucket, ref.key)

Both kinds promise the same: an object is there whole or not at all, `put` replaces, a missing
bucket is made by the first `put`, and no key can reach outside its bucket.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from .keys import MAX_KEY_BYTES, check_bucket, check_key

if TYPE_CHECKING:
    from ..config import Settings

__all__ = ["MAX_KEY_BYTES", "ObjectInfo", "ObjectRef", "ObjectStore", "check_bucket", "check_key", "open_objects"]


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """An object as it was stored. size: bytes. sha256: of the bytes, in hex. location: a path or s3:// URL."""

    bucket: str
    key: str
    size: int
    sha256: str
    location: str

    def as_result(self) -> dict[str, Any]:
        """What a job's result says of a file that it made."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """An object as `head` and `list` see it. size: bytes. modified: when it was last put, UTC."""

    bucket: str
    key: str
    size: int
    modified: datetime


class ObjectStore(Protocol):
    """Every method raises UsageError for a bucket or key that is not one, ObjectStoreUnreachable
    (worth retrying), PermissionDenied (wrong key, secret or rights) and ConfigError."""

    def put(self, bucket: str, key: str, data: bytes | BinaryIO, content_type: str) -> ObjectRef:
        """Store `data` (bytes, or a seekable binary file read from its present position to its end)."""
        ...

    def get(self, bucket: str, key: str) -> bytes:
        """Return the object's bytes. ObjectNotFound."""
        ...

    def stream(self, bucket: str, key: str) -> Iterator[bytes]:
        """Yield the object's bytes in pieces of at most 1 MiB. ObjectNotFound; errors may come between pieces."""
        ...

    def head(self, bucket: str, key: str) -> ObjectInfo:
        """Return what is known of the object without reading it. ObjectNotFound."""
        ...

    def list(self, bucket: str, prefix: str = "") -> Iterator[ObjectInfo]:
        """Every object whose key starts with `prefix`, in the order of the keys; none for a missing bucket."""
        ...

    def delete(self, bucket: str, key: str) -> None:
        """Remove the object; one that is not there is no error."""
        ...


def open_objects(settings: Settings, home: Path) -> ObjectStore:
    """Return the configured store; nothing is contacted yet.

    home: the folder store is `<home>/objects` unless `objects.dir` names another folder.
    ConfigError: an endpoint that is not http(s)://host[:port], or one without both keys.
    """
    if settings["objects.endpoint"]:
        from .s3 import S3Store

        return S3Store(
            settings["objects.endpoint"],
            access_key=settings["objects.access_key"],
            secret_key=settings["objects.secret_key"],
            region=settings["objects.region"],
        )
    from .folder import FolderStore

    return FolderStore(Path(settings["objects.dir"] or home / "objects"))
