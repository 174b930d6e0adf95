"""E-mail addresses: what one may look like, and its parts. Not a handler."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

MAX_ADDRESSES = 50
"""In one field: Resend's limit for `to`; an SMTP server takes at least 100 (RFC 5321, 4.5.3.1.8)."""
_NAMED = re.compile(r'(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^"<>]*?))\s*<(?P<address>[^<>]*)>', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_LOCAL = re.compile(r".*[.@](?:localhost|local|test)", re.IGNORECASE | re.DOTALL)
_SOMEWHERE = ".example.com"
_UNSEEN = frozenset({"Cc", "Cs", "Zl", "Zp"})
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that turn the direction of the text after them: made to show another address than there is."""


class Mailbox(NamedTuple):
    """One address. name: shown before it, or "". address: as it goes over the wire, its domain in ASCII."""

    name: str
    address: str

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]

    def __str__(self) -> str:
        if not self.name:
            return self.address
        quoted = self.name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}" <{self.address}>'


def is_one_line(text: str) -> bool:
    """Whether `text` may stand in a header: no line breaks, control characters or characters that turn it around."""
    return not any(each in _TURNING or unicodedata.category(each) in _UNSEEN for each in text)


def parse_mailbox(text: str) -> Mailbox:
    """Read `user@example.org` or `Name <user@example.org>` (RFC 5322, 3.4), names and domains in any script.

    ValueError: it is none, in words that do not repeat it. Domains without a dot are let in, and those
    of one's own host and network: `root@localhost` is for the server to judge. DNS is not asked.
    """
    from email_validator import EmailNotValidError, validate_email

    if not is_one_line(text):
        raise ValueError("it holds line breaks or control characters")
    found = _NAMED.fullmatch(text.strip())
    name, address = "", text.strip()
    if found:
        address = found["address"].strip()
        name = _ESCAPED.sub(r"\1", found["quoted"]) if found["quoted"] is not None else found["plain"]
        if found["quoted"] is None and any(each in name for each in ",;:@"):
            raise ValueError('a name with , ; : or @ in it needs quotes: "Doe, Jane" <jane@example.org>')
    # The library never takes .localhost, .local and .test, so they are shown to it as parts of a longer domain.
    hidden = _SOMEWHERE if _LOCAL.fullmatch(address) else ""
    try:
        checked = validate_email(address + hidden, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError as error:
        # What follows a colon or a parenthesis in these messages repeats the address.
        reason = re.split(r"[:(]", str(error).replace("email", "e-mail"), maxsplit=1)[0].strip().rstrip(".")
        raise ValueError(f"it is no e-mail address — {reason}") from None
    local = checked.ascii_local_part or checked.local_part
    return Mailbox(" ".join(name.split()), f"{local}@{checked.ascii_domain.removesuffix(hidden)}")


def _check(text: str) -> str:
    parse_mailbox(text)
    return text


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Address = Annotated[str, Field(max_length=500), AfterValidator(_check)]
_SCHEMA = {
    "anyOf": [
        {"type": "string", "maxLength": 500},
        {"type": "array", "items": {"type": "string", "maxLength": 500}, "minItems": 1, "maxItems": MAX_ADDRESSES},
    ],
    "description": "one address or a list: user@example.org, Name <user@example.org>",
}
Addresses = Annotated[
    list[Address], Field(min_length=1, max_length=MAX_ADDRESSES), BeforeValidator(_listed), WithJsonSchema(_SCHEMA)
]


def mailboxes(values: list[str] | None) -> list[Mailbox]:
    """Return the addresses of a payload field, each once, in its order."""
    return list({box.address: box for box in map(parse_mailbox, values or [])}.values())
