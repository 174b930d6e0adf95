"""Which way a mail goes, and the way to the outbox. Not a handler."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.handler import Retry
from ._email_message import Mail, compose

if TYPE_CHECKING:
    from ..core.config import Settings

RESEND, SMTP, OUTBOX = "resend", "smtp", "outbox"
_NEEDED = {RESEND: ("email.resend_key", "JOBSCHED_RESEND_API_KEY"), SMTP: ("email.smtp_host", "JOBSCHED_SMTP_HOST")}
_FILE_NAME = re.compile(r"[A-Za-z0-9-]{1,200}")


def choose_transport(settings: Mapping[str, Any]) -> str:
    """Return `resend`, `smtp` or `outbox`: the setting, or with `auto` the first that is configured.

    Retry: the one that is asked for by name lacks its setting, which this worker's operator mends.
    """
    wanted: str = settings["email.transport"]
    if wanted == "auto":
        return next((name for name, (key, _) in _NEEDED.items() if settings[key]), OUTBOX)
    key, variable = _NEEDED.get(wanted, (None, ""))
    if key and not settings[key]:
        raise Retry(f"email.transport is {wanted}, but {key} is not set here (set {variable}, or email.transport=auto)")
    return wanted


def write_outbox(mail: Mail, settings: Settings) -> Path:
    """Write the mail as a file of its job's own, readable by its owner alone; return where.

    Another attempt replaces it. It is there whole or not at all. Retry: it cannot be written.
    """
    folder = outbox_folder(settings)
    name = mail.key if _FILE_NAME.fullmatch(mail.key) else mail.message_id[1:].partition("@")[0]
    path = folder / f"{name}.eml"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _replace(path, compose(mail).as_bytes())
    except OSError as error:
        raise Retry(f"the outbox {folder} cannot be written — {error.strerror} (set JOBSCHED_EMAIL_OUTBOX)") from None
    return path


def outbox_folder(settings: Settings) -> Path:
    """`email.outbox`, else `outbox` in home."""
    if settings["email.outbox"]:
        return Path(settings["email.outbox"]).expanduser().absolute()
    from ..core.store.store import home_folder

    return home_folder(settings) / "outbox"


def _replace(path: Path, data: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
