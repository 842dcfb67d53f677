"""Emails per second to postfix's smtp-sink, connections reused, every attempt logged durably (numbers 3).

The baseline is postfix's smtp-source: mails of the same size to the same sink by as many sessions, each kept to the end, no
database. The bar is for reminders, which come due in masses: text and HTML. Mails that schedule an appointment are shown beside
them: they carry a calendar file, twice. appt's rate counts from the first attempt's start to the last settling.
"""

import glob
import os
import subprocess
import time

from bench import argument, expect, free_port, median, typical, wait_for, wait_for_port

ROUNDS = argument("ROUNDS", 3, 1)
APPOINTMENTS = 1000

# What a worker opens to one host by default (appt.max_per_host).
SESSIONS = 64

INSERT = """
WITH about AS MATERIALIZED (SELECT row_number() OVER () - 1 AS position, a.*, p.id AS customer, p.email FROM appt.appointment a
  JOIN appt.participant p ON p.application_id = a.application_id AND p.appointment_id = a.id AND p.type = 'CUSTOMER'
  WHERE a.application_id = '%(application)s'),
planned AS (
  INSERT INTO appt.notification (application_id, appointment_id, recipient_kind, recipient_id, rule_id, type, channel, due_at,
    next_attempt_at, lane, address, title, start_at, end_at, organizer_id)
  SELECT '%(application)s', a.id, 'CUSTOMER', a.customer,
    (SELECT id FROM appt.rule WHERE application_id = '%(application)s' AND type = '%(type)s'), '%(type)s', 'EMAIL', now(), now(),
    appt.lane('%(application)s', 'EMAIL', NULL), a.email, a.title, a.start_at, a.end_at, a.organizer_id
  FROM generate_series(1, %(count)d) i JOIN about a ON a.position = i %% %(appointments)d
  RETURNING id, lane, due_at, application_id, due_at)
INSERT INTO appt.due (notification_id, lane, due_at, application_id, first_due_at) SELECT * FROM planned
"""


class Sink:
    """smtp-sink, running; with a folder it keeps what it gets there."""

    def __init__(self, folder=None):
        self.port = free_port()
        keep = ["-d", os.path.join(folder, "mail.")] if folder else []
        self.process = subprocess.Popen(["/usr/sbin/smtp-sink", *keep, "127.0.0.1:%d" % self.port, "1024"])
        wait_for_port("smtp-sink", self.port)

    def url(self):
        return "smtp://127.0.0.1:%d" % self.port

    def stop(self):
        self.process.terminate()
        self.process.wait()


def baseline(sink, size, count):
    """Mails per second of smtp-source."""
    start = time.monotonic()
    done = subprocess.run(["/usr/sbin/smtp-source", "-d", "-s", str(SESSIONS), "-m", str(count), "-l", str(size), "-f", "a@example.com",
                           "-t", "b@example.com", "127.0.0.1:%d" % sink.port], capture_output=True, text=True, check=False)
    expect("smtp-source ran: %s" % done.stderr, done.returncode == 0)
    return count / (time.monotonic() - start)


def set_sink(bench, application, sink):
    bench.cluster.psql("SELECT appt.set_provider('%s', 'EMAIL', 'SMTP', '%s', sender => 'Acme Bank <hello@example.com>')" % (application, sink.url()))


def deliver(bench, application, notification_type, count):
    """Deliveries per second of so many that are due at once, and the Cost of one."""
    bench.enable(False)
    bench.cluster.psql(INSERT % {"application": application, "type": notification_type, "count": count, "appointments": APPOINTMENTS})
    bench.cluster.psql("VACUUM ANALYZE appt.notification; VACUUM ANALYZE appt.due; VACUUM ANALYZE appt.attempt; CHECKPOINT")
    before = bench.processor_times()
    bench.enable(True)
    bench.wait_until_sent(60 + count / 200)
    cost = bench.cost_since(before, count)
    seconds = float(bench.cluster.value(
        "SELECT extract(epoch FROM max(n.settled_at) - min(a.started_at)) FROM appt.notification n"
        " JOIN appt.attempt a ON a.notification_id = n.id"))
    bench.cluster.psql("DELETE FROM appt.attempt; DELETE FROM appt.notification")
    bench.cluster.psql("VACUUM appt.attempt; VACUUM appt.notification; VACUUM appt.due")
    return count / seconds, cost


def size_of_one(bench, application, notification_type):
    """Bytes of such a mail."""
    folder = os.path.join(bench.folder, "mails-" + notification_type)
    os.mkdir(folder)
    sink = Sink(folder)
    set_sink(bench, application, sink)
    deliver(bench, application, notification_type, 1)
    sizes = wait_for("the mail's file", lambda: [os.path.getsize(path) for path in glob.glob(os.path.join(folder, "mail.*"))])
    sink.stop()
    return sizes[0]


def prepare(bench, notification_type):
    """An application with appointments to send about."""
    application, _ = bench.application("http://127.0.0.1:1/", notification_type)
    bench.cluster.psql("UPDATE appt.rule SET channel = 'EMAIL' WHERE application_id = '%s'; UPDATE appt.subscription SET enabled = false" % application)
    bench.enable(False)
    bench.schedule(application, APPOINTMENTS, "now() + interval '1 day' + i * interval '1 minute'")
    bench.cluster.psql("DELETE FROM appt.due; DELETE FROM appt.notification")
    return application


def measure_type(bench, sink, notification_type, count):
    """The medians of our rate and of the baseline's, and the Cost of a mail."""
    application = prepare(bench, notification_type)
    size = size_of_one(bench, application, notification_type)
    set_sink(bench, application, sink)
    ours, plain, costs = [], [], []
    for number in range(1, ROUNDS + 1):
        rate, cost = deliver(bench, application, notification_type, count)
        ours.append(rate)
        costs.append(cost)
        plain.append(baseline(sink, size, count))
        bench.note("%s, round %d: %.0f a second; smtp-source %.0f a second; %d bytes" % (notification_type, number, ours[-1], plain[-1], size))
    return median(ours), median(plain), typical(costs)


def measure(bench):
    count = argument("MESSAGES", 20000, 2000)
    bench.heading("Mail: %d emails due at once, %d sessions, median of %d rounds" % (count, SESSIONS, ROUNDS))
    bench.new_database()
    sink = Sink()
    for notification_type, what in (("REMINDER", "reminders"), ("CREATE", "mails with an invitation")):
        ours, plain, cost = measure_type(bench, sink, notification_type, count)
        ratio = ours / plain
        if notification_type == "REMINDER":
            bench.result(what, "%.0f a second" % ours, "0.45 x", ratio >= 0.45, "%.0f a second, so %.2f x" % (plain, ratio))
        else:
            bench.note("%s: %.0f a second; smtp-source %.0f a second, so %.2f x" % (what, ours, plain, ratio))
        bench.note("%s: %s" % (what, cost))
    sink.stop()
