"""Which handlers there are, and what reading them costs."""

from __future__ import annotations

import json
import subprocess
import sys

import jsonschema
import pytest

from jobsched.core.handler import Handler
from jobsched.core.registry import Registry

ALL = Registry().all()
EXPECTED: dict[str, tuple[str, ...]] = {
    "command": (),
    "cpu_intensive": (),
    "data_archival": (),
    "db_tx": (),
    "default": (),
    "email": ("email_notification", "send_email"),
    "export_user_data": (),
    "fail": (),
    "http_call": (),
    "image_resize": (),
    "io_intensive": (),
    "mixed_workload": (),
    "network_intensive": ("network_task",),
    "noop": (),
    "pdf_invoice": (),
}
"""Name → aliases."""
HEAVY = (
    *("PIL", "fpdf", "fontTools", "uharfbuzz", "minio", "httpx", "urllib3", "sqlalchemy", "psycopg", "rich"),
    *("jinja2", "resend", "aiosmtplib", "email_validator"),
)


def test_the_handlers_are_those_that_are_promised() -> None:
    """No more and no fewer, under exactly these names."""
    assert {handler.name: tuple(sorted(handler.aliases)) for handler in ALL} == EXPECTED


@pytest.mark.parametrize("handler", ALL, ids=lambda handler: handler.name)
def test_it_has_an_example_and_a_summary(handler: Handler) -> None:
    """`jobsched handlers show` has something to show."""
    assert handler.examples
    assert handler.summary.endswith(".")
    assert len(handler.summary) <= 120


@pytest.mark.parametrize("handler", ALL, ids=lambda handler: handler.name)
def test_its_schema_is_one_and_fits_its_examples(handler: Handler) -> None:
    """A process that knows only the published schema lets valid payloads in."""
    schema = json.loads(json.dumps(handler.json_schema()))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["type"] == "object"
    for example in handler.examples:
        jsonschema.Draft202012Validator(schema).validate(json.loads(json.dumps(example)))


def test_reading_all_handlers_loads_nothing_heavy() -> None:
    """`submit` reads payload models; what the work itself needs is loaded by the work."""
    script = (
        "import sys\n"
        "from jobsched.core.registry import Registry\n"
        "Registry().all()\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["noop", "fail"])
def test_a_handler_without_a_model_does_not_load_pydantic(name: str) -> None:
    """`jobsched submit noop` pays for nothing that it does not use."""
    script = (
        "import sys\n"
        "from jobsched.core.registry import Registry\n"
        f"assert Registry().find({name!r})\n"
        "print('pydantic' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
