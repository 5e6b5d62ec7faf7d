"""A process that counts on while the disk is filled, and one that comes later; says how it went."""

import os
import sys
from pathlib import Path

from fsflows import metrics

metrics.share(sys.argv[1])
metrics.reserve()

from prometheus_client import Counter  # noqa: E402

COUNTED = Counter("fsflows_test_counted_total", "Counted.", ["what"])
with Path(sys.argv[1], "ballast").open("wb", buffering=0) as ballast:
    for size in (65536, 4096, 1):
        try:
            while True:
                ballast.write(b"x" * size)
        except OSError:
            continue
for number in range(4000):
    COUNTED.labels(str(number)).inc()
pid = os.fork()
if pid == 0:
    try:
        metrics.reserve()
    except OSError:
        os._exit(7)
    os._exit(0)
later = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
count = metrics.render()[0].decode().count("fsflows_test_counted_total{")
print(f"{count} counted, and {'no room for another' if later == 7 else later}")
