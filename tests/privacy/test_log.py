import io
import json
import logging
import sys
import threading

import gevent
import pytest

from fsflows import log
from fsflows.log.stream import output
from fsflows.privacy import Pii, Redactor

CARD = "4556737586899855"


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def redactor():
    it = Redactor()
    it.add(CARD)
    return it


def lines(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize("style", ["json", "console"])
def test_the_journal_is_told_how_bad_a_line_is(tmp_path, monkeypatch, style):
    with (tmp_path / "journal").open("w+", encoding="utf-8") as stream:
        found = (tmp_path / "journal").stat()
        monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino}")
        log.setup("debug", style, stream=stream)
        logger = log.get_logger("esl")
        try:
            raise KeyError("x")
        except KeyError:
            logger.exception("worse")
        for level in ("debug", "info", "warning", "error", "critical"):
            getattr(logger, level)("line")
        said = (tmp_path / "journal").read_text(encoding="utf-8").splitlines()
        assert {"<3>"} == {line[:3] for line in said[:-5]}
        assert ["<7>", "<6>", "<4>", "<3>", "<2>"] == [line[:3] for line in said[-5:]]
        monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino + 1}")
        logger.error("another's")
        assert (
            not (tmp_path / "journal").read_text(encoding="utf-8").splitlines()[-1].startswith("<")
        )


def test_a_line_is_json_off_a_terminal_and_names_the_call():
    stream = io.StringIO()
    log.setup("info", stream=stream)
    log.call_logger("esl", "c-1").info("connected", port=8084)
    (line,) = lines(stream)
    assert {
        "level": "info",
        "part": "esl",
        "call": "c-1",
        "event": "connected",
        "port": 8084,
    } == {key: value for key, value in line.items() if key != "timestamp"}
    assert line["timestamp"].endswith("Z")


def test_a_line_is_for_people_on_a_terminal():
    stream = Terminal()
    log.setup("info", stream=stream)
    log.get_logger("esl").info("connected", port=8084)
    assert "connected" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


def test_levels_are_set_by_part_at_run_time():
    with log.capture("info") as events:
        esl, session = log.get_logger("esl"), log.get_logger("esl.session")
        other = log.get_logger("server")
        esl.debug("1")
        log.set_level("esl", "debug")
        for each in (esl, session, other):
            each.debug("2")
        log.set_level("esl.session", "error")
        session.warning("3")
        session.error("4")
    assert [("esl", "2"), ("esl", "2"), ("esl.session", "4")] == [
        (
            event["part"].removesuffix(".session") if event["event"] == "2" else event["part"],
            event["event"],
        )
        for event in events
    ]


def test_a_level_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="no log level 'loud'; there are debug, info"):
        log.set_level("esl", "loud")
    with pytest.raises(ValueError, match="no log format 'xml'"):
        log.setup(style="xml")


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_P13_nothing_private_in_any_field_of_any_level(stream, redactor):
    out = stream()
    log.setup("debug", stream=out)
    logger = log.call_logger("call", "c-1", redactor)
    for method in (logger.debug, logger.info, logger.warning, logger.error, logger.critical):
        method(
            "got %s",
            CARD,
            card=CARD,
            number=int(CARD),
            deep={"x": [Pii(CARD), CARD]},
            error=ValueError(CARD),
            obj=type("X", (), {"__repr__": lambda _: CARD})(),
            **{f"k{CARD}": 1},
        )
    assert 5 == out.getvalue().count("[16 digits hidden]") // 8
    assert "45567" not in out.getvalue()


def test_P13_a_traceback_has_no_locals_and_no_private_value_in_its_message(redactor):
    def fails():
        secret_local = CARD
        return int(secret_local + "x")

    out = io.StringIO()
    log.setup("debug", stream=out)
    try:
        fails()
    except ValueError:
        log.call_logger("call", "c-1", redactor).exception("function failed")
    (line,) = lines(out)
    assert (
        "ValueError: invalid literal for int() with base 10: '[16 digits hidden]x'"
        in line["exception"]
    )
    assert "in fails" in line["exception"]
    assert "secret_local =" not in line["exception"].replace("secret_local + ", "")
    assert CARD not in out.getvalue()


def test_times_and_ids_are_not_cut_up_by_a_pin_that_looks_like_them():
    redactor = Redactor()
    redactor.add("2026")
    redactor.add("1234")
    with log.capture() as events:
        log.call_logger("call", "id-1234", redactor).info("pin 2026")
    assert "id-1234" == events[0]["call"]
    assert "[" not in events[0]["timestamp"]
    assert "pin [4 digits hidden]" == events[0]["event"]


def test_a_caller_cannot_forge_a_line_or_move_the_cursor():
    for stream in (Terminal(), io.StringIO()):
        log.setup("info", stream=stream)
        log.get_logger("call").info("call from\n2026 [error] \x1b[2J", name="Bobby\r\n\x1b]0;x\x07")
        assert 1 == stream.getvalue().count("\n")
        assert "\x1b[2J" not in stream.getvalue()
        assert "\x07" not in stream.getvalue()


def test_logging_never_raises():
    class Bad:
        def __repr__(self):
            raise RuntimeError

    class Broken(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    before = output.lost_lines
    log.setup("info", stream=io.StringIO())
    log.get_logger("x").info("bad", bad=Bad())
    log.get_logger("x").info("%d and %d", 1)
    log.setup("info", stream=Broken())
    log.get_logger("x").info("nobody hears")
    assert before + 3 == output.lost_lines


def test_fields_with_our_names_are_kept_beside_ours():
    with log.capture() as events:
        log.get_logger("x").info("e", level="high", event="mine", part="half", self=1, timestamp=0)
    assert ("info", "x", "e", "high", "mine", "half", 1, 0) == tuple(
        events[0][key]
        for key in ("level", "part", "event", "level_", "event_", "part_", "self", "timestamp_")
    )


def test_stdlib_loggers_come_out_the_same_way_with_the_greenlets_call(redactor):
    out = io.StringIO()
    log.setup("info", stream=out)

    def work():
        log.bind_call("c-9", redactor)
        logging.getLogger("greenswitch").warning("sent %s", CARD)

    gevent.spawn(work).join()
    logging.getLogger("greenswitch").info("no call")
    logging.getLogger("greenswitch").debug("hidden by level")
    first, second = lines(out)
    assert (
        "greenswitch",
        "c-9",
        "sent [16 digits hidden]",
    ) == (first["part"], first["call"], first["event"])
    assert "call" not in second


def test_bound_fields_stay_with_their_logger():
    with log.capture() as events:
        base = log.get_logger("x")
        base.bind(step="pin").info("1")
        base.info("2")
    assert ["pin", None] == [event.get("step") for event in events]


def test_P13_what_nobody_catches_is_logged_without_its_arguments(monkeypatch):
    for module, name in ((sys, "excepthook"), (sys, "unraisablehook"), (threading, "excepthook")):
        monkeypatch.setattr(module, name, getattr(module, name))
    monkeypatch.setattr(gevent.get_hub(), "print_exception", None, raising=False)
    out = io.StringIO()
    log.setup("info", stream=out)
    log.route_crashes()
    with log.capture() as events:
        gevent.spawn(lambda card: {}["missing"], CARD).join()
        thread = threading.Thread(target=lambda card: card.missing, args=(CARD,), name="worker")
        thread.start()
        thread.join()
        try:
            raise LookupError("end")
        except LookupError:
            sys.excepthook(*sys.exc_info())
    assert [
        "a greenlet ended with an exception",
        "a thread ended with an exception",
        "the program ended with an exception",
    ] == [event["event"] for event in events]
    assert CARD not in str(events)
    assert "KeyError: 'missing'" in events[0]["exception"]
