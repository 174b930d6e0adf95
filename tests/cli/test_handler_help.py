"""What people are told of a type's payload: every field, also inside of others, readable in 80 columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from jobsched.cli.handler_help import field_lines, field_rows, payload_help
from jobsched.cli.published import read_published
from jobsched.core.config import load
from jobsched.core.handler import Handler
from jobsched.core.model.errors import UsageError
from jobsched.core.registry import Registry
from jobsched.tests.store.hands import Hands

Cli = Callable[..., Any]
ALL = Registry().all()
SPEAKING = {
    "method",
    "follow_redirects",
    "name",
    "date",
    "due_date",
    "email",
    "address",
    "notes",
    "number",
    "subject",
    "width",
    "height",
}
"""Names of fields that say all that there is to say."""
TABLES: dict[str, dict[str, str]] = {"databases": {"app": "x", "reports": "y"}, "queries": {}}


def rows_of(name: str) -> dict[str, dict[str, Any]]:
    handler = Registry().find(name)
    assert handler is not None
    return {row["field"]: row for row in field_rows(handler.json_schema())}


def test_fields_inside_of_fields_have_rows_of_their_own() -> None:
    """Of an object by a dot, of each thing in a list by []; with type, bounds and default."""
    rows = rows_of("pdf_invoice")
    assert {"seller.name", "items[].quantity", "items[].discount.percent", "brand.logo.key"} <= rows.keys()
    assert rows["seller.name"]["required"]
    assert rows["items"]["kind"] == "list of objects"
    assert (rows["items[].tax_rate"]["default"], rows["items[].tax_rate"]["bounds"]) == ('"0"', "0 to 100")
    sizes = rows_of("image_resize")
    assert sizes["sizes[].width"]["bounds"] == "1 to 16,383"
    assert sizes["sizes[].fit"]["kind"] == "contain | cover"


SCHEMA = {
    "properties": {
        "prices": {"type": "object", "additionalProperties": {"$ref": "#/$defs/Price"}},
        "tree": {"$ref": "#/$defs/Node"},
        "either": {"anyOf": [{"$ref": "#/$defs/Price"}, {"type": "string", "format": "date"}, {"type": "null"}]},
        "exactly": {"const": 5},
        "rows": {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}, "minItems": 1},
        "share": {"type": "number", "exclusiveMinimum": 0, "maximum": 1.5},
    },
    "required": ["tree"],
    "$defs": {
        "Price": {"type": "object", "properties": {"net": {"type": "number", "minimum": 0}}, "required": ["net"]},
        "Node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}},
    },
}


def test_unions_references_and_names_of_one_s_own_choice_are_followed() -> None:
    """A type that holds itself comes to an end; what may be null is optional, not of two kinds."""
    rows = {row["field"]: row for row in field_rows(SCHEMA)}
    assert rows["prices.NAME.net"]["bounds"] == "at least 0"
    assert rows["either.net"]["required"]
    assert rows["either"]["kind"] == "object or date"
    assert rows["exactly"]["kind"] == "5"
    assert (rows["rows"]["kind"], rows["rows"]["bounds"]) == ("list of list of integers", "at least 1 item")
    assert rows["share"]["bounds"] == "more than 0, at most 1.5"
    assert sum(field.startswith("tree") for field in rows) < 10


@pytest.mark.parametrize("handler", ALL, ids=lambda handler: handler.name)
def test_no_line_is_wider_than_a_terminal(cli: Cli, handler: Handler) -> None:
    """Names in one column, the rest wrapped beside it; examples are for copying, and stay whole."""
    lines = field_lines(handler, TABLES)
    assert bool(lines) == (handler.payload_model is not None)
    assert [line for line in lines if len(line) > 80] == []
    helped = (payload_help(handler.name, load({})) or "").partition("\nExample:")[0]
    shown = cli("handlers", "show", handler.name, "-o", "table").out.partition("\n  {")[0]
    assert [line for line in (helped + shown).splitlines() if len(line) > 80] == []


def undescribed() -> Iterator[str]:
    for handler in ALL:
        for row in field_rows(handler.json_schema()):
            last = re.split(r"[.\]]", row["field"])[-1]
            if not row["description"] and last not in SPEAKING and not row["kind"].endswith("object"):
                yield f"{handler.name} {row['field']}: {row['kind']}"


def test_every_field_of_a_built_in_type_is_described() -> None:
    """Unless its name says it all."""
    assert list(undescribed()) == []


def test_help_and_show_print_the_same_fields(cli: Cli) -> None:
    """`submit TYPE --help` and `handlers show TYPE`; hidden ones are marked, known names listed."""
    shown = cli("handlers", "show", "command", "-o", "table").out
    helped = cli("submit", "command", "--help").out
    for line in field_lines(next(each for each in ALL if each.name == "command"), TABLES):
        assert line in shown
        assert line in helped
    assert re.search(r"^  env +object, optional, never shown — added", shown, re.MULTILINE)


def test_names_that_are_known_here_are_listed(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of this process's settings, beside the field and in JSON."""
    assert "(databases known here: none)" in flat(cli("handlers", "show", "db_tx", "-o", "table").out)
    monkeypatch.setenv("JOBSCHED_DB_APP", "postgresql://me:sesame@h/x")
    assert "(databases known here: app)" in flat(cli("handlers", "show", "db_tx", "-o", "table").out)
    (item,) = cli("handlers", "show", "db_tx", "-o", "json").json["items"]
    assert item["names"] == {"connection": ["app"]}
    assert "sesame" not in str(item)


def test_a_program_reads_the_same_and_more(cli: Cli) -> None:
    """What JSON had it has; fields, hidden ones and whether it runs programs have come to it."""
    (item,) = cli("handlers", "show", "command", "-o", "json").json["items"]
    assert list(item)[:10] == [
        "name", "aliases", "queue", "max_attempts", "backoff", "timeout", "isolation", "summary", "schema", "examples",
    ]  # fmt: skip
    assert (item["hidden"], item["commands"]) == (["env", "stdin"], True)
    assert [row["field"] for row in item["fields"]] == ["argv", "env", "cwd", "stdin"]


PUBLISHED = {
    "type": "object",
    "properties": {
        "month": {"type": "string", "pattern": "^[0-9]{4}$"},
        "database": {"type": "string", "default": "a", "description": "\x1b[31mwhere"},
        "anything": True,
        "secret": {"type": "string", "writeOnly": True},
    },
    "required": ["month"],
}
OPTIONS = {
    "queue": "reports", "max_attempts": 5, "backoff": ["fixed", 2, 2], "timeout": 90, "commands": False,
    "names": {"database": ["a", "b"]}, "tables": {"database": "databases"},
}  # fmt: skip


def test_a_type_that_only_workers_know_is_shown_as_they_publish_it(cli: Cli, database_url: str) -> None:
    """A submitter without its module is sent here by every refusal; terminals get no escapes of a stranger's."""
    assert cli("handlers", "show", "acme_x").code == 2
    with psycopg.connect(database_url, autocommit=True) as connection:
        Hands(connection, types=("acme_x",), schemas={"acme_x": {**PUBLISHED, "x-jobsched": OPTIONS}})
    shown = cli("handlers", "show", "acme_x", "-o", "table").out
    assert "acme_x  (known to live workers, not here)" in shown
    assert "queue reports, 5 attempts, backoff fixed:2s, timeout 1m30s" in shown
    assert re.search(r"^  month +string, required, like \^\[0-9\]\{4\}\$$", shown, re.MULTILINE)
    assert "where (known to workers: a, b)" in shown
    assert "\x1b" not in shown
    assert re.search(r"^  secret +string, optional, never shown$", shown, re.MULTILINE)
    (item,) = cli("handlers", "show", "acme_x", "-o", "json").json["items"]
    assert (item["queue"], item["hidden"], item["names"]) == ("reports", ["secret"], {"database": ["a", "b"]})
    assert item["schema"] == PUBLISHED


@pytest.mark.parametrize("options", [None, 5, {"queue": 5, "backoff": "x", "timeout": "y", "names": [1]}])
def test_options_that_make_no_sense_are_left_out(options: object) -> None:
    """Another version's, or nobody's."""
    found = read_published("acme_x", {"type": "object", "x-jobsched": options})
    assert (found.limits(), found.known(), found.row()["queue"]) == ("no timeout", {}, None)


def test_a_schema_that_is_none_is_refused() -> None:
    """In words."""
    with pytest.raises(UsageError, match="published for acme_x is none"):
        read_published("acme_x", {"properties": 5})


def test_what_a_type_does_can_be_read_in_a_list_of_80_columns(terminal: Callable[..., tuple[int, str]]) -> None:
    """Names and what they do; the rest is for `show` and for programs."""
    _, shown = terminal("handlers", "ls", columns=80)
    assert re.search(r"^export_user_data +Write the rows of a named query to the object store", shown, re.MULTILINE)


def flat(text: str) -> str:
    return " ".join(text.split())
