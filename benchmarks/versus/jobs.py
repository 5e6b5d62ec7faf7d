"""What is played to a server, and measured: a job, in a process of its own.

    python benchmarks/versus/jobs.py JOB        # JOB: a JSON object; the result is printed as one

The server's process runs already: its port and process ids are in the job.
"""

from __future__ import annotations

import json
import random
import resource
import sys
import time

from player import PATIENCE, Call, Player, busy
from traffic import CHUNK_EVENTS, now_stamp


def calls(player: Player, job: dict) -> dict:
    """Set-ups a second, memory and idle time a call, and from a key to the next command, with so many calls."""
    count = job["calls"]
    result: dict = {"calls": count}
    # Once, and gone again: what a server allocates for its first calls belongs to no call.
    warm = player.set_up(min(count, 50), "keys", 10)
    for call in warm:
        call.release()
    player.run_for(0.3)
    player.hang_up()
    player.run_for(0.5)
    spent, lost, wall, own = 0.0, 0, 0.0, time.process_time()
    # A server that has had calls before is dearer to some: what they have left is cleared away meanwhile.
    rounds = max(2, min(job.get("rounds", 5), 3000 // count))
    empty, held = player.memory(), 0
    for index in range(rounds):
        before, began = player.cpu(), time.perf_counter()
        up = player.set_up(count, "keys", min(count, 64))
        wall += time.perf_counter() - began
        spent += busy(before, player.cpu())
        lost += count - len(up)
        for call in up:
            call.release()
        player.run_for(0.5 + count / 2000)
        # Only once: what the first calls have left behind is used again, and would hide what a call holds.
        held = held or (player.memory() - empty)
        if index + 1 < rounds:
            player.hang_up()
            player.settle()
    result["setups_per_second"] = (rounds * count - lost) / spent if spent else 0.0
    result["wall_setups_per_second"] = (rounds * count - lost) / wall
    result["player_busy"] = (time.process_time() - own) / (wall + rounds * (0.5 + count / 2000))
    result["lost"] = lost
    up = [call for call in up if not call.dead]
    result["up"] = len(up)
    result["kb_per_call"] = held / max(1, len(up)) / 1024
    if job.get("idle"):
        player.settle()
        before = player.cpu()
        player.run_for(job["idle"])
        result["idle_percent"] = 100 * busy(before, player.cpu()) / job["idle"]
    if job.get("keys") and up:
        result |= keys(player, up, job["keys"], job.get("rate", 250))
    player.hang_up()
    return result


def keys(player: Player, up: list[Call], presses: int, rate: float) -> dict:
    """From a key to the next command: keys at random times, of random calls."""
    waiting: dict[Call, float] = {}
    took: list[float] = []

    def commanded(call: Call) -> None:
        if call in waiting:
            took.append(time.perf_counter() - waiting.pop(call))

    dice = random.Random(len(up))
    for call in up:
        call.on_command = commanded
    before, began = player.cpu(), time.perf_counter()
    due = began
    for _ in range(presses):
        due += dice.expovariate(rate)
        while (left := due - time.perf_counter()) > 0:
            player.turn(left)
        call = dice.choice(up)
        if call in waiting or call.dead:
            continue
        data = call.traffic.key(b"1")
        waiting[call] = time.perf_counter()
        call.send(data)
    player.until(lambda: not waiting, 2.0)
    took.sort()
    return {
        "keys": len(took),
        "keys_unanswered": len(waiting),
        "key_ms_p50": 1000 * took[len(took) // 2] if took else None,
        "key_ms_p99": 1000 * took[int(len(took) * 0.99)] if took else None,
        "cpu_us_per_key": 1e6 * busy(before, player.cpu()) / max(1, len(took)),
    }


def events(player: Player, job: dict) -> dict:
    """Events a second: chunks of the mix on all calls, each after the command that ends the one before."""
    count, chunks = job["calls"], job["chunks"]
    up = player.set_up(count, "mix", 32)
    for call in up:
        call.release()
    player.run_for(1.0)
    ready = {call: call.traffic.chunk() for call in up}
    left = dict.fromkeys(up, chunks)
    done = 0

    def play(call: Call) -> None:
        data, stamps = ready[call]
        now = now_stamp()
        for position in stamps:
            data[position : position + 16] = now
        call.send(data)

    def commanded(call: Call) -> None:
        nonlocal done
        if left[call] > 0:
            left[call] -= 1
            done += 1
            if left[call] > 0:
                play(call)

    own, before, began = time.process_time(), player.cpu(), time.perf_counter()
    for call in up:
        call.on_command = commanded
        play(call)
    player.until(
        lambda: not any(left[call] for call in up if not call.dead), job.get("limit", 60.0)
    )
    wall, spent = time.perf_counter() - began, busy(before, player.cpu())
    result = {
        "calls": len(up),
        "events": done * (CHUNK_EVENTS + 1),
        "unfinished": sum(left.values()),
        "events_per_second": done * (CHUNK_EVENTS + 1) / spent,
        "wall_events_per_second": done * (CHUNK_EVENTS + 1) / wall,
        "player_busy": (time.process_time() - own) / wall,
    }
    player.hang_up()
    return result


def burst(player: Player, job: dict) -> dict:
    """Calls lost of so many that come in one instant."""
    count = job["calls"]
    player.patience = job.get("patience", PATIENCE)
    began = time.perf_counter()
    up = player.set_up(count, "keys", count)
    took = time.perf_counter() - began
    for call in up:
        call.release()
    player.run_for(0.5)
    result = {"calls": count, "lost": count - len(up), "seconds": took}
    player.hang_up()
    return result


JOBS = {"calls": calls, "events": events, "burst": burst}


def main() -> None:
    job = json.loads(sys.argv[1])
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    player = Player(job["port"], job["pids"])
    print(json.dumps(JOBS[job["job"]](player, job)))


if __name__ == "__main__":
    main()
