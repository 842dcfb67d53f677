"""A burst: 100,000 reminders due in the same second, all sent (numbers 2).

From the second that they are due in to the last settling, and their lateness at the receiver; none may be MISSED, which
reminders are a minute after they were due. Then the same while somebody else holds a snapshot open that is ten minutes old: nothing
that died since can be cleaned away. Until it is as old as that, bursts go on, so that much has.

    make bench ONLY=burst SNAPSHOT_AGE=60       seconds
"""

import subprocess
import time

from bench import argument, expect, median, percentile, typical

ROUNDS = argument("ROUNDS", 3, 1)
APPOINTMENTS = 1000

# For the rows to be written before they are due, and the worker to hear of them.
AHEAD_S = argument("AHEAD", 10, 3)

# A second of the wall clock, from its beginning.
WITHIN_A_SECOND = "timestamptz '%s' + (i %% 1000) * interval '1 ms'"


class Snapshot:
    """Another session's, held open."""

    def __init__(self, cluster):
        self.session = subprocess.Popen(
            ["psql", "-X", "-q", "-A", "-t", "-h", cluster.folder, "-p", cluster.port, "-U", "postgres", "-d", cluster.database],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.session.stdin.write("BEGIN ISOLATION LEVEL REPEATABLE READ;\nSELECT count(*) FROM appt.organization;\n")
        self.session.stdin.flush()
        self.session.stdout.readline()
        self.opened = time.monotonic()

    def age(self):
        return time.monotonic() - self.opened

    def close(self):
        self.session.stdin.close()
        self.session.wait()


def burst(bench, count):
    """Seconds until all were sent, their p99 lateness in seconds, and the Cost of one."""
    receiver = bench.receiver()
    application, subscription = bench.application(receiver.url(), "REMINDER", "1 day")
    bench.schedule(application, APPOINTMENTS, "now() + interval '2 days' + i * interval '1 minute'")
    bench.enable(False)
    bench.cluster.psql("DELETE FROM appt.due; DELETE FROM appt.notification")
    due_at = bench.cluster.value("SELECT date_trunc('second', now()) + interval '%d s'" % (AHEAD_S + count / 20000))
    bench.insert_updates(application, subscription, count, WITHIN_A_SECOND % due_at, "REMINDER")
    bench.cluster.psql("ANALYZE appt.notification, appt.due")
    bench.enable(True)
    expect("the rows are there before they are due", bench.cluster.is_true("SELECT now() < '%s'" % due_at))
    before = bench.processor_times()
    bench.wait_until_sent(300)
    cost = bench.cost_since(before, count)
    took = float(bench.cluster.value("SELECT extract(epoch FROM max(settled_at) - '%s') FROM appt.notification" % due_at))
    p99 = percentile(bench.lateness_ms(receiver), 99) / 1000
    receiver.stop()
    bench.receivers.remove(receiver)
    bench.cluster.psql("DELETE FROM appt.attempt; DELETE FROM appt.notification")
    return took, p99, cost


def judge(bench, what, rounds):
    took, p99 = (median([figures[i] for figures in rounds]) for i in (0, 1))
    bench.result("all sent" + what, "%.1f s" % took, "8 s", took <= 8)
    bench.result("p99 lateness" + what, "%.1f s" % p99, "7 s", p99 <= 7)
    bench.note("a message: " + str(typical([cost for _, _, cost in rounds])))


def measure(bench):
    count = argument("MESSAGES", 100000, 5000)
    age = argument("SNAPSHOT_AGE", 600, 2)
    bench.heading("A burst of %d reminders due in the same second, median of %d rounds" % (count, ROUNDS))
    bench.new_database()
    rounds = []
    for number in range(1, ROUNDS + 1):
        rounds.append(burst(bench, count))
        bench.note("round %d: all sent in %.1f s, p99 %.1f s late" % (number, *rounds[-1][:2]))
    judge(bench, "", rounds)

    snapshot = Snapshot(bench.cluster)
    while snapshot.age() < age:
        burst(bench, count)
    rounds = []
    for number in range(1, ROUNDS + 1):
        rounds.append(burst(bench, count))
        bench.note("round %d: all sent in %.1f s, p99 %.1f s late, snapshot %.0f s old" % (number, *rounds[-1][:2], snapshot.age()))
    snapshot.close()
    judge(bench, ", a snapshot of %d s held open" % age, rounds)
    bench.drop_database()
