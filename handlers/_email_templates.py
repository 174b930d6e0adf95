"""Turns a template and its data into a mail's subject, text and HTML. Not a handler.

A template is three files: `<name>.subject.txt`, `<name>.txt` and `<name>.html`, in jinja2. Those in
the operator's folder replace the built-in ones of the same name, and may be more. They run in jinja2's
sandbox; data is never read as a template, is escaped in HTML, and a field that a template uses must be there.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..core.handler import Discard, Retry

if TYPE_CHECKING:
    from jinja2.sandbox import SandboxedEnvironment

MESSAGE = "message"
NAME = r"^[a-z][a-z0-9_]{0,62}$"
REQUIRED: dict[str, tuple[str, ...]] = {
    "welcome": ("name",),
    "reset_password": ("reset_url",),
    "invoice": ("number", "total"),
    MESSAGE: (),
}
"""Built-in template → what its data must have. More is taken: see docs/operations.md."""
MAX_URL = 4096
BUILT_IN = Path(__file__).parent / "templates" / "email"
_SETTING = "JOBSCHED_EMAIL_TEMPLATES"
_URL = re.compile(r"https?://[^\s<>\"'`\\]+", re.IGNORECASE)
_IS_URL = re.compile(r"(?:^|[_-])(?i:url|link|href)$|[a-z](?:Url|URL|Link|Href)$")
_SUBJECT_CHARS = 200
_BETWEEN = re.compile(r"[\s/?&=#]+")
_MIN_SECRET = 6
"""Characters: what is shorter appears by chance."""


class Content(NamedTuple):
    """What a mail says. subject: one line."""

    subject: str
    text: str
    html: str


def check_data(template: str, data: Mapping[str, Any]) -> None:
    """ValueError: something that the template needs is missing, or a URL is none that may be linked to.

    URLs are the fields called url, link or href, or ending in _url and so on, at any depth.
    """
    missing = [name for name in REQUIRED.get(template, ()) if data.get(name) in (None, "")]
    if missing:
        raise ValueError(f"template {template} needs {' and '.join(missing)}")
    _check_urls(data)


def _check_urls(value: Any) -> None:
    if isinstance(value, list):
        for each in value:
            _check_urls(each)
    elif isinstance(value, Mapping):
        for name, each in value.items():
            if _IS_URL.search(name) and each is not None and not _is_url(each):
                shown = name if name.isascii() and name.isidentifier() and len(name) < 64 else "a URL"
                raise ValueError(f"{shown} must be an http:// or https:// URL")
            _check_urls(each)


def _is_url(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= MAX_URL and value.isprintable() and bool(_URL.fullmatch(value))


def secrets_in(data: Any) -> tuple[str, ...]:
    """What `data` says, the longest first: each text in it, and the parts of those that are URLs, such as a token.
    Filters of spam quote in their refusals what they refuse. A URL's host is none."""
    found: set[str] = set()
    left = [data]
    while left:
        each = left.pop()
        if isinstance(each, Mapping):
            left.extend(each.values())
        elif isinstance(each, list):
            left.extend(each)
        elif isinstance(each, str):
            found.add(each.strip())
            found.update(_BETWEEN.split(each)[2:] if _is_url(each) else each.splitlines())
    return tuple(sorted((text for text in found if len(text) >= _MIN_SECRET), key=len, reverse=True))


def render(
    template: str, data: Mapping[str, Any], *, subject: str | None, message: str | None, folder: str | None
) -> Content:
    """Fill in a template. subject, message: the payload's; without a subject the template's own is taken.

    Templates see the fields of `data`, and `subject` and `message` ("" if there is none). folder: the
    operator's. Discard: no such template, or data that it does not fit. Retry: a template that is broken,
    which the operator mends.
    """
    environment = _environment(folder)
    fields = {**data, "subject": subject or "", "message": message or ""}
    if not subject:
        subject = one_line(_fill(environment, f"{template}.subject.txt", fields))[:_SUBJECT_CHARS]
        fields["subject"] = subject
    text = _fill(environment, f"{template}.txt", fields)
    return Content(subject, f"{text.strip()}\n", _fill(environment, f"{template}.html", fields))


def _fill(environment: SandboxedEnvironment, name: str, fields: Mapping[str, Any]) -> str:
    from jinja2 import TemplateNotFound, TemplateSyntaxError, UndefinedError

    try:
        return environment.get_template(name).render(fields)
    except TemplateNotFound as error:
        raise Discard(f"there is no template {error.name} — built in: {', '.join(sorted(REQUIRED))}") from None
    except TemplateSyntaxError as error:
        where = f"{error.name or name}, line {error.lineno}"
        raise Retry(f"template {where} is broken — {error.message} (mend it in {_SETTING})") from None
    except UndefinedError as error:
        raise Discard(f"template {name} cannot be filled in — {error.message}: give it in data") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise Retry(f"template {name} cannot be read — {reason} (mend it in {_SETTING})") from None
    except Exception as error:  # noqa: BLE001 - an operator's template may do anything; the text may hold data
        raise Discard(f"template {name} cannot be filled in with this data — {type(error).__name__}") from None


@lru_cache(maxsize=8)
def _environment(folder: str | None) -> SandboxedEnvironment:
    """Templates that change are read again."""
    from jinja2 import FileSystemLoader, StrictUndefined, select_autoescape
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    folders = [Path(folder).expanduser(), BUILT_IN] if folder else [BUILT_IN]
    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(folders),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        finalize=_cleaned,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[[Any], Any]] = {"line": one_line, "paragraphs": paragraphs}
    environment.filters.update(filters)
    return environment


def one_line(value: Any) -> str:
    """`value` on one line: what breaks lines or cannot be seen becomes a space."""
    text = str(value)
    return " ".join("".join(each if each.isprintable() or _joins(each) else " " for each in text).split())


def paragraphs(value: Any) -> list[list[str]]:
    """Paragraphs of lines: an empty line ends a paragraph."""
    blocks = re.split(r"\n[ \t]*\n", _cleaned(str(value)).strip())
    return [block.split("\n") for block in blocks if block.strip()]


def _cleaned(value: Any) -> Any:
    """What a template prints: text without control characters but line breaks and tabs."""
    if not isinstance(value, str) or (value.isascii() and value.isprintable()):
        return value
    kept = value.replace("\r\n", "\n").replace("\r", "\n")
    cleaned = "".join(each for each in kept if each in "\n\t" or unicodedata.category(each) not in ("Cc", "Cs"))
    return type(value)(cleaned)  # Markup stays Markup


def _joins(character: str) -> bool:
    """Format characters that words need: joiners of Persian and emoji, marks of direction."""
    return character in "\u200c\u200d\u200e\u200f\u061c"
