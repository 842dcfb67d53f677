"""Idle with 1,000,000 future notifications (numbers 13, and the third bar).

They wait in ten applications' queues, due from tomorrow on. Over two minutes: passes over the queue, from the scans of its
index (one pass seeks the next lane and the head of each), transactions of the worker (nobody else connects to its
database), and CPU time from /proc/PID/schedstat, in nanoseconds.
"""

import time

from bench import argument, expect, processor_seconds, wait_for

APPLICATIONS = 10
QUIET_S = 5


def transactions_of_worker(bench):
    """In its database, asked from another one."""
    asked = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = '%s'" % bench.cluster.database
    with bench.within("postgres"):
        return int(bench.cluster.value(asked))


def scans_of_queue(bench):
    return int(bench.cluster.value("SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'due_pkey'"))


def measure(bench):
    count = argument("MESSAGES", 1000000, 50000)
    seconds = argument("DURATION", 120, 5)
    bench.heading("Idle with %d future notifications, over %d s" % (count, seconds))
    bench.new_database()
    receiver = bench.receiver()
    for _ in range(APPLICATIONS):
        application, subscription = bench.application(receiver.url(), "UPDATE")
        bench.schedule(application, 100, "now() + interval '1 day' + i * interval '1 hour'")
        bench.insert_updates(application, subscription, count // APPLICATIONS, "now() + interval '1 day' + random() * interval '30 days'")
    bench.cluster.psql("VACUUM ANALYZE appt.notification; VACUUM ANALYZE appt.due; CHECKPOINT")
    pid = bench.worker_pid()

    # The rows came without a wake; the next pass finds them, and after it there is nothing to do.
    settled = transactions_of_worker(bench), time.monotonic()

    def is_quiet():
        nonlocal settled
        now = transactions_of_worker(bench)
        if now != settled[0]:
            settled = now, time.monotonic()
        return time.monotonic() - settled[1] > QUIET_S

    wait_for("the worker to come to rest", is_quiet, 180)
    scans_before = scans_of_queue(bench)
    # That question was a transaction too; it is counted when its session ends.
    time.sleep(1)
    transactions_before, cpu_before, started = transactions_of_worker(bench), processor_seconds(pid), time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - started
    cpu = processor_seconds(pid) - cpu_before
    transactions = transactions_of_worker(bench) - transactions_before
    scans = scans_of_queue(bench) - scans_before
    expect("the worker is the same as before", bench.worker_pid() == pid)
    expect("nothing was sent", bench.cluster.value("SELECT count(*) FROM appt.attempt") == "0")

    passes = scans / (2 * APPLICATIONS + 1)
    bench.note("%d lanes: %d scans of the queue's index; %d transactions of any kind" % (APPLICATIONS, scans, transactions))
    # So many minutes hold one pass more or less, depending on where they begin.
    bench.result("passes over the queue", "%.1f in %.0f s" % (passes, took), "1 a minute", passes <= -(-took // 60))
    bench.result("CPU of the worker", "%.4f %%" % (100 * cpu / took), "0.1 %", cpu / took < 0.001)
