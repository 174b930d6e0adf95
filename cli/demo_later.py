"""The demo's second half: jobs that need what the first ones made."""

from __future__ import annotations

from email import message_from_bytes, policy
from pathlib import Path

from ..core.model.job import Job, NewJob
from ..core.model.states import State
from ..core.objects import ObjectStore
from ..core.service import Service
from .demo_jobs import INVOICE, OLD, TOTAL, Act, ended, files_of, old_jobs

BUYER = "buyer@example.com"
KEEP_SECONDS = 3600.0
"""For which a restored job is not archived again."""


def later_acts() -> list[Act]:
    """The jobs, in the order in which they are shown."""
    mail = {
        "to": BUYER,
        "template": "invoice",
        "data": {"name": "Ωμέγα Εμπορική", "number": INVOICE, "total": f"{TOTAL} EUR"},
        "attachments": [{"bucket": "secure", "key": f"invoices/{INVOICE}.pdf"}],
    }
    archival = {"older_than": "0s", "queue": OLD, "states": ["succeeded"]}
    return [
        Act("the invoice by e-mail", NewJob("email", mail), _check_mail),
        Act(
            f"{len(old_jobs())} old jobs archived, one back",
            NewJob("data_archival", archival),
            _restore_one,
        ),
    ]


def _check_mail(job: Job, service: Service, objects: ObjectStore) -> str:
    problem = ended(State.SUCCEEDED, attempt=1)(job, service, objects)
    if problem:
        return problem
    mail = message_from_bytes(Path(files_of(job)[0]).read_bytes(), policy=policy.default)
    attached = [part.get_content() for part in mail.iter_attachments()]
    if mail["To"] != BUYER or len(attached) != 1:
        return f"it went to {mail['To']} with {len(attached)} attachments"
    return "" if attached[0] == objects.get("secure", f"invoices/{INVOICE}.pdf") else "it carries another file"


def _restore_one(job: Job, service: Service, objects: ObjectStore) -> str:
    """Bring the first archived job back, and look whether it alone is there."""
    from ..core.archives.reading import Archives

    problem = ended(State.SUCCEEDED, attempt=1)(job, service, objects)
    if problem:
        return problem
    archives = Archives(service.store, objects)
    (file,) = archives.get_many([job.result["files"][0]["archive"]])
    archived = [each.id for each in archives.jobs(file)]
    archives.restore(file, jobs=archived[:1], keep=KEEP_SECONDS)
    back = [each.id for each in service.list(queue=OLD) if each.id in archived]
    if len(archived) != len(old_jobs()) or back != archived[:1]:
        return f"jobs {archived} were archived, and {back} are in the store"
    return ""
