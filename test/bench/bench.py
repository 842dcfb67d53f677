"""What the figures share: a cluster set up for measuring, receivers, rows to send, and how results are printed.

A figure is a file of this folder with a function measure(bench). It prints through bench.result(); a missed bar does not
stop the others, but `run` then exits with 1.
"""

import contextlib
import os
import re
import subprocess
import sys
import time
from collections import namedtuple

import psycopg2

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../demo"))

from awaited import DidNotHappen, expect, wait_for  # noqa: E402  (found by the line above)
from cluster import Cluster  # noqa: E402
from programs import free_port, wait_for_port  # noqa: E402

SETTINGS = (
    "shared_buffers = '1GB'",
    "max_wal_size = '8GB'",
    "checkpoint_timeout = '30min'",
    # A figure must count only the work of the worker.
    "autovacuum = off",
    "max_connections = 50",
)


# Between two questions whether all has been sent.
POLL_S = 0.05


def percentile(values, share):
    """The value that so many percent of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share / 100))]


def median(values):
    return percentile(values, 50)


# Microseconds of processor time, of the workers and of the server's other processes, for one message, booking or call.
class Cost(namedtuple("Cost", "worker server")):
    def __str__(self):
        return "processor %.0f us of the worker, %.0f us of the server" % self


def typical(costs):
    """The median of each part."""
    return Cost(*map(median, zip(*costs)))


# What pgbench did: the number of transactions, how many a second, and the cost of one.
Run = namedtuple("Run", "count rate cost")


def processor_seconds(pid):
    """Processor time that a process has used in its main thread, to the nanosecond."""
    with open("/proc/%s/schedstat" % pid, encoding="ascii") as file:
        return int(file.read().split()[0]) / 1e9


def processor_seconds_of_ended(pid):
    """Of all children that have ended, in ticks of the clock."""
    with open("/proc/%d/stat" % pid, encoding="ascii") as file:
        user, system = file.read().rpartition(")")[2].split()[13:15]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def parent_of(pid):
    """None: it has ended."""
    try:
        with open("/proc/%d/stat" % pid, encoding="ascii") as file:
            return int(file.read().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return None


def children_of(parent):
    return {pid for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()) if parent_of(pid) == parent}


class Receiver:
    """test/bench/receiver.c, running."""

    def __init__(self, program, record):
        self.record = record
        self.process = subprocess.Popen([program, record], stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[1])

    def url(self, path="/"):
        return "http://127.0.0.1:%d%s" % (self.port, path)

    def first_bytes(self):
        """When the first byte of each message's first request came: {webhook-id: microseconds since the epoch}."""
        arrivals = {}
        with open(self.record, encoding="utf-8") as file:
            for line in file:
                when, identity = line.split()
                arrivals.setdefault(identity, int(when))
        return arrivals

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Bench:
    def __init__(self, folder):
        self.folder = folder
        self.cluster = Cluster(folder, SETTINGS)
        self.results = []
        self.receivers = []
        self.databases = 0

    # ---------- parts ----------

    def start(self):
        self.cluster.start()
        for name in ("receiver", "baseline"):
            self.cluster.run(
                "gcc", "-O2", "-D_GNU_SOURCE", "-o", self.program(name), os.path.join(HERE, name + ".c"), "-lcurl"
            )

    def stop(self):
        for receiver in self.receivers:
            receiver.stop()
        self.receivers = []
        self.cluster.stop()

    def restart(self, **settings):
        """Settings that want a restart; None: back to what they were."""
        for name, value in settings.items():
            name = name.replace("appt_", "appt.")
            self.cluster.psql("ALTER SYSTEM RESET %s" % name if value is None else "ALTER SYSTEM SET %s = %s" % (name, value))
        self.cluster.run("pg_ctl", "-D", self.cluster.data, "-l", self.cluster.log, "-w", "-m", "fast", "restart")
        wait_for("the workers", self.worker_pid)

    def program(self, name):
        return os.path.join(self.folder, name)

    def receiver(self):
        record = os.path.join(self.folder, "received-%d" % len(self.receivers))
        self.receivers.append(Receiver(self.program("receiver"), record))
        return self.receivers[-1]

    def new_database(self):
        """A database of its own for a figure, with a worker of its own and one organization (:organization)."""
        self.drop_database()
        self.databases += 1
        name = "bench_%d" % self.databases
        self.cluster.psql("CREATE DATABASE %s" % name)
        self.cluster.database = name
        self.cluster.psql("CREATE EXTENSION appt")
        self.cluster.variables["organization"] = self.cluster.value("SELECT appt.create_organization('bench')")
        wait_for("the worker of %s" % name, self.worker_pid)

    def drop_database(self):
        if self.cluster.database != "postgres":
            name, self.cluster.database = self.cluster.database, "postgres"
            self.cluster.psql("DROP DATABASE %s" % name)
            self.cluster.variables = {}

    def worker_pid(self):
        return self.cluster.value(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'appt worker' AND datname = '%s'" % self.cluster.database
        )

    def postmaster_pid(self):
        with open(os.path.join(self.cluster.data, "postmaster.pid"), encoding="ascii") as file:
            return int(file.readline())

    def processor_times(self):
        """Seconds of processor time so far: of the workers, and of all other processes of the server, also of those that have ended."""
        workers = [int(pid) for pid in self.worker_pid().split()]
        postmaster = self.postmaster_pid()
        times = [0, processor_seconds_of_ended(postmaster)]
        for pid in {postmaster, *children_of(postmaster)}:
            try:
                times[pid not in workers] += processor_seconds(pid)
            except (FileNotFoundError, ProcessLookupError):
                pass  # it has ended
        return times

    def cost_since(self, before, count):
        """The Cost of each of so many, since processor_times() was `before`."""
        return Cost(*((late - early) / count * 1e6 for early, late in zip(before, self.processor_times())))

    def application(self, url, rule_type, rule_offset="0"):
        """An application with a single rule, by webhook to this URL; returns its id and its subscription's."""
        return self.cluster.value(
            "SELECT appt.create_application(:'organization', 'bench') AS application \\gset\n"
            "DELETE FROM appt.rule WHERE application_id = :'application';\n"
            "INSERT INTO appt.rule (application_id, type, channel, time_offset)"
            " VALUES (:'application', '%s', 'WEBHOOK', '%s');\n"
            "SELECT :'application', id FROM appt.create_subscription(:'application', '%s');" % (rule_type, rule_offset, url)
        ).split("|")

    def schedule(self, application, count, start_at, notes="repeat('Bring your documents. ', 8)"):
        """Schedules appointments through SQL; start_at and notes are expressions, which may use i (1 to count)."""
        self.cluster.psql(
            "SELECT count((appt.schedule_appointment('%s', %s, '30 minutes',"
            " '{\"name\": {\"firstName\": \"Bobby\", \"lastName\": \"Brown\"}, \"contact\": {\"primaryEmail\": \"b@example.com\"}}',"
            " organizer_id => 'agent-' || i %% 50, title => 'Appointment ' || i,"
            " notes => %s)).id)"
            " FROM generate_series(1, %d) i" % (application, start_at, notes, count)
        )

    def insert_updates(self, application, subscription, count, due_at, notification_type="UPDATE"):
        """
        Puts notifications into the queue in one statement, spread over the application's appointments: what
        planning writes, without the calls. due_at is an expression, which may use i (1 to count).
        """
        self.cluster.psql(
            "WITH about AS MATERIALIZED (SELECT row_number() OVER () - 1 AS position, a.* FROM appt.appointment a"
            " WHERE application_id = '%(application)s'),"
            " size AS (SELECT count(*) AS size FROM about),"
            " planned AS ("
            " INSERT INTO appt.notification (application_id, appointment_id, recipient_kind, recipient_id, subscription_id,"
            "  rule_id, type, channel, due_at, next_attempt_at, lane, address, title, start_at, end_at, organizer_id)"
            " SELECT '%(application)s', a.id, 'SUBSCRIBER', '%(subscription)s', '%(subscription)s',"
            "  (SELECT id FROM appt.rule WHERE application_id = '%(application)s' AND type = '%(type)s'), '%(type)s', 'WEBHOOK',"
            "  d.due_at, d.due_at, appt.lane('%(application)s', 'WEBHOOK', '%(subscription)s'),"
            "  (SELECT split_part(url, '?', 1) FROM appt.subscription WHERE id = '%(subscription)s'),"
            "  a.title, a.start_at, a.end_at, a.organizer_id"
            " FROM generate_series(1, %(count)d) i CROSS JOIN size CROSS JOIN LATERAL (SELECT %(due_at)s AS due_at) d"
            "  JOIN about a ON a.position = i %% size.size"
            " RETURNING id, lane, due_at, application_id, due_at)"
            " INSERT INTO appt.due (notification_id, lane, due_at, application_id, first_due_at) SELECT * FROM planned"
            % {"application": application, "subscription": subscription, "count": count, "due_at": due_at, "type": notification_type}
        )

    def fill(self, application, subscription, count, due_at="now()"):
        """So many messages, as insert_updates makes them, in a queue that waits for enable(True)."""
        self.enable(False)
        self.insert_updates(application, subscription, count, due_at)
        self.cluster.psql("VACUUM ANALYZE appt.notification; VACUUM ANALYZE appt.due; VACUUM ANALYZE appt.attempt; CHECKPOINT")

    def clear(self):
        self.cluster.psql("TRUNCATE appt.attempt, appt.due, appt.notification")

    @contextlib.contextmanager
    def within(self, database):
        """In another database for a while."""
        outside, self.cluster.database = self.cluster.database, database
        try:
            yield
        finally:
            self.cluster.database = outside

    def enable(self, enabled):
        """appt.enabled, with a reload."""
        self.cluster.psql("ALTER SYSTEM SET appt.enabled = %s" % ("on" if enabled else "off"))
        self.cluster.psql("SELECT pg_reload_conf()")

    def wait_until_sent(self, seconds):
        """Awaits an empty queue; everything must have been SENT."""
        self.wait_until_queue_is_empty(seconds)
        unsent = self.cluster.value("SELECT count(*) FROM appt.notification WHERE state <> 'SENT'")
        expect("everything was SENT, but %s were not" % unsent, unsent == "0")

    def wait_until_queue_is_empty(self, seconds):
        self.wait_until_true("the queue to drain", "SELECT NOT EXISTS (SELECT FROM appt.due)", seconds)

    def wait_until_true(self, what, question, seconds):
        """Awaits that the question is answered by true, in one session: new ones would take processor time from what is measured."""
        cluster = self.cluster
        connection = psycopg2.connect(host=cluster.folder, port=cluster.port, dbname=cluster.database, user="postgres")
        connection.autocommit = True

        def is_true():
            time.sleep(POLL_S)
            with connection.cursor() as cursor:
                cursor.execute(question)
                return cursor.fetchone()[0]

        try:
            wait_for(what, is_true, seconds)
        finally:
            connection.close()

    def lateness_ms(self, receiver, where="true"):
        """First byte at the receiver minus due_at, of all that were sent."""
        rows = self.cluster.value(
            "SELECT uid, (extract(epoch FROM due_at) * 1000000)::bigint FROM appt.notification WHERE %s" % where
        ).splitlines()
        due = dict(row.split("|") for row in rows)

        def arrived():
            arrivals = receiver.first_bytes()
            return arrivals if all(identity in arrivals for identity in due) else None

        arrivals = wait_for("the receiver's record of all of them", arrived)
        return [(arrivals[identity] - int(due_us)) / 1000 for identity, due_us in due.items()]

    def pgbench(self, script, *options, settings=()):
        """Runs a script by pgbench -M prepared, in sessions with these settings: a Run."""
        path = os.path.join(self.folder, "script.pgbench")
        with open(path, "w", encoding="utf-8") as file:
            file.write(script)
        cluster = self.cluster
        before = self.processor_times()
        processes = children_of(self.postmaster_pid())
        done = subprocess.run(
            ["pgbench", "-n", "-M", "prepared", *options, "-f", path,
             "-h", cluster.folder, "-p", cluster.port, "-U", "postgres", cluster.database],
            env={**os.environ, "PGOPTIONS": " ".join("-c " + setting for setting in settings)},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        found = re.search(r"number of transactions actually processed: (\d+)", done.stdout)
        rate = re.search(r"tps = ([\d.]+)", done.stdout)
        expect("pgbench succeeds:\n" + done.stdout, done.returncode == 0 and found is not None and rate is not None)
        count = int(found.group(1))
        # What a session has used counts once it has ended, which one of a shard does after the router's.
        wait_for("the sessions of pgbench to end", lambda: children_of(self.postmaster_pid()) <= processes)
        return Run(count, float(rate.group(1)), self.cost_since(before, count))

    # ---------- results ----------

    def heading(self, text):
        print("\n" + text, flush=True)

    def note(self, text):
        print("    " + text, flush=True)

    def result(self, what, value, bar, holds, baseline=None):
        """One figure beside its bar: the texts, and whether it holds."""
        verdict = "PASS" if holds else "MISS"
        self.results.append(holds)
        print("    %s  %-58s %14s   bar %-12s%s" % (
            verdict, what, value, bar, "" if baseline is None else " baseline %s" % baseline), flush=True)


IS_SMALL = os.environ.get("SIZE") == "small"


def argument(name, full, small=None):
    """
    A number from the environment: `make bench NAME=number`. Otherwise that of a full measurement, or of a short one, by which
    all figures are printed within minutes: `make bench SIZE=small`.
    """
    return int(os.environ.get(name) or (full if small is None or not IS_SMALL else small))


# Rounds that warm up and do not count.
WARM_UP = argument("WARM_UP", 1, 0)


def in_turns(rounds, *measurements):
    """What each measurement returns, a list of so many rounds: they take turns."""
    return list(zip(*[[measure() for measure in measurements] for _ in range(WARM_UP + rounds)][WARM_UP:]))


__all__ = ["Bench", "Cost", "DidNotHappen", "Run", "WARM_UP", "argument", "expect", "free_port", "in_turns", "median", "percentile",
           "processor_seconds", "typical", "wait_for", "wait_for_port"]
