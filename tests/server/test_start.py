"""A server that can't start says why, in words."""

from server_peers import data_settings

from fsflows.server.serve import serve


def test_nowhere_to_put_temporary_files(tmp_path, monkeypatch, capsys):
    """A container with a read-only root, and no /tmp of its own."""
    said = "No usable temporary directory found in ['/tmp']"

    def refuse(*_, **__):
        raise FileNotFoundError(2, said)

    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    assert 1 == serve(data_settings(tmp_path))
    assert (
        f"no temporary directory can be made: {said};"
        " mount one at /tmp (a small one in memory will do), or set TMPDIR\n"
    ) == capsys.readouterr().err
