"""`fsflows recordings`: what people see, and exit codes."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import update

from fsflows.cli.main import main
from fsflows.recordings.journal.entries import Entry
from fsflows.recordings.journal.tables import recordings
from recordings.fakes import OTHER, UUID, World


@pytest.fixture
def installed(tmp_path, capsys, monkeypatch):
    """An installation with one discarded and one published call."""
    world = World(tmp_path)
    world.one_discarded_one_published()
    (tmp_path / "fsflows.yaml").write_text(
        "recordings:\n"
        f"  staging: {tmp_path}/staging\n"
        f"  published: {tmp_path}/archive\n"
        f"  roots: [{tmp_path}/other]\n"
        f"database: {{url: 'sqlite:///{tmp_path}/journal.db', spool: {tmp_path}/spool}}\n"
    )
    monkeypatch.setenv("FSFLOWS_CONFIG", str(tmp_path / "fsflows.yaml"))
    yield world
    world.close()


def run(capsys, *words):
    if words[:1] == ("verify",):
        words += ("--grace", "0")
    status = main(["recordings", *words])
    shown = capsys.readouterr()
    return status, shown.out, shown.err


def test_list(installed, capsys):
    status, out, _ = run(capsys, "list")
    assert status == 0
    lines = out.splitlines()
    assert [line.split()[1:4:2] for line in lines] == [["published", OTHER], ["discarded", UUID]]
    assert lines[0].endswith(f"archive/2026-01-01/{OTHER}.wav")
    assert run(capsys, "list", "--state", "published", "--limit", "5")[1].count("\n") == 1
    _, out, _ = run(capsys, "list", "--json", "--call", UUID)
    assert json.loads(out)["state"] == "discarded"


def test_list_of_an_unknown_state_says_which_there_are(installed, capsys):
    status, _, err = run(capsys, "list", "--state", "gone")
    assert status == 2
    assert "published" in err
    assert "not 'gone'" in err


def test_show_the_receipt_of_a_call(installed, capsys):
    status, out, _ = run(capsys, "show", UUID)
    assert status == 0
    assert "in flow 'demo', step 'opt_out', by '1'" in out
    assert "receipt of 2026-01-01T12:00:00.000+00:00 by node-a#" in out
    assert f"deleted, 400 bytes: {installed.staging}/2026-01-01_{UUID}.wav" in out
    for step in ("intent", "stop", "delete", "verify", "receipt"):
        assert f"  {step}" in out
    _, out, _ = run(capsys, "show", UUID, "--json")
    shown = json.loads(out)
    assert shown["receipt"]["complete"] is True
    assert len(shown["steps"]) == 5


def test_show_an_open_discard_and_an_unknown_call(installed, capsys):
    journal = installed.service.tools.journal
    journal.open_discard("open", "fs1", installed.cause())
    journal.discard_failed("open", "no space on the moon")
    status, out, _ = run(capsys, "show", "open")
    assert status == 0
    assert "OPEN after 1 attempt(s): no space on the moon" in out
    status, _, err = run(capsys, "show", "nobody")
    assert status == 1
    assert "nothing is known of call nobody" in err


def test_a_paths_control_characters_do_not_reach_the_terminal(installed, capsys):
    journal = installed.service.tools.journal
    path = "/r/\x1b[2J\udcff\n.wav"
    journal.note(
        [Entry(call_uuid="odd", path=path, started_at=installed.clock.utcnow(), state="kept")]
    )
    for words in (["list"], ["show", "odd"], ["verify"]):
        _, out, _ = run(capsys, *words)
        assert "\\x1b[2J\\udcff\\n.wav" in out
        assert "\x1b" not in out


def test_9_verify_agrees_or_says_what_differs(installed, capsys):
    assert run(capsys, "verify") == (0, "journal, disk and records agree\n", "")
    directory = installed.directory
    published = directory / "archive" / "2026-01-01" / f"{OTHER}.wav"
    content = published.read_bytes()

    def difference(expected):
        status, out, _ = run(capsys, "verify")
        assert status == 1
        assert expected in out
        assert out.endswith("1 difference(s)\n")

    published.write_bytes(content[:-1])
    difference("bytes, the journal says")
    published.unlink()
    difference(f"call {OTHER}: published as {published}, but it is not there")
    published.write_bytes(content)
    back = directory / "staging" / f"2026-01-01_{UUID}.wav"
    back.write_bytes(b"x")
    difference(f"call {UUID}: discarded, but {back} is there")
    back.unlink()
    extra = directory / "archive" / "x.wav"
    extra.write_bytes(b"x")
    difference("x.wav: in the archive, but not in the journal")
    extra.unlink()
    unknown = directory / "staging" / "u.wav"
    unknown.write_bytes(b"x")
    difference("u.wav: in the staging directory, but of no known call")
    unknown.unlink()
    staged = directory / "staging" / f"2026-01-01_{OTHER}.wav"
    staged.write_bytes(b"x")
    difference(f"published, but {staged} is still staged")
    staged.unlink()
    installed.service.tools.journal.open_discard("open", "fs1", installed.cause())
    difference("call open: discard of 2026-01-01T12:00:00+00:00 is not finished")


def test_9_verify_of_what_is_kept_and_staged(installed, capsys):
    world = installed
    call = world.call("third")
    theirs = f"{world.other}/theirs.wav"
    world.switch.uuid_record("third", "start", theirs)
    path = call.start()
    world.switch.uuid_record("third", "stop", "all")
    assert run(capsys, "verify")[0] == 0
    (world.directory / theirs).unlink()
    (world.directory / path).unlink()
    status, out, _ = run(capsys, "verify")
    assert status == 1
    assert f"call third: kept at {theirs}, but it is not there" in out
    assert f"call third: staged, but {path} is not there" in out


def test_sweep(installed, capsys):
    status, out, _ = run(capsys, "sweep")
    assert status == 0
    assert "discards finished: 0, open: 0" in out
    installed.service.tools.journal.open_discard("open", "", installed.cause())
    installed.service.claims.retire()
    # It belongs to another node, whose files are not ours to judge.
    status, out, _ = run(capsys, "sweep")
    assert status == 0
    assert "left to node node-a, which does not run" in out
    assert "in reach: 1 call(s)" in out


def unmount(world):
    archive = world.directory / "archive"
    archive.rename(world.directory / "aside")
    archive.mkdir()


def test_archive_says_whether_it_is_the_right_one(installed, capsys):
    known = installed.files.identity()
    status, out, _ = run(capsys, "archive")
    assert (status, out.splitlines()[1]) == (0, f"here:  {known}")
    unmount(installed)
    status, out, _ = run(capsys, "archive")
    assert status == 1
    assert f"known: {known}, since 2026-01-01" in out
    assert "here:  none" in out
    assert "what isn't found is not called gone" in out
    status, out, _ = run(capsys, "sweep")
    assert status == 1
    assert f"nothing is published: what is at hand is not the archive {known}" in out
    assert run(capsys, "verify")[0] == 1


def test_archive_adopts_another_one_and_says_what_is_not_in_it(installed, capsys):
    unmount(installed)
    status, out, _ = run(capsys, "archive", "--adopt")
    assert status == 1
    assert f"  {OTHER}  {installed.directory}/archive/2026-01-01/{OTHER}.wav" in out
    assert "1 are not in it, and are never called gone for that" in out
    assert run(capsys, "archive")[0] == 0
    words = ("archive", "--adopt", "--lost", "--by", "E. Noether", "--why", "shredded")
    assert run(capsys, *words)[0] == 0
    installed.call(OTHER).discard(installed.cause())
    out = run(capsys, "show", OTHER)[1]
    assert "NOT DELETED BY FSFLOWS" in out
    assert "E. Noether said: shredded" in out


@pytest.mark.parametrize(
    "words", [["--lost"], ["--adopt", "--lost"], ["--lost", "--by", "E", "--why", "x"]]
)
def test_nothing_is_lost_without_somebodys_word(installed, capsys, words):
    unmount(installed)
    status, _, err = run(capsys, "archive", *words)
    assert status == 2
    assert "--lost belongs to --adopt, and needs --by NAME and --why TEXT" in err
    assert run(capsys, "archive")[0] == 1


@pytest.mark.parametrize(
    ("yaml", "words"),
    [
        ("recordings: {stagin: /x}", "did you mean 'staging'"),
        ("recordings: {staging: relative}", "absolute path"),
        ("database: {url: nonsense}", "sqlite:////absolute/path.db"),
        ("database: {url: 'sqlite:////nonexistent/x.db'}", "unable to open database file"),
    ],
)
def test_settings_that_can_not_be_used_are_said_in_words(installed, capsys, tmp_path, yaml, words):
    bad = tmp_path / "bad.yaml"
    url = (
        f"database: {{url: 'sqlite:///{tmp_path}/journal.db'}}\n" if "database" not in yaml else ""
    )
    bad.write_text(url + yaml)
    status, _, err = run(capsys, "verify", "--config", str(bad))
    assert status == 2
    assert words in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--cert", "x"], "belong together"),
        (["--cert", "/nonexistent", "--key", "/nonexistent"], "no such file"),
        (["--listen", "nowhere"], "HOST:PORT"),
        ([], "32 characters"),
    ],
)
def test_an_agent_that_can_not_be_started_says_why(installed, capsys, words, said):
    status, _, err = run(capsys, "agent", *words)
    assert status == 2
    assert said in err


@pytest.mark.parametrize("command", ["list", "show", "verify", "sweep", "agent"])
def test_each_has_help(capsys, command):
    with pytest.raises(SystemExit) as end:
        main(["recordings", command, "--help"])
    assert end.value.code == 0
    assert len(capsys.readouterr().out) > 200


def test_archive_names_what_may_lie_in_an_earlier_one_as_well(installed, capsys):
    """Publishing to it was begun, and broke off."""
    archives = f"{'a' * 24} {installed.files.identity()}"
    two = update(recordings).where(recordings.c.call_uuid == OTHER).values(archive=archives)
    installed.database.write(lambda connection: connection.execute(two))
    status, out, _ = run(capsys, "archive", "--adopt")
    assert status == 1
    assert f"  {OTHER}  {installed.directory}/archive/2026-01-01/{OTHER}.wav" in out
    assert "1 may lie in another archive as well" in out
    words = ("archive", "--adopt", "--lost", "--by", "E. Noether", "--why", "shredded")
    status, out, _ = run(capsys, *words)
    assert (status, "so it is of 1 that may have been in another one" in out) == (0, True)
    receipt = installed.call(OTHER).discard(installed.cause())
    assert sorted(file.how for file in receipt.files) == ["deleted", "settled"]


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_list_that_is_cut_says_so(installed, capsys, more):
    status, out, errors = run(capsys, "list", "--limit", "1", *more)
    assert (0, 1) == (status, len(out.splitlines()))
    assert OTHER in out
    assert errors.endswith("these are the 1 newest; --limit shows more\n")
    assert (0, "") == run(capsys, "list", "--limit", "2", *more)[::2]


def test_a_list_of_nothing_says_so(installed, capsys):
    assert (0, "no recordings\n") == run(capsys, "list", "--call", "nobody")[:2]
    assert (0, "") == run(capsys, "list", "--call", "nobody", "--json")[:2]
    status, _, errors = run(capsys, "list", "--limit", "0")
    assert (2, True) == (status, "--limit must be 1 or more, got 0" in errors)
