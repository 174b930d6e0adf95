"""What a handler does with its examples, and what it must not say while it does."""

from __future__ import annotations

import asyncio
import json
import traceback
from collections.abc import Mapping
from typing import Any

import pytest

from jobsched.core.config import SETTINGS
from jobsched.core.handler import Handler
from jobsched.core.registry import Registry

from .scene import PLANTED, Scene, has_part, payload_for, prepared, with_secrets

ALL = Registry().all()
EXAMPLES = [(handler, example) for handler in ALL for example in handler.examples]
EXAMPLE_IDS = [f"{handler.name}-{number}" for number, (handler, _) in enumerate(EXAMPLES)]
FAILURES = [(handler, part) for handler in ALL for part in ("temporary", "hopeless") if has_part(handler, part)]
FAILURE_IDS = [f"{handler.name}-{part}" for handler, part in FAILURES]


def run(handler: Handler, payload: dict[str, Any], scene: Scene) -> Any:
    """Run it as a runner would, on the payload as it is stored."""
    model = handler.payload_model
    arguments = [model.model_validate_json(json.dumps(payload)) if model else payload]
    result = handler.function(*arguments, *([scene.context] if handler.wants_context else []))
    return asyncio.run(result) if handler.is_async else result


@pytest.fixture(autouse=True)
def _secrets_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a worker's operator would set them."""
    for setting in SETTINGS:
        if setting.secret and not setting.table:
            monkeypatch.setenv(setting.env[0], PLANTED[setting.key])


@pytest.mark.parametrize(("handler", "example"), EXAMPLES, ids=EXAMPLE_IDS)
def test_its_examples_run_and_give_a_result_that_is_json(
    handler: Handler, example: Mapping[str, Any], scene: Scene
) -> None:
    """And neither the result nor anything said holds a secret: the worker's, or of a hidden field."""
    payload = with_secrets(handler, prepared(handler, example, scene))
    result = run(handler, payload, scene)
    assert all(0.0 <= fraction <= 1.0 for fraction in scene.context.fractions)
    assert leaked(scene, json.dumps(result, allow_nan=False)) == set()


@pytest.mark.parametrize(("handler", "part"), FAILURES, ids=FAILURE_IDS)
def test_what_it_says_when_it_fails_holds_no_secret(handler: Handler, part: str, scene: Scene) -> None:
    """Not in the error, and not in its traceback, which an operator reads too."""
    payload = payload_for(part, handler, scene)
    assert payload is not None
    with pytest.raises(Exception) as failed:
        run(handler, with_secrets(handler, payload), scene)
    assert leaked(scene, str(failed.value), "".join(traceback.format_exception(failed.value))) == set()


def leaked(scene: Scene, *said: str) -> set[str]:
    """The secrets that turned up."""
    context = scene.context
    everything = "\n".join([*said, repr(context.logs), repr(context.outputs), repr(context.checkpoint)])
    return {secret for secret in scene.secrets() if secret in everything}
