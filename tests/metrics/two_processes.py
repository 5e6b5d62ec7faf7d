"""A parent and two forked workers that count into one directory; prints what `/metrics` says, twice."""

import os
import sys
from pathlib import Path

from fsflows import metrics

metrics.share(sys.argv[1])
# Of a process that was killed just when it had made it, or is about to go on with it.
(Path(sys.argv[1]) / "counter_99999999.db").touch()

from prometheus_client import Counter, Gauge, Histogram  # noqa: E402

DONE = Counter("fsflows_test_done_total", "Things done.", ["kind"])
RUNNING = Gauge("fsflows_test_running", "Things running.", multiprocess_mode="livesum")
OLDEST = Gauge("fsflows_test_oldest_seconds", "The oldest.", multiprocess_mode="livemax")
TOOK = Histogram("fsflows_test_took_seconds", "How long.", buckets=(1, 2))
quick = metrics.Count(DONE.labels("quick"))
took = metrics.Spread(TOOK)


def work(number: int, ready: int, leave: int) -> None:
    metrics.reserve()
    DONE.labels("slow").inc()
    quick.n += 10
    RUNNING.inc(2)
    OLDEST.set(number)
    took.add(number + 0.5)
    metrics.flush()
    os.write(ready, b".")
    os.read(leave, 1)


quick.n += 1  # the parent's own, which no child may count again
workers, pipes = [], []
ready_read, ready = os.pipe()
for number in (1, 2):
    stay, leave = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(leave)
        work(number, ready, stay)
        os._exit(0)
    workers.append(pid)
    pipes.append(leave)
os.read(ready_read, 1), os.read(ready_read, 1)
print(metrics.render()[0].decode())
print("=== one has died")
os.close(pipes[1])
os.waitpid(workers[1], 0)
metrics.forget_process(workers[1])
print(metrics.render()[0].decode())
os.close(pipes[0])
os.waitpid(workers[0], 0)
