"""Idle with 1,000,000 future notifications (numbers 13, and the third bar).

They wait in ten applications' queues, due from tomorrow on. Over two minutes: transactions of the worker (nobody else
connects to its database), scans of the queue's index, and CPU time from /proc/PID/schedstat, in nanoseconds.
"""

import time

from bench import argument, expect, wait_for

APPLICATIONS = 10
QUIET_S = 5


def cpu_seconds(pid):
    with open("/proc/%s/schedstat" % pid, encoding="ascii") as file:
        return int(file.read().split()[0]) / 1e9


def counters(bench):
    """Of the worker's database, asked from another one: (transactions, scans of appt.due's index)."""
    inside = bench.cluster.database
    bench.cluster.database = "postgres"
    transactions = int(bench.cluster.value("SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = '%s'" % inside))
    bench.cluster.database = inside
    return transactions


def measure(bench):
    count = argument("MESSAGES", 1000000)
    seconds = argument("DURATION", 120)
    bench.heading("Idle with %d future notifications, over %d s" % (count, seconds))
    bench.new_database()
    receiver = bench.receiver()
    for _ in range(APPLICATIONS):
        application, subscription = bench.application(receiver.url(), "UPDATE")
        bench.schedule(application, 100, "now() + interval '1 day' + i * interval '1 hour'")
        bench.insert_updates(application, subscription, count // APPLICATIONS, "now() + interval '1 day' + random() * interval '30 days'")
    bench.cluster.psql("VACUUM ANALYZE appt.notification; VACUUM ANALYZE appt.due; CHECKPOINT")
    pid = bench.worker_pid()

    # The rows came without a wake; the next look at the queue finds them, and after it there is nothing to do.
    settled = counters(bench), time.monotonic()

    def is_quiet():
        nonlocal settled
        now = counters(bench)
        if now != settled[0]:
            settled = now, time.monotonic()
        return time.monotonic() - settled[1] > QUIET_S

    wait_for("the worker to come to rest", is_quiet, 180)
    scans_before = int(bench.cluster.value("SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'due_pkey'"))
    # That question was a transaction too; its count arrives when its session ends.
    time.sleep(1)
    transactions_before, cpu_before, started = counters(bench), cpu_seconds(pid), time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - started
    cpu = cpu_seconds(pid) - cpu_before
    transactions = counters(bench) - transactions_before
    scans = int(bench.cluster.value("SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'due_pkey'")) - scans_before
    expect("the worker is the same as before", bench.worker_pid() == pid)
    expect("nothing was sent", bench.cluster.value("SELECT count(*) FROM appt.attempt") == "0")

    per_minute = transactions * 60 / took
    bench.note("%d lanes; scans of the queue's index: %d" % (APPLICATIONS, scans))
    # Two minutes hold two or three looks, depending on where they begin.
    looks = -(-took // 60)
    bench.result("looks at the queue (transactions)", "%.1f a minute" % per_minute, "1 a minute", transactions <= looks)
    bench.result("CPU of the worker", "%.4f %%" % (100 * cpu / took), "0.1 %", cpu / took < 0.001)
