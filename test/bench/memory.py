"""Memory of the worker over many deliveries (numbers 14): after 1,000,000 against after 10,000.

Anonymous memory from /proc/PID/status: what the process allocated itself, without the server's shared buffers, which it
touches more of as time goes on. Sent in batches that are all due at once, and deleted after each.
"""

import time

from bench import argument, expect
from throughput import deliver, prepare

FIRST = 10000
BATCH = 50000


def anonymous_kb(pid):
    with open("/proc/%s/status" % pid, encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("RssAnon:"))


def measure(bench):
    count = argument("MESSAGES", 1000000)
    bench.heading("Memory of the worker over %d deliveries" % count)
    nginx, application, subscription = prepare(bench)
    pid = bench.worker_pid()
    started = time.monotonic()
    deliver(bench, application, subscription, FIRST)
    first, sent = anonymous_kb(pid), FIRST
    bench.note("after %d: %d KB" % (sent, first))
    while sent < count:
        batch = min(BATCH, count - sent)
        deliver(bench, application, subscription, batch)
        sent += batch
        if sent == count or sent < 5 * BATCH or sent % (4 * BATCH) < BATCH:
            bench.note("after %d: %d KB, %.0f s" % (sent, anonymous_kb(pid), time.monotonic() - started))
    last = anonymous_kb(pid)
    expect("the worker is the same as before", bench.worker_pid() == pid)
    nginx.stop()
    bench.result("after %d deliveries" % sent, "%d KB" % last, "1.05 x", last <= 1.05 * first,
                 "%d KB after %d, so %.3f x" % (first, FIRST, last / first))
