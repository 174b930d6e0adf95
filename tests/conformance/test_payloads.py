"""What the door says to payloads that are wrong: which field, in one line."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from jobsched.core.handler import Handler
from jobsched.core.model.errors import PayloadInvalid
from jobsched.core.model.job import NewJob
from jobsched.core.registry import Registry
from jobsched.core.submission import Submission

REGISTRY = Registry()
MODELS = [handler for handler in REGISTRY.all() if handler.payload_model is not None]
WRONG: tuple[Any, ...] = (None, [[]], {"\x1b[31mwrong": {}}, "", -1, 1.5, True, [])
"""One of these is wrong in any field."""
Place = tuple[str | int, ...]


def problems_of(handler: Handler, payload: dict[str, Any]) -> list[tuple[str, str]]:
    """Dotted field and message of everything that the door has against `payload`."""
    try:
        Submission(REGISTRY, dict).row(NewJob(handler.name, payload))
    except PayloadInvalid as error:
        return list(error.problems)
    return []


def models_in(model: type[BaseModel], value: Any, place: Place = ()) -> Iterator[tuple[Place, type[BaseModel]]]:
    """The models that make up `value`, with their places: itself, and those of its fields."""
    yield place, model
    for name, info in model.model_fields.items():
        for inner in (each for each in parts_of(info.annotation) if name in value):
            if isinstance(value[name], dict):
                yield from models_in(inner, value[name], (*place, name))
            elif isinstance(value[name], list) and value[name] and isinstance(value[name][0], dict):
                yield from models_in(inner, value[name][0], (*place, name, 0))


def parts_of(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models named in an annotation such as `list[Item] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for each in get_args(annotation):
        yield from parts_of(each)


def places(handler: Handler) -> Iterator[tuple[dict[str, Any], Place, type[BaseModel]]]:
    """Every model of the payload once, with an example that holds it."""
    seen = set()
    assert handler.payload_model
    for example in handler.examples:
        payload = json.loads(json.dumps(example))
        for place, model in models_in(handler.payload_model, payload):
            if model not in seen:
                seen.add(model)
                yield payload, place, model


def changed(payload: dict[str, Any], place: Place, /, **fields: Any) -> dict[str, Any]:
    """A copy with other fields at `place`; a field that is `...` is left out."""
    whole = copy.deepcopy(payload)
    target: Any = whole
    for step in place:
        target = target[step]
    target |= fields
    for name in [name for name, value in target.items() if value is ...]:
        del target[name]
    return whole


def names(place: Place, field: str, said: str) -> bool:
    """Whether the problem is said to be there, or within."""
    dotted = ".".join(map(str, (*place, field)))
    return said == dotted or said.startswith(f"{dotted}.")


@pytest.mark.parametrize("handler", MODELS, ids=lambda handler: handler.name)
def test_its_examples_are_let_in(handler: Handler) -> None:
    """Each as it is shown."""
    for example in handler.examples:
        assert problems_of(handler, dict(example)) == []


@pytest.mark.parametrize("handler", MODELS, ids=lambda handler: handler.name)
def test_a_field_that_it_does_not_know_is_refused_by_name(handler: Handler) -> None:
    """A typing error is told at submit, not ignored; at every depth."""
    for payload, place, model in places(handler):
        problems = problems_of(handler, changed(payload, place, wdith=1))
        assert any(names(place, "wdith", said) for said, _ in problems), model


@pytest.mark.parametrize("handler", MODELS, ids=lambda handler: handler.name)
def test_each_field_that_is_wrong_is_refused_by_name(handler: Handler) -> None:
    """With a message that fits one line and does not repeat what was wrong; at every depth."""
    for payload, place, model in places(handler):
        for field in model.model_fields:
            problems = [
                problem
                for value in WRONG
                for problem in problems_of(handler, changed(payload, place, **{field: value}))
            ]
            messages = [message for said, message in problems if names(place, field, said)]
            assert messages, f"{model.__name__}.{field} takes anything"
            assert all(message.isprintable() and len(message) < 500 for message in messages)


@pytest.mark.parametrize("handler", MODELS, ids=lambda handler: handler.name)
def test_each_required_field_is_missed_by_name(handler: Handler) -> None:
    """Leaving one out says which; at every depth."""
    for payload, place, model in places(handler):
        for field, info in model.model_fields.items():
            if info.is_required():
                problems = problems_of(handler, changed(payload, place, **{field: ...}))
                assert any(names(place, field, said) for said, _ in problems), f"{model.__name__}.{field}"
