"""A log without end: a DBA's questions about 50,000,000 attempts, and sending beside the retention for ten minutes.

    make bench ONLY=log ROWS=1000000 RATE=2000 DURATION=60      shorter; the whole takes half an hour and 50 GB of disk

The questions are the statements of doc/operations.md, "Reading the log", each rolled back. The log has 90 days. Its oldest messages
were sent at the rate at which messages are sent now, and the retention is set to the age of the first: so as many expire each second
as are sent, as in a log that has grown as large as it gets. Autovacuum runs. Rows are inserted as by planning, seconds before they
are due; the server's processor time holds that, too.
"""

import os
import re
import threading
import time

import psycopg2

from bench import HERE, argument, expect, median, percentile
from memory import anonymous_kb
from throughput import APPOINTMENTS, Nginx

ROUNDS = 3
QUESTION_MS = 100
DAYS = 90
PARTS = 10
AHEAD_S = 5
BODY = 1000
SHORT_BODY = 170
MEMORY = "4GB"
TABLES = ("notification", "attempt")
APPLICATIONS = 10

# By a transaction that writes no WAL (wal_level is minimal then): rows first, then the indexes as they were.
PREPARE = """
BEGIN;
SET LOCAL session_replication_role = replica;
SET LOCAL maintenance_work_mem = '1GB';
INSERT INTO appt.application (id, organization_id, name)
	SELECT (10000000 + i || '-0000-4000-8000-000000000000')::uuid, :'organization', 'Log ' || i
	FROM generate_series(0, %(applications)d - 1) i;
INSERT INTO appt.subscription (id, application_id, url)
	SELECT id, id, 'https://crm.acme.example/hooks' FROM appt.application WHERE name LIKE 'Log %%';
TRUNCATE appt.notification, appt.attempt;
CREATE TEMP TABLE options AS SELECT oid::regclass AS relation, array_to_string(reloptions, ', ') AS options
	FROM pg_class WHERE oid IN ('appt.notification'::regclass, 'appt.attempt'::regclass) AND reloptions IS NOT NULL;
CREATE TEMP TABLE dropped AS SELECT indrelid::regclass AS relation, indisprimary AS is_key, pg_get_indexdef(indexrelid) AS definition
	FROM pg_index WHERE indrelid IN ('appt.notification'::regclass, 'appt.attempt'::regclass) ORDER BY indexrelid;
ALTER TABLE appt.notification DROP CONSTRAINT notification_pkey CASCADE;
ALTER TABLE appt.attempt DROP CONSTRAINT attempt_pkey CASCADE;
SELECT format('DROP INDEX %%s', indexrelid::regclass)
	FROM pg_index WHERE indrelid IN ('appt.notification'::regclass, 'appt.attempt'::regclass) \\gexec
"""

# Messages `first` to `last`: message i is one of three of an appointment; an address has 200 or so.
FILL = """
INSERT INTO appt.notification (id, application_id, appointment_id, recipient_kind, recipient_id, subscription_id, type, channel, due_at, lane,
	state, reason, settled_at, attempt_count, address, title, start_at, end_at, organizer_id, created_at)
SELECT i, application_id, appointment_id, CASE i %% 3 WHEN 2 THEN 'SUBSCRIBER' ELSE 'CUSTOMER' END,
	CASE i %% 3 WHEN 2 THEN application_id::text ELSE 'c' || person END, CASE i %% 3 WHEN 2 THEN application_id END,
	CASE i %% 3 WHEN 1 THEN 'REMINDER' ELSE 'CREATE' END, CASE i %% 3 WHEN 2 THEN 'WEBHOOK' ELSE 'EMAIL' END, t, 7,
	CASE WHEN failed THEN 'FAILED' ELSE 'SENT' END, CASE WHEN failed THEN 'REJECTED' END, t + interval '1 s', 1,
	CASE i %% 3 WHEN 2 THEN 'https://crm.acme.example/hooks' ELSE 'customer' || person || '@example.com' END,
	'Your appointment', t + interval '1 day', t + interval '25 hours', 'agent-' || i %% 1000, t
FROM (
	SELECT i, (10000000 + i / 3 %% %(applications)d || '-0000-4000-8000-000000000000')::uuid AS application_id,
		('00000000-0000-4000-8000-' || lpad((i / 3)::text, 12, '0'))::uuid AS appointment_id,
		i / 3 * 7368787 %% (%(rows)d / 200 + 1) AS person, i %% 997 = 0 AS failed,
		now() - interval '%(days)d days' + CASE WHEN i < %(dense)d THEN i * interval '1 s' / %(rate)d
			ELSE %(dense)d * interval '1 s' / %(rate)d
				+ (i - %(dense)d) * ((interval '%(days)d days' - interval '1 minute' - %(dense)d * interval '1 s' / %(rate)d)
					/ (%(rows)d - %(dense)d)) END AS t
	FROM generate_series(%(first)d::bigint, %(last)d) i OFFSET 0) m;
INSERT INTO appt.attempt (application_id, notification_id, attempt_number, due_at, started_at, finished_at, outcome, status_code, response,
	error, recipient, subject, text_body)
SELECT application_id, id, 1, due_at, due_at + interval '20 ms', settled_at, CASE state WHEN 'SENT' THEN 'DELIVERED' ELSE 'FAILED' END,
	CASE state WHEN 'SENT' THEN 250 ELSE 550 END, 'queued', CASE state WHEN 'FAILED' THEN 'the server refused it' END, address,
	'Your appointment',
	left((SELECT string_agg(md5(id::text || part), ' ') FROM generate_series(0, %(body)d / 33) part), %(body)d)
FROM appt.notification WHERE id >= %(first)d;
"""

# What is settled needs no room for another version; half as much disk will do for what stays.
PACK = """
ALTER TABLE appt.notification SET (fillfactor = 100);
ALTER TABLE appt.attempt SET (fillfactor = 100);
"""

FINISH = """
SELECT setval(pg_get_serial_sequence('appt.notification', 'id'), %(rows)d);
ALTER TABLE appt.notification ADD PRIMARY KEY (id);
ALTER TABLE appt.attempt ADD PRIMARY KEY (id);
SELECT definition FROM dropped WHERE NOT is_key \\gexec
ALTER TABLE appt.notification RESET (fillfactor);
ALTER TABLE appt.attempt RESET (fillfactor);
SELECT format('ALTER TABLE %%s SET (%%s)', relation, options) FROM options \\gexec
COMMIT;
"""

VALUES = {"application": "10000001-0000-4000-8000-000000000000"}
BOBBY = "bobby@customer.example"


def load(bench, rows, rate, seconds):
    """The rows, and a name in them for the person that the documents ask about."""
    began = time.monotonic()
    dense = rate * seconds
    expect("the log has at least twice as many rows as are sent", rows >= 2 * dense)
    values = {"rows": rows, "rate": rate, "dense": dense, "days": DAYS, "applications": APPLICATIONS}
    # What expires is as large as what is sent.
    expiring = {**values, "first": 1, "last": dense, "body": BODY}
    staying = {**values, "first": dense + 1, "last": rows, "body": SHORT_BODY}
    bench.cluster.psql(PREPARE % values + FILL % expiring + PACK + FILL % staying + FINISH % values)
    bench.note("loaded in %.0f s" % (time.monotonic() - began))
    bench.restart(wal_level=None, max_wal_senders=None, fsync=None)
    bench.cluster.run("vacuumdb", "-h", bench.cluster.folder, "-p", bench.cluster.port, "-U", "postgres", "-z", "-j", "2",
                      *("--table=appt." + table for table in TABLES), bench.cluster.database)
    bench.cluster.psql("ANALYZE; CHECKPOINT")
    VALUES["appointment"], address = bench.cluster.value(
        "SELECT appointment_id, address FROM appt.notification WHERE application_id = '%s' AND channel = 'EMAIL'"
        " AND due_at > now() - interval '2 days' ORDER BY due_at LIMIT 1" % VALUES["application"]).split("|")
    VALUES["address"] = address
    bench.note("%.0f s; notifications %s, attempts %s" % (time.monotonic() - began, *(
        bench.cluster.value("SELECT pg_size_pretty(pg_total_relation_size('appt.%s'))" % table) for table in TABLES)))


# ---------- questions ----------


def questions():
    """The statements of the document's section, each with its first comment or first line as its name."""
    with open(os.path.join(HERE, "../../doc/operations.md"), encoding="utf-8") as file:
        section = file.read().partition("\n## Reading the log\n")[2].partition("\n## ")[0]
    for block in re.findall(r"```sql\n(.*?)```", section, re.S):
        for statement in re.split(r";\n", block):
            if statement.strip():
                yield statement.strip()


def with_values(statement):
    for name, value in VALUES.items():
        statement = statement.replace(":'%s'" % name, "'%s'" % value)
    return statement.replace(BOBBY, VALUES["address"]).replace("%", "%%")


def milliseconds(connection, statement):
    """How long its rows take, and how many they are; what it changed is rolled back."""
    with connection.cursor() as cursor:
        began = time.monotonic()
        cursor.execute(statement, ())
        rows = len(cursor.fetchall())
        took = time.monotonic() - began
    connection.rollback()
    return took * 1000, rows


def connect(bench):
    cluster = bench.cluster
    return psycopg2.connect(host=cluster.folder, port=cluster.port, dbname=cluster.database, user="postgres")


def measure_questions(bench):
    connection = connect(bench)
    slowest = 0, ""
    for statement in questions():
        # The first round warms up.
        rounds = [milliseconds(connection, with_values(statement)) for _ in range(ROUNDS + 1)]
        took = median([each for each, _ in rounds[1:]])
        name = " ".join(re.sub(r"^--.*$", "", statement, flags=re.M).split())
        bench.note("%8.1f ms (%.1f ms at first), %6d rows: %.100s" % (took, rounds[0][0], rounds[0][1], name))
        slowest = max(slowest, (took, name))
    connection.close()
    bench.result("the slowest question about the log", "%.1f ms" % slowest[0], "%d ms" % QUESTION_MS, slowest[0] <= QUESTION_MS,
                 "%.60s" % slowest[1])


# ---------- sending ----------


class Producer(threading.Thread):
    """
    Plans `rate` messages a second, each second's some seconds before they are due. INSERTs do not wake the worker, but whenever it
    looks at the queue it finds the next ones there.
    """

    def __init__(self, bench, application, subscription, rate, seconds):
        super().__init__()
        self.bench, self.application, self.subscription, self.rate, self.seconds = bench, application, subscription, rate, seconds
        self.began = self.behind = 0.0

    def run(self):
        for second in range(AHEAD_S + 1, self.seconds):
            self.plan(second)
            ahead = self.began + second - AHEAD_S - time.time()
            self.behind = max(self.behind, -ahead)
            time.sleep(max(0, ahead))

    def plan(self, second, seconds=1):
        due_at = "to_timestamp(%.6f) + i * interval '1 s' / %d" % (self.began + second, self.rate)
        self.bench.insert_updates(self.application, self.subscription, seconds * self.rate, due_at)

    def start(self):
        self.began = time.time() + 2
        self.plan(0, AHEAD_S + 1)
        self.bench.enable(True)
        super().start()


def state_of(bench, after):
    """Of the log: its last attempt, rows to delete, sizes in MB; and the lateness of the attempts since `after`, in ms."""
    last, old, size = bench.cluster.value(
        "SELECT (SELECT max(id) FROM appt.attempt), (SELECT min(id) FROM appt.notification),"
        " (SELECT sum(pg_total_relation_size('appt.' || t)) / 1e6 FROM unnest('{notification,attempt,due}'::text[]) t)").split("|")
    late = [float(row) for row in bench.cluster.value(
        "SELECT extract(epoch FROM started_at - due_at) * 1000 FROM appt.attempt"
        " WHERE id > %d AND id %% 10 = 0" % after).split()] if after else []
    expect("something was sent", late or not after)
    return int(last), int(old), float(size), late


def measure_sending(bench, rate, seconds):
    bench.heading("%d webhooks a second for %d s beside the retention and autovacuum" % (rate, seconds))
    nginx = Nginx(bench.folder)
    application, subscription = bench.application(nginx.url(), "UPDATE")
    bench.schedule(application, APPOINTMENTS, "now() + interval '10 days' + i * interval '1 minute'")
    bench.cluster.psql("DELETE FROM appt.due; DELETE FROM appt.notification WHERE application_id = '%s'; VACUUM appt.due" % application)
    # The retention that the first message of the log has just reached.
    minutes = bench.cluster.value("SELECT floor(extract(epoch FROM now() - created_at) / 60) FROM appt.notification ORDER BY id LIMIT 1")
    bench.cluster.psql("ALTER SYSTEM SET appt.log_retention = '%smin'" % minutes)
    bench.restart(autovacuum="on", autovacuum_naptime="'10s'")
    pid = bench.worker_pid()
    producer = Producer(bench, application, subscription, rate, seconds)
    seen = []
    last, first_id, first_size, _ = state_of(bench, 0)
    oldest = first_id
    producer.start()
    for part in range(1, PARTS + 1):
        before, began = bench.processor_times(), time.monotonic()
        time.sleep(seconds / PARTS)
        took = time.monotonic() - began
        cost = bench.cost_since(before, rate * took)
        new_last, new_oldest, size, late = state_of(bench, last)
        seen.append((percentile(late, 50), percentile(late, 99), anonymous_kb(pid), size))
        bench.note("after %4.0f s: %5.0f sent and %5.0f deleted a second; late p50 %.1f ms, p99 %.1f ms; %d KB; tables %.0f MB; %s" % (
            part * seconds / PARTS, (new_last - last) / took, (new_oldest - oldest) / took, *seen[-1], cost))
        last, oldest = new_last, new_oldest
    producer.join()
    bench.wait_until_queue_is_empty(60)
    deleted = int(bench.cluster.value("SELECT min(id) FROM appt.notification")) - first_id
    expect("the worker is the same as before", bench.worker_pid() == pid)
    nginx.stop()
    bench.note("planning was %.1f s behind at most, of the %d s ahead" % (producer.behind, AHEAD_S))
    bench.note("tables had %.0f MB before" % first_size)
    judge(bench, seen, deleted / (rate * seconds))


def judge(bench, seen, deleted):
    second, half, last = seen[1], seen[PARTS // 2 - 1], seen[-1]
    bench.result("deleted: x sent", "%.2f x" % deleted, "0.9 x", deleted >= 0.9)
    bench.result("p99 lateness, last tenth", "%.0f ms" % last[1], "2 x", last[1] <= max(2 * second[1], 100),
                 "%.0f ms in the second tenth" % second[1])
    bench.result("memory of the worker, last tenth", "%d KB" % last[2], "1.05 x", last[2] <= 1.05 * second[2],
                 "%d KB in the second tenth" % second[2])
    bench.result("tables, at the end", "%.0f MB" % last[3], "1.05 x", last[3] <= 1.05 * half[3], "%.0f MB at half-time" % half[3])


def measure(bench):
    rows, rate, seconds = argument("ROWS", 50000000), argument("RATE", 5000), argument("DURATION", 600)
    bench.heading("A log of %d attempts, medians of %d rounds" % (rows, ROUNDS))
    bench.new_database()
    bench.enable(False)
    bench.restart(shared_buffers="'%s'" % MEMORY, max_wal_size="'16GB'", wal_level="minimal", max_wal_senders="0", fsync="off")
    try:
        load(bench, rows, rate, seconds)
        measure_questions(bench)
        measure_sending(bench, rate, seconds)
    finally:
        bench.cluster.psql("ALTER SYSTEM RESET appt.log_retention")
        bench.restart(shared_buffers=None, max_wal_size=None, wal_level=None, max_wal_senders=None, fsync=None, autovacuum=None,
                      autovacuum_naptime=None)
        bench.enable(True)
        bench.drop_database()
