"""The `email` handler: what its door lets in, what templates make of it, and the outbox."""

from __future__ import annotations

import os
import stat
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from jobsched.core.config import Settings
from jobsched.core.handler import Discard, Retry
from jobsched.handlers._email_address import Mailbox, parse_mailbox
from jobsched.handlers._email_templates import BUILT_IN, REQUIRED
from jobsched.handlers.email import MAX_ATTACHED_BYTES, Email, email

from .context import RecordingContext  # noqa: TID251 (it is tests.handlers)
from .mail import API_KEY, parse  # noqa: TID251

FIELDS: dict[str, dict[str, Any]] = {
    "welcome": {"name": "Jane", "product": "Example", "url": "https://example.com/in"},
    "reset_password": {
        "reset_url": "https://example.com/r?t=1&u=2", "name": "Jane", "expires": "1 hour", "product": "Example",
    },
    "invoice": {
        "number": "2026-7", "total": "12.00 EUR", "name": "Jane", "seller": "Example", "due_date": "2026-02-14",
        "url": "https://example.com/pay",
    },
    "message": {},
}  # fmt: skip
HOSTILE = "<script>alert(1)</script>{{ 7*7 }}{% raw %}\r\nBcc: all@example.com\n\u202egnp.exe\x1b[31m\" onload='x'&"


@pytest.fixture
def context(settings: Settings, tmp_path: Path) -> RecordingContext:
    """Of a worker without a server for mail."""
    return RecordingContext(tmp_path, settings.replace(home=str(tmp_path)))


class Page(HTMLParser):
    """What a reader of HTML would load, open and read."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def links(self) -> set[str | None]:
        return {value for name, value in self.attributes if name in ("href", "src", "background", "action")}


async def written(context: RecordingContext, **payload: Any) -> EmailMessage:
    """The mail that the payload makes, as its reader's program sees it."""
    result = await email(Email.model_validate({"to": "a@example.com", **payload}), context)
    return parse(Path(result["file"]).read_bytes())


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def problems(**payload: Any) -> dict[str, str]:
    """What the door says, by field."""
    with pytest.raises(ValidationError) as refused:
        Email.model_validate(payload)
    return {".".join(map(str, each["loc"])): each["msg"] for each in refused.value.errors()}


# ---- what is let in ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "subject", "text"),
    [
        (
            {"recipient": "user@example.com", "message": "Your scheduled email notification!"},
            "Your scheduled email notification!",
            "Your scheduled email notification!",
        ),
        ({"to": "user1@example.com", "subject": "Welcome!"}, "Welcome!", "Welcome!"),
        ({"to": ["a@example.com"], "subject": "S", "message": "one\ntwo\n\nthree"}, "S", "one\ntwo\n\nthree"),
    ],
)
async def test_the_shortest_bodies_are_whole_mails(
    context: RecordingContext, payload: dict[str, Any], subject: str, text: str
) -> None:
    """A recipient and something to say are enough."""
    result = await email(Email.model_validate(payload), context)
    message = parse(Path(result["file"]).read_bytes())
    assert message["Subject"] == subject
    assert body(message, "plain").strip() == text


@pytest.mark.parametrize(
    ("text", "mailbox"),
    [
        ("user@example.com", Mailbox("", "user@example.com")),
        (" user@EXAMPLE.com ", Mailbox("", "user@example.com")),
        ("Jane Doe <jane@example.com>", Mailbox("Jane Doe", "jane@example.com")),
        ("Dr. J. Müller <m@example.com>", Mailbox("Dr. J. Müller", "m@example.com")),
        ('"Doe, Jane \\"JD\\"" <jane@example.com>', Mailbox('Doe, Jane "JD"', "jane@example.com")),
        ("<jane@example.com>", Mailbox("", "jane@example.com")),
        ("o'hara+tag@mail.example.co.uk", Mailbox("", "o'hara+tag@mail.example.co.uk")),
        ("jo@bücher.example", Mailbox("", "jo@xn--bcher-kva.example")),
        ("δοκιμή@παράδειγμα.ελ", Mailbox("", "δοκιμή@xn--hxajbheg2az3al.xn--qxam")),
        ("山田 <y@例え.jp>", Mailbox("山田", "y@xn--r8jz45g.jp")),
        ("root@localhost", Mailbox("", "root@localhost")),
        ("ops@mail.corp.local", Mailbox("", "ops@mail.corp.local")),
    ],
)
def test_addresses_are_read_in_every_form_that_people_write(text: str, mailbox: Mailbox) -> None:
    """With names, in other scripts, on one's own host."""
    assert parse_mailbox(text) == mailbox
    assert parse_mailbox(str(mailbox)) == mailbox


@pytest.mark.parametrize(
    "text",
    [
        *("", "nobody", "@example.com", "a@", "a@@b.example", "a b@example.com", "a@exa mple.com", "a@-x.example"),
        *("a@example.com, b@example.com", "a@example.com, B <b@example.com>", "A <a@example.com> x", "A <a@b.com"),
        *("a@example.com\r\nBcc: b@example.com", "a@example.com\n", "A\nBcc: x <a@example.com>", "A\0 <a@example.com>"),
        *("\u202emoc.elpmaxe <a@example.com>", "a\u200b@example.com", '"a b"@example.com', "a@[127.0.0.1]"),
        *("a@example.com\x1b[31m", "a" * 260 + "@example.com", "a@" + "b" * 300 + ".com", "a@invalid", "<>", "a@b..c"),
    ],
)
def test_what_is_no_address_is_refused_and_not_repeated(text: str) -> None:
    """Above all what would put lines of its own into the mail's head."""
    for payload in ({"to": text}, {"to": ["ok@example.com", text]}, {"recipient": text}, {"sender": text}):
        said = problems(**{"to": "x@example.com", "message": "m", **payload} if "sender" in payload else payload)
        assert set(said) & {"to.0", "to.1", "recipient.0", "sender"}, said
        for message in said.values():
            assert message.isprintable()
            assert len(message) < 200
            assert len(text) < 12 or text not in message


def test_the_number_of_addresses_is_bounded() -> None:
    """50 in a field, and at least one."""
    fifty = [f"u{number}@example.com" for number in range(50)]
    assert Email.model_validate({"to": fifty, "message": "m"}).to == fifty
    assert "50" in problems(to=[*fifty, "one@example.com"], message="m")["to"]
    assert "to" in problems(to=[], message="m")


@pytest.mark.parametrize("payload", [{"message": "m"}, {"to": "a@example.com", "recipient": "b@example.com"}])
def test_a_mail_goes_to_somebody_under_one_name(payload: dict[str, Any]) -> None:
    """`to` and `recipient` are the same field."""
    assert "give either to or recipient" in next(iter(problems(**payload).values()))


def test_a_mail_says_something() -> None:
    """A plain message has a text or at least a subject."""
    assert "give message, subject" in problems(to="a@example.com", message=" \n")[""]


@pytest.mark.parametrize(
    "subject", ["a\r\nBcc: x@example.com", "a\nb", "a\0", "\x1b[31m", "\u2028", "\u202eabc", " ", ""]
)
def test_a_subject_is_one_line_of_text(subject: str) -> None:
    """Anything else would end up in the mail's head, or hide what is in it."""
    assert set(problems(to="a@example.com", message="m", subject=subject)) == {"subject"}


@pytest.mark.parametrize("name", ["../secret", "a/b", "/etc/passwd", "..", "a\\b", "welcome.html", "", "A", "w\n", "ü"])
def test_a_template_is_a_name_and_no_path(name: str) -> None:
    """Whatever is asked for, it is looked up in two folders and nowhere else."""
    assert set(problems(to="a@example.com", template=name, data={"name": "x"})) == {"template"}


@pytest.mark.parametrize("template", [name for name in REQUIRED if REQUIRED[name]])
def test_what_a_template_needs_is_asked_for_by_name(template: str) -> None:
    """At submit, not when it is too late."""
    (field, message), *_ = problems(to="a@example.com", template=template).items()
    assert field == "data"
    assert all(name in message for name in REQUIRED[template])
    for name in REQUIRED[template]:
        for nothing in (None, ""):
            rest = {**FIELDS[template], name: nothing}
            assert name in problems(to="a@example.com", template=template, data=rest)["data"]


@pytest.mark.parametrize(
    "url",
    [
        *(
            "javascript:alert(1)",
            "JAVASCRIPT:alert(1)",
            "data:text/html,x",
            "//example.com",
            "/reset",
            "ftp://x/",
            "http:x",
        ),
        *(
            " https://example.com",
            "https://exa mple.com",
            'https://x/"onclick=',
            "https://x/\n",
            "https://",
            7,
            ["x"],
            {},
        ),
    ],
)
def test_a_link_leads_to_the_web_or_nowhere(url: Any) -> None:
    """Fields that are called so, at any depth; and the message does not repeat it."""
    for data in ({"url": url}, {"reset_url": url}, {"items": [{"payLink": url}]}):
        said = problems(to="a@example.com", data=data, message="m")["data"]
        assert "http:// or https:// URL" in said
        assert "alert" not in said


@pytest.mark.parametrize("name", ["../x.pdf", "a/b", "a\\b", "x\r\ny", "..", " ", "\u202efdp.exe"])
def test_an_attachment_has_the_name_of_a_file(name: str) -> None:
    """No path, no second line, nothing turned around."""
    attachment = {"bucket": "secure", "key": "x.pdf", "name": name}
    assert set(problems(to="a@example.com", message="m", attachments=[attachment])) == {"attachments.0.name"}


def test_what_is_secret_in_a_payload_is_declared_so() -> None:
    """Links to reset passwords are in `data`: nobody is shown it."""
    assert email.jobsched_handler.secret_fields == ("data",)  # type: ignore[attr-defined]


# ---- what templates make of it -------------------------------------------------------------------


@pytest.mark.parametrize("template", list(FIELDS))
async def test_every_template_shows_all_of_its_fields_in_both_forms(context: RecordingContext, template: str) -> None:
    """Text and HTML say the same; nothing is loaded from anywhere."""
    data = FIELDS[template]
    message = await written(context, template=template, data=data, message="And one more thing.")
    page, text = Page(body(message, "html")), body(message, "plain")
    for value in (*data.values(), "And one more thing."):
        assert value in text
        assert value in page.text or value in page.links
    assert page.links == {value for name, value in data.items() if name.endswith("url")}
    assert not {"img", "script", "link", "style", "iframe", "form"} & set(page.tags)
    assert message["Subject"]
    assert message.get_content_type() == "multipart/alternative"


@pytest.mark.parametrize("template", list(FIELDS))
async def test_every_template_works_with_no_more_than_it_needs(context: RecordingContext, template: str) -> None:
    """What is optional may be missing."""
    data = {name: FIELDS[template][name] for name in REQUIRED[template]}
    message = await written(context, template=template, data=data, subject="S")
    for kind in ("plain", "html"):
        assert "undefined" not in body(message, kind).lower()
        assert "None" not in body(message, kind)


@pytest.mark.parametrize("template", list(FIELDS))
async def test_hostile_data_comes_out_as_text(context: RecordingContext, template: str) -> None:
    """No tag, no attribute, no header, no second evaluation, no control character."""
    data = {name: value if name.endswith("url") else HOSTILE for name, value in FIELDS[template].items()}
    plain = await written(context, template=template, data=FIELDS[template], message="m")
    message = await written(context, template=template, data=data, message=HOSTILE)
    page, expected = Page(body(message, "html")), Page(body(plain, "html"))
    assert set(page.tags) - {"br"} == set(expected.tags) - {"br"}
    assert {name for name, _ in page.attributes} == {name for name, _ in expected.attributes}
    assert "<script>alert(1)</script>{{ 7*7 }}{% raw %}" in page.text
    assert "<script>alert(1)</script>{{ 7*7 }}{% raw %}" in body(message, "plain")
    assert message["Bcc"] is None
    assert set(message.keys()) == set(plain.keys())
    for kind in ("plain", "html"):
        assert "\x1b" not in body(message, kind)
    assert message["Subject"].isprintable()


async def test_plain_text_keeps_its_lines_and_paragraphs_in_html(context: RecordingContext) -> None:
    """An empty line ends a paragraph, a line break breaks a line."""
    message = await written(context, message="one\r\ntwo\r\n \r\nthree")
    page = Page(body(message, "html"))
    assert (page.tags.count("p"), page.tags.count("br")) == (2, 1)


async def test_an_operators_template_replaces_the_built_in_one(context: RecordingContext, tmp_path: Path) -> None:
    """File by file: what is not there stays as it was, and new names are new templates."""
    (tmp_path / "welcome.html").write_text("<b>Servus {{ name }}</b>")
    (tmp_path / "receipt.txt").write_text("{{ lines | join(', ') }}")
    (tmp_path / "receipt.html").write_text('{% extends "layout.html" %}{% block body %}{{ lines[0] }}{% endblock %}')
    context.settings = context.settings.replace(email__templates=str(tmp_path))
    message = await written(context, template="welcome", data={"name": "<i>"})
    assert body(message, "html").strip() == "<b>Servus &lt;i&gt;</b>"
    assert body(message, "plain").startswith("Hello <i>,")
    message = await written(context, template="receipt", data={"lines": ["a", "b"]}, subject="R")
    assert body(message, "plain").strip() == "a, b"
    assert "<!DOCTYPE html>" in body(message, "html")
    (tmp_path / "welcome.html").write_text("changed")
    os.utime(tmp_path / "welcome.html", (1, 1))
    assert body(await written(context, template="welcome", data={"name": "x"}), "html").strip() == "changed"


@pytest.mark.parametrize(
    ("content", "means", "message"),
    [
        (b"{{ name", Retry, r"welcome\.txt, line 1 is broken .* JOBSCHED_EMAIL_TEMPLATES"),
        (b"\n{% if %}", Retry, r"welcome\.txt, line 2 is broken"),
        (b"\xff\xfe", Retry, r"welcome\.txt cannot be read — it is not UTF-8"),
        (b"{{ title }}", Discard, r"welcome\.txt cannot be filled in — 'title' is undefined"),
        (b"{{ name + 1 }}", Discard, r"cannot be filled in with this data — TypeError"),
        (b"{% include '../../x' %}", Discard, "there is no template"),
        (b"{{ name.__class__.__mro__ }}", Discard, "cannot be filled in"),
        (b"{{ ''.join.__globals__ }}", Discard, "cannot be filled in"),
        (b"{% set x = data.append(1) %}", Discard, "cannot be filled in"),
    ],
)
async def test_a_template_that_is_broken_is_named(
    context: RecordingContext, tmp_path: Path, content: bytes, means: type[Exception], message: str
) -> None:
    """With its line; the data is not repeated, and the sandbox holds."""
    (tmp_path / "welcome.txt").write_bytes(content)
    context.settings = context.settings.replace(email__templates=str(tmp_path))
    with pytest.raises(means, match=message) as failed:
        await written(context, template="welcome", data={"name": "s3cret"})
    assert "s3cret" not in str(failed.value)


async def test_a_template_that_is_not_there_is_hopeless(context: RecordingContext) -> None:
    """And the error says which ones there are; parts of templates are none."""
    for name in ("wellcome", "layout", "parts"):
        with pytest.raises(Discard, match=r"no template .* invoice, message, reset_password, welcome"):
            await written(context, template=name)


def test_every_built_in_template_has_its_three_files() -> None:
    """Subject, text, HTML; and each file belongs to one."""
    files = {path.name for path in BUILT_IN.iterdir()} - {"layout.html", "parts.html"}
    assert files == {f"{name}{end}" for name in REQUIRED for end in (".subject.txt", ".txt", ".html")}


# ---- the mail itself, and the outbox -------------------------------------------------------------


async def test_headers_are_those_of_a_mail_that_a_program_has_sent(context: RecordingContext) -> None:
    """Names and subjects in any script; nobody's absence is answered."""
    people = {
        "to": ["Jürgen <j@bücher.example>", "b@example.com"],
        "cc": "山田 <y@example.jp>",
        "reply_to": "r@example.com",
    }
    message = await written(
        context, **people, subject="Grüße 👋 " + "lang " * 40, message="x", sender='"A, B" <s@example.org>'
    )
    assert message["From"].addresses[0].display_name == "A, B"
    assert [each.display_name for each in message["To"].addresses] == ["Jürgen", ""]
    assert message["Cc"].addresses[0].display_name == "山田"
    assert message["Reply-To"] == "r@example.com"
    assert message["Subject"] == ("Grüße 👋 " + "lang " * 40).strip()
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["MIME-Version"] == "1.0"
    assert message["Message-ID"] == "<jobsched-test-42@example.org>"
    assert message["Date"].datetime.isoformat() == context.checkpoint["date"]


async def test_a_mail_is_plain_ascii_with_short_lines(context: RecordingContext) -> None:
    """Which is what every server on the way takes (RFC 5322, 2.1.1)."""
    result = await email(Email.model_validate({"to": "ü <a@example.com>", "message": "ß" * 5000}), context)
    data = Path(result["file"]).read_bytes()
    assert data.isascii()
    assert max(map(len, data.split(b"\r\n"))) <= 998
    assert b"\n" not in data.replace(b"\r\n", b"")


async def test_the_outbox_holds_one_file_for_each_job(context: RecordingContext, tmp_path: Path) -> None:
    """In home, for its owner alone, replaced by another attempt."""
    context.settings = context.settings.replace(home=str(tmp_path / "home"))
    payload = Email.model_validate({"to": "a@example.com", "bcc": "b@example.com", "message": "m"})
    first, second = [await email(payload, context) for _ in range(2)]
    assert first == second
    assert first["accepted"] == ["a@example.com", "b@example.com"]
    (file,) = (tmp_path / "home" / "outbox").iterdir()
    assert first["file"] == str(file) == str(tmp_path / "home" / "outbox" / "jobsched-test-42.eml")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert parse(file.read_bytes())["Bcc"] == "b@example.com"


async def test_the_outbox_may_be_elsewhere(context: RecordingContext, tmp_path: Path) -> None:
    """`email.outbox`; one that cannot be written is worth another attempt, and named."""
    context.settings = context.settings.replace(email__outbox=str(tmp_path / "elsewhere"))
    await written(context, message="m")
    assert len(list((tmp_path / "elsewhere").iterdir())) == 1
    (tmp_path / "file").write_text("")
    context.settings = context.settings.replace(email__outbox=str(tmp_path / "file"))
    with pytest.raises(Retry, match="file cannot be written — File exists"):
        await written(context, message="m")


async def test_attachments_are_in_the_mail(context: RecordingContext) -> None:
    """Under their own names, with their own types, as they were."""
    context.objects.put("secure", "invoices/7.pdf", b"%PDF", "application/pdf")
    context.objects.put("secure", "old.eml", b"From: x", "message/rfc822")
    attachments = [
        {"bucket": "secure", "key": "invoices/7.pdf", "name": "Rechnung Nr. 7 (März).pdf"},
        {"bucket": "secure", "key": "old.eml"},
    ]
    message = await written(context, message="m", attachments=attachments)
    found = [(part.get_filename(), part.get_content_type(), part.get_content()) for part in message.iter_attachments()]
    assert found == [
        ("Rechnung Nr. 7 (März).pdf", "application/pdf", b"%PDF"),
        ("old.eml", "application/octet-stream", b"From: x"),
    ]
    assert message.get_content_type() == "multipart/mixed"


def test_an_archive_cannot_be_attached() -> None:
    """It holds what is hidden in others' payloads, and whoever submits chooses where mail goes."""
    for name in ("00001-55.jsonl.gz", "00001-55.json.gz"):
        key = f"any/prefix/5db4ff89-1e7b-46cd-8c30-110055c578db/57/{name}"
        attachment = {"bucket": "archive", "key": key}
        assert set(problems(to="a@example.com", message="m", attachments=[attachment])) == {"attachments.0.key"}


async def test_attachments_that_are_missing_or_too_large_are_hopeless(context: RecordingContext) -> None:
    """20 MB together."""
    with pytest.raises(Discard, match="no object secure/none"):
        await written(context, message="m", attachments=[{"bucket": "secure", "key": "none.pdf"}])
    for name in ("a", "b"):
        context.objects.put("secure", name, b"x" * (MAX_ATTACHED_BYTES // 2 + 1), "text/plain")
    await written(context, message="m", attachments=[{"bucket": "secure", "key": "a"}])
    with pytest.raises(Discard, match="20,971,520 bytes together"):
        await written(context, message="m", attachments=[{"bucket": "secure", "key": name} for name in ("a", "b")])


@pytest.mark.parametrize(
    ("transport", "setting"), [("resend", "JOBSCHED_RESEND_API_KEY"), ("smtp", "JOBSCHED_SMTP_HOST")]
)
async def test_a_transport_that_lacks_its_setting_says_which(
    context: RecordingContext, transport: str, setting: str
) -> None:
    """It does not quietly go another way."""
    context.settings = context.settings.replace(email__transport=transport)
    with pytest.raises(Retry, match=setting):
        await written(context, message="m")


async def test_the_outbox_may_be_asked_for_although_there_is_a_key(context: RecordingContext) -> None:
    """For a worker that must not send."""
    context.settings = context.settings.replace(
        email__transport="outbox", email__resend_key=API_KEY, email__smtp_host="mail.invalid"
    )
    assert (await written(context, message="m"))["To"] == "a@example.com"


async def test_a_sender_of_the_operators_that_is_none_is_named(context: RecordingContext) -> None:
    """It is the operator who mends it."""
    context.settings = context.settings.replace(email__sender="nobody")
    with pytest.raises(Retry, match="JOBSCHED_EMAIL_SENDER"):
        await written(context, message="m")
