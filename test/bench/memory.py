"""Memory of the worker over many deliveries (numbers 14): after 1,000,000 against after 10,000, and of a message in flight.

Anonymous memory from /proc/PID/status: what the process allocated itself, without the server's shared buffers, which it
touches more of as time goes on. Sent in batches that are all due at once, and deleted after each. What a message in flight
needs is the difference between many at once and few.
"""

import time

from bench import argument, expect, wait_for
from throughput import APPOINTMENTS, deliver, prepare

FIRST = argument("FIRST", 10000, 5000)
BATCH = 50000

# The rest of appt.max_concurrency is left to other lanes.
IN_FLIGHT = (50, 200)
HELD_MS = 3000


def anonymous_kb(pid):
    with open("/proc/%s/status" % pid, encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("RssAnon:"))


def measure_deliveries(bench):
    count = argument("MESSAGES", 1000000, 20000)
    bench.heading("Memory of the worker over %d deliveries" % count)
    nginx, application, subscription = prepare(bench)
    pid = bench.worker_pid()
    started = time.monotonic()
    deliver(bench, application, subscription, FIRST)
    first, sent = anonymous_kb(pid), FIRST
    bench.note("after %d: %d KB" % (sent, first))
    while sent < count:
        batch = min(BATCH, count - sent)
        done = deliver(bench, application, subscription, batch)
        sent += batch
        if sent == count or sent < 5 * BATCH or sent % (4 * BATCH) < BATCH:
            bench.note("after %d: %d KB, %.0f s, %s" % (sent, anonymous_kb(pid), time.monotonic() - started, done.cost))
    last = anonymous_kb(pid)
    expect("the worker is the same as before", bench.worker_pid() == pid)
    nginx.stop()
    bench.result("after %d deliveries" % sent, "%d KB" % last, "1.05 x", last <= 1.05 * first,
                 "%d KB after %d, so %.3f x" % (first, FIRST, last / first))


def anonymous_kb_with(bench, application, subscription, count):
    """While so many messages are in flight."""
    bench.insert_updates(application, subscription, count, "now()")
    bench.cluster.psql("SELECT pg_reload_conf()")
    wait_for("%d in flight" % count, lambda: bench.cluster.value("SELECT sum(in_flight) FROM appt.worker_status") == str(count))
    found = anonymous_kb(bench.worker_pid())
    bench.wait_until_sent(60)
    return found


def measure_in_flight(bench):
    few, many = IN_FLIGHT
    bench.heading("Memory of the worker with %d messages in flight" % many)
    bench.new_database()
    bench.restart(appt_max_per_host=1000)
    receiver = bench.receiver()
    application, subscription = bench.application(receiver.url("/delay/%d" % HELD_MS), "UPDATE")
    bench.schedule(application, APPOINTMENTS, "now() + interval '1 day' + i * interval '1 minute'")
    sizes = [anonymous_kb_with(bench, application, subscription, count) for count in IN_FLIGHT]
    bench.restart(appt_max_per_host=None)
    bench.drop_database()
    each = (sizes[1] - sizes[0]) / (many - few)
    bench.result("a message in flight", "%.1f KB" % each, "64 KB", each <= 64, "%d KB with %d" % (sizes[0], few))


def measure(bench):
    measure_deliveries(bench)
    measure_in_flight(bench)
