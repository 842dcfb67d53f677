"""How long the callers of a tenant wait while it moves to another shard (scripts/move-tenant).

    make bench ONLY=moving ROWS=100000          of 1,000,000 rows of log unless said otherwise

A tenth as many appointments, each with two participants; half of them are ahead, and a reminder of each waits. Both shards are
databases of one cluster. Nothing else goes on: what changes during the copy is copied again before callers wait.
"""

import os
import re
import subprocess

from bench import HERE, argument, expect, median

ROUNDS = argument("ROUNDS", 3, 1)
SHARDS = ("shard_1", "shard_2")

# Of each appointment five messages that were sent, or four and one that waits.
LOAD = """
SET session_replication_role = replica;
INSERT INTO appt.appointment (application_id, id, conference_id, organizer_id, start_at, end_at, timezone, locale, notifications_active,
	title)
	SELECT a.id, appt.tagged_uuid(a.id), appt.tagged_uuid(a.id), 'agent-' || i %% 1000, s, s + interval '30 minutes', 'UTC', 'en', true, 'Your mortgage'
	FROM appt.application a, generate_series(1, %(appointments)d) i,
		LATERAL (SELECT now() + (i - %(appointments)d / 2) * interval '5 minutes' AS s) at;
INSERT INTO appt.participant (application_id, appointment_id, id, type, email)
	SELECT a.application_id, a.id, p.id, p.type, p.email FROM appt.appointment a,
		LATERAL (VALUES (a.organizer_id, 'AGENT', NULL), (gen_random_uuid()::text, 'CUSTOMER', 'bobby@example.com')) p (id, type, email);
INSERT INTO appt.notification (application_id, appointment_id, recipient_kind, recipient_id, type, channel, due_at, lane, state,
	settled_at, next_attempt_at, attempt_count, address, title, start_at, end_at)
	SELECT a.application_id, a.id, 'CUSTOMER', 'customer', 'REMINDER', 'EMAIL', due_at, 1, CASE WHEN waits THEN 'PENDING' ELSE 'SENT' END,
		CASE WHEN NOT waits THEN due_at END, CASE WHEN waits THEN due_at END, CASE WHEN waits THEN 0 ELSE 1 END,
		'bobby@example.com', a.title, a.start_at, a.end_at
	FROM appt.appointment a, generate_series(1, 5) i,
		LATERAL (SELECT CASE i WHEN 1 THEN start_at ELSE now() END - i * interval '1 hour' AS due_at) d,
		LATERAL (SELECT i = 1 AND due_at > now() AS waits) w;
INSERT INTO appt.due (lane, due_at, notification_id, application_id, first_due_at)
	SELECT lane, due_at, id, application_id, due_at FROM appt.notification WHERE settled_at IS NULL;
INSERT INTO appt.attempt (application_id, notification_id, attempt_number, due_at, started_at, finished_at, outcome, recipient, subject, text_body)
	SELECT application_id, id, 1, due_at, due_at, due_at, 'DELIVERED', address, title, repeat('Do not forget. ', 40)
	FROM appt.notification WHERE settled_at IS NOT NULL;
VACUUM ANALYZE;
"""


def create_shards(bench):
    for node, shard in enumerate(SHARDS, 1):
        bench.cluster.psql("DROP DATABASE IF EXISTS %s WITH (FORCE)" % shard)
        bench.cluster.psql("CREATE DATABASE %s" % shard)
        bench.cluster.database = shard
        bench.cluster.psql("CREATE EXTENSION appt; SELECT appt.set_node(%d)" % node)
        bench.cluster.database = "postgres"


def move(bench, application):
    """Milliseconds that callers waited."""
    cluster = bench.cluster
    dsn = "host=%s port=%s user=postgres dbname=" % (cluster.folder, cluster.port)
    done = subprocess.run(
        [os.path.join(HERE, "../../scripts/move-tenant"), "--application", application, "--from", dsn + SHARDS[0], "--to", dsn + SHARDS[1]],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    waited = re.search(r"callers waited for (\d+) ms", done.stdout)
    expect("the tenant moves:\n" + done.stdout, done.returncode == 0 and waited is not None)
    return int(waited.group(1))


def measure_once(bench, rows):
    create_shards(bench)
    bench.cluster.database = SHARDS[0]
    application = bench.cluster.value("SELECT appt.create_application(appt.create_organization('bench'), 'bench')")
    bench.cluster.psql(LOAD % {"appointments": rows // 10})
    waited = move(bench, application)
    bench.cluster.database = "postgres"
    return waited


def measure(bench):
    rows = argument("ROWS", 1000000, 10000)
    bench.heading("A tenant with %d rows of log moves to another shard, median of %d rounds" % (rows, ROUNDS))
    waits = []
    for number in range(1, ROUNDS + 1):
        waits.append(measure_once(bench, rows))
        bench.note("round %d: %d ms" % (number, waits[-1]))
    bench.result("callers wait", "%d ms" % median(waits), "2000 ms", median(waits) <= 2000)
    for shard in SHARDS:
        bench.cluster.psql("DROP DATABASE %s WITH (FORCE)" % shard)
