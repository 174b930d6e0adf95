"""What every handler that comes with jobsched holds to."""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from jobsched.core.config import SETTINGS, load
from jobsched.core.handler import Handler
from jobsched.core.objects import open_objects
from jobsched.core.registry import Registry

ALL = Registry().all()
EXAMPLES = [(handler, example) for handler in ALL for example in handler.examples]
EXAMPLE_IDS = [f"{handler.name}-{number}" for number, (handler, _) in enumerate(EXAMPLES)]
MODELS = [handler for handler in ALL if handler.payload_model is not None]
SECRETS = {setting.key: f"s3cret-of-{setting.key}" for setting in SETTINGS if setting.secret}
HEAVY = ("PIL", "fpdf", "fontTools", "minio", "httpx", "urllib3", "uharfbuzz", "sqlalchemy", "psycopg", "rich")
WRONG: tuple[Any, ...] = (None, [[]], {"\x1b[31mwrong": {}}, "", -1, 1.5, True, [])
"""One of these is wrong in any field."""


class Context:
    """The protocol with an object store in a folder, and everything that was said in `said`."""

    def __init__(self, home: Path) -> None:
        self.job_id, self.attempt, self.max_attempts, self.token = 1, 1, 3, 1
        self.type, self.queue, self.idempotency_key, self.lease_mark = "test", "default", "key", ""
        self.cancelled, self.checkpoint = False, None
        self.settings = load(environ={}, cwd=home)
        self.objects = open_objects(self.settings, home)
        self.settings = self.settings.replace(**{key.replace(".", "__"): text for key, text in SECRETS.items()})
        self.said: list[Any] = []

    def check_cancelled(self) -> None:
        """Nobody cancels."""

    def log(self, message: str, **fields: Any) -> None:
        self.said.append((message, fields))

    def output(self, text: str, stream: str = "stdout") -> None:
        self.said.append(text)

    def progress(self, fraction: float, message: str = "") -> None:
        assert 0.0 <= fraction <= 1.0
        self.said.append(message)

    def save_checkpoint(self, data: Any) -> None:
        self.checkpoint = json.loads(json.dumps(data))

    def track_process_group(self, pgid: int) -> None:
        self.said.append(pgid)

    def untrack_process_group(self, pgid: int) -> None:
        self.said.remove(pgid)


def prepare(handler: Handler, example: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Make what the example refers to exist here; return it with nothing that needs the internet."""
    payload = dict(example)
    if handler.name == "image_resize":
        from PIL import Image

        out = io.BytesIO()
        Image.new("RGB", (640, 480), "teal").save(out, "PNG")
        context.objects.put("uploads", "photos/cat.png", out.getvalue(), "image/png")
        if payload.pop("url", None):
            payload |= {"bucket": "uploads", "key": "photos/cat.png"}
    return payload


def run(handler: Handler, payload: dict[str, Any], context: Context) -> Any:
    """Run it as a runner would, on the payload as it is stored."""
    model = handler.payload_model
    arguments = [model.model_validate_json(json.dumps(payload)) if model else payload]
    result = handler.function(*arguments, *([context] if handler.wants_context else []))
    return asyncio.run(result) if handler.is_async else result


@pytest.mark.parametrize(("handler", "example"), EXAMPLES, ids=EXAMPLE_IDS)
def test_its_examples_run_and_give_a_result_that_is_json(
    handler: Handler, example: Mapping[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And neither the result nor anything said holds a secret of the worker's."""
    context = Context(tmp_path)
    for setting in SETTINGS:
        if setting.secret:
            monkeypatch.setenv(setting.env[0], SECRETS[setting.key])
    try:
        result = run(handler, prepare(handler, example, context), context)
    except RuntimeError as error:
        assert handler.name == "fail"
        result = str(error)
    assert "s3cret-of" not in json.dumps([result, context.said], allow_nan=False)


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


@pytest.mark.parametrize("handler", MODELS, ids=lambda handler: handler.name)
def test_a_field_that_it_does_not_know_is_refused_by_name(handler: Handler) -> None:
    """A typing error is told at submit, not ignored."""
    model = handler.payload_model
    assert model
    with pytest.raises(ValidationError) as refused:
        model.model_validate({**handler.examples[0], "wdith": 1})
    assert ("wdith",) in [error["loc"] for error in refused.value.errors()]


@pytest.mark.parametrize("handler", MODELS, ids=lambda handler: handler.name)
def test_each_field_that_is_wrong_is_refused_by_name(handler: Handler) -> None:
    """With a message that fits one line and does not repeat what was wrong."""
    model = handler.payload_model
    assert model
    example = json.loads(json.dumps(handler.examples[0]))
    for field in model.model_fields:
        problems = [problem for value in WRONG for problem in problems_of(model, {**example, field: value})]
        named = [message for place, message in problems if place and place[0] == field]
        assert named, f"{handler.name}.{field} takes anything"
        assert all("\n" not in message and "\x1b" not in message and len(message) < 500 for message in named)


def problems_of(model: Any, payload: dict[str, Any]) -> Iterator[tuple[tuple[Any, ...], str]]:
    try:
        model.model_validate_json(json.dumps(payload))
    except ValidationError as error:
        yield from ((item["loc"], item["msg"]) for item in error.errors(include_input=False))


@pytest.mark.parametrize("handler", MODELS, ids=lambda handler: handler.name)
def test_each_required_field_is_missed_by_name(handler: Handler) -> None:
    """Leaving one out says which."""
    model = handler.payload_model
    assert model
    for field, info in model.model_fields.items():
        if info.is_required():
            rest = {key: value for key, value in handler.examples[0].items() if key != field}
            assert (field,) in [place for place, _ in problems_of(model, json.loads(json.dumps(rest)))]


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
