"""Addresses as they are written in settings."""

from __future__ import annotations


def parse_address(text: str) -> tuple[str, int]:
    """Host and port of an address like "127.0.0.1:8084" or "[::1]:8084".

    Raises:
        ValueError: it isn't one.
    """
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"an address is HOST:PORT (127.0.0.1:8084), got {text!r}")
    return host.strip("[]"), int(port)
