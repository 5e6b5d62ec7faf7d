"""Finished records, posted to a URL, and once more when one has changed.

Each new record is put into an outbox in the same transaction that writes it, so none is forgotten; so is each later
change of it, as a delivery of its own. It is sent until the receiver answers 2xx; the number of the attempt is
written down before each one and sent along, so a receiver that hears of one delivery twice is told so. Several nodes
can share an outbox: whoever takes a delivery has it for a while.

    POST / HTTP/1.1
    Content-Type: application/json
    Fsflows-Event: record.finished
    Fsflows-Record: 0f8fad5b-d9cb-469f-a165-70867728950e
    Fsflows-Delivery: 0f8fad5b-d9cb-469f-a165-70867728950e.1
    Fsflows-Attempt: 1
    Fsflows-Signature: t=1767225600,v1=5257a869e7ecebeda32affa62cdca3fa51cad7e77a0e56ff536d0ce8e108d8bd

The signature is HMAC-SHA256 of "TIME.BODY" with the shared secret; see `verify`.
"""

from __future__ import annotations

import hashlib
import hmac
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

import gevent
import gevent.event
from gevent.pool import Pool
from sqlalchemy import ColumnElement, Connection, and_, func, select, update

from fsflows.archive.metrics import DELIVERIES
from fsflows.archive.posting import TIMEOUT, Answer, post
from fsflows.archive.storable import storable
from fsflows.archive.tables import bodies, outbox
from fsflows.database import Database, DatabaseFailed
from fsflows.log import get_logger
from fsflows.threads import threads

T = TypeVar("T")

BACK_OFF = (10, 30, 120, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600)
"""Seconds until the next attempt; the last one for all that follow, each with a tenth of chance."""

MAX_ATTEMPTS = 20
"""Then it is given up, loudly: about a week."""

LOOK_EVERY = 5.0
AT_ONCE = 4
MIN_SECRET = 16

LEASE = TIMEOUT * 6
"""Seconds that a process gets to send what it has taken, before another one takes it."""

TOLERANCE = 300.0
"""Seconds by which sender's and receiver's clocks may differ."""

log = get_logger("webhook")


def sign(secret: str, body: bytes, at: float) -> str:
    """The value of `Fsflows-Signature`."""
    stamp = str(int(at))
    digest = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"t={stamp},v1={digest}"


def verify(
    secret: str, body: bytes, signature: str, now: float, tolerance: float = TOLERANCE
) -> bool:
    """For receivers in Python: whether a request's body was signed with the secret, and lately."""
    parts = dict(part.split("=", 1) for part in signature.split(",") if "=" in part)
    stamp = parts.get("t", "")
    if not stamp.isdecimal() or not stamp.isascii() or abs(now - int(stamp)) > tolerance:
        return False
    return hmac.compare_digest(sign(secret, body, int(stamp)).encode(), signature.encode())


class Delivery(NamedTuple):
    """A record that is to be sent because it was finished (`revision` 1), or because it has changed."""

    record_id: str
    revision: int

    @property
    def id(self) -> str:
        """What tells it from every other one."""
        return f"{self.record_id}.{self.revision}"

    @property
    def event(self) -> str:
        """What has happened."""
        return "record.finished" if self.revision == 1 else "record.changed"

    @property
    def row(self) -> ColumnElement[bool]:
        """Where it stands in the outbox."""
        return and_(outbox.c.record_id == self.record_id, outbox.c.revision == self.revision)


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """How far one delivery is. `state`: "waiting", "delivered" or "given_up"."""

    revision: int
    state: str
    attempts: int
    due_at: datetime
    delivered_at: datetime | None
    answer: str


class Outbox:
    """The deliveries that are to be made, in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, now: datetime, limit: int) -> list[tuple[Delivery, int]]:
        """Take what is due; each is ours for `LEASE` seconds. Gives each with the number of this attempt."""

        def work(connection: Connection) -> list[tuple[Delivery, int]]:
            due = (
                select(outbox.c.record_id, outbox.c.revision, outbox.c.attempts)
                .where(outbox.c.state == "waiting", outbox.c.due_at <= now)
                .order_by(outbox.c.due_at)
                .limit(limit)
                .with_for_update(skip_locked=True)
            )
            taken = []
            for record_id, revision, attempts in connection.execute(due).all():
                delivery = Delivery(record_id, revision)
                connection.execute(
                    update(outbox)
                    .where(delivery.row)
                    .values(attempts=attempts + 1, due_at=now + timedelta(seconds=LEASE))
                )
                taken.append((delivery, attempts + 1))
            return taken

        return self._database.write(work)

    def body(self, record_id: str) -> bytes | None:
        """The record, as it is now; None: it has been deleted."""
        query = select(bodies.c.body).where(bodies.c.record_id == record_id)
        found = self._database.read(lambda c: c.execute(query).scalar_one_or_none())
        return None if found is None else found.encode()

    def settle(self, delivery: Delivery, **values: Any) -> None:
        """Write down how an attempt ended."""
        query = update(outbox).where(delivery.row).values(**values)
        self._database.write(lambda c: c.execute(query))

    def entries(self, record_id: str) -> list[OutboxEntry]:
        """How far the deliveries of one record are, the first one first. None: it was never to be sent."""
        columns = (
            outbox.c.revision,
            outbox.c.state,
            outbox.c.attempts,
            outbox.c.due_at,
            outbox.c.delivered_at,
            outbox.c.answer,
        )
        query = select(*columns).where(outbox.c.record_id == record_id).order_by(outbox.c.revision)
        rows = self._database.read(lambda c: c.execute(query).all())
        return [OutboxEntry(*row) for row in rows]

    def again(self, record_id: str, now: datetime) -> bool:
        """Repeat a record's last delivery; the attempts go on being counted. False: it was never to be sent."""
        deliveries = self.entries(record_id)
        if not deliveries:
            return False
        last = Delivery(record_id, deliveries[-1].revision)
        query = update(outbox).where(last.row).values(state="waiting", due_at=now)
        return bool(self._database.write(lambda c: c.execute(query).rowcount))

    def counts(self) -> dict[str, int]:
        """How many are in which state."""
        query = select(outbox.c.state, func.count()).group_by(outbox.c.state)
        rows = self._database.read(lambda c: c.execute(query).all())
        return {row[0]: row[1] for row in rows}


def check_url(url: str) -> None:
    """Whether it can be posted to.

    Raises:
        ValueError: it can't.
    """
    try:
        parts = urlsplit(url)
    except ValueError:  # "http://[", and the like
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("records.webhook_url must begin with http:// or https://, and name a host")


def check_secret(secret: str) -> None:
    """Whether it can sign.

    Raises:
        ValueError: it is too short.
    """
    if len(secret) < MIN_SECRET:
        raise ValueError(
            f"records.webhook_secret must have {MIN_SECRET} characters or more (openssl rand -hex 32 makes one)"
        )


class Webhook:
    """Sends what is in the outbox.

    Args:
        database: of the records.
        url: where to; http or https.
        secret: shared with the receiver.
        send: how; tests put something else here.

    Raises:
        ValueError: the URL or the secret can't be used.
    """

    def __init__(
        self,
        database: Database,
        url: str,
        secret: str,
        send: Callable[[str, bytes, Mapping[str, str]], Answer] | None = None,
    ) -> None:
        check_url(url)
        check_secret(secret)
        self.outbox = Outbox(database)
        self._url = url
        self._secret = secret
        self._send = send or post
        self._threads = threads(AT_ONCE)
        self._senders = Pool(AT_ONCE)
        self._stopping = gevent.event.Event()
        self._greenlet: gevent.Greenlet[[], None] | None = None

    def start(self) -> None:
        """Begin to send."""
        self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        """End, after the attempts that are under way."""
        self._stopping.set()
        if self._greenlet is not None:
            self._greenlet.join()
        self._threads.kill()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                busy = self.deliver(datetime.now(UTC))
            except DatabaseFailed as error:
                log.warning("the outbox can't be read", why=str(error))
                busy = 0
            except Exception:
                # Whatever it is (no thread can be had), the next records are to be sent all the same.
                log.exception("sending records failed")
                busy = 0
            if not busy:
                self._stopping.wait(LOOK_EVERY)

    def deliver(self, now: datetime) -> int:
        """One round: send what is due, a few at a time; how many were tried.

        Raises:
            DatabaseFailed: what had been taken is tried again later.
        """
        claimed = self.outbox.claim(now, AT_ONCE * 2)
        jobs = [self._senders.spawn(self._try, *claim, now) for claim in claimed]
        gevent.joinall(jobs)
        for job in jobs:
            job.get()
        return len(claimed)

    def _try(self, delivery: Delivery, attempt: int, now: datetime) -> None:
        body = self.outbox.body(delivery.record_id)
        if body is None:
            return  # deleted meanwhile, and its place in the outbox with it
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "fsflows",
            "Fsflows-Event": delivery.event,
            "Fsflows-Record": delivery.record_id,
            "Fsflows-Delivery": delivery.id,
            "Fsflows-Attempt": str(attempt),
            "Fsflows-Signature": sign(self._secret, body, time.time()),
        }
        status, reason = self._threads.apply(self._send, (self._url, body, headers))
        # What a receiver says must not keep us from writing down that it was asked: PostgreSQL takes no NUL.
        answer = storable(f"{status} {reason}" if status else reason)
        if 200 <= status < 300:
            self.outbox.settle(delivery, state="delivered", delivered_at=now, answer=answer)
            DELIVERIES.labels("delivered").inc()
            log.debug("record delivered", delivery=delivery.id, attempt=attempt)
            return
        if attempt >= MAX_ATTEMPTS or status == 410:
            self.outbox.settle(delivery, state="given_up", answer=answer)
            DELIVERIES.labels("given_up").inc()
            log.error(
                "a record could not be delivered",
                delivery=delivery.id,
                attempts=attempt,
                answer=answer,
            )
            return
        DELIVERIES.labels("failed").inc()
        wait = BACK_OFF[min(attempt, len(BACK_OFF)) - 1] * random.uniform(1.0, 1.1)
        self.outbox.settle(delivery, due_at=now + timedelta(seconds=wait), answer=answer)
        log.warning(
            "record not delivered",
            delivery=delivery.id,
            attempt=attempt,
            answer=answer,
            again_in=round(wait),
        )
