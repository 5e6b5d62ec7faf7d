import json
import socket
import socketserver
import ssl
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from unittest.mock import Mock

import gevent
import pytest
from sqlalchemy import update

from fsflows import log
from fsflows.archive import posting
from fsflows.archive import webhook as webhook_module
from fsflows.archive.endings import RecordingState
from fsflows.archive.model import RecordingNote
from fsflows.archive.store import RecordStore
from fsflows.archive.tables import outbox
from fsflows.archive.webhook import MAX_ATTEMPTS, Outbox, Webhook, post, sign, verify
from fsflows.database import DatabaseFailed

SECRET = "a secret of some length"
NOW = datetime(2026, 4, 1, tzinfo=UTC)
LATER = datetime(2100, 1, 1, tzinfo=UTC)


class Receiver:
    """Answers as it is told, and remembers."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.got = []

    def __call__(self, url, body, headers):
        self.got.append((url, body, headers))
        return self.answers.pop(0) if self.answers else (200, "OK")


@pytest.fixture
def make(database, samples):
    RecordStore(database, webhook=True).insert(samples[:3])
    made = []

    def make(*answers):
        receiver = Receiver(*answers)
        webhook = Webhook(database, "https://example.test/hook", SECRET, receiver)
        made.append(webhook)
        return webhook, receiver

    yield make
    for webhook in made:
        webhook.stop()


def only(database, record):
    """Leave one record in the outbox."""
    database.write(lambda c: c.execute(outbox.delete().where(outbox.c.record_id != record.id)))


def test_each_record_is_sent_once_signed_and_whole(make, samples):
    webhook, receiver = make()
    assert 3 == webhook.deliver(NOW)
    assert 0 == webhook.deliver(NOW)
    assert {record.id for record in samples[:3]} == {
        headers["Fsflows-Record"] for _, _, headers in receiver.got
    }
    by_id = {record.id: record for record in samples}
    for _, body, headers in receiver.got:
        assert by_id[headers["Fsflows-Record"]].as_json() == json.loads(body)
        assert "1" == headers["Fsflows-Attempt"]
        at = int(headers["Fsflows-Signature"].split(",")[0][2:])
        assert verify(SECRET, body, headers["Fsflows-Signature"], at)
    assert {"delivered": 3} == webhook.outbox.counts()
    assert "200 OK" == webhook.outbox.entries(samples[0].id)[-1].answer


def test_a_record_written_twice_is_sent_once(make, database, samples):
    webhook, receiver = make()
    webhook.deliver(NOW)
    RecordStore(database, webhook=True).insert(samples[:3])
    assert 0 == webhook.deliver(NOW)
    assert 3 == len(receiver.got)


def test_a_failure_is_tried_again_later_and_says_which_attempt_it_is(make, database, samples):
    webhook, receiver = make((500, "Oops"), (0, "timed out"), (302, "Found"))
    only(database, samples[0])
    at = NOW
    with log.capture("warning") as events:
        for expected in webhook_module.BACK_OFF[:3]:
            assert 1 == webhook.deliver(at)
            entry = webhook.outbox.entries(samples[0].id)[-1]
            wait = (entry.due_at - at).total_seconds()
            assert expected <= wait <= expected * 1.1
            assert 0 == webhook.deliver(at + timedelta(seconds=expected - 1))
            at = entry.due_at
        webhook.deliver(at)
    assert ["1", "2", "3", "4"] == [headers["Fsflows-Attempt"] for _, _, headers in receiver.got]
    assert ["500 Oops", "timed out", "302 Found"] == [event["answer"] for event in events]
    assert "delivered" == webhook.outbox.entries(samples[0].id)[-1].state


def test_an_answer_that_a_database_cannot_hold_is_written_down_all_the_same(
    make, database, samples
):
    webhook, _ = make((500, "O\0ps \ud800"))
    only(database, samples[0])
    webhook.deliver(NOW)
    assert "500 O\ufffdps ?" == webhook.outbox.entries(samples[0].id)[-1].answer


@pytest.mark.parametrize(
    ("answers", "tries"), [([(500, "Oops")] * MAX_ATTEMPTS, MAX_ATTEMPTS), ([(410, "Gone")], 1)]
)
def test_in_the_end_it_is_given_up_loudly(make, database, samples, answers, tries):
    webhook, receiver = make(*answers)
    only(database, samples[0])
    at = NOW
    with log.capture("error") as events:
        while webhook.deliver(at):
            at += timedelta(days=1)
    assert tries == len(receiver.got)
    assert "given_up" == webhook.outbox.entries(samples[0].id)[-1].state
    assert ["a record could not be delivered"] == [event["event"] for event in events]


def test_what_was_given_up_can_be_sent_again_and_says_so(make, database, samples):
    webhook, receiver = make((410, "Gone"))
    only(database, samples[0])
    webhook.deliver(NOW)
    assert webhook.outbox.again(samples[0].id, NOW)
    webhook.deliver(NOW)
    assert "2" == receiver.got[-1][2]["Fsflows-Attempt"]
    assert not webhook.outbox.again("nobody", NOW)


def test_an_attempt_that_died_half_way_is_repeated_and_counted(database, samples):
    RecordStore(database, webhook=True).insert(samples[:1])
    box = Outbox(database)
    assert [((samples[0].id, 1), 1)] == box.claim(NOW, 5)
    assert [] == box.claim(NOW, 5), "somebody else has it"
    assert [((samples[0].id, 1), 2)] == box.claim(NOW + timedelta(minutes=5), 5)


def test_two_nodes_do_not_take_the_same(database, samples):
    RecordStore(database, webhook=True).insert(samples[:40])
    box = Outbox(database)
    taken = [box.claim(NOW, 10) for _ in range(5)]
    ids = [record_id for batch in taken for record_id, _ in batch]
    assert (40, 40) == (len(ids), len(set(ids)))


def test_a_record_that_was_deleted_is_not_sent(make, database, samples):
    webhook, receiver = make()
    RecordStore(database).delete([samples[0].id])
    assert 2 == webhook.deliver(NOW)
    assert samples[0].id not in {headers["Fsflows-Record"] for _, _, headers in receiver.got}


def test_without_a_webhook_nothing_is_put_aside(database, samples):
    RecordStore(database).insert(samples[:3])
    assert {} == Outbox(database).counts()
    assert [] == Outbox(database).entries(samples[0].id)


@pytest.mark.parametrize("error", [DatabaseFailed("away"), RuntimeError("can't start new thread")])
def test_a_round_that_fails_does_not_end_it(make, monkeypatch, error):
    webhook, receiver = make()
    claim = webhook.outbox.claim
    tries = []

    def away(now, limit):
        tries.append(1)
        if len(tries) == 1:
            raise error
        return claim(now, limit)

    monkeypatch.setattr(webhook.outbox, "claim", away)
    monkeypatch.setattr(webhook_module, "LOOK_EVERY", 0.001)
    webhook.start()
    with gevent.Timeout(20):
        while len(receiver.got) < 3:
            gevent.sleep(0.001)


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("ftp://x/y", SECRET),
        ("https://", SECRET),
        ("/hook", SECRET),
        ("https://x/y", "short"),
        ("", ""),
        ("http://[", SECRET),
    ],
)
def test_settings_that_make_no_sense_are_refused(database, url, secret):
    with pytest.raises(ValueError, match=r"records\.webhook_"):
        Webhook(database, url, secret)


@pytest.mark.parametrize(
    ("change", "now"),
    [
        (lambda body, signature: (body + b" ", signature), 1000),
        (lambda body, signature: (body, signature.replace("t=1000", "t=1001")), 1000),
        (lambda body, signature: (body, signature[:-1] + "0z"), 1000),
        (lambda body, signature: (body, ""), 1000),
        (lambda body, signature: (body, "t=,v1="), 1000),
        (lambda body, signature: (body, "t=１０００,v1=ü"), 1000),
        (lambda body, signature: (body, signature), 1301),
        (lambda body, signature: (body, signature), 699),
    ],
)
def test_a_changed_or_old_request_is_not_believed(change, now):
    signature = sign(SECRET, b"{}", 1000.7)
    assert verify(SECRET, b"{}", signature, 1000)
    assert not verify("another secret", b"{}", signature, 1000)
    body, changed = change(b"{}", signature)
    assert not verify(SECRET, body, changed, now)


@pytest.mark.process
def test_over_http(make, samples):
    received = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            received.append(
                (self.path, self.rfile.read(int(self.headers["Content-Length"])), self.headers)
            )
            codes = {"/moved": 302, "/broken": 500}
            self.send_response(codes.get(self.path, 204))
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *_):
            pass

    with socketserver.TCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        base = f"http://127.0.0.1:{server.server_address[1]}"
        assert (204, "No Content") == post(f"{base}/hook", b"{}", {"Fsflows-Attempt": "1"})
        assert 302 == post(f"{base}/moved", b"{}", {})[0]
        assert 500 == post(f"{base}/broken", b"{}", {})[0]
        server.shutdown()
        thread.join()
    assert ["/hook", "/moved", "/broken"] == [path for path, _, _ in received]
    assert "1" == received[0][2]["Fsflows-Attempt"]
    status, why = post(f"{base}/gone", b"{}", {})
    assert 0 == status
    assert why


CERTIFICATE = Path(__file__).parents[1] / "tls" / "localhost.pem"


def test_over_https(monkeypatch):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    read = Mock(side_effect=ssl.create_default_context)
    monkeypatch.setattr(posting.ssl, "create_default_context", read)
    posting._tls.cache_clear()
    here = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    here.load_cert_chain(CERTIFICATE, CERTIFICATE.with_suffix(".key"))
    with socketserver.TCPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = here.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        url = f"https://127.0.0.1:{server.server_address[1]}/hook"
        assert [(204, "No Content")] * 2 == [post(url, b"{}", {}) for _ in range(2)]
        # The certificates that a host trusts take long to read.
        assert 1 == read.call_count
        monkeypatch.delenv("SSL_CERT_FILE")
        posting._tls.cache_clear()
        status, why = post(url, b"{}", {})
        server.shutdown()
        thread.join()
    posting._tls.cache_clear()
    assert 0 == status
    assert "certificate verify failed" in why


def dripping(listening):
    """A receiver that answers byte by byte for half a minute, until the other side has enough of it."""
    sock, _ = listening.accept()
    with sock, suppress(OSError):
        sock.recv(65536)
        sock.sendall(b"HTTP/1.1 200 OK\r\nSlow: ")
        for _ in range(600):
            sock.sendall(b"x")
            time.sleep(0.05)
        sock.sendall(b"\r\n\r\n")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_receiver_that_drips_its_answer_is_let_go(monkeypatch, scheme):
    monkeypatch.setattr(posting, "TIMEOUT", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        receiver = threading.Thread(target=dripping, args=(listening,), daemon=True)
        receiver.start()
        url = f"{scheme}://127.0.0.1:{listening.getsockname()[1]}/"
        assert 0 == post(url, b"{}", {})[0]
        receiver.join(30)
        assert not receiver.is_alive()


def test_dues_are_kept_in_order(database, samples):
    RecordStore(database, webhook=True).insert(samples[:3])
    for minutes, record in enumerate(samples[:3]):
        due = NOW - timedelta(minutes=minutes)
        database.write(
            lambda c, r=record, d=due: c.execute(
                update(outbox).where(outbox.c.record_id == r.id).values(due_at=d)
            )
        )
    assert [samples[2].id, samples[1].id] == [
        delivery.record_id for delivery, _ in Outbox(database).claim(NOW, 2)
    ]


# --- a record that changes ------------------------------------------------------------------------------------------

GONE = RecordingNote(state=RecordingState.DISCARDED, receipt={"complete": True})
OPEN = RecordingNote(state=RecordingState.PENDING)


def heads(receiver):
    names = ("Fsflows-Event", "Fsflows-Delivery", "Fsflows-Attempt")
    return [tuple(headers[name] for name in names) for _, _, headers in receiver.got]


def test_a_change_is_a_delivery_of_its_own(make, database, samples):
    webhook, receiver = make()
    record = samples[0]
    only(database, record)
    webhook.deliver(NOW)
    store = RecordStore(database)
    # A discard that is finished, opened again, finished.
    for note in (OPEN, GONE, GONE, OPEN, GONE):
        store.set_recording(record.call_id, note)
        webhook.deliver(LATER)
    assert [
        ("record.finished", f"{record.id}.1", "1"),
        ("record.changed", f"{record.id}.2", "1"),
        ("record.changed", f"{record.id}.3", "1"),
        ("record.changed", f"{record.id}.4", "1"),
        ("record.changed", f"{record.id}.5", "1"),
    ] == heads(receiver)
    bodies = [json.loads(body) for _, body, _ in receiver.got]
    assert [1, 2, 3, 4, 5] == [body["revision"] for body in bodies]
    assert ["pending", "discarded"] * 2 == [body["recording"]["state"] for body in bodies[1:]]


def test_what_was_never_tried_goes_out_once_as_it_is_now(make, database, samples):
    webhook, receiver = make()
    only(database, samples[0])
    RecordStore(database).set_recording(samples[0].call_id, GONE)
    webhook.deliver(NOW)
    webhook.deliver(LATER)
    assert [("record.finished", f"{samples[0].id}.1", "1")] == heads(receiver)
    assert "discarded" == json.loads(receiver.got[0][1])["recording"]["state"]


def test_what_was_tried_may_have_arrived_so_a_change_is_said(make, database, samples):
    webhook, receiver = make((0, "timed out"))
    record = samples[0]
    only(database, record)
    webhook.deliver(NOW)
    RecordStore(database).set_recording(record.call_id, GONE)
    webhook.deliver(LATER)
    assert {
        ("record.finished", f"{record.id}.1", "1"),
        ("record.finished", f"{record.id}.1", "2"),
        ("record.changed", f"{record.id}.2", "1"),
    } == set(heads(receiver))
    last = [json.loads(body) for _, body, _ in receiver.got][1:]
    assert [2, 2] == [body["revision"] for body in last]


def test_a_record_that_was_never_to_be_sent_is_not_sent_for_a_change(database, samples):
    store = RecordStore(database)
    store.insert(samples[:1])
    store.set_recording(samples[0].call_id, GONE)
    assert [] == Outbox(database).entries(samples[0].id)


def test_two_nodes_that_make_the_same_change_say_it_once(make, database, samples):
    webhook, receiver = make()
    only(database, samples[0])
    webhook.deliver(NOW)
    for _ in range(2):
        RecordStore(database, webhook=True).set_recording(samples[0].call_id, GONE)
    webhook.deliver(LATER)
    webhook.deliver(LATER)
    assert 2 == len(receiver.got)


def test_the_last_delivery_is_what_is_sent_again(make, database, samples):
    webhook, receiver = make()
    record = samples[0]
    only(database, record)
    webhook.deliver(NOW)
    RecordStore(database).set_recording(record.call_id, GONE)
    webhook.deliver(LATER)
    assert webhook.outbox.again(record.id, LATER)
    webhook.deliver(LATER)
    assert ("record.changed", f"{record.id}.2", "2") == heads(receiver)[-1]
    assert not webhook.outbox.again("nobody", LATER)
