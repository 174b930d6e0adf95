"""Holds what commands wrote against the schemas that jobsched publishes."""

from __future__ import annotations

from typing import Any

from jsonschema import Draft202012Validator

from jobsched.cli.reference import json_schema


def strict(schema: Any) -> Any:
    """The same schema without room for fields that nobody declared."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {"additionalProperties": False} if "properties" in schema and "required" in schema else {}
    return {key: strict(value) for key, value in schema.items()} | closed


def validate(document: Any) -> str:
    """Check a document against the schema of its kind, and return the kind."""
    kind: str = document.get("kind", "error")
    Draft202012Validator(strict(json_schema.schema(kind))).validate(document)
    return kind
