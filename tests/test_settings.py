"""Settings: every fault at once, each with what to write instead."""

import dataclasses

import jsonschema
import pytest
import yaml

from fsflows import settings
from fsflows.settings import words as settings_words
from fsflows.settings.schema import settings_schema
from fsflows.settings.shown import SECRETS, as_yaml


def test_defaults_are_complete_and_readable_again(tmp_path):
    defaults = settings.load(environ={})
    file = tmp_path / "fsflows.yaml"
    file.write_text(as_yaml(defaults))
    # The one secret with a default is not shown.
    assert "\n  # password: (set; not shown)\n" in file.read_text()
    assert defaults == settings.load(file, environ={})


def test_the_environment_comes_on_top_of_the_file(tmp_path):
    file = tmp_path / "fsflows.yaml"
    file.write_text("server: {listen: '10.0.0.1:9', max_calls: 3}\n")
    loaded = settings.load(file, environ={"FSFLOWS_SERVER__LISTEN": "10.0.0.2:9", "OTHER": "x"})
    assert ("10.0.0.2:9", 3) == (loaded.server.listen, loaded.server.max_calls)


def test_a_secret_is_read_from_its_file(tmp_path):
    secret = tmp_path / "token"
    secret.write_text("s3cret\n")
    loaded = settings.load(environ={"FSFLOWS_CONSOLE__TOKEN_FILE": str(secret)})
    assert "s3cret" == loaded.console.token


def test_every_fault_is_named(tmp_path):
    file = tmp_path / "fsflows.yaml"
    file.write_text(
        "servr: {}\n"
        "server: {lisen: x, max_calls: many, drain_timeout: -1}\n"
        "flows: [a]\n"
        "recordings: {roots: {a: 1}, agent_secret_file: /nowhere/at/all}\n"
    )
    with pytest.raises(settings.SettingsError) as caught:
        settings.load(file, environ={"FSFLOWS_NONSENSE": "1"})
    assert [
        "FSFLOWS_NONSENSE: not a setting; write FSFLOWS_SECTION__KEY (FSFLOWS_LOG__LEVEL)",
        f"{file}:1:1: unknown setting 'servr'; did you mean 'server'?",
        f"{file}:2:10: server: unknown setting 'lisen'; did you mean 'listen'?",
        f"{file}:2:20: server.max_calls: must be a whole number, got 'many'",
        f"{file}:2:37: server.drain_timeout: must not be negative, got -1.0",
        f"{file}:3:1: flows: must be a mapping with paths, default",
        f"{file}:4:14: recordings.roots: must be a list of texts, got {{'a': 1}}",
        f"{file}:4:29: recordings.agent_secret_file: /nowhere/at/all: No such file or directory",
    ] == caught.value.faults


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("esl: {}", "1:1: unknown setting 'esl'; here it is called 'freeswitch'"),
        ("listen: x", "1:1: unknown setting 'listen'; it belongs under 'server:' or 'console:'"),
        ("staging: x", "1:1: unknown setting 'staging'; it belongs under 'recordings:'"),
        ("log_level: info", "1:1: unknown setting 'log_level'; it is 'level' under 'log:'"),
        ("dance: 1", "1:1: unknown setting 'dance'; known are server, flows, voice, recordings, "),
        ("server: {port: 1}", "1:10: server: unknown setting 'port'; here it is listen: HOST:PORT"),
        ("server: {level: info}", "1:10: server: unknown setting 'level'; it belongs under 'log:'"),
        ("freeswitch: {host: x}", "1:14: freeswitch: unknown setting 'host'; here it is addresses: [HOST:PORT]"),
        ("database: {dsn: x}", "1:12: database: unknown setting 'dsn'; here it is called 'url'"),
        ("database: {x: x}", "1:12: database: unknown setting 'x'; known are url, spool"),
    ],
)  # fmt: skip
def test_a_setting_of_another_name_or_in_another_section(tmp_path, text, said):
    file = tmp_path / "fsflows.yaml"
    file.write_text(text)
    with pytest.raises(settings.SettingsError) as caught:
        settings.load(file, environ={})
    (fault,) = caught.value.faults
    assert fault.startswith(f"{file}:{said}")


def test_every_other_word_for_a_setting_leads_to_one():
    known = {
        section: {each.name for each in dataclasses.fields(getattr(settings.Settings(), section))}
        for section in (each.name for each in dataclasses.fields(settings.Settings))
    }
    assert set(settings_words.SECTIONS) | set(settings_words.WORDS) <= set(known)
    for section, words in settings_words.WORDS.items():
        assert set(words) <= known[section]
        assert not set(" ".join(words.values()).split()) & known[section]
    assert {tuple(each.split(".")) for each in settings_words.PAIRED} <= {
        (section, name) for section, words in settings_words.WORDS.items() for name in words
    }


@pytest.mark.parametrize("text", ["- a\n", "a: [\n", "\x00"])
def test_a_file_that_is_no_settings_file_is_refused(tmp_path, text):
    file = tmp_path / "fsflows.yaml"
    file.write_text(text)
    with pytest.raises(settings.SettingsError):
        settings.load(file, environ={})


def test_what_is_given_twice_is_a_fault(tmp_path):
    file = tmp_path / "fsflows.yaml"
    file.write_text("server: {max_calls: 1, max_calls: 2}\nlog: {}\nlog: {level: debug}\n")
    with pytest.raises(settings.SettingsError) as caught:
        settings.load(file, environ={})
    assert [
        f"{file}:1:24: server.max_calls is given twice, first at {file}:1:10",
        f"{file}:3:1: log is given twice, first at {file}:2:1",
    ] == caught.value.faults


def test_a_fault_in_the_environment_names_the_variable():
    with pytest.raises(settings.SettingsError) as caught:
        settings.load(environ={"FSFLOWS_SERVER__MAX_CALLS": "many", "FSFLOWS_LOG__LEVLE": "info"})
    assert [
        "FSFLOWS_LOG__LEVLE: log: unknown setting 'levle'; did you mean 'level'?",
        "FSFLOWS_SERVER__MAX_CALLS: server.max_calls: must be a whole number, got 'many'",
    ] == sorted(caught.value.faults)


@pytest.mark.parametrize("text", ["0123456789012345", "1e400", "no", "2026-01-01", "[a", "ClueCon"])
def test_a_text_from_the_environment_stays_as_it_is(text):
    loaded = settings.load(environ={"FSFLOWS_FREESWITCH__PASSWORD": text})
    assert text == loaded.freeswitch.password


def test_a_secret_is_in_no_error(tmp_path):
    file = tmp_path / "fsflows.yaml"
    file.write_text("console: {token: [s3cret]}\nrecords: {webhook_secret: {s3cret: 1}}\n")
    with pytest.raises(settings.SettingsError) as caught:
        settings.load(file, environ={})
    assert 2 == len(caught.value.faults)
    assert "s3cret" not in str(caught.value)
    file.write_text('console: {token: "s3cret}\n')
    with pytest.raises(settings.SettingsError, match=f"{file}:2:1: found unexpected end") as caught:
        settings.load(file, environ={})
    assert "s3cret" not in str(caught.value)


def test_no_secret_is_shown(tmp_path):
    file = tmp_path / "fsflows.yaml"
    file.write_text(
        "database: {url: 'postgresql+psycopg://fsflows:s3c@ret@db/fsflows'}\n"
        "console: {token: s3cret-s3cret-s3cret, users: ['ada:editor:scrypt:1:2:3$s3cret']}\n"
        "records: {webhook_url: 'https://hooks.example/x?token=s3cret&a=b&sig=s3cret'}\n"
    )
    shown = as_yaml(settings.load(file, environ={}))
    assert "s3c" not in shown
    assert "ret@" not in shown
    assert "  # url: postgresql+psycopg://fsflows:********@db/fsflows\n" in shown
    assert "  # users: ['ada:editor:********']" in shown
    assert "  # webhook_url: https://hooks.example/x?token=********&a=b&sig=********" in shown
    assert "  # token: (set; not shown)\n" in shown
    file.write_text(shown)
    assert settings.load(environ={}) == settings.load(file, environ={}), "no stars are read back"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("freeswitch: {password: '********'}", "freeswitch.password"),
        ("console: {token: '***'}", "console.token"),
        ("console: {users: ['ada:editor:********']}", "console.users"),
        ("database: {url: 'postgresql+psycopg://fsflows:********@db/fsflows'}", "database.url"),
        ("records: {webhook_url: 'https://hooks.example/x?token=********&a=b'}", "records.webhook_url"),
    ],
)  # fmt: skip
def test_stars_are_no_secret(tmp_path, text, name):
    file = tmp_path / "fsflows.yaml"
    file.write_text(text)
    with pytest.raises(settings.SettingsError) as caught:
        settings.load(file, environ={})
    [fault] = caught.value.faults
    assert f"{name}: the stars stand for a secret that isn't shown" in fault


def test_stars_in_a_secrets_file_or_the_environment_are_no_secret(tmp_path):
    secret = tmp_path / "password"
    secret.write_text("********\n")
    for more in ({"PASSWORD": "********"}, {"PASSWORD_FILE": str(secret)}):
        environ = {f"FSFLOWS_FREESWITCH__{key}": value for key, value in more.items()}
        with pytest.raises(settings.SettingsError, match="the stars stand for a secret"):
            settings.load(environ=environ)


def test_a_secret_that_every_user_can_read_is_warned_of(tmp_path):
    secret, file = tmp_path / "token", tmp_path / "fsflows.yaml"
    secret.write_text("s3cret")
    file.write_text(f"console: {{token_file: {secret}}}\nfreeswitch: {{password: s3cret}}\n")
    said = []
    file.chmod(0o644)
    secret.chmod(0o644)
    settings.load(file, environ={}, warn=said.append)
    assert [
        f"{file}:1:11: console.token_file: every user can read {secret}; chmod 640 {secret}",
        f"{file}:2:14: every user can read freeswitch.password here; chmod 640 {file}, or password_file",
    ] == said
    said.clear()
    file.chmod(0o640)
    secret.chmod(0o600)
    settings.load(file, environ={}, warn=said.append)
    assert [] == said


@pytest.mark.parametrize("content", ["", "  \n"])
def test_an_empty_secret_file_is_a_fault(tmp_path, content):
    secret = tmp_path / "token"
    secret.write_text(content)
    with pytest.raises(settings.SettingsError, match="is empty"):
        settings.load(environ={"FSFLOWS_CONSOLE__TOKEN_FILE": str(secret)})


def test_a_secret_in_both_ways_is_a_fault(tmp_path):
    secret = tmp_path / "token"
    secret.write_text("one")
    both = {"FSFLOWS_CONSOLE__TOKEN_FILE": str(secret), "FSFLOWS_CONSOLE__TOKEN": "two"}
    with pytest.raises(settings.SettingsError, match=r"console\.token is given as well"):
        settings.load(environ=both)


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("{}", True),
        ("server: {listen: '0.0.0.0:8084', max_calls: 3}\nlog: {level: debug, levels: [esl=debug]}", True),
        ("freeswitch: {password: 1234, password_file: /x}\nflows: {paths: flows}", True),
        ("server:\n", True),
        ("servr: {}", False),
        ("server: {lisen: x}", False),
        ("server: {max_calls: -1}", False),
        ("server: {max_calls: many}", False),
        ("log: {level: loud}", False),
        ("log: {level_file: /x}", False),
    ],
)  # fmt: skip
def test_the_schema_says_what_the_program_says(text, good):
    schema = settings_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    faults = list(jsonschema.Draft202012Validator(schema).iter_errors(yaml.safe_load(text)))
    assert good == (not faults), faults


def test_the_schema_knows_every_setting():
    known = settings_schema()["properties"]
    shown = yaml.safe_load(as_yaml(settings.load(environ={})))
    missing = [
        f"{section}.{key}"
        for section, values in shown.items()
        for key in values
        if not known[section]["properties"][key]["description"]
    ]
    assert [] == missing


def test_no_secret_is_in_a_traceback_that_names_the_settings():
    word = "hunter-seventeen"
    changed = {
        "database": {"url": f"postgresql://u:{word}@h/n"},
        "console": {"token": word, "secret": word, "users": (word,)},
        "records": {"webhook_secret": word, "webhook_url": f"https://u:{word}@h/"},
        "recordings": {"agent_secret": word, "agent_url": f"https://u:{word}@h/"},
        "freeswitch": {"password": word},
    }
    made = settings.load(environ={})
    for section, values in changed.items():
        part = dataclasses.replace(getattr(made, section), **values)
        made = dataclasses.replace(made, **{section: part})
    given = {(section, name) for section, values in changed.items() for name in values}
    assert set(SECRETS) <= given
    assert "127.0.0.1:8084" in repr(made)
    assert word not in repr(made)
