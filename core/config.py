"""Settings: declared once here, read from flags, environment and TOML, and able to say where each
value came from.

The first layer that names a setting wins: flag, environment, `.jobsched.toml` (found by walking up
from the working directory), `$XDG_CONFIG_HOME/jobsched/config.toml`, `/etc/jobsched/config.toml`,
default. A file found by walking up belongs to whoever owns that directory, so it may not set what
is marked `trusted` here: where the store is, what is imported, or what may be reached.

A profile is a table `[profile.NAME]` in any of these files, with settings for one purpose. It stands where
it was asked for: `--profile` above the environment, or somebody who says `-p test` would work on the store
of a forgotten variable; JOBSCHED_PROFILE right below the other variables, above what files say otherwise.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .model.durations import parse_duration
from .model.errors import ConfigError

ENTRY_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
PROFILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
PROFILE = "JOBSCHED_PROFILE"
_SIZE = re.compile(r"(\d+(?:\.\d+)?)([kmg]?)(?:i?b)?", re.ASCII)


Layer = Mapping[str, str]
"""Dotted key → text, of one place where settings are."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. `read` turns its text into its value, with ValueError for what it cannot mean.

    key: dotted TOML key. env: variable names, the first one is ours. default: text, as in TOML;
    None is "not set". trusted: refused in a file found by walking up. secret: never printed.
    table: it is a TOML table whose names the operator chooses, and its value a dict from name to
    what `read` made of each text; env then holds the beginning of the variables' names, so that
    JOBSCHED_DB_APP is the entry `app`.
    """

    key: str
    env: tuple[str, ...]
    read: Callable[[str], Any]
    default: str | None
    help: str
    trusted: bool = False
    secret: bool = False
    table: bool = False


def _text(value: str) -> str:
    return value


def _names(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


def parse_size(value: str) -> int:
    """Bytes, from `512MB`, `1GiB` (both powers of two) or a bare number of bytes."""
    match = _SIZE.fullmatch(value.strip().lower())
    if match is None:
        raise ValueError(f"{value!r} is not a size like 512MB or 1GB")
    return int(float(match[1]) * {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}[match[2]])


def parse_lease(value: str) -> float:
    """Seconds, at least one: with less, a worker loses its jobs whenever a heartbeat takes its time."""
    return _at_least("1s")(value)


def _at_least(shortest: str) -> Callable[[str], float]:
    def read(value: str) -> float:
        seconds = parse_duration(value)
        if seconds < parse_duration(shortest):
            raise ValueError(f"{value!r} is too short — at least {shortest}")
        return seconds

    return read


def _count(value: str) -> int:
    if not value.strip().isdecimal() or int(value) < 1:
        raise ValueError(f"{value!r} is not a whole number from 1 on")
    return int(value)


def _flag(value: str) -> bool:
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if value.strip().lower() not in words:
        raise ValueError(f"{value!r} is neither true nor false")
    return words[value.strip().lower()]


def _one_of(*words: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value.strip().lower() not in words:
            raise ValueError(f"{value!r} is not one of {', '.join(words)}")
        return value.strip().lower()

    return read


SETTINGS: tuple[Setting, ...] = (
    Setting("database_url", ("JOBSCHED_DATABASE_URL", "JOBSCHED_DSN"), _text, None,
            "PostgreSQL URL of the store; without it jobsched starts its own", trusted=True, secret=True),
    Setting("direct_url", ("JOBSCHED_DIRECT_URL",), _text, None,
            "URL that bypasses a connection pooler, for LISTEN", trusted=True, secret=True),
    Setting("home", ("JOBSCHED_HOME",), _text, None,
            "folder of the embedded store, objects and outbox", trusted=True),
    Setting("pg_bin", ("JOBSCHED_PG_BIN",), _text, None,
            "folder of postgres, initdb and pg_ctl for the embedded store", trusted=True),
    Setting("imports", ("JOBSCHED_IMPORTS",), _names, "",
            "Python modules with handlers of your own, comma-separated", trusted=True),
    Setting("connect_timeout", ("JOBSCHED_CONNECT_TIMEOUT",), parse_duration, "10s",
            "how long a command waits for the store"),
    Setting("lease", ("JOBSCHED_LEASE",), parse_lease, "30s",
            "how long a silent worker keeps its jobs"),
    Setting("poll", ("JOBSCHED_POLL",), _at_least("10ms"), "1s",
            "how often a worker looks for jobs when nobody wakes it"),
    Setting("aging", ("JOBSCHED_AGING",), parse_duration, "0",
            "how long a job may wait behind higher priorities before it gets every other turn; 0: for ever"),
    Setting("drain_timeout", ("JOBSCHED_DRAIN_TIMEOUT",), parse_duration, "30s",
            "how long a stopping worker lets running jobs finish"),
    Setting("crash_limit", ("JOBSCHED_CRASH_LIMIT",), _count, "3",
            "how often a job may kill its runner while alone"),
    Setting("lost_limit", ("JOBSCHED_LOST_LIMIT",), _count, "20",
            "how often a job's worker may vanish"),
    Setting("retention.succeeded", ("JOBSCHED_RETENTION_SUCCEEDED",), parse_duration, "7d",
            "how long succeeded and cancelled jobs are kept; 0 keeps them", trusted=True),
    Setting("retention.dead", ("JOBSCHED_RETENTION_DEAD",), parse_duration, "90d",
            "how long dead jobs are kept; 0 keeps them", trusted=True),
    Setting("retention.idempotency", ("JOBSCHED_RETENTION_IDEMPOTENCY",), parse_duration, "7d",
            "how long an idempotency key is remembered after its job ended", trusted=True),
    Setting("retention.ticks", ("JOBSCHED_RETENTION_TICKS",), parse_duration, "30d",
            "how long it is remembered what became of schedules' ticks; 0 keeps it", trusted=True),
    Setting("cron.grace", ("JOBSCHED_CRON_GRACE",), _at_least("1s"), "1m",
            "how late a tick may fire; after that it counts as missed, and its schedule's --catchup decides"),
    Setting("objects.dir", ("JOBSCHED_OBJECTS_DIR",), _text, None,
            "folder for objects when no S3 endpoint is set", trusted=True),
    Setting("objects.endpoint", ("JOBSCHED_S3_ENDPOINT",), _text, None,
            "S3 endpoint, https://host[:port]", trusted=True),
    Setting("objects.access_key", ("JOBSCHED_S3_ACCESS_KEY", "AWS_ACCESS_KEY_ID"), _text, None,
            "S3 access key", trusted=True, secret=True),
    Setting("objects.secret_key", ("JOBSCHED_S3_SECRET_KEY", "AWS_SECRET_ACCESS_KEY"), _text, None,
            "S3 secret key", trusted=True, secret=True),
    Setting("objects.region", ("JOBSCHED_S3_REGION", "AWS_REGION"), _text, "us-east-1", "S3 region", trusted=True),
    Setting("fetch.allow", ("JOBSCHED_FETCH_ALLOW",), _names, "",
            "hosts or networks (CIDR) that jobs may reach although they are not public", trusted=True),
    Setting("fetch.max_bytes", ("JOBSCHED_FETCH_MAX_BYTES",), parse_size, "50MB",
            "largest body that a job may fetch"),
    Setting("fetch.timeout", ("JOBSCHED_FETCH_TIMEOUT",), parse_duration, "30s",
            "longest time for a fetch, redirects included"),
    Setting("http.max_response", ("JOBSCHED_HTTP_MAX_RESPONSE",), parse_size, "64KB",
            "how much of a response an http_call records"),
    Setting("databases", ("JOBSCHED_DB_",), _text, None,
            "databases that db_tx and export_user_data may use: name = PostgreSQL URL",
            trusted=True, secret=True, table=True),
    Setting("queries", ("JOBSCHED_QUERY_",), _text, None,
            "queries that export_user_data may run: name = \"DATABASE: SELECT …\", without DATABASE: default",
            trusted=True, table=True),
    Setting("email.transport", ("JOBSCHED_EMAIL_TRANSPORT",), _one_of("auto", "resend", "smtp", "outbox"), "auto",
            "auto: Resend if there is a key, else SMTP if there is a host, else files in the outbox", trusted=True),
    Setting("email.sender", ("JOBSCHED_EMAIL_SENDER",), _text, "jobsched <jobsched@localhost>",
            "From: of mail whose payload names nobody", trusted=True),
    Setting("email.outbox", ("JOBSCHED_EMAIL_OUTBOX",), _text, None,
            "folder for .eml files; default: outbox in home", trusted=True),
    Setting("email.templates", ("JOBSCHED_EMAIL_TEMPLATES",), _text, None,
            "folder with templates of your own that replace the built-in ones of the same name", trusted=True),
    Setting("email.resend_key", ("JOBSCHED_RESEND_API_KEY", "RESEND_API_KEY"), _text, None,
            "Resend API key", trusted=True, secret=True),
    Setting("email.resend_url", ("JOBSCHED_RESEND_API_URL", "RESEND_API_URL"), _text, "https://api.resend.com",
            "Resend API", trusted=True),
    Setting("email.smtp_host", ("JOBSCHED_SMTP_HOST",), _text, None, "SMTP server", trusted=True),
    Setting("email.smtp_port", ("JOBSCHED_SMTP_PORT",), _count, "587", "SMTP port", trusted=True),
    Setting("email.smtp_security", ("JOBSCHED_SMTP_SECURITY",), _one_of("starttls", "tls", "none"), "starttls",
            "starttls (port 587), tls from the first byte (465), or none", trusted=True),
    Setting("email.smtp_ca", ("JOBSCHED_SMTP_CA",), _text, None,
            "file with the certificates to trust; default: the system's", trusted=True),
    Setting("email.smtp_user", ("JOBSCHED_SMTP_USER",), _text, None, "SMTP user", trusted=True),
    Setting("email.smtp_password", ("JOBSCHED_SMTP_PASSWORD",), _text, None, "SMTP password",
            trusted=True, secret=True),
    Setting("images.max_pixels", ("JOBSCHED_IMAGES_MAX_PIXELS",), _count, "100000000",
            "largest image that is decoded, width x height"),
    Setting("tui.read_only", ("JOBSCHED_TUI_READ_ONLY",), _flag, "false",
            "screens that change nothing, as with tui --read-only", trusted=True),
    Setting("tui.production", ("JOBSCHED_TUI_PRODUCTION",), _flag, "false",
            "a store where mistakes are dear: red screens, and every change on them wants its number typed",
            trusted=True),
    Setting("keymap", ("JOBSCHED_KEY_",), _text, None,
            "other keys on the screens: name = \"key\", names as jobsched tui --keys lists them",
            trusted=True, table=True),
    Setting("log.format", ("JOBSCHED_LOG_FORMAT",), _one_of("console", "json"), "console", "console or json"),
    Setting("log.level", ("JOBSCHED_LOG_LEVEL",), _one_of("debug", "info", "warning", "error"), "info",
            "debug, info, warning or error"),
)  # fmt: skip
BY_KEY: dict[str, Setting] = {setting.key: setting for setting in SETTINGS}


@dataclass(frozen=True, slots=True)
class Value:
    """A setting's value and the layer that gave it, as `jobsched config explain` prints it."""

    value: Any
    origin: str


class Settings(Mapping[str, Any]):
    """All settings, by dotted key. A key that is not declared is a KeyError, also when not set.

    profile: the name of the profile in use, None for none. profiles: name → the files that have one of that name.
    """

    def __init__(
        self,
        values: dict[str, Value],
        *,
        profile: str | None = None,
        profiles: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        self._values = values
        self.profile = profile
        self.profiles = dict(profiles or {})

    def __getitem__(self, key: str) -> Any:
        return self._values[key].value

    def __iter__(self) -> Any:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def origin(self, key: str) -> str:
        """Return which layer gave the value: a flag, a variable's name, a file, or "default"."""
        return self._values[key].origin

    def replace(self, **changes: Any) -> Settings:
        """Return a copy with values changed; `.` in keys is written `__`. For tests and scratch stores."""
        changed = {key.replace("__", "."): Value(value, "argument") for key, value in changes.items()}
        unknown = changed.keys() - BY_KEY.keys()
        if unknown:
            raise KeyError(", ".join(sorted(unknown)))
        return Settings(self._values | changed, profile=self.profile, profiles=self.profiles)


def load(
    flags: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    profile: str | None = None,
) -> Settings:
    """Read every layer.

    flags: dotted key → text, from the command line. profile: the one that a flag names; else JOBSCHED_PROFILE
    does. ConfigError: an unreadable file, an unknown key, a value that cannot be read, a trusted setting in a
    file found by walking up, or a profile that no file has.
    """
    env = os.environ if environ is None else environ
    files = [(path, _read_toml(path)) for path in _config_files(env, cwd or _working_directory())]
    for path, content in files:
        _check_file(path, content)
    profiles = _profiles(files)
    name = profile or env.get(PROFILE) or None
    if name is not None and name not in profiles:
        raise _no_profile(name, profiles, "--profile" if profile else PROFILE, env)
    chosen = _profile_layers(name, files) if name else []
    above, below = (chosen, []) if profile else ([], chosen)
    below += [(str(path), content) for path, content in files]
    values = {}
    for setting in SETTINGS:
        if setting.table:
            values[setting.key] = _read_table(setting, env, above, below)
            continue
        text, origin = _find(setting, flags or {}, env, above, below)
        values[setting.key] = Value(None if text is None else _read(setting, setting.key, text, origin), origin)
    return Settings(values, profile=name, profiles=profiles)


def _profiles(files: Iterable[tuple[Path, Layer]]) -> dict[str, tuple[str, ...]]:
    """Name → the files that have a profile of that name."""
    found: dict[str, tuple[str, ...]] = {}
    for path, content in files:
        for name in dict.fromkeys(key.split(".")[1] for key in content if key.startswith("profile.")):
            found[name] = (*found.get(name, ()), str(path))
    return found


def _profile_layers(name: str, files: Iterable[tuple[Path, Layer]]) -> list[tuple[str, Layer]]:
    """What each file says in the profile, as (origin, settings)."""
    start = f"profile.{name}."
    return [
        (
            f"profile {name} in {path}",
            {key.removeprefix(start): text for key, text in content.items() if key.startswith(start)},
        )
        for path, content in files
    ]


def _no_profile(name: str, profiles: Mapping[str, object], origin: str, env: Mapping[str, str]) -> ConfigError:
    known = f"there are {', '.join(sorted(profiles))}" if profiles else "no file has any"
    return ConfigError(
        f"there is no profile {name[:80]!r}, which {origin} asks for — {known}",
        fix=f"leave out {origin}, or begin one with [profile.NAME] in {user_config_file(env)}",
    )


def _read(setting: Setting, key: str, text: str, origin: str) -> Any:
    try:
        return setting.read(text)
    except ValueError as error:
        raise ConfigError(
            f"setting {key} from {origin} cannot be read — {error}", fix=f"jobsched config explain {setting.key}"
        ) from None


def _read_table(
    setting: Setting, env: Mapping[str, str], above: list[tuple[str, Layer]], below: list[tuple[str, Layer]]
) -> Value:
    """The entries of all layers together; of two with the same name the stronger layer's."""
    variables: list[tuple[str, Layer]] = [
        (name, {f"{setting.key}.{_entry_of(setting, name)}": env[name]})
        for name in sorted(env)
        if env[name] and _entry_of(setting, name)
    ]
    entries: dict[str, Any] = {}
    origins: list[str] = []
    for origin, content in (*above, *variables, *below):
        for key, text in content.items():
            table, _, name = key.partition(".")
            if table == setting.key and name not in entries:
                _check_entry_name(key, name, origin)
                entries[name] = _read(setting, key, text, origin)
                origins.append(origin)
    return Value(entries, ", ".join(dict.fromkeys(origins)) or "default")


def _entry_of(setting: Setting, variable: str) -> str:
    """The entry that an environment variable is; "" if it is none of this table's."""
    return next((variable.removeprefix(start).lower() for start in setting.env if variable.startswith(start)), "")


def _check_entry_name(key: str, name: str, origin: str) -> None:
    if not ENTRY_NAME.fullmatch(name):
        raise ConfigError(
            f"{origin} sets {key[:100]!r} — a name is a-z, 0-9 and _, begins with a letter, at most 63 characters",
            fix=f"rename it in {origin}",
        )


def user_config_file(environ: Mapping[str, str]) -> Path:
    """Path of the user's configuration file, whether or not it exists."""
    base = environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return Path(base) / "jobsched" / "config.toml"


def project_config_file(cwd: Path) -> Path | None:
    """The nearest `.jobsched.toml` from `cwd` upwards, or None."""
    for folder in (cwd, *cwd.parents):
        candidate = folder / ".jobsched.toml"
        if candidate.is_file():
            return candidate
    return None


def _working_directory() -> Path | None:
    """None where it has been deleted, and nothing can be above it."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return None


def _config_files(env: Mapping[str, str], cwd: Path | None) -> list[Path]:
    project = project_config_file(cwd) if cwd else None
    fixed = [user_config_file(env), Path("/etc/jobsched/config.toml")]
    return ([project] if project else []) + [path for path in fixed if path.is_file()]


def _read_toml(path: Path) -> dict[str, str]:
    """Return dotted key → text of a file."""
    try:
        with path.open("rb") as file:
            return dict(_flatten(tomllib.load(file)))
    except (OSError, ValueError, RecursionError) as error:  # ValueError: not TOML, not UTF-8, a number of 5000 digits
        raise ConfigError(f"{path} cannot be read — {error}", fix=f"edit {path}") from None


def _flatten(tree: Mapping[str, Any], prefix: str = "") -> Any:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            yield f"{prefix}{name}", ",".join(str(item) for item in value)
        else:
            yield f"{prefix}{name}", str(value).lower() if isinstance(value, bool) else str(value)


def _check_file(path: Path, content: Mapping[str, str]) -> None:
    for whole in content:
        key = _without_profile(path, whole)
        setting = BY_KEY.get(key) or _table_of(key)
        if setting is None:
            raise ConfigError(f"{path} sets {whole!r} — there is no such setting", fix="jobsched config")
        if setting.trusted and path.name == ".jobsched.toml":
            raise ConfigError(
                f"{path} sets {whole} — a file found by walking up from the working directory may not",
                fix=f"set {key} in {user_config_file(os.environ)} or as {setting.env[0]}",
            )
        if setting.table and key == setting.key:
            raise ConfigError(
                f"{path} sets {whole} to one value — it is a table of names", fix=f"begin it with [{key}] in {path}"
            )


def _without_profile(path: Path, key: str) -> str:
    """The setting that a key of a file is about, in a profile or not."""
    table, _, rest = key.partition(".")
    if table != "profile":
        return key
    name, _, setting = rest.partition(".")
    if not PROFILE_NAME.fullmatch(name) or not setting:
        raise ConfigError(
            f"{path} sets {key[:100]!r} — a profile is a table of settings, named with letters, digits, _ and -",
            fix=f"begin it with [profile.NAME] in {path}",
        )
    return setting


def _table_of(key: str) -> Setting | None:
    setting = BY_KEY.get(key.partition(".")[0])
    return setting if setting is not None and setting.table and "." in key else None


def _find(
    setting: Setting,
    flags: Mapping[str, str],
    env: Mapping[str, str],
    above: list[tuple[str, Layer]],
    below: list[tuple[str, Layer]],
) -> tuple[str | None, str]:
    if setting.key in flags:
        return flags[setting.key], "flag"
    variables = [(name, {setting.key: env[name]}) for name in setting.env if env.get(name)]
    for origin, content in (*above, *variables, *below):
        if setting.key in content:
            return content[setting.key], origin
    return setting.default, "default"
