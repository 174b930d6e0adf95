"""`email`: a mail from a template, over Resend or SMTP, or into a folder."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from ..core.handler import Context, Discard, Retry, handler
from ..core.model.backoff import Backoff
from ._email_address import Address, Addresses, Mailbox, is_one_line, mailboxes, parse_mailbox
from ._email_message import File, Mail
from ._email_templates import MESSAGE, NAME, check_data, render, secrets_in
from ._email_transports import OUTBOX, RESEND, choose_transport, write_outbox
from ._source import Bucket, Key, read_object

MAX_ATTACHMENTS = 20
MAX_ATTACHED_BYTES = 20 << 20
"""All attachments together: most mailboxes take 25 MB, and mail makes a third more of it."""
_FILE_NAME = re.compile(r'[^/\\:*?"<>|]+')


def _subject(value: str) -> str:
    if not is_one_line(value):
        raise ValueError("it holds line breaks or control characters")
    if not value.strip():
        raise ValueError("it is empty")
    return " ".join(value.split())


def _file_name(value: str) -> str:
    if not _FILE_NAME.fullmatch(value) or not is_one_line(value) or not value.strip(". "):
        raise ValueError("it is not the name of a file")
    return value


class Attachment(BaseModel):
    """Object `key` of `bucket`, attached under `name`."""

    model_config = ConfigDict(extra="forbid")

    bucket: Bucket
    key: Key
    name: Annotated[str, AfterValidator(_file_name)] | None = Field(
        None, max_length=200, description="as the reader sees it; default: the last part of the key"
    )

    @property
    def file_name(self) -> str:
        return self.name or self.key.rpartition("/")[2]


class Email(BaseModel):
    """Whom it goes to, and what it says: a template with its data, or a message of plain text."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"anyOf": [{"required": ["to"]}, {"required": ["recipient"]}]}
    )

    to: Addresses | None = Field(None, description="one address, or a list")
    recipient: Addresses | None = Field(None, description="another name of `to`")
    cc: Addresses | None = Field(None, description="who gets a copy")
    bcc: Addresses | None = Field(None, description="who gets one that the others do not know of")
    reply_to: Addresses | None = Field(None, description="where answers go; default: to the sender")
    sender: Address | None = Field(None, description="From: of the mail; default: the setting email.sender")
    subject: Annotated[str, AfterValidator(_subject)] | None = Field(
        None, max_length=500, description="default: the template's; of a plain message, its first line"
    )
    message: str | None = Field(
        None, max_length=500_000, description="plain text; a template that has more to say says it as well"
    )
    template: str = Field(
        MESSAGE, pattern=NAME, description="welcome, reset_password, invoice, message, or one of the operator's"
    )
    data: dict[str, Any] = Field(
        default_factory=dict,
        validate_default=True,
        description="fields of the template; never shown, since links to reset passwords live here",
        json_schema_extra={"writeOnly": True},
    )
    attachments: list[Attachment] = Field(
        default_factory=list, max_length=MAX_ATTACHMENTS, description="objects that go with it"
    )

    @field_validator("data")
    @classmethod
    def _fits_its_template(cls, value: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        check_data(info.data.get("template", MESSAGE), value)
        return value

    @model_validator(mode="after")
    def _says_something_to_somebody(self) -> Email:
        if (self.to is None) == (self.recipient is None):
            raise ValueError("give either to or recipient: one address or a list")
        if self.template == MESSAGE and not (self.message or "").strip() and not self.subject:
            raise ValueError("give message, subject, or a template with its data")
        return self


@handler(
    "email",
    aliases=("email_notification", "send_email"),
    max_attempts=5,
    backoff=Backoff(base=60, cap=3600),
    timeout=300,
    examples=(
        {"to": "Jane Doe <jane@example.com>", "template": "welcome", "data": {"name": "Jane", "product": "Example"}},
        {
            "to": "user@example.com",
            "template": "reset_password",
            "data": {"reset_url": "https://example.com/reset?token=abc", "expires": "1 hour"},
        },
        {
            "to": ["billing@example.org"],
            "cc": ["jane@example.com"],
            "template": "invoice",
            "data": {"number": "2026-0042", "total": "1,078.24 EUR", "due_date": "2026-02-14"},
            "attachments": [{"bucket": "secure", "key": "invoices/2026-0042.pdf"}],
        },
        {"recipient": "user@example.com", "message": "Your scheduled email notification!"},
    ),
)
async def email(payload: Email, context: Context) -> dict[str, Any]:
    """Send a mail, HTML and text, over Resend or SMTP; with neither configured, write it to the outbox.

    An SMTP server may take a mail for some of its recipients: those whom it refuses for good are named in
    the result, those it cannot serve now are tried again alone.
    """
    transport = choose_transport(context.settings)
    progress = Progress(context)
    mail = await asyncio.to_thread(_prepare, payload, context, progress.date)
    context.check_cancelled()
    message_id = mail.message_id
    extra: dict[str, Any] = {}
    if transport == OUTBOX:
        extra["file"] = str(await asyncio.to_thread(write_outbox, mail, context.settings))
        progress.accepted = mail.recipients
    elif transport == RESEND:
        from ._email_resend import send_resend

        message_id = await send_resend(mail, context.settings)
        progress.accepted = mail.recipients
    else:
        await _deliver(mail, progress, context)
    context.log("sent", transport=transport, accepted=len(progress.accepted), refused=len(progress.refused))
    return {
        "transport": transport,
        "message_id": message_id,
        "accepted": progress.accepted,
        "refused": progress.refused,
        **extra,
    }


class Progress:
    """What earlier attempts have reached, kept as the job's checkpoint: when the mail was first to be sent,
    who has accepted it, and who has refused it for good."""

    def __init__(self, context: Context) -> None:
        self._context = context
        known = context.checkpoint or {}
        self.accepted: list[str] = known.get("accepted", [])
        self.refused: dict[str, str] = known.get("refused", {})
        self.date = datetime.fromisoformat(known["date"]) if known else datetime.now(UTC).replace(microsecond=0)
        if not known:
            self.save()

    def save(self) -> None:
        """Keep it for the next attempt."""
        kept = {"date": self.date.isoformat(), "accepted": self.accepted, "refused": self.refused}
        self._context.save_checkpoint(kept)


async def _deliver(mail: Mail, progress: Progress, context: Context) -> None:
    """Send to those who have not answered for good yet. Retry: some are left. Discard: nobody took it."""
    from ._email_smtp import send_smtp

    left = [each for each in mail.recipients if each not in progress.accepted and each not in progress.refused]
    if left:
        delivery = await send_smtp(mail, left, context.settings)
        progress.accepted += delivery.accepted
        progress.refused |= delivery.refused
        progress.save()
        if delivery.later:
            raise Retry(f"not yet accepted for {_list(delivery.later)}")
    if not progress.accepted:
        raise Discard(f"refused for {_list(progress.refused)}")
    for address, reason in progress.refused.items():
        context.log("refused for good", recipient=address, reason=reason)


def _list(reasons: dict[str, str]) -> str:
    return "; ".join(f"{address} ({reason})" for address, reason in reasons.items())


def _prepare(payload: Email, context: Context, date: datetime) -> Mail:
    """Fill in the template and read the attachments."""
    settings = context.settings
    message = payload.message if (payload.message or "").strip() else None
    content = render(
        payload.template,
        payload.data,
        subject=payload.subject,
        message=payload.subject if message is None and payload.template == MESSAGE else message,
        folder=settings["email.templates"],
    )
    return Mail(
        key=context.idempotency_key,
        date=date,
        sender=_sender(payload.sender, settings["email.sender"]),
        to=mailboxes(payload.to or payload.recipient),
        cc=mailboxes(payload.cc),
        bcc=mailboxes(payload.bcc),
        reply_to=mailboxes(payload.reply_to),
        content=content,
        files=_read_files(payload.attachments, context),
        secrets=secrets_in(payload.data),
    )


def _sender(given: str | None, configured: str) -> Mailbox:
    try:
        return parse_mailbox(given or configured)
    except ValueError as error:
        raise Retry(f"the setting email.sender is wrong — {error} (set JOBSCHED_EMAIL_SENDER)") from None


def _read_files(attachments: list[Attachment], context: Context) -> list[File]:
    left = MAX_ATTACHED_BYTES
    files = []
    for each in attachments:
        data = read_object(each.bucket, each.key, context, max_bytes=MAX_ATTACHED_BYTES)
        left -= len(data)
        if left < 0:
            raise Discard(f"the attachments are larger than {MAX_ATTACHED_BYTES:,} bytes together, the limit")
        files.append(File(each.file_name, data))
    return files
