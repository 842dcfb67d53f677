"""A user's inbox, and what hints about inboxes cost delivery.

`inbox` of a user with 100,000 messages, half of them read, beside a look-up of 25 rows by their primary key: the first page, and
pages anywhere, beside rows anywhere. Then as many webhooks as messages to inboxes, due at once: webhooks per second of a worker that sends no hints
(no_hints.c), of one that does, and of one whose hints wait because a stranger holds the lock that NOTIFY takes.

    make bench ONLY=inbox ROWS=10000 MESSAGES=5000 SECONDS=2     shorter
"""

import os
import subprocess

from bench import argument, expect, median, typical
from database import use_library
from throughput import APPOINTMENTS

ROUNDS = argument("ROUNDS", 3, 1)
USERS = 1000
PAGE = 25

FILL = """
INSERT INTO appt.user_profile (application_id, id) SELECT '%(application)s', 'user-' || i FROM generate_series(1, %(users)d) i;
WITH delivered AS (
 INSERT INTO appt.notification (application_id, recipient_kind, recipient_id, type, channel, due_at, lane, address, state, settled_at,
  attempt_count, read_at)
 SELECT '%(application)s', 'USER', 'user-' || 1 + i %% 2, 'MESSAGE', 'IN_APP', now() - i * interval '1 s', 1, 'user-1', 'SENT', now(), 1,
  CASE WHEN i %% 4 < 2 THEN now() END FROM generate_series(1, 2 * %(rows)d) i RETURNING id, recipient_id)
INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, finished_at, outcome, recipient, subject, text_body)
 SELECT '%(application)s', id, 1, now(), now(), 'DELIVERED', recipient_id, 'Message ' || id, repeat('Bring your documents. ', 8) FROM delivered;
VACUUM ANALYZE appt.notification; VACUUM ANALYZE appt.attempt; VACUUM ANALYZE appt.user_profile; CHECKPOINT;
"""

LOOK_UP = "SELECT * FROM appt.notification WHERE id = ANY ('{%(ids)s}');\n"
FIRST_PAGE = "SELECT * FROM appt.inbox(application_id => '%(application)s', user_id => 'user-1');\n"
# Those with even ids are hers.
ANYWHERE = "\\set before random(100, %(rows)d) * 2\n"
LOOK_UP_ANYWHERE = ANYWHERE + "SELECT * FROM appt.notification WHERE id = ANY (ARRAY(SELECT generate_series(:before - 50, :before - 2, 2)));\n"
ANY_PAGE = ANYWHERE + FIRST_PAGE.replace("inbox(", "inbox(before => :before, ")

PLAN = """
WITH planned AS (
 INSERT INTO appt.notification (application_id, recipient_kind, recipient_id, type, channel, due_at, next_attempt_at, lane, address, context)
 SELECT '%(application)s', 'USER', u, 'MESSAGE', 'IN_APP', now(), now(), appt.lane('%(application)s', 'IN_APP', NULL), u,
  '{"subject": "A message", "text_body": "Bring your documents."}'
 FROM generate_series(1, %(count)d) i CROSS JOIN LATERAL (SELECT 'user-' || 1 + i %% %(users)d) r (u) RETURNING id, lane, due_at, application_id)
INSERT INTO appt.due (notification_id, lane, due_at, application_id, first_due_at) SELECT id, lane, due_at, application_id, due_at FROM planned
"""


def latency_ms(bench, script, values):
    return 1000 / bench.pgbench(script % values, "-c", "1", "-T", str(argument("SECONDS", 3, 1))).rate


def measure_reading(bench, application):
    rows = argument("ROWS", 100000, 10000)
    bench.heading("inbox() of a user with %d messages beside a look-up of %d rows by primary key, median of %d rounds" % (
        rows, PAGE, ROUNDS))
    bench.cluster.psql(FILL % {"application": application, "users": USERS, "rows": rows})
    last = int(bench.cluster.value("SELECT max(id) FROM appt.notification"))
    ids = ", ".join(str(last - number * (last // PAGE)) for number in range(PAGE))
    values = {"application": application, "rows": rows, "ids": ids}
    found = {"by primary key": [], "first page": [], "anywhere by primary key": [], "any page": []}
    for number in range(1, ROUNDS + 1):
        for (name, times), script in zip(found.items(), (LOOK_UP, FIRST_PAGE, LOOK_UP_ANYWHERE, ANY_PAGE)):
            times.append(latency_ms(bench, script, values))
        bench.note("round %d: %s" % (number, ", ".join("%s %.3f ms" % (name, times[-1]) for name, times in found.items())))
    for name, beside in (("first page", "by primary key"), ("any page", "anywhere by primary key")):
        base = median(found[beside])
        ratio = median(found[name]) / base
        bench.result("inbox, %s" % name, "%.2f x" % ratio, "3 x", ratio <= 3, "%.3f ms" % base)
    bench.cluster.psql("TRUNCATE appt.attempt, appt.due, appt.notification")


class Session:
    """A psql that stays open."""

    def __init__(self, bench, sql):
        cluster = bench.cluster
        self.process = subprocess.Popen(
            ["psql", "-X", "-q", "-h", cluster.folder, "-p", cluster.port, "-U", "postgres", cluster.database],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        self.process.stdin.write(sql + "\n")
        self.process.stdin.flush()

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def deliver(bench, application, subscription, count):
    """Webhooks per second, and the Cost of one and of the message to an inbox beside it."""
    bench.enable(False)
    bench.insert_updates(application, subscription, count, "now()")
    bench.cluster.psql(PLAN % {"application": application, "count": count, "users": USERS})
    bench.cluster.psql("VACUUM ANALYZE appt.notification; VACUUM ANALYZE appt.due; VACUUM ANALYZE appt.attempt; CHECKPOINT")
    before = bench.processor_times()
    bench.enable(True)
    bench.wait_until_sent(60 + count / 200)
    cost = bench.cost_since(before, count)
    seconds = float(bench.cluster.value(
        "SELECT extract(epoch FROM max(n.settled_at) - min(a.started_at)) FROM appt.notification n"
        " JOIN appt.attempt a ON a.notification_id = n.id WHERE n.channel = 'WEBHOOK'"))
    bench.cluster.psql("TRUNCATE appt.attempt, appt.due, appt.notification")
    return count / seconds, cost


def measure_hints(bench, application, subscription):
    count = argument("MESSAGES", 30000, 3000)
    here = os.path.dirname(os.path.abspath(__file__))
    bench.heading("%d webhooks beside %d messages to the inboxes of %d users, median of %d rounds" % (count, count, USERS, ROUNDS))
    bench.cluster.psql("CREATE EXTENSION IF NOT EXISTS appt_test")
    done = {"without hints": [], "with hints": [], "with the lock held": []}
    for number in range(1, ROUNDS + 1):
        use_library(bench, os.path.join(here, "../../build/bench/no_hints/appt.so"))
        done["without hints"].append(deliver(bench, application, subscription, count))
        use_library(bench, os.path.join(here, "../../build/plain/appt.so"))
        listener = Session(bench, "LISTEN appt_inbox;")
        done["with hints"].append(deliver(bench, application, subscription, count))
        stranger = Session(bench, "BEGIN; SELECT appt_test.hold_notify_lock();")
        done["with the lock held"].append(deliver(bench, application, subscription, count))
        expect("the lock was held", bench.cluster.value(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'object' AND database = 0 AND mode = 'AccessExclusiveLock'") == "1")
        stranger.end()
        listener.end()
        bench.note("round %d: %s" % (number, ", ".join("%.0f a second %s" % (each[-1][0], name) for name, each in done.items())))
    rates = {name: median([rate for rate, _ in each]) for name, each in done.items()}
    base = rates.pop("without hints")
    for name, rate in rates.items():
        ratio = rate / base
        bench.result("webhooks, %s" % name, "%.2f x" % ratio, "0.95 x", ratio >= 0.95, "%.0f a second" % base)
    for name, each in done.items():
        bench.note("%s, a webhook and a message to an inbox: %s" % (name, typical([cost for _, cost in each])))


def measure(bench):
    bench.new_database()
    receiver = bench.receiver()
    application, subscription = bench.application(receiver.url(), "UPDATE")
    bench.schedule(application, APPOINTMENTS, "now() + interval '1 day' + i * interval '1 minute'")
    bench.cluster.psql("TRUNCATE appt.attempt, appt.due, appt.notification")
    measure_reading(bench, application)
    measure_hints(bench, application, subscription)
    bench.drop_database()
