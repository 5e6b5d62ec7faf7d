"""Settings: every fault at once, each with what to write instead."""

import pytest

from fsflows import settings


def test_defaults_are_complete_and_readable_again(tmp_path):
    defaults = settings.load(environ={})
    file = tmp_path / "fsflows.yaml"
    file.write_text(settings.as_yaml(defaults))
    # The one secret with a default is shown as stars.
    assert defaults.server == settings.load(file, environ={}).server
    assert "password: '********'" in file.read_text()


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
        f"{file}: unknown setting 'servr'; did you mean 'server'?",
        f"{file}: server: unknown setting 'lisen'; did you mean 'listen'?",
        f"{file}: server.max_calls: must be a whole number, got 'many'",
        f"{file}: server.drain_timeout: must not be negative, got -1.0",
        f"{file}: flows: must be a mapping with paths, default",
        f"{file}: recordings.roots: must be a list of texts, got {{'a': 1}}",
        f"{file}: recordings.agent_secret_file: [Errno 2] No such file or directory: '/nowhere/at/all'",
    ] == caught.value.faults


@pytest.mark.parametrize("text", ["- a\n", "a: [\n", "\x00"])
def test_a_file_that_is_no_settings_file_is_refused(tmp_path, text):
    file = tmp_path / "fsflows.yaml"
    file.write_text(text)
    with pytest.raises(settings.SettingsError):
        settings.load(file, environ={})
