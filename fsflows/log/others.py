"""What others say comes out in the same way: other libraries' lines, and what nobody caught."""

from __future__ import annotations

import logging
import sys
import threading
from types import TracebackType
from typing import Any, cast

from fsflows.log.logger import get_logger
from fsflows.log.thresholds import LEVELS


class Bridge(logging.Handler):
    """Takes what stdlib loggers (greenswitch's, gevent's, a flow's functions') say into ours, part by logger's name."""

    def emit(self, record: logging.LogRecord) -> None:
        level = next(
            (name for name, number in reversed(LEVELS.items()) if record.levelno >= number), "debug"
        )
        try:
            text = record.getMessage()
        except Exception:
            text = str(record.msg)
        log = get_logger(record.name)
        getattr(log, level)(text, exc_info=record.exc_info)


def bridge() -> None:
    """Let stdlib loggers' lines come out as ours."""
    root = logging.getLogger()
    if not any(isinstance(handler, Bridge) for handler in root.handlers):
        root.handlers = [Bridge()]
    root.setLevel(logging.NOTSET)  # whether a line is shown is asked of set_level's levels


def route_crashes() -> None:
    """Let what nobody caught (in the main program, a thread, a greenlet, a finaliser) come out as log lines.

    The usual reports go to standard error past every processor here, and gevent's names the arguments of the
    function.
    """
    import gevent

    log = get_logger("crash")

    def of_program(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            log.critical("the program ended with an exception", exc_info=(kind, error, trace))

    def of_thread(args: threading.ExceptHookArgs) -> None:
        name = args.thread.name if args.thread is not None else ""
        if args.exc_value is not None:
            log.error("a thread ended with an exception", thread=name, exc_info=args.exc_value)

    def of_finaliser(args: sys.UnraisableHookArgs) -> None:
        if args.exc_value is not None:
            log.error("an exception with no one to catch it", exc_info=args.exc_value)

    def of_greenlet(
        context: object, kind: type[BaseException], error: BaseException, trace: TracebackType
    ) -> None:
        if isinstance(context, tuple) and type(context[0]).__module__ == "gevent.threadpool":
            return  # it is raised once more where somebody waits for the thread
        if issubclass(kind, KeyboardInterrupt):
            return  # so it is in the main program
        what = type(context).__name__ if context is not None else "the event loop"
        log.error("a greenlet ended with an exception", of=what, exc_info=(kind, error, trace))

    sys.excepthook = of_program
    threading.excepthook = of_thread
    sys.unraisablehook = of_finaliser
    cast("Any", gevent.get_hub()).print_exception = of_greenlet
