"""The one grammar by which jobs are chosen: lists, changes, waiting and the screen's filter bar.

    selection = parse("state:dead queue:emails error~timeout age>2h -tag:nightly args.user=42")
    matches(selection, job, now=now)
    str(selection)

docs/selection.md tells people the same. Nothing here knows the store; core/store/selecting.py makes
SQL of the tree, and a test holds the two to the same answers.
"""

from __future__ import annotations

from .expression import (
    Ago,
    AnyOf,
    Between,
    Compare,
    Condition,
    Glob,
    JsonWord,
    Like,
    Selection,
    Test,
    Value,
    Wild,
    quoted,
)
from .fields import FIELDS, Field, Kind
from .matching import matches
from .reading import parse

__all__ = [
    "FIELDS",
    "Ago",
    "AnyOf",
    "Between",
    "Compare",
    "Condition",
    "Field",
    "Glob",
    "JsonWord",
    "Kind",
    "Like",
    "Selection",
    "Test",
    "Value",
    "Wild",
    "matches",
    "parse",
    "quoted",
]
