"""Settings: which layer wins, and what no layer may do."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobsched.core import config
from jobsched.core.config import SETTINGS, Settings, parse_size
from jobsched.core.model.errors import ConfigError

Environ = dict[str, str]


@pytest.fixture
def environ(tmp_path: Path) -> Environ:
    return {"XDG_CONFIG_HOME": str(tmp_path / "config")}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A working directory below one that may hold a `.jobsched.toml`."""
    folder = tmp_path / "project" / "src"
    folder.mkdir(parents=True)
    return folder


def write_user(environ: Environ, text: str) -> None:
    path = config.user_config_file(environ)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def load(environ: Environ, cwd: Path, flags: Environ | None = None) -> Settings:
    return config.load(flags, environ, cwd)


def test_every_setting_is_declared_once_and_has_a_default_that_can_be_read(environ: Environ, project: Path) -> None:
    """Keys and variables are unique, ours come first, and nothing is needed to start."""
    settings = load(environ, project)
    assert len(settings) == len(SETTINGS) == len({setting.key for setting in SETTINGS})
    names = [name for setting in SETTINGS for name in setting.env]
    assert len(names) == len(set(names))
    assert all(setting.env[0].startswith("JOBSCHED_") for setting in SETTINGS)
    assert all(settings.origin(key) == "default" for key in settings)
    assert settings["connect_timeout"] == 10.0
    assert settings["imports"] == ()
    assert settings["database_url"] is None


def test_secrets_and_places_cannot_come_from_a_file_found_by_walking_up() -> None:
    """Whatever can move the store, import code, delete jobs or widen what is reached is marked trusted."""
    trusted = {setting.key for setting in SETTINGS if setting.trusted}
    assert {setting.key for setting in SETTINGS if setting.secret} <= trusted
    assert {"home", "pg_bin", "imports", "fetch.allow", "objects.endpoint"} <= trusted
    assert {setting.key for setting in SETTINGS if setting.key.startswith("retention.")} <= trusted


def test_flag_beats_environment_beats_project_beats_user(environ: Environ, project: Path) -> None:
    """And each value says where it came from."""
    write_user(environ, 'poll = "1s"\nlease = "11s"\ndrain_timeout = "12s"\ncrash_limit = 13')
    (project.parent / ".jobsched.toml").write_text('poll = "2s"\nlease = "21s"\ndrain_timeout = "22s"')
    variables = {**environ, "JOBSCHED_POLL": "3s", "JOBSCHED_LEASE": "31s"}
    settings = load(variables, project, {"poll": "4s"})
    assert (settings["poll"], settings.origin("poll")) == (4, "flag")
    assert (settings["lease"], settings.origin("lease")) == (31, "JOBSCHED_LEASE")
    assert (settings["drain_timeout"], settings.origin("drain_timeout")) == (
        22,
        str(project.parent / ".jobsched.toml"),
    )
    assert (settings["crash_limit"], settings.origin("crash_limit")) == (13, str(config.user_config_file(environ)))


def test_our_own_variable_beats_the_widely_known_one(environ: Environ, project: Path) -> None:
    """AWS_REGION is honoured, JOBSCHED_S3_REGION wins."""
    known = {**environ, "AWS_REGION": "eu-west-1"}
    assert load(known, project)["objects.region"] == "eu-west-1"
    assert load({**known, "JOBSCHED_S3_REGION": "eu-north-1"}, project)["objects.region"] == "eu-north-1"


def test_an_empty_variable_is_not_set(environ: Environ, project: Path) -> None:
    """`JOBSCHED_DATABASE_URL= jobsched …` means the embedded store."""
    assert load({**environ, "JOBSCHED_DATABASE_URL": ""}, project)["database_url"] is None


@pytest.mark.parametrize("key", [setting.key for setting in SETTINGS if setting.trusted])
def test_a_file_found_by_walking_up_may_not_set_what_is_trusted(key: str, environ: Environ, project: Path) -> None:
    """It belongs to whoever owns that directory, and `cd` must not be a way in."""
    table, _, name = key.rpartition(".")
    (project / ".jobsched.toml").write_text(f'[{table}]\n{name} = "x"' if table else f'{name} = "x"')
    with pytest.raises(ConfigError, match="found by walking up") as caught:
        load(environ, project)
    assert caught.value.exit_code == 78


def test_the_user_s_own_file_may_set_what_is_trusted(environ: Environ, project: Path) -> None:
    """Lists and tables are read as TOML has them."""
    write_user(environ, 'database_url = "postgresql://h/db"\nimports = ["a", "b"]\n[objects]\nregion = "x"')
    settings = load(environ, project)
    assert settings["database_url"] == "postgresql://h/db"
    assert settings["imports"] == ("a", "b")
    assert settings["objects.region"] == "x"


@pytest.mark.parametrize(
    "text",
    [
        "lease = ", "unknown = 1", '[lease]\nlong = "1s"', "lease = 'soon'", "crash_limit = 'x'",
        f"lease = {'9' * 5000}", f"lease = 0x{'f' * 9000}", f"lease = {'[' * 100_000}",
    ],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_a_file_that_cannot_be_meant_is_refused_by_name(text: str, environ: Environ, project: Path) -> None:
    """Exit 78, naming the file or the setting, and the fix."""
    write_user(environ, text)
    with pytest.raises(ConfigError) as caught:
        load(environ, project)
    assert caught.value.fix
    assert "config.toml" in caught.value.message


def test_a_value_that_cannot_be_read_names_setting_and_layer(environ: Environ, project: Path) -> None:
    """One line: which setting, from where, what would do."""
    with pytest.raises(ConfigError, match=r"setting lease from JOBSCHED_LEASE cannot be read — 'soon' is not a dur"):
        load({**environ, "JOBSCHED_LEASE": "soon"}, project)


def test_times_that_would_keep_a_worker_busy_with_itself_are_refused(environ: Environ, project: Path) -> None:
    """A lease of a millisecond is lost before it is written; a poll of none never rests."""
    for variable, value in (("JOBSCHED_LEASE", "999ms"), ("JOBSCHED_POLL", "0")):
        with pytest.raises(ConfigError, match="too short — at least"):
            load({**environ, variable: value}, project)


def test_a_file_that_is_no_text_is_refused_by_name(environ: Environ, project: Path) -> None:
    """Whoever put it there, the message says where it is."""
    (project / ".jobsched.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"\.jobsched\.toml cannot be read"):
        load(environ, project)


def test_in_a_deleted_working_directory_there_is_no_project_file(
    environ: Environ, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shell may stand in one."""
    monkeypatch.chdir(project)
    project.rmdir()
    assert config.load(None, environ)["lease"] == 30


def test_a_folder_in_the_place_of_a_file_is_no_file(environ: Environ, project: Path) -> None:
    """Only regular files are read."""
    (project / ".jobsched.toml").mkdir()
    assert config.project_config_file(project) is None
    load(environ, project)


def test_replace_changes_a_copy(environ: Environ, project: Path) -> None:
    """For scratch stores; an undeclared key is a KeyError."""
    settings = load(environ, project)
    changed = settings.replace(lease=5.0, objects__region="x")
    assert (changed["lease"], changed["objects.region"], settings["lease"]) == (5.0, "x", 30.0)
    assert changed.origin("lease") == "argument"
    with pytest.raises(KeyError):
        settings.replace(leese=1)
    with pytest.raises(KeyError):
        settings["leese"]


APP, OTHER = "postgresql://me:sesame@h/app", "postgresql://me:sesame@h/other"


def test_the_entries_of_a_table_come_from_every_layer(
    environ: Environ, project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Merged by name; of two with one name the environment's wins over the user's file over the system's."""
    write_user(environ, f'[databases]\napp = "{OTHER}"\nreports = "user"\n[queries]\nall = "SELECT 1"')
    system = tmp_path / "etc.toml"
    system.write_text('[databases]\nreports = "system"\nbilling = "system"\n')
    found = config._config_files
    monkeypatch.setattr(config, "_config_files", lambda *place: [*found(*place), system])

    settings = load({**environ, "JOBSCHED_DB_APP": APP, "JOBSCHED_QUERY_ALL": "", "JOBSCHED_DB_": "x"}, project)
    assert settings["databases"] == {"app": APP, "reports": "user", "billing": "system"}
    assert settings["queries"] == {"all": "SELECT 1"}
    user = str(config.user_config_file(environ))
    assert settings.origin("databases") == f"JOBSCHED_DB_APP, {user}, {system}"
    assert settings.origin("queries") == user


def test_a_table_without_entries_is_empty(environ: Environ, project: Path) -> None:
    """So whoever looks for a name in it finds none, and needs not ask whether there is a table."""
    settings = load(environ, project)
    assert (settings["databases"], settings["queries"], settings.origin("databases")) == ({}, {}, "default")


@pytest.mark.parametrize("name", ["App", "1st", "a-b", "a.b", "_x", "a" * 64, "ü"])
def test_a_name_that_no_variable_could_have_is_refused_with_its_place(
    name: str, environ: Environ, project: Path
) -> None:
    """In a file as it is; of a variable only what is left after small letters."""
    write_user(environ, f'[databases]\n"{name}" = "{APP}"')
    with pytest.raises(ConfigError, match="a name is a-z, 0-9 and _") as caught:
        load(environ, project)
    assert "config.toml" in caught.value.message
    assert "sesame" not in caught.value.message
    (config.user_config_file(environ)).unlink()
    if name != "App" and "." not in name:
        with pytest.raises(ConfigError, match="JOBSCHED_DB_"):
            load({**environ, f"JOBSCHED_DB_{name.upper()}": APP}, project)


@pytest.mark.parametrize("text", [f'databases = "{APP}"', "databases = 5", 'queries = ["SELECT 1"]'])
def test_a_table_that_is_none_is_refused(text: str, environ: Environ, project: Path) -> None:
    """One URL in the place of a table of them would be dropped silently."""
    write_user(environ, text)
    with pytest.raises(ConfigError, match="it is a table of names") as caught:
        load(environ, project)
    assert "sesame" not in caught.value.message


@pytest.mark.parametrize("table", [setting.key for setting in SETTINGS if setting.table])
def test_an_entry_of_a_trusted_table_cannot_come_from_a_file_found_by_walking_up(
    table: str, environ: Environ, project: Path
) -> None:
    """A directory must not add a database that jobs may change, or a query that they may run."""
    (project / ".jobsched.toml").write_text(f'[{table}]\napp = "{APP}"')
    with pytest.raises(ConfigError, match="found by walking up") as caught:
        load(environ, project)
    assert "sesame" not in str(vars(caught.value))


@pytest.mark.parametrize(
    ("text", "size"),
    [("512", 512), ("1k", 1024), ("512MB", 512 << 20), ("1GiB", 1 << 30), (" 1.5g ", 3 << 29), ("10B", 10)],
)
def test_sizes_are_read_with_units(text: str, size: int) -> None:
    """Powers of two, whichever way they are written."""
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "big", "MB", "1TB", "-1", "nan", "inf", "1kk"])
def test_what_is_no_size_is_refused(text: str) -> None:
    """With an example of what would do."""
    with pytest.raises(ValueError, match="512MB"):
        parse_size(text)


PROFILES = """
poll = "1s"
lease = "40s"
[profile.test]
poll = "2s"
database_url = "postgresql://test/db"
[profile.test.retention]
dead = "5d"
[profile.test.databases]
app = "postgresql://test/app"
[profile.prod]
poll = "3s"
"""


def test_a_profile_stands_where_it_was_asked_for(environ: Environ, project: Path) -> None:
    """The flag's above the environment, the variable's right below it; what it does not say, the files say."""
    write_user(environ, PROFILES)
    environ |= {"JOBSCHED_POLL": "9s", "JOBSCHED_DATABASE_URL": "postgresql://variable/db"}
    user = config.user_config_file(environ)

    none = config.load(None, environ, project)
    weak = config.load(None, environ | {"JOBSCHED_PROFILE": "test"}, project)
    strong = config.load({"poll": "7s"}, environ | {"JOBSCHED_PROFILE": "prod"}, project, "test")

    assert (none.profile, none["poll"], none["retention.dead"]) == (None, 9.0, 90 * 86400.0)
    assert (weak.profile, weak["poll"], weak["retention.dead"], weak["lease"]) == ("test", 9.0, 5 * 86400.0, 40.0)
    assert weak["database_url"] == "postgresql://variable/db"
    assert weak.origin("retention.dead") == f"profile test in {user}"
    assert (strong.profile, strong["poll"], strong["database_url"]) == ("test", 7.0, "postgresql://test/db")
    assert strong.origin("database_url") == f"profile test in {user}"
    assert strong["databases"] == {"app": "postgresql://test/app"}
    assert none["databases"] == {}
    assert none.profiles == {"test": (str(user),), "prod": (str(user),)}
    assert none.replace(poll=1.0).profiles == none.profiles


def test_a_nearer_file_wins_in_a_profile_too(environ: Environ, project: Path) -> None:
    """And the profile of a farther file wins over what a nearer one says to everybody."""
    write_user(environ, PROFILES)
    (project / ".jobsched.toml").write_text("poll = '4s'\nlease = '50s'\n[profile.prod]\nlease = '60s'\n")
    settings = config.load(None, environ, project, "prod")
    assert (settings["poll"], settings["lease"]) == (3.0, 60.0)
    assert len(settings.profiles["prod"]) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[profile.prod]\ndatabase_url = 'postgresql://evil/db'", "may not"),
        ("[profile.prod.objects]\nendpoint = 'https://evil'", "may not"),
        ("[profile.prod]\npoll_every = '1s'", "there is no such setting"),
        ("[profile]\nprod = 'x'", "a profile is a table of settings"),
        ("profile = 'prod'", "a profile is a table of settings"),
        ('[profile."a b"]\npoll = "1s"', "a profile is a table of settings"),
        ('[profile."a.b"]\npoll = "1s"', "there is no such setting"),
    ],
)
def test_a_profile_found_by_walking_up_may_set_no_more_than_its_file(
    environ: Environ, project: Path, text: str, said: str
) -> None:
    """Whether or not it is the one in use: a store's URL comes from the user's or the system's file alone."""
    (project / ".jobsched.toml").write_text(text)
    with pytest.raises(ConfigError, match=said):
        config.load(None, environ, project)


def test_a_profile_that_is_not_there_is_an_error(environ: Environ, project: Path) -> None:
    """Or a mistyped one would work on the wrong store; the names are said."""
    write_user(environ, PROFILES)
    with pytest.raises(ConfigError, match=r"no profile 'tset', which --profile asks for — there are prod, test"):
        config.load(None, environ, project, "tset")
    with pytest.raises(ConfigError, match="which JOBSCHED_PROFILE asks for"):
        config.load(None, environ | {"JOBSCHED_PROFILE": "x"}, project)
    assert config.load(None, environ | {"JOBSCHED_PROFILE": ""}, project).profile is None
