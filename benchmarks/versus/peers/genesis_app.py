"""Genesis's outbound server with the small application."""

from __future__ import annotations

import asyncio
import logging
import resource
import sys

from genesis import Outbound

logging.disable(logging.CRITICAL)


async def run(session) -> None:
    over = asyncio.Event()
    digits = ""

    async def play() -> None:
        await session.sendmsg("execute", "playback", "/sounds/menu.wav")

    async def key(event) -> None:
        nonlocal digits
        if event["DTMF-Digit"] == "1":
            digits = ""
            await play()
        else:
            digits += event["DTMF-Digit"]

    async def other(event) -> None:
        event.get("Application-UUID")

    async def ended(event) -> None:
        over.set()

    session.on("DTMF", key)
    session.on("DETECTED_SPEECH", other)
    session.on("CHANNEL_EXECUTE_COMPLETE", other)
    session.on("CHANNEL_HANGUP_COMPLETE", ended)
    await session.sendmsg("execute", "answer")
    await play()
    await over.wait()


_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
asyncio.run(Outbound(run, "127.0.0.1", int(sys.argv[1])).start())
