"""Settings: list, get, explain where a value came from."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ...core.config import BY_KEY, SETTINGS, Setting
from ...core.model.durations import format_duration
from ...core.model.errors import UsageError
from .. import invocation, output
from ..output import Column

app = typer.Typer()
COLUMNS = (
    Column("key"),
    Column("value"),
    Column("origin"),
    Column("env", "list", shown=False),
    Column("help"),
)
PROFILES = (Column("name"), Column("active", "flag"), Column("files", "list"))
HIDDEN = "(hidden)"
Key = Annotated[str, typer.Argument(metavar="KEY", help="As in `jobsched config list`.", show_default=False)]


@app.command("list")
def list_settings() -> None:
    """Every setting, its value and the layer that it came from."""
    output.emit("setting", COLUMNS, (_row(setting) for setting in SETTINGS))


@app.command("get")
def get(key: Key) -> None:
    """The value of one setting, bare; nothing where it is not set. Of a table its names, or one entry: TABLE.NAME."""
    setting = _find(key)
    _, _, entry = key.partition(".") if setting.table else ("", "", "")
    row = _entry_row(setting, entry) if entry else _row(setting)
    if invocation.current().wants_records:
        output.emit("setting", COLUMNS, [row])
    elif row["value"] is not None:
        output.line(row["value"])


@app.command("explain")
def explain(key: Key) -> None:
    """What a setting means, its value, and which layer won."""
    setting = _find(key)
    row = _row(setting)
    if not invocation.current().for_people:
        output.emit("setting", COLUMNS, [row])
        return
    output.line(f"{setting.key} = {row['value'] if row['value'] is not None else '(not set)'}")
    output.line(f"  from     {row['origin']}")
    output.line(f"  meaning  {setting.help}")
    output.line(f"  default  {setting.default if setting.default is not None else '(none)'}")
    if setting.table:
        output.line(f'  set it   {setting.env[0]}NAME=…, or NAME = "…" under [{setting.key}] in config.toml')
    else:
        output.line(f"  set it   {setting.env[0]}=…, or {setting.key} in config.toml")
    if setting.trusted:
        output.line("  note     not read from a .jobsched.toml found by walking up")


@app.command("profiles")
def profiles() -> None:
    """Profiles that the files have, and the one in use: settings under [profile.NAME], asked for with -p."""
    settings = invocation.current().settings
    rows = (
        {"name": name, "active": name == settings.profile, "files": list(files)}
        for name, files in sorted(settings.profiles.items())
    )
    output.emit("profile", PROFILES, rows)


def _find(key: str) -> Setting:
    table = BY_KEY.get(key.partition(".")[0])
    setting = table if table is not None and table.table else BY_KEY.get(key.replace("-", "_"))
    if setting is None:
        from difflib import get_close_matches

        close = get_close_matches(key, BY_KEY, 1)
        raise UsageError(
            f"there is no setting {key[:80]!r}" + (f" — did you mean {close[0]}?" if close else ""),
            fix=f"jobsched config explain {close[0]}" if close else "jobsched config list",
        )
    return setting


def _row(setting: Setting) -> dict[str, Any]:
    settings = invocation.current().settings
    value = settings[setting.key]
    return {
        "key": setting.key,
        "value": _shown(setting, value),
        "origin": settings.origin(setting.key),
        "env": [f"{name}*" if setting.table else name for name in setting.env],
        "help": setting.help,
    }


def _entry_row(setting: Setting, name: str) -> dict[str, Any]:
    entries = invocation.current().settings[setting.key]
    if name not in entries:
        known = ", ".join(sorted(entries)) or "none"
        raise UsageError(
            f"there is no {name[:80]!r} in the table {setting.key} — there are: {known}",
            fix=f"jobsched config explain {setting.key}",
        )
    shown = HIDDEN if setting.secret else str(entries[name])
    return _row(setting) | {"key": f"{setting.key}.{name}", "value": shown}


def _shown(setting: Setting, value: Any) -> str | None:
    if value is None or value in ((), {}):
        return None
    if setting.table:
        return ", ".join(value) if setting.secret else "; ".join(f"{name} = {text}" for name, text in value.items())
    if setting.secret:
        return HIDDEN
    if isinstance(value, tuple):
        return ",".join(value)
    return format_duration(value) if isinstance(value, float) else str(value)  # spans alone are no whole numbers
