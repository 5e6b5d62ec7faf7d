"""The recorded traffic of a real FreeSWITCH 1.10.12 (tests/wire/traces), and a plain reading of it to compare with."""

import gzip
import json
from functools import cache
from pathlib import Path
from urllib.parse import unquote

TRACES = Path(__file__).parent.parent / "wire" / "traces"
NAMES = sorted(path.name.removesuffix(".jsonl.gz") for path in TRACES.glob("*.jsonl.gz"))


@cache
def lines(name: str) -> list[dict]:
    text = gzip.decompress((TRACES / f"{name}.jsonl.gz").read_bytes()).decode()
    return [json.loads(line) for line in text.splitlines()]


@cache
def stream(name: str, direction: str = "fs->app") -> bytes:
    return "".join(line["data"] for line in lines(name) if line["dir"] == direction).encode()


def oracle(data: bytes) -> list[tuple[dict[str, str], bytes]]:
    """Frames as (headers, body), read the obvious way: a line at a time from a whole stream."""
    frames = []
    position = 0
    while position < len(data):
        headers: dict[str, str] = {}
        empty = True
        while True:
            end = data.index(b"\n", position)
            line = data[position:end].decode("utf-8", "replace")
            position = end + 1
            if not line:
                break
            empty = False
            name, colon, value = line.partition(": ")
            if colon:
                headers[name] = value.strip()
        if not empty:
            length = int(headers.get("Content-Length", 0))
            frames.append((headers, data[position : position + length]))
            position += length
    return frames


def oracle_event(payload: bytes, kind: str) -> tuple[dict[str, str | list[str]], str]:
    """An event as (headers, body), read the obvious way."""
    if kind == "text/event-json":
        headers = json.loads(payload)
        return headers, headers.pop("_body", "")
    head, _, body = payload.partition(b"\n\n")
    pairs = [line.split(": ", 1) for line in head.decode().split("\n")]
    return {name: unquote(value) for name, value in pairs}, body.decode()
