"""What a server says about its settings and directories before it takes a call."""

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
        assert [
            f"recordings.staging: may not make and delete files in {mounted.path}/new/one",
            hint,
        ] == missing(staged)
        assert [
            f"recordings.roots: {mounted.path} is read-only here (a line ReadWritePaths in systemd's unit?)",
            f"recordings.roots: there is no directory {tmp_path}/nowhere (is it mounted?)",
            hint,
        ] == missing(rooted)
        assert [] == missing(_with(staged, agent_url="http://127.0.0.1:1", roots=(root,)))


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_what_must_not_be_forgotten_is_kept_in_no_memory(tmp_path, url):
    settings = data_settings(tmp_path)
    assert [] == faults(settings)
    [found] = faults(replace(settings, database=replace(settings.database, url=url)))
    assert found.startswith("database.url: a database in memory ends with its process")
