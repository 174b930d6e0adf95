"""A mail as handlers think of it, and as it goes over the wire. Not a handler."""

from __future__ import annotations

import hashlib
import mimetypes
import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from ._email_address import Mailbox
from ._email_templates import Content

if TYPE_CHECKING:
    from email.message import EmailMessage

ANY_TYPE = "application/octet-stream"
HEADERS = {"Auto-Submitted": "auto-generated"}
"""RFC 3834, 5: so that nobody's absence is answered to it."""
_ATOM = re.compile(r"[A-Za-z0-9-]{1,100}")
_PLAIN_TYPE = re.compile(r"(application|audio|font|image|text|video)/[A-Za-z0-9.+-]+")


@dataclass(frozen=True, slots=True)
class File:
    """An attachment. name: as the reader sees it."""

    name: str
    data: bytes

    @property
    def content_type(self) -> str:
        """By the name's extension; what would nest messages, or is unknown, is a file of bytes."""
        guessed = mimetypes.guess_type(self.name, strict=True)
        return guessed[0] if guessed[0] and not guessed[1] and _PLAIN_TYPE.fullmatch(guessed[0]) else ANY_TYPE


@dataclass(frozen=True, slots=True)
class Mail:
    """Everything about one mail. key: stable over attempts, of this job alone. date: with a time zone. secrets: what
    no error may repeat, although a server does."""

    key: str
    date: datetime
    sender: Mailbox
    to: list[Mailbox]
    cc: list[Mailbox]
    bcc: list[Mailbox]
    reply_to: list[Mailbox]
    content: Content
    files: list[File]
    secrets: tuple[str, ...] = ()

    @property
    def recipients(self) -> list[str]:
        """The addresses that it goes to, each once."""
        return list(dict.fromkeys(box.address for box in (*self.to, *self.cc, *self.bcc)))

    @property
    def message_id(self) -> str:
        """The same in each attempt, so that a reader's program can tell a copy from a second mail."""
        local = self.key if _ATOM.fullmatch(self.key) else hashlib.sha256(self.key.encode()).hexdigest()[:32]
        return f"<{local}@{self.sender.domain}>"

    @property
    def is_ascii(self) -> bool:
        """Whether any server takes its addresses; with False it needs SMTPUTF8 (RFC 6531)."""
        boxes = (self.sender, *self.to, *self.cc, *self.bcc, *self.reply_to)
        return all(box.address.isascii() for box in boxes)


def compose(mail: Mail) -> EmailMessage:
    """Return it as a MIME message: text and HTML as alternatives, then the attachments; Bcc included.

    Its parts are in 7 bits, which every server takes.
    """
    from email.message import EmailMessage
    from email.policy import SMTP, SMTPUTF8
    from email.utils import format_datetime

    policy = (SMTP if mail.is_ascii else SMTPUTF8).clone(cte_type="7bit")
    message = EmailMessage(policy)
    message["Subject"] = mail.content.subject
    message["From"] = _header_value(mail.sender)
    for name, boxes in (("To", mail.to), ("Cc", mail.cc), ("Bcc", mail.bcc), ("Reply-To", mail.reply_to)):
        if boxes:
            message[name] = [_header_value(box) for box in boxes]
    message["Date"] = format_datetime(mail.date)
    message["Message-ID"] = mail.message_id
    for name, value in HEADERS.items():
        message[name] = value
    message.set_content(mail.content.text)
    message.add_alternative(mail.content.html, subtype="html")
    for file in mail.files:
        main, _, sub = file.content_type.partition("/")
        message.add_attachment(file.data, maintype=main, subtype=sub, filename=file.name)
    return message


def _header_value(box: Mailbox) -> object:
    from email.headerregistry import Address

    local, _, domain = box.address.rpartition("@")
    return Address(box.name, local, domain)
