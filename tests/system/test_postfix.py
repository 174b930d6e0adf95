"""Mail that goes through Debian's Postfix: handed in over STARTTLS with a login, delivered into a maildir."""

from __future__ import annotations

import email.policy
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import trustme

from jobsched.tests.faults.fleet import until

from .postgres import free_port

USER, REALM, PASSWORD = "jobsched", "shop.example", "s3cret-of-the-mailer"
MAIN = """
compatibility_level = 3.6
myhostname = mail.shop.example
mydestination =
inet_interfaces = 127.0.0.1
queue_directory = {folder}/spool
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
maillog_file = {folder}/log/postfix.log
maillog_file_prefixes = {folder}/log
alias_maps =
alias_database =
virtual_mailbox_domains = shop.example
virtual_mailbox_maps = inline:{{ jane@shop.example=jane/ joe@shop.example=joe/ kim@shop.example=kim/ }}
virtual_mailbox_base = {folder}/mail
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
smtpd_tls_cert_file = {folder}/cert.pem
smtpd_tls_key_file = {folder}/key.pem
smtpd_tls_security_level = encrypt
smtpd_sasl_auth_enable = yes
smtpd_sasl_local_domain = {realm}
smtpd_recipient_restrictions = permit_sasl_authenticated, reject
"""
SASL = """
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: {folder}/users
mech_list: PLAIN LOGIN
"""
MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
postlog unix-dgram n - n - 1 postlogd
"""


@dataclass
class Postfix:
    """A Postfix of its own. mail: where each mailbox is a maildir."""

    port: int
    ca_file: Path
    mail: Path
    log: Path

    def delivered(self, name: str, count: int = 1) -> list[EmailMessage]:
        """The mails in a mailbox, once there are `count`."""
        inbox = self.mail / name / "new"
        until(lambda: inbox.is_dir() and len(list(inbox.iterdir())) >= count, f"{count} mails for {name}")
        found = [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in inbox.iterdir()]
        assert len(found) == count
        return [each for each in found if isinstance(each, EmailMessage)]


@pytest.fixture(scope="module")
def postfix(run_folder: Path) -> Iterator[Postfix]:
    """With a login, a certificate, and mailboxes for jane, joe and kim, who gets nothing."""
    folder = run_folder / "postfix"
    for name, owner in (
        ("etc/sasl", "root"),
        ("spool", "root"),
        ("data", "postfix"),
        ("log", "root"),
        ("mail", "nobody"),
    ):
        (folder / name).mkdir(parents=True)
        shutil.chown(folder / name, owner)
    authority, port = trustme.CA(), free_port()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    (folder / "etc" / "main.cf").write_text(MAIN.format(folder=folder, realm=REALM))
    (folder / "etc" / "master.cf").write_text(MASTER.format(port=port))
    (folder / "etc" / "sasl" / "smtpd.conf").write_text(SASL.format(folder=folder))
    users = folder / "users"
    subprocess.run(
        ["saslpasswd2", "-p", "-c", "-f", users, "-u", REALM, USER], input=PASSWORD.encode(), check=True
    )  # fmt: skip
    shutil.chown(users, "postfix")
    made = Postfix(port, folder / "ca.pem", folder / "mail", folder / "log" / "postfix.log")
    started = subprocess.run(["postfix", "-c", folder / "etc", "start"], capture_output=True, text=True)
    try:
        assert started.returncode == 0, started.stderr
        yield made
    finally:
        subprocess.run(["postfix", "-c", folder / "etc", "stop"], capture_output=True)
        sys.stderr.write(made.log.read_text() if made.log.exists() else "Postfix wrote no log\n")
        shutil.rmtree(folder)


@pytest.fixture
def jobsched(
    environ: dict[str, str], database_url: str, tmp_path: Path, postfix: Postfix
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """jobsched("ls", …): the program of somebody whose mail goes to that Postfix."""
    env = environ | {
        "JOBSCHED_DATABASE_URL": database_url,
        "JOBSCHED_SMTP_HOST": "127.0.0.1",
        "JOBSCHED_SMTP_PORT": str(postfix.port),
        "JOBSCHED_SMTP_CA": str(postfix.ca_file),
        "JOBSCHED_SMTP_USER": f"{USER}@{REALM}",
        "JOBSCHED_SMTP_PASSWORD": PASSWORD,
        "JOBSCHED_EMAIL_SENDER": "The Shop <shop@shop.example>",
    }
    program = str(Path(sys.executable).with_name("jobsched"))

    def run(*words: str, **changes: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([program, *words], env=env | changes, cwd=tmp_path, capture_output=True, text=True)

    return run


def shown(jobsched: Callable[..., Any], job: str) -> dict[str, Any]:
    """Everything that `jobsched show` knows of a job."""
    (item,) = json.loads(jobsched("show", job, "-o", "json").stdout)["items"]
    return dict(item)


def test_an_invoice_is_made_mailed_and_delivered(jobsched: Callable[..., Any], postfix: Postfix) -> None:
    """Two jobs: the PDF arrives in the mailbox, by way of TLS and a login."""
    invoice = {
        "number": "2026-7",
        "date": "2026-01-31",
        "seller": {"name": "The Shop"},
        "buyer": {"name": "Jane"},
        "items": [{"description": "Tea", "unit_price": "12.00"}],
    }
    jobsched("submit", "pdf_invoice", "--args", json.dumps(invoice))
    assert jobsched("worker", "--burst").returncode == 0
    mail = {
        "to": "Jäne <jane@shop.example>",
        "bcc": ["joe@shop.example", "nobody@shop.example"],
        "template": "invoice",
        "data": {"number": "2026-7", "total": "12.00 EUR", "name": "Jäne"},
        "attachments": [{"bucket": "secure", "key": "invoices/2026-7.pdf"}],
    }
    sent = jobsched("submit", "send_email", "--args", json.dumps(mail)).stdout.strip()

    worker = jobsched("worker", "--burst")

    assert worker.returncode == 0, worker.stderr
    (message,) = postfix.delivered("jane")
    assert "with ESMTPSA" in message["Received"]
    assert message["Subject"] == "Invoice 2026-7"
    assert message["From"].addresses[0].display_name == "The Shop"
    assert message["To"].addresses[0].display_name == "Jäne"
    assert message["Bcc"] is None
    (attached,) = message.iter_attachments()
    assert attached.get_filename() == "2026-7.pdf"
    assert attached.get_content().startswith(b"%PDF")
    html, text = message.get_body(("html",)), message.get_body(("plain",))
    assert html is not None
    assert text is not None
    assert "12.00 EUR" in html.get_content()
    assert "Total: 12.00 EUR" in text.get_content()
    assert postfix.delivered("joe")[0]["Message-ID"] == message["Message-ID"]

    job = shown(jobsched, sent)
    assert job["state"] == "succeeded"
    assert job["payload"]["data"] == "(hidden)"
    assert job["result"]["accepted"] == ["jane@shop.example", "joe@shop.example"]
    assert job["result"]["refused"]["nobody@shop.example"].startswith("550 5.1.1")
    assert job["result"]["message_id"] == message["Message-ID"]


@pytest.mark.parametrize(
    ("changes", "to", "reason"),
    [
        ({}, "nobody@shop.example", "550 5.1.1"),
        ({"JOBSCHED_SMTP_PASSWORD": "s3cret-but-wrong"}, "kim@shop.example", "535 5.7.8"),
        ({"JOBSCHED_SMTP_USER": ""}, "kim@shop.example", "554 5.7.1"),
    ],
)
def test_what_postfix_refuses_for_good_is_dead_at_once(
    jobsched: Callable[..., Any], postfix: Postfix, changes: dict[str, str], to: str, reason: str
) -> None:
    """With Postfix's reason, and without the password anywhere."""
    job = jobsched("submit", "email", f"to={to}", "message=hello").stdout.strip()

    jobsched("worker", "--burst", **changes)

    everything = shown(jobsched, job)
    assert (everything["state"], everything["attempt"]) == ("dead", 1)
    assert reason in json.dumps(everything["error"])
    assert "s3cret" not in json.dumps(everything) + postfix.log.read_text()
    assert not (postfix.mail / "kim").exists()


def test_a_postfix_that_is_not_trusted_gets_nothing(jobsched: Callable[..., Any], postfix: Postfix) -> None:
    """Its certificate is of an authority that the system does not know: the job waits for another attempt."""
    job = jobsched("submit", "email", "to=kim@shop.example", "message=hello").stdout.strip()
    before = len(postfix.log.read_text())

    jobsched("worker", "--burst", JOBSCHED_SMTP_CA="")

    everything = shown(jobsched, job)
    assert everything["state"] == "retrying"
    assert "certificate is not trusted" in json.dumps(everything["attempts"])
    heard = postfix.log.read_text()[before:]
    assert "lost connection after STARTTLS" in heard
    assert "sasl" not in heard
