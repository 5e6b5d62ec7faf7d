"""A console with sample calls in a process of its own, for a browser: `python -m console.serving OPTIONS`.

Prints its address, then takes commands, one a line: "call" begins a call, "say TEXT" goes on with it, "hang up" ends it and
writes its record. Answers each with "done".
"""

import argparse
import sys
import tempfile
from pathlib import Path

import gevent

sys.path.insert(0, str(Path(__file__).parents[1]))

from console.world import HOSTILE, World, odd
from fsflows import log
from fsflows.archive.endings import Reason, Result
from fsflows.console.server import open_console


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--token", default="")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument(
        "--hostile", action="store_true", help="one call of somebody who means harm"
    )
    parser.add_argument("--odd", action="store_true", help="some that are hard on a layout")
    parser.add_argument("--calls", type=int, default=0, help="so many calls are running")
    parser.add_argument("--records", type=int, default=400)
    options = parser.parse_args()
    log.setup("warning", "json")
    with tempfile.TemporaryDirectory() as directory:
        world = World(Path(directory), threaded=True, count=options.records)
        if options.hostile:
            world.add(caller_name=HOSTILE, caller=HOSTILE, last_step=HOSTILE)
            world.call(name=HOSTILE, caller=HOSTILE)
        if options.odd:
            odd(world)
        lines = (
            ("+442079460018", "Ada Lindqvist", "recording_opt_out"),
            ("+442079460771", "", "menu"),
            ("", "", "phone_number"),
        )
        for caller, name, flow in lines[: options.calls]:
            world.call(caller, name, flow)
        server = open_console(world.sources, (options.host, options.port), token=options.token)
        server.start()
        print(server.url, flush=True)
        _obey(world)
        server.stop()
        world.close()


def _obey(world):
    builder = None
    while line := gevent.get_hub().threadpool.apply(sys.stdin.readline):
        command, _, text = line.strip().partition(" ")
        if command == "call":
            builder = world.call()
        elif command == "say":
            builder.said(text)
        elif command == "hang":
            record = builder.finish(Result.ABANDONED, Reason.CALLER_HUNG_UP, "NORMAL_CLEARING")
            world.live.remove(builder)
            world.store.insert([record])
        print("done", flush=True)


if __name__ == "__main__":
    main()
