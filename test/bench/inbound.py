"""record_inbound_sms against the bare INSERTs of the same rows, and against 5,000 messages a second: 8 clients.

    make bench ONLY=inbound SECONDS=5           a measurement

1,000 lines have an owner each, who is told in the inbox; contacts are many, so that HIGH_SMS looks up each message and
alarms at few. The bare transaction writes the same rows into the same tables and indexes: message, event, notification
and entry of the queue. Both take turns in the same database. Then all clients write as one contact to one number: what
turns by its lock cost.
"""

from bench import argument, in_turns, median, typical

ROUNDS = argument("ROUNDS", 3, 1)
CLIENTS = 8

SETUP = """
INSERT INTO appt.application (id, organization_id, name) VALUES ('00000000-0000-4000-8000-000000000001', :'organization', 'bench');
INSERT INTO appt.user_profile (application_id, id, channels)
	SELECT '00000000-0000-4000-8000-000000000001', 'agent-' || i, '{IN_APP}' FROM generate_series(1, 1000) i;
INSERT INTO appt.line (application_id, id, name, owner_id)
	SELECT '00000000-0000-4000-8000-000000000001', (10000000 + i || '-0000-4000-8000-000000000000')::uuid, 'line', 'agent-' || i
	FROM generate_series(1, 1000) i;
INSERT INTO appt.line_number (application_id, number, line_id)
	SELECT application_id, '+30211' || left(id::text, 8), id FROM appt.line;
ANALYZE;
"""

APPLICATION = "'00000000-0000-4000-8000-000000000001'"
RANDOM = "\\set line random(10000001, 10001000)\n\\set contact random(1000000, 9999999)\n"
TEXT = "'Good morning, I am running late. Could we start at ten?'"

RECORD = (
    "SELECT id FROM appt.record_inbound_sms(" + APPLICATION + ", '+30690' || :contact, '+30211' || :line, " + TEXT + ","
    " gen_random_uuid()::text);\n"
)

BARE = RANDOM + """BEGIN;
INSERT INTO appt.inbound_message (application_id, from_number, to_number, line_id, text, provider_message_id, received_at)
VALUES (%(application)s, '+30690' || :contact, '+30211' || :line, (:line || '-0000-4000-8000-000000000000')::uuid, %(text)s,
gen_random_uuid()::text, now()) RETURNING id AS message \\gset
INSERT INTO appt.user_event (application_id, type, line_id, contact, payload)
VALUES (%(application)s, 'TEXT_MESSAGE', (:line || '-0000-4000-8000-000000000000')::uuid, jsonb_build_object('phone', '+30690' || :contact),
jsonb_build_object('text', %(text)s, 'from', '+30690' || :contact, 'to', '+30211' || :line, 'inboundMessageId', :message::bigint)) RETURNING id AS event \\gset
WITH notification AS (INSERT INTO appt.notification (application_id, user_event_id, recipient_kind, recipient_id, type, channel,
due_at, next_attempt_at, lane, address)
VALUES (%(application)s, :event, 'USER', 'agent-' || :line::integer - 10000000, 'TEXT_MESSAGE', 'IN_APP', now(), now(), 1, 'agent-' || :line::integer - 10000000)
RETURNING id, lane, due_at, application_id, due_at)
INSERT INTO appt.due (notification_id, lane, due_at, application_id, first_due_at) SELECT * FROM notification;
COMMIT;
""" % {"application": APPLICATION, "text": TEXT}

ONE_CONVERSATION = RECORD.replace(":contact", "'0000000'").replace(":line", "'10000001'")


def run(bench, script, seconds):
    return bench.pgbench(script, "-c", str(CLIENTS), "-j", "2", "-T", str(seconds))


def measure(bench):
    seconds = argument("SECONDS", 5, 1)
    bench.heading("Inbound text messages by %d clients, medians of %d rounds in turns" % (CLIENTS, ROUNDS))
    bench.new_database()
    # Due messages must not be sent: that is measured elsewhere.
    bench.enable(False)
    bench.cluster.psql(SETUP)
    done = in_turns(ROUNDS, lambda: run(bench, RANDOM + RECORD, seconds), lambda: run(bench, BARE, seconds))
    recorded, bare = (median([each.rate for each in runs]) for runs in done)
    bench.result("record_inbound_sms: messages per second", "%.0f/s" % recorded, "5000/s", recorded >= 5000, "%.0f/s" % bare)
    bench.note("that is %.2f x the bare INSERTs" % (recorded / bare))
    bench.note("processor time of the server: %.0f us, of the INSERTs %.0f us" % tuple(
        typical([each.cost for each in runs]).server for runs in done))
    bench.note("all as one contact to one number: %.0f/s" % run(bench, ONE_CONVERSATION, seconds).rate)
    bench.enable(True)
    bench.drop_database()
