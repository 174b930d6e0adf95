"""What becomes of a job whose attempt did not succeed: one table from how it ended to what is next."""

from __future__ import annotations

from typing import NamedTuple

from ..model.backoff import Backoff, BackoffKind
from ..store.leases import Claimed, Ending
from .protocol import MAX_DELAY_SECONDS, Report

MAX_ERROR_CHARS = 2_000


class Crash(NamedTuple):
    """How a runner died while one job alone was running in it.

    reason: in words. signal, exit_code: whichever applies. memory_peak: bytes, 0 unknown. last_lines:
    what it wrote last. ran: seconds.
    """

    reason: str
    signal: int | None
    exit_code: int | None
    memory_peak: int
    last_lines: str
    ran: float


def judge(job: Claimed, report: Report) -> Ending:
    """Return what a runner's report means for its job."""
    match report.kind:
        case "cancelled":
            return _ending(job, report, "cancelled", attempt=job.attempt, error="cancelled while it ran")
        case "snooze":
            return _ending(job, report, "scheduled", attempt=job.attempt - 1, delay=report.delay or 0.0)
        case "unstarted":
            return hand_back(job)
        case "discard":
            return _failed(job, report, "dead")
        case _ if job.attempt >= job.max_attempts:
            return _failed(job, report, "dead")
        case _:
            return _failed(job, report, "retrying")


def hand_back(job: Claimed, *, solo: bool | None = None) -> Ending:
    """Return the job to its lane with its attempt unspent. solo: must run alone from now on."""
    return Ending(
        job.job_id, job.token, "queued", job.queue, job.priority, job.type, job.attempt - 1, job.crashes, job.losses,
        job.solo if solo is None else solo,
    )  # fmt: skip


def crashed(job: Claimed, crash: Crash, crash_limit: int) -> Ending:
    """Charge the job with a crash: run it again, alone, unless its crash budget is used up."""
    crashes = job.crashes + 1
    dead = crashes >= crash_limit
    message = crash.reason
    peak = f", memory peak {crash.memory_peak / (1 << 20):.0f} MiB" if crash.memory_peak else ""
    suffix = f", {crashes} times alone" if crashes > 1 else ""
    return Ending(
        job.job_id,
        job.token,
        "dead" if dead else "queued",
        job.queue,
        job.priority,
        job.type,
        job.attempt - 1,
        crashes,
        job.losses,
        solo=True,
        wait=job.waited,
        run=crash.ran,
        error=f"RunnerCrashed: {message}{peak}{suffix}"[:MAX_ERROR_CHARS] if dead else None,
        fingerprint=f"crash-{crash.signal or 0}-{crash.exit_code or 0}",
        kind="crashed",
        ran_attempt=job.attempt,
        error_class="RunnerCrashed",
        message=message[:MAX_ERROR_CHARS],
        traceback=crash.last_lines or None,
        signal=crash.signal,
        exit_code=crash.exit_code,
        memory_peak=crash.memory_peak or None,
    )


def killed_overdue(job: Claimed, *, timed_out: bool, ran: float) -> Ending:
    """The job did not stop when it was asked to, and its process was killed for that."""
    if not timed_out:
        report = Report(job.token, "cancelled", job.waited, ran)
    else:
        message = f"ran longer than its timeout of {job.timeout:g} s and had to be killed"
        report = Report(job.token, "timeout", job.waited, ran, "JobTimeout", message, None, "job-timeout-killed")
    return judge(job, report)


def _failed(job: Claimed, report: Report, next_: str) -> Ending:
    error = f"{report.error_class}: {report.message}" if report.message else str(report.error_class)
    return _ending(
        job,
        report,
        next_,
        attempt=job.attempt,
        delay=_delay(job, report),
        error=error[:MAX_ERROR_CHARS] if next_ == "dead" else None,
        kind="timeout" if report.kind == "timeout" else "failed",
    )


def _delay(job: Claimed, report: Report) -> float:
    if report.delay is not None:
        return max(0.0, report.delay)
    backoff = Backoff(BackoffKind(job.backoff_kind), job.backoff_base, job.backoff_cap)
    return min(backoff.delay(job.attempt), MAX_DELAY_SECONDS)


def _ending(
    job: Claimed,
    report: Report,
    next_: str,
    *,
    attempt: int,
    delay: float = 0.0,
    error: str | None = None,
    kind: str | None = None,
) -> Ending:
    return Ending(
        job.job_id,
        job.token,
        next_,
        job.queue,
        job.priority,
        job.type,
        attempt,
        job.crashes,
        job.losses,
        job.solo,
        delay=delay,
        wait=report.wait,
        run=report.run,
        error=error,
        fingerprint=report.fingerprint,
        kind=kind,
        ran_attempt=job.attempt,
        error_class=report.error_class,
        message=report.message,
        traceback=report.traceback,
        exit_code=report.exit_code,
    )
