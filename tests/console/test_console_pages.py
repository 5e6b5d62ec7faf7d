import csv
import dataclasses
import io
import json
import re
from html.parser import HTMLParser

import pytest

from fsflows import log, pacing
from fsflows.archive.endings import RecordingState
from fsflows.archive.entries import KINDS, Collected, Heard, Measured, Noted, Ran, Said
from fsflows.archive.model import RecordingNote
from fsflows.archive.record import MAX_ENTRIES
from fsflows.archive.store import RecordStore
from fsflows.archive.webhook import Delivery, Outbox
from fsflows.archive.writer import WriterStats
from fsflows.console import live as live_pages
from fsflows.console.app import create_app
from fsflows.console.live import SHOWN
from fsflows.console.sources import Audio, Check
from fsflows.console.timeline import strip
from fsflows.database import Database, DatabaseFailed

from .world import CARD, HOSTILE, World, discarded, odd


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    yield world
    world.close()


@pytest.fixture
def client(world):
    return create_app(world.sources).test_client()


class Page(HTMLParser):
    """What a browser would make of a page: tags that carry scripts, texts, ids."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.texts, self.ids, self.handlers = [], [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.ids += [value for name, value in attrs if name == "id"]
        self.handlers += [name for name, _ in attrs if name.startswith("on") or name == "style"]

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


def all_paths(world):
    yield from (
        "/",
        "/?span=7d",
        "/?span=30d&flow=menu",
        "/?span=nonsense",
        "/calls",
        "/records",
        "/records?text=okafor",
        "/flows",
        "/status",
    )
    yield from (f"/flows/{name}" for name in world.flows)
    for state in ("present", "discarded"):
        yield f"/records/{world.recorded(state).id}"
    yield f"/records/{world.find(result='failed').id}"
    for call in world.live.snapshot():
        yield f"/calls/{call.id}"


def test_every_page_is_there_and_well_formed(client, world):
    world.call()
    for path in all_paths(world):
        answer = client.get(path)
        assert 200 == answer.status_code, path
        page = Page(answer.text)
        assert 1 == page.tags.count("h1"), path
        assert "main" in page.tags
        assert [] == page.handlers, "inline scripts and styles are forbidden by our own policy"
        assert sorted(set(page.ids)) == sorted(page.ids), f"{path}: an id is there twice"


def test_every_answer_tells_the_browser_what_not_to_do(client, world):
    for path in ("/", "/records/nothing", "/live", "/static/console.css"):
        headers = client.get(path, buffered=True).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert ("nosniff", "DENY", "same-origin") == (
            headers["X-Content-Type-Options"],
            headers["X-Frame-Options"],
            headers["Referrer-Policy"],
        )
    assert "no-store" == client.get("/").headers["Cache-Control"]


def test_a_page_that_is_not_there_says_so(client):
    for path in (
        "/nowhere",
        "/records/nothing",
        "/flows/nothing",
        "/calls/nothing",
        "/records/export.xls",
    ):
        assert 404 == client.get(path).status_code


# --- hostile and private values ---


def test_a_hostile_caller_is_text_on_every_page(client, world):
    builder = world.call(caller=HOSTILE, name=HOSTILE, flow=HOSTILE)
    builder.said(HOSTILE)
    builder.function(HOSTILE, 0.1, HOSTILE)
    builder.metric(HOSTILE, {HOSTILE: [HOSTILE]})
    record = world.add(
        caller=HOSTILE,
        caller_name=HOSTILE,
        callee=HOSTILE,
        flow=HOSTILE,
        last_step=HOSTILE,
        hangup_cause=HOSTILE,
        node=HOSTILE,
        flow_version=HOSTILE,
        recording=discarded(
            cause={"step": HOSTILE, "key_or_word": HOSTILE}, completed_at=HOSTILE, files=[HOSTILE]
        ),
        entries=builder.entries,
        started_at=world.find().started_at,
    )
    paths = [
        "/",
        "/calls",
        f"/calls/{builder.id}",
        "/records",
        f"/records/{record.id}",
        f"/records?text={HOSTILE}&flow={HOSTILE}&step={HOSTILE}",
        f"/?flow={HOSTILE}",
    ]
    for path in paths:
        html = client.get(path).text
        page = Page(html)
        assert "alert('pwned')" in page.text or "text=" not in path
        assert 2 == page.tags.count("script"), path
        assert not [tag for tag in page.tags if tag == "img"][1:], path
        assert [] == page.handlers
    events = next(iter(client.get("/calls/events").response))
    assert b"<script" not in events


def test_P13_no_page_and_no_export_shows_a_private_value(client, world):
    from fsflows.privacy import Redactor

    builder = world.call()
    builder.redactor.add(CARD)
    spoken = "four five five six seven three seven five"
    for text in (CARD, "4556 7375 8689 9855", spoken):
        builder.said(text)
        builder.heard(text, "speech")
        builder.noted(text)
        builder.function("pay", 0.1, ValueError(text))
    builder.metric("card", int(CARD))
    builder.collected("card", "complete", builder.redactor.add(CARD), "keys")
    seen = [client.get(path).text for path in (f"/calls/{builder.id}", "/calls", "/")]
    record = builder.finish("completed", "flow_ended")
    world.store.insert(
        [
            dataclasses.replace(
                record, result=world.records[0].result, reason=world.records[0].reason
            )
        ]
    )
    seen += [client.get(f"/records/{record.id}{kind}").text for kind in ("", ".json")]
    seen += [client.get(f"/records/export.{kind}").text for kind in ("csv", "jsonl")]
    for text in seen:
        assert CARD[:5] not in text
        assert "4556 7375" not in text
        assert spoken[:20] not in text
    assert "[16 digits hidden]" in seen[3]
    assert not Redactor()


# --- records ---


def test_records_are_searched_and_paged(client, world):
    page = client.get("/records")
    assert f"{len(world.records)} calls" in page.text
    older = re.search(r'rel="next" href="([^"]+)"', page.text).group(1).replace("&amp;", "&")
    second = client.get(older)
    assert 'rel="prev"' in second.text
    first_ids, second_ids = (
        set(re.findall(r'href="/records/([0-9a-f-]{36})"', each.text)) for each in (page, second)
    )
    assert (50, 50) == (len(first_ids), len(second_ids))
    assert not first_ids & second_ids
    newer = re.search(r'rel="prev" href="([^"]+)"', second.text).group(1).replace("&amp;", "&")
    assert first_ids == set(re.findall(r'href="/records/([0-9a-f-]{36})"', client.get(newer).text))


def test_a_search_keeps_what_was_asked_for(client):
    page = client.get("/records?flow=menu&text=orders")
    assert '<option value="menu" selected>' in page.text
    assert 'value="orders"' in page.text
    assert "/records/export.csv?" in page.text
    assert "flow=menu" in re.search(r"/records/export.csv\?([^\"]+)", page.text).group(1)


@pytest.mark.parametrize(
    "query", ["from=yesterday", "older=nonsense", "to=9999-12-31", "from=0001-01-01"]
)
def test_a_search_that_makes_no_sense_is_said(client, query):
    answer = client.get(f"/records?{query}")
    assert answer.status_code in (200, 400)
    assert (400 == answer.status_code) == ('role="alert"' in answer.text)


def test_days_are_the_viewers_days(client, world):
    from datetime import UTC, datetime

    noon = world.add(started_at=datetime(2026, 1, 10, 12, tzinfo=UTC))
    late = world.add(started_at=datetime(2026, 1, 10, 23, 30, tzinfo=UTC))
    client.set_cookie("tz", "Europe/Berlin")
    html = client.get("/records?from=2026-01-11&to=2026-01-11").text
    assert late.id in html
    assert noon.id not in html
    assert "11 Jan, 00:30" in html
    client.set_cookie("tz", "../../etc/passwd")
    assert late.id not in client.get("/records?from=2026-01-11&to=2026-01-11").text


def test_a_record_is_read_as_a_time_line(client, world):
    record = world.find(flow="pin_entry", result="completed")
    page = Page(client.get(f"/records/{record.id}").text)
    assert "Please key in your four-digit PIN" in page.text
    assert "[4 digits hidden]" in page.text
    assert 4 == page.text.count("•")
    assert {f"e{index}" for index in range(len(record.entries))} <= set(page.ids), (
        "marks of the strip lead to an entry"
    )


def test_every_kind_of_entry_has_a_line(client, world):
    entries = []
    for kind in KINDS.values():
        missing = {
            f.name: 0.5 if f.name in ("at", "seconds") else "word"
            for f in dataclasses.fields(kind)
            if f.default is dataclasses.MISSING
        }
        entries.append(kind(**{**missing, "step": "here"}))
    entries += [
        Collected(
            at=1,
            outcome="too_short",
            digits="12",
            source="both",
            confidence=0.5,
            attempts=3,
            seconds=0.01,
        ),
        Heard(at=0, text="hello", source="speech"),
        Ran(at=0.1, name="f", seconds=1e9, error="x"),
        Said(at=1e9, text="x" * 2000),
        Measured(at=0, name="m", value=None),
        Noted(at=-1, text=""),
    ]
    record = world.add(entries=tuple(entries))
    assert 200 == client.get(f"/records/{record.id}").status_code
    empty = world.add(entries=(), ended_at=record.started_at, started_at=record.started_at)
    assert "Nothing happened in this call." in client.get(f"/records/{empty.id}").text


def test_a_record_is_json_for_programs(client, world):
    record = world.records[0]
    assert record.as_json() == client.get(f"/records/{record.id}.json").json


def test_exports_have_what_was_searched_for(client, world):
    expected = {record.id for record in world.records if record.flow == "menu"}
    lines = client.get("/records/export.jsonl?flow=menu").text.splitlines()
    assert expected == {json.loads(line)["id"] for line in lines}
    rows = list(csv.DictReader(io.StringIO(client.get("/records/export.csv?flow=menu").text)))
    assert expected == {row["id"] for row in rows}
    assert 400 == client.get("/records/export.csv?from=x").status_code


# --- recordings ---


def test_a_recording_is_played_in_pieces(client, world):
    record = world.recorded("present")
    path = f"/records/{record.id}/audio/0"
    assert f'src="{path}"' in client.get(f"/records/{record.id}").text
    whole = client.get(path, buffered=True)
    assert whole.data == world.recordings.wav.read_bytes()
    assert "no-store" == whole.headers["Cache-Control"]
    piece = client.get(path, headers={"Range": "bytes=100-199"}, buffered=True)
    assert (206, whole.data[100:200]) == (piece.status_code, piece.data)
    assert 404 == client.get(f"/records/{record.id}/audio/1").status_code


def test_P12_a_discarded_recording_has_a_receipt_and_no_player(client, world):
    record = world.recorded("discarded")
    html = client.get(f"/records/{record.id}").text
    assert "Discarded" in html
    assert "discarded for good" in html
    assert "<audio" not in html
    assert record.recording.receipt["files"][0]["path"] in html
    assert 404 == client.get(f"/records/{record.id}/audio/0").status_code


@pytest.mark.parametrize("state", [RecordingState.DISCARDED, RecordingState.PENDING])
def test_P12_a_recording_discarded_after_the_record_was_written_is_not_played(client, world, state):
    record = world.recorded("present")
    world.recordings.known[record.call_id] = Audio(
        RecordingNote(state=state), (world.recordings.wav,)
    )
    assert "<audio" not in client.get(f"/records/{record.id}").text
    assert 404 == client.get(f"/records/{record.id}/audio/0").status_code
    assert state.value == client.get(f"/records/{record.id}.json").json["recording"]["state"]


def test_playing_and_exporting_are_written_down(client, world):
    record = world.recorded("present")
    with log.capture("info") as events:
        client.get(f"/records/{record.id}/audio/0", buffered=True)
        client.get("/records/export.csv")
    assert {"recording played", "records exported"} <= {event["event"] for event in events}


# --- changes ---


def csrf_of(page):
    return re.search(r'name="csrf" value="([^"]+)"', page.text).group(1)


def test_an_editor_deletes_a_record_without_a_recording(client, world):
    record = world.recorded("discarded")
    token = csrf_of(client.get(f"/records/{record.id}"))
    answer = client.post(
        f"/records/{record.id}/delete", data={"csrf": token}, follow_redirects=True
    )
    assert "The record is deleted." in answer.text
    assert world.store.get(record.id) is None


def test_a_record_with_a_recording_is_not_deleted_from_under_it(client, world):
    kept = world.recorded("present")
    token = csrf_of(client.get("/status"))
    answer = client.post(f"/records/{kept.id}/delete", data={"csrf": token}, follow_redirects=True)
    assert "is not deleted" in answer.text
    assert world.store.get(kept.id) is not None


def test_an_editor_sets_log_levels(client):
    log.get_logger("esl")
    token = csrf_of(client.get("/status"))
    answer = client.post(
        "/status/level",
        data={"csrf": token, "part": "esl", "level": "debug"},
        follow_redirects=True,
    )
    assert "esl is logged from debug now." in answer.text
    assert "debug" == log.levels()["esl"]
    for wrong in ({"part": "nothing", "level": "debug"}, {"part": "esl", "level": "loud"}):
        client.post("/status/level", data={"csrf": token, **wrong})
    assert "debug" == log.levels()["esl"]


def test_a_webhook_is_looked_at_and_sent_again(world):
    client = create_app(dataclasses.replace(world.sources, webhook=True)).test_client()
    record = world.add()
    RecordStore(world.database, webhook=True).insert([record, world.records[0]])
    box = Outbox(world.database)
    box.settle(Delivery(record.id, 1), state="given_up", attempts=20, answer="500 Oops")
    html = client.get(f"/records/{record.id}").text
    assert "given up" in html
    assert "500 Oops" in html
    assert "0 delivered, 1 wait, 1 given up" in client.get("/status").text
    token = csrf_of(client.get("/status"))
    answer = client.post(f"/records/{record.id}/send", data={"csrf": token}, follow_redirects=True)
    assert "is being sent again" in answer.text
    assert "waiting" == box.entries(record.id)[0].state


def test_calls_that_we_made_are_found_and_say_whom_we_called(client, world):
    made = world.add(
        direction="outbound", caller="+15550100", callee="+442079460999", caller_name=""
    )
    html = client.get("/records?direction=outbound").text
    assert 1 == html.count('class="row"')
    assert "+44 20 7946 0999" in html
    assert "called by us" in html
    assert made.id in html
    assert '<option value="outbound" selected>' in html
    assert made.id not in client.get("/records?direction=inbound").text
    exported = client.get("/records/export.jsonl?direction=outbound").text
    assert [made.id] == [json.loads(line)["id"] for line in exported.splitlines()]
    assert "No record matches" in client.get("/records?direction=nowhere").text


def test_a_record_that_the_webhook_has_to_send_is_not_deleted(world):
    client = create_app(dataclasses.replace(world.sources, webhook=True)).test_client()
    record = world.add(recording=RecordingNote())
    other = dataclasses.replace(record, id="00000000-0000-4000-8000-00000000ffff", call_id="other")
    RecordStore(world.database, webhook=True).insert([other])
    token = csrf_of(client.get("/status"))
    url = f"/records/{other.id}/delete"
    answer = client.post(url, data={"csrf": token}, follow_redirects=True)
    assert "still has to send is not deleted" in answer.text
    Outbox(world.database).settle(Delivery(other.id, 1), state="delivered")
    answer = client.post(url, data={"csrf": token}, follow_redirects=True)
    assert "The record is deleted." in answer.text


def test_an_export_lets_calls_have_their_turn(client, world, monkeypatch):
    monkeypatch.setattr(pacing, "TURN", -1.0)
    naps = []
    monkeypatch.setattr(pacing.gevent, "sleep", naps.append)
    lines = client.get("/records/export.jsonl").text.splitlines()
    assert len(lines) == len(naps) > 1


# --- live, status, machines ---


def test_live_calls_come_change_and_go(client, world):
    assert "No call is running" in client.get("/calls").text
    builder = world.call()
    html = client.get("/calls").text
    assert "+44 20 7946 0018" in html
    assert "pressed: [hidden]" in html
    assert "Please key in" not in html
    builder.said("Please key in your PIN")
    assert "Please key in" in client.get("/calls").text
    assert "Welcome to Harbour Bank" in client.get(f"/calls/{builder.id}").text
    world.live.remove(builder)
    assert 404 == client.get(f"/calls/{builder.id}").status_code
    world.store.insert(
        [dataclasses.replace(builder.finish(world.records[0].result, world.records[0].reason))]
    )
    assert f"/records/{builder.id}" == client.get(f"/calls/{builder.id}").location


def test_news_is_sent_when_there_is_some_and_when_the_call_is_over(client, world, monkeypatch):
    builder = world.call()
    naps = []

    def nap(seconds):
        naps.append(seconds)
        if len(naps) == 1:
            builder.said("Something new")
        elif len(naps) == 2:
            world.live.remove(builder)

    monkeypatch.setattr(live_pages.gevent, "sleep", nap)
    whole = client.get(f"/calls/{builder.id}/events")
    assert "text/event-stream" in whole.content_type
    blocks = whole.text.strip("\n").split("\n\n")
    assert "retry: 1000" == blocks[0]
    assert "Something new" not in blocks[1]
    assert "Something new" in blocks[2]
    assert blocks[3].startswith("event: over")
    assert 4 == len(blocks)
    assert 0 == live_pages._streams


def test_the_list_of_calls_is_made_once_for_all_who_watch(world, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(live_pages.time, "monotonic", lambda: now[0])
    builder = world.call()
    shown = live_pages._List()
    with create_app(world.sources).test_request_context():
        first = shown.page(world.live)
        assert all(shown.page(world.live) is first for _ in range(3))
        builder.said("Something new")
        # Not yet: a list that changes all the time would be made as often as somebody looks.
        assert shown.page(world.live) is first
        now[0] += first.pause
        second = shown.page(world.live)
        assert "Something new" not in first.event
        assert "Something new" in second.event
        # What watchers compare is what the list shows, and not what there is by then.
        builder.said("Something else")
        assert shown.page(world.live).revision == second.revision != world.live.revision()
        now[0] += second.pause
        assert "Something else" in shown.page(world.live).event


def test_too_many_watchers_are_turned_away(client, monkeypatch):
    monkeypatch.setattr(live_pages, "MAX_STREAMS", 0)
    assert 503 == client.get("/calls/events").status_code


def test_status_says_what_is_wrong(world):
    world.checks.append(Check("Discards", False, "1 unfinished for 40 minutes"))
    sources = dataclasses.replace(
        world.sources,
        writer=lambda: WriterStats(written=1234, waiting=5, dropped=2, error="could not connect"),
    )
    page = Page(create_app(sources).test_client().get("/status").text)
    for words in (
        "1,234 written, 5 wait",
        "could not connect",
        "2 dropped",
        "1 unfinished for 40 minutes",
    ):
        assert words in page.text


def test_prometheus_is_served(client, world):
    answer = client.get("/metrics")
    assert answer.content_type.startswith("text/plain")
    assert "# HELP" in answer.text
    sources = dataclasses.replace(world.sources, metrics=lambda: (b"mine 1\n", "text/plain"))
    assert "mine 1\n" == create_app(sources).test_client().get("/metrics").text


def test_a_database_that_is_away_is_said_and_the_rest_goes_on(tmp_path):
    world = World(tmp_path, count=1)
    world.close()
    broken = Database("sqlite:////nonexistent/x.db")
    client = create_app(dataclasses.replace(world.sources, database=broken)).test_client()
    answer = client.get("/records")
    assert 503 == answer.status_code
    assert "The database does not answer" in answer.text
    assert "unable to open" in client.get("/status").text
    assert 200 == client.get("/calls").status_code
    assert 200 == client.get("/calls").status_code
    with pytest.raises(DatabaseFailed):
        broken.read(lambda connection: None)
    broken.close()


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "../../etc/passwd"])
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/records?from=0001-01-01", None),
        ("/records?to=9999-12-31", 400),
        ("/records?older=0001-01-01T00:00:00%2B14:00_x", 400),
        ("/records?newer=9999-12-31T23:59:59-14:00_x", 400),
        ("/records/export.csv?older=x&from=nonsense", 400),
        ("/records?text=%00", 400),
        ("/records?flow=a%00b", 400),
        ("/records/%00", 400),
        ("/calls/%00/events", 400),
        ("/flows/%00", 400),
    ],
)
def test_no_address_is_a_fault_of_ours(client, zone, path, status):
    client.set_cookie("tz", zone)
    found = client.get(path).status_code
    assert found == status if status else found in (200, 400)


def test_an_export_that_cannot_be_made_is_no_file(tmp_path):
    world = World(tmp_path, count=1)
    world.close()
    broken = Database("sqlite:////nonexistent/x.db")
    client = create_app(dataclasses.replace(world.sources, database=broken)).test_client()
    assert 503 == client.get("/records/export.csv").status_code
    broken.close()


def test_a_fault_of_ours_tells_nothing_to_the_browser(world):
    def fails():
        raise RuntimeError("secret detail")

    client = create_app(dataclasses.replace(world.sources, flows=fails)).test_client()
    with log.capture("error") as events:
        answer = client.get("/flows")
    assert 500 == answer.status_code
    assert "secret detail" not in answer.text
    assert "secret detail" in events[0]["exception"]


def test_a_flow_is_drawn_with_how_its_steps_fare(client, world):
    html = client.get("/flows/pin_entry").text
    assert '<svg class="graph"' in html
    assert "<style" not in html
    assert "Please key in your four-digit PIN" in html
    assert " times, asked" in html


# --- what is hard to show ---


def test_a_call_whose_server_was_lost_has_no_length_that_nobody_knows(client, world):
    odd(world)
    page = client.get("/records?reason=server_lost").text
    assert "server lost" in page
    assert '<td class="c-length num">–</td>' in page
    found = re.search(r'href="(/records/[0-9a-f-]+)"', page)[1]
    html = client.get(found).text
    assert "not known" in html
    assert "The server ended while this call was running" in html
    assert "strip" not in html


def test_thousands_of_running_calls_are_a_short_list_that_says_where_they_are(client, world):
    for number in range(SHOWN + 3):
        world.call(f"+1555{number:07}", "", "menu" if number % 3 else "pin_entry")
    html = client.get("/calls").text
    assert SHOWN == html.count('<li class="call">')
    assert "and 3 calls more" in html
    counts = re.findall(r"<li><b>(\d+)</b> (\w+)", html)
    assert [("68", "menu"), ("35", "pin_entry")] == counts
    assert f">{SHOWN + 3}</span>" in html


def test_one_flow_is_overlooked_with_its_own_calls(client, world):
    world.call(flow="pin_entry")
    world.call(flow="menu")
    html = client.get("/?flow=menu&span=30d").text
    assert ">1</strong>" in html.split("Live now")[1][:200]
    latest = html.split("Latest calls")[1]
    assert "menu" in latest
    assert not any(flow in latest for flow in ("pin_entry", "phone_number", "recording_opt_out"))
    assert "All records of menu" in latest


def test_no_calls_are_no_chart_and_nothing_red(tmp_path):
    world = World(tmp_path, count=0)
    try:
        html = create_app(world.sources).test_client().get("/").text
    finally:
        world.close()
    assert "No calls in this time" in html
    assert 'class="chart"' not in html
    assert "tile bad" not in html


def test_what_needs_a_look_comes_first(client, world):
    world.checks.append(Check("Disk", False, "full"))
    html = client.get("/status").text
    assert "One thing needs a look" in html
    assert html.index("Disk") < html.index("Database")
    world.checks.pop()
    assert "All is well" in client.get("/status").text


def test_a_long_time_line_is_drawn_in_its_order():
    entries = [Said(at=0.0, text="hello")]
    entries += [Heard(at=number / 10, text="1", source="keys") for number in range(MAX_ENTRIES)]
    entries += [Said(at=210.0, text="bye")]
    drawn = str(strip(entries, 220.0))
    assert MAX_ENTRIES + 2 == drawn.count("<a ")
    assert drawn.index("#e0") < drawn.index("#e1") < drawn.index(f"#e{MAX_ENTRIES + 1}")
