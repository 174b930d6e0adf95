"""Objects in S3 or anything that speaks it, through the minio client."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urlsplit

from ..model.errors import ConfigError, JobschedError, ObjectNotFound, ObjectStoreUnreachable, PermissionDenied
from . import ObjectInfo, ObjectRef
from .keys import check_bucket, check_key

if TYPE_CHECKING:
    from minio import Minio

CONNECT_SECONDS = 5.0
READ_SECONDS = 60.0
RETRIES = 2
"""For a connection that breaks; a whole job's retry comes after that."""
CHUNK = 1 << 20
_MISSING = frozenset({"NoSuchKey", "NoSuchObject", "NoSuchBucket", "ResourceNotFound"})
_FORBIDDEN = frozenset(
    {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "AccountProblem"}
)
_MISCONFIGURED = frozenset(
    {"AuthorizationHeaderMalformed", "PermanentRedirect", "InvalidRegion", "InvalidBucketName", "RequestTimeTooSkewed"}
)
_MADE_MEANWHILE = frozenset({"BucketAlreadyOwnedByYou", "BucketAlreadyExists"})


class S3Store:
    """endpoint: https://host[:port], or http:// for a server on one's own network."""

    def __init__(self, endpoint: str, *, access_key: str | None, secret_key: str | None, region: str) -> None:
        self.endpoint = endpoint
        self._host, self._secure = _read_endpoint(endpoint)
        if not access_key or not secret_key:
            raise ConfigError(
                f"the S3 endpoint {endpoint} has no {'secret' if access_key else 'access'} key — both keys are needed",
                fix="set JOBSCHED_S3_ACCESS_KEY and JOBSCHED_S3_SECRET_KEY",
            )
        self._access_key, self._secret_key, self._region = access_key, secret_key, region
        self._made: Minio | None = None

    def put(self, bucket: str, key: str, data: bytes | BinaryIO, content_type: str) -> ObjectRef:
        """Store `data`; a missing bucket is made first."""
        _check(bucket, key)
        source = BytesIO(data) if isinstance(data, bytes) else data
        start = source.tell()
        size, sha256 = _measure(source)
        with self._translated(bucket, key):
            try:
                source.seek(start)
                self._client().put_object(bucket, key, source, size, content_type=content_type)
            except Exception as error:
                if getattr(error, "code", None) != "NoSuchBucket":
                    raise
                self._make_bucket(bucket)
                source.seek(start)
                self._client().put_object(bucket, key, source, size, content_type=content_type)
        return ObjectRef(bucket, key, size, sha256, f"s3://{bucket}/{key}")

    def get(self, bucket: str, key: str) -> bytes:
        _check(bucket, key)
        with self._translated(bucket, key):
            response = self._client().get_object(bucket, key)
            try:
                return response.read()
            finally:
                response.close()
                response.release_conn()

    def stream(self, bucket: str, key: str) -> Iterator[bytes]:
        _check(bucket, key)
        with self._translated(bucket, key):
            response = self._client().get_object(bucket, key)
            try:
                yield from response.stream(CHUNK)
            finally:
                response.close()
                response.release_conn()

    def head(self, bucket: str, key: str) -> ObjectInfo:
        _check(bucket, key)
        with self._translated(bucket, key):
            found = self._client().stat_object(bucket, key)
            return ObjectInfo(bucket, key, found.size or 0, found.last_modified or datetime.fromtimestamp(0, UTC))

    def list(self, bucket: str, prefix: str = "") -> Iterator[ObjectInfo]:
        check_bucket(bucket)
        try:
            with self._translated(bucket, prefix):
                for found in self._client().list_objects(bucket, prefix=prefix, recursive=True):
                    modified = found.last_modified or datetime.fromtimestamp(0, UTC)
                    yield ObjectInfo(bucket, found.object_name or "", found.size or 0, modified)
        except ObjectNotFound:
            return

    def delete(self, bucket: str, key: str) -> None:
        _check(bucket, key)
        try:
            with self._translated(bucket, key):
                self._client().remove_object(bucket, key)
        except ObjectNotFound:
            return

    def _client(self) -> Minio:
        if self._made is None:
            import urllib3
            from minio import Minio

            self._made = Minio(
                self._host,
                access_key=self._access_key,
                secret_key=self._secret_key,
                secure=self._secure,
                region=self._region,
                http_client=urllib3.PoolManager(
                    timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
                    retries=urllib3.Retry(total=RETRIES, backoff_factor=0.2, status_forcelist=[500, 502, 503, 504]),
                ),
            )
        return self._made

    def _make_bucket(self, bucket: str) -> None:
        try:
            self._client().make_bucket(bucket, location=self._region)
        except Exception as error:
            if getattr(error, "code", None) not in _MADE_MEANWHILE:
                raise

    @contextmanager
    def _translated(self, bucket: str, key: str) -> Iterator[None]:
        """Turn the client's errors into those of the tree."""
        from minio.error import MinioException
        from urllib3.exceptions import HTTPError

        try:
            yield
        except MinioException as error:
            raise self._translate(error, f"{bucket}/{key}") from error
        except (HTTPError, OSError) as error:
            raise self._unreachable(error) from error

    def _translate(self, error: Exception, name: str) -> JobschedError:
        code = str(getattr(error, "code", "") or type(error).__name__)
        if code in _MISSING:
            return ObjectNotFound(f"there is no object {name} at {self.endpoint}")
        if code in _FORBIDDEN:
            return PermissionDenied(
                f"the object store {self.endpoint} refused {name} — {code}",
                fix="check JOBSCHED_S3_ACCESS_KEY, JOBSCHED_S3_SECRET_KEY and the rights of that key",
            )
        if code in _MISCONFIGURED:
            return ConfigError(
                f"the object store {self.endpoint} refused {name} — {code}",
                fix="check JOBSCHED_S3_ENDPOINT, JOBSCHED_S3_REGION and this machine's clock",
            )
        return self._unreachable(error)

    def _unreachable(self, error: Exception) -> ObjectStoreUnreachable:
        reason = " ".join(str(error).split())[:200]
        return ObjectStoreUnreachable(
            f"the object store {self.endpoint} does not answer as S3 — {type(error).__name__}: {reason}",
            fix="check JOBSCHED_S3_ENDPOINT, and that the server is up",
        )


def _check(bucket: str, key: str) -> None:
    check_bucket(bucket)
    check_key(key)


def _measure(source: BinaryIO) -> tuple[int, str]:
    """Return size and SHA-256 from the present position to the end."""
    digest, size = hashlib.sha256(), 0
    while chunk := source.read(CHUNK):
        digest.update(chunk)
        size += len(chunk)
    return size, digest.hexdigest()


def _read_endpoint(endpoint: str) -> tuple[str, bool]:
    """Return host[:port] and whether to speak TLS."""
    try:
        parts = urlsplit(endpoint)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
        usable = usable and parts.path in ("", "/") and not parts.query and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        raise ConfigError(
            f"the S3 endpoint {endpoint.rpartition('@')[2][:200]!r} cannot be used — it is http(s)://host[:port]",
            fix="set JOBSCHED_S3_ENDPOINT to http(s)://host[:port]",
        )
    return parts.netloc, parts.scheme == "https"
