"""What a server says about its settings and directories before it takes a call."""

import os
from dataclasses import replace

import pytest
from mounts import disk
from server_peers import data_settings

from fsflows.server.checks import faults, missing


def _with(settings, **recordings):
    return replace(settings, recordings=replace(settings.recordings, **recordings))


def test_where_nothing_can_be_deleted_nothing_is_recorded(tmp_path):
    settings = data_settings(tmp_path)
    with disk(tmp_path / "rec") as mounted:
        root = f"{mounted.path}/{{uuid}}*"
        staged = _with(settings, staging=f"{mounted.path}/new/one")
        rooted = _with(settings, roots=(root, f"{tmp_path}/nowhere={mounted.path}"))
        assert [] == missing(staged)
        assert [] == missing(_with(settings, roots=(root,)))
        mounted.remount("ro")
        hint = "to try things out, keep everything in one directory: --data DIR"
        told, said = missing(staged)
        assert hint == said
        assert told.startswith(
            f"recordings.staging: may not make and delete files in {mounted.path}/new/one"
            f" ({mounted.path} is of user "
        )
        assert [
            f"recordings.roots: {mounted.path} is read-only here (a line ReadWritePaths in systemd's unit?)",
            f"recordings.roots: there is no directory {tmp_path}/nowhere (is it mounted?)",
            hint,
        ] == missing(rooted)
        assert [] == missing(_with(staged, agent_url="http://127.0.0.1:1", roots=(root,)))


def test_a_file_in_place_of_a_directory_is_said(tmp_path):
    settings = data_settings(tmp_path)
    file = tmp_path / "a file"
    file.touch()
    told, _ = missing(_with(settings, staging=str(file)))
    assert (
        f"recordings.staging: may not make and delete files in {file} ({file} is no directory)"
        == told
    )


def test_whose_a_directory_is_that_cant_be_used(tmp_path, monkeypatch):
    """A container's user is a number, and root's volume, or one that is closed to us, is the first that goes wrong."""
    settings = data_settings(tmp_path)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o750)
    monkeypatch.setattr("os.access", lambda path, mode: not str(path).startswith(str(closed)))
    whose = f"is of user {os.getuid()} and group {closed.stat().st_gid}, mode 750; this is user {os.geteuid()}, group "
    told = missing(_with(settings, published=str(closed)))
    assert told[0].startswith(f"recordings.published: may not write to {closed} ({closed} {whose}")

    stat = os.stat

    def refuse(path, *given, **named):
        if str(path).startswith(f"{closed}/"):
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, *given, **named)

    monkeypatch.setattr("os.stat", refuse)
    told = missing(_with(settings, published=f"{closed}/recordings"))
    assert told[0].startswith(
        f"recordings.published: may not look for {closed}/recordings ({closed} {whose}"
    )
    told = missing(_with(settings, published=str(tmp_path / "nowhere")))
    assert "recordings.published: there is no directory" in told[0]
    assert any("mkdir -p" in line for line in told)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_what_must_not_be_forgotten_is_kept_in_no_memory(tmp_path, url):
    settings = data_settings(tmp_path)
    assert [] == faults(settings)
    [found] = faults(replace(settings, database=replace(settings.database, url=url)))
    assert found.startswith("database.url: a database in memory ends with its process")
