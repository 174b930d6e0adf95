"""Every error that jobsched raises on purpose, in one tree.

    JobschedError                 125  something in jobsched itself
    ├── UsageError                  2  what was asked for makes no sense
    │   ├── PayloadInvalid             a payload field is missing, unknown or of the wrong kind
    │   ├── PayloadTooLarge            more than MAX_PAYLOAD_BYTES
    │   ├── UnknownJobType             no handler here and no worker's schema knows the type
    │   ├── NothingSelected            a selection that matched no job
    │   └── SelectionInvalid           a selection that cannot be read; it knows the place
    ├── CanaryFailed                1  jobs that were tried first failed again
    ├── NotFound                    3  the job, queue, worker or schedule is not in the store
    ├── Conflict                    4  wrong state, or a key that is already taken
    ├── PartialFailure              5  some of a bulk operation failed
    ├── Refused                     6  a person (or the lack of one) said no
    ├── StoreUnreachable           69  no connection to Postgres
    ├── TryAgain                   75  lock, serialization, full disk: the same call may work later
    ├── PermissionDenied           77  password, role or file permission
    │   └── FetchRefused               a URL that jobs may not reach
    ├── ConfigError                78  configuration, schema or handler module is unusable
    ├── WaitTimeout               124  --timeout elapsed before the condition held
    ├── FetchFailed                125  a URL that could be reached and did not give what was asked for
    ├── DatabaseUnreachable         69  no connection to a database that jobs may use
    ├── QueryFailed                125  a database that jobs may use refused a job's query
    ├── ArchiveBroken              125  an archive's object is not what was archived
    └── LeaseLost                      a word about a job that is no longer ours

Each class carries what every door needs: `code` (stable, machine-readable), `exit_code` (CLI),
`http_status` and `grpc_status`. Each instance says what happened and why, and, in `fix`, the exact
command or edit that mends it.
"""

from __future__ import annotations

from typing import ClassVar


class JobschedError(Exception):
    """Base of the tree.

    message: one line, "what — why", without a trailing full stop.
    fix: the command or edit that mends it; None where only the message can help.
    see: a topic of `jobsched help`, or a page in docs/.
    """

    code: ClassVar[str] = "INTERNAL"
    exit_code: ClassVar[int] = 125
    http_status: ClassVar[int] = 500
    grpc_status: ClassVar[str] = "INTERNAL"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, fix: str | None = None, see: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        self.see = see


class UsageError(JobschedError):
    code = "USAGE"
    exit_code = 2
    http_status = 400
    grpc_status = "INVALID_ARGUMENT"


class PayloadInvalid(UsageError):
    """`problems` holds (field path, what was expected) pairs, in the order of the payload's fields."""

    code = "PAYLOAD_INVALID"
    http_status = 422

    def __init__(
        self,
        message: str,
        *,
        problems: tuple[tuple[str, str], ...] = (),
        fix: str | None = None,
        see: str | None = None,
    ) -> None:
        super().__init__(message, fix=fix, see=see)
        self.problems = problems


class PayloadTooLarge(UsageError):
    code = "PAYLOAD_TOO_LARGE"
    http_status = 413


class UnknownJobType(UsageError):
    code = "UNKNOWN_JOB_TYPE"
    http_status = 422


class NothingSelected(UsageError):
    code = "NOTHING_SELECTED"


class SelectionInvalid(UsageError):
    """A selection cannot be read. text[start:end] is what the message is about."""

    code = "SELECTION_INVALID"

    def __init__(self, message: str, *, text: str, start: int, end: int, fix: str | None = None) -> None:
        super().__init__(message, fix=fix, see="jobsched help selection")
        self.text = text
        self.start = start
        self.end = end


class NotFound(JobschedError):
    code = "NOT_FOUND"
    exit_code = 3
    http_status = 404
    grpc_status = "NOT_FOUND"


class JobNotFound(NotFound):
    code = "JOB_NOT_FOUND"


class QueueNotFound(NotFound):
    code = "QUEUE_NOT_FOUND"


class WorkerNotFound(NotFound):
    code = "WORKER_NOT_FOUND"


class ScheduleNotFound(NotFound):
    code = "SCHEDULE_NOT_FOUND"


class ObjectNotFound(NotFound):
    code = "OBJECT_NOT_FOUND"


class Conflict(JobschedError):
    code = "CONFLICT"
    exit_code = 4
    http_status = 409
    grpc_status = "FAILED_PRECONDITION"


class IdempotencyConflict(Conflict):
    """The key is taken by a job with another type or payload."""

    code = "IDEMPOTENCY_CONFLICT"
    grpc_status = "ALREADY_EXISTS"


class WrongState(Conflict):
    """The job is in a state from which the asked transition does not exist."""

    code = "WRONG_STATE"


class PartialFailure(JobschedError):
    code = "PARTIAL"
    exit_code = 5
    http_status = 207
    grpc_status = "ABORTED"


class Refused(JobschedError):
    code = "REFUSED"
    exit_code = 6
    http_status = 403
    grpc_status = "CANCELLED"


class CanaryFailed(JobschedError):
    """Jobs that were tried first failed again, so the others were left alone."""

    code = "CANARY_FAILED"
    exit_code = 1
    http_status = 409
    grpc_status = "ABORTED"


class StoreUnreachable(JobschedError):
    code = "STORE_UNREACHABLE"
    exit_code = 69
    http_status = 503
    grpc_status = "UNAVAILABLE"
    retryable = True


class ObjectStoreUnreachable(JobschedError):
    code = "OBJECT_STORE_UNREACHABLE"
    exit_code = 69
    http_status = 503
    grpc_status = "UNAVAILABLE"
    retryable = True


class TryAgain(JobschedError):
    code = "TRY_AGAIN"
    exit_code = 75
    http_status = 503
    grpc_status = "UNAVAILABLE"
    retryable = True


class PermissionDenied(JobschedError):
    code = "PERMISSION_DENIED"
    exit_code = 77
    http_status = 403
    grpc_status = "PERMISSION_DENIED"


class FetchRefused(PermissionDenied):
    """The URL, or an address that it leads to, is not one that jobs may reach."""

    code = "FETCH_REFUSED"


class FetchFailed(JobschedError):
    """The URL was asked and did not answer as it should.

    status: of the response, None if there was none. temporary: whether asking again may help.
    retry_after: seconds, if the server said when.
    """

    code = "FETCH_FAILED"
    http_status = 502
    grpc_status = "UNAVAILABLE"

    def __init__(
        self, message: str, *, status: int | None = None, temporary: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.temporary = temporary
        self.retry_after = retry_after


class DatabaseUnreachable(JobschedError):
    """A database that the operator has named for jobs cannot be reached, or the connection broke."""

    code = "DATABASE_UNREACHABLE"
    exit_code = 69
    http_status = 503
    grpc_status = "UNAVAILABLE"
    retryable = True


class QueryFailed(JobschedError):
    """A job's query can never work as it is: it is wrong, not allowed, or breaks a constraint."""

    code = "QUERY_FAILED"
    http_status = 422
    grpc_status = "FAILED_PRECONDITION"


class ArchiveBroken(JobschedError):
    """An object that should hold archived jobs is missing, changed, or of another store."""

    code = "ARCHIVE_BROKEN"
    grpc_status = "DATA_LOSS"


class ConfigError(JobschedError):
    code = "CONFIG"
    exit_code = 78
    grpc_status = "FAILED_PRECONDITION"


class SchemaTooOld(ConfigError):
    """The store's schema is older than this program: `jobsched db upgrade` mends it."""

    code = "SCHEMA_TOO_OLD"


class SchemaTooNew(ConfigError):
    """The store's schema is newer than this program, which must not write to it."""

    code = "SCHEMA_TOO_NEW"


class HandlerImportError(ConfigError):
    code = "HANDLER_IMPORT"


class WaitTimeout(JobschedError):
    code = "TIMEOUT"
    exit_code = 124
    http_status = 504
    grpc_status = "DEADLINE_EXCEEDED"
    retryable = True


class LeaseLost(JobschedError):
    """The lease's token is no longer the newest: another worker may be running the job."""

    code = "LEASE_LOST"
    http_status = 409
    grpc_status = "ABORTED"
