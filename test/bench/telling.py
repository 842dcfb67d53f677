"""notify_users for a voicemail to a ring group of 200 users against the bare INSERT of the same rows.

    make bench ONLY=telling SECONDS=5           a measurement

Each user gets it by email and in the inbox: an event, 400 notifications and their entries of the queue. A call checks its
arguments, reads line, ring group, profiles and preferences (each user has three), plans in one statement, and returns the
rows. The bare transaction writes the same rows into the same tables and indexes, from a series and constants. Both take turns
in the same database, and the medians of their transactions per second are compared.
"""

from bench import argument, in_turns, median, typical

ROUNDS = argument("ROUNDS", 3, 1)
CLIENTS = (1, 4)
LINES = 20
USERS = 200

SETUP = """
INSERT INTO appt.application (id, organization_id, name) VALUES ('10000000-0000-4000-8000-000000000000', :'organization', 'bench');
INSERT INTO appt.user_profile (application_id, id, name, email)
	SELECT a.id, 'user-' || i, 'User ' || i, 'user-' || i || '@example.com' FROM appt.application a, generate_series(1, %(lines)d * %(users)d) i;
INSERT INTO appt.user_preference (application_id, user_id, type, channel, enabled)
	SELECT u.application_id, u.id, p.type, p.channel, true FROM appt.user_profile u,
		(VALUES ('VOICEMAIL', 'EMAIL'), ('CALL', NULL), ('FAX', 'IN_APP')) p (type, channel);
INSERT INTO appt.line (application_id, id, name)
	SELECT a.id, (10000000 + i || '-0000-4000-8000-000000000001')::uuid, 'Line ' || i FROM appt.application a, generate_series(1, %(lines)d) i;
INSERT INTO appt.ring_group (application_id, id, name) SELECT application_id, id, name FROM appt.line;
INSERT INTO appt.line_ring_group (application_id, line_id, ring_group_id) SELECT application_id, id, id FROM appt.ring_group;
INSERT INTO appt.ring_group_member (application_id, ring_group_id, user_id)
	SELECT application_id, (10000000 + 1 + (substr(id, 6)::int - 1) / %(users)d || '-0000-4000-8000-000000000001')::uuid, id FROM appt.user_profile;
VACUUM ANALYZE;
""" % {"lines": LINES, "users": USERS}

RANDOM = "\\set line 10000000 + random(1, %d)\n" % LINES
APPLICATION = "'10000000-0000-4000-8000-000000000000'"
LINE = "(:line || '-0000-4000-8000-000000000001')::uuid"
EVENT = """'{"name": "Bobby Brown", "phone": "+306900000000"}', 'A voicemail of 12 seconds', '{"url": "https://pbx.example.com/voicemails/1"}'"""

TELL = RANDOM + (
    "SELECT count(*) FROM appt.notify_users(" + APPLICATION + ", 'VOICEMAIL', NULL, " + LINE + ", " + EVENT + ");\n"
)

BARE = RANDOM + (
    "WITH event AS (INSERT INTO appt.user_event (application_id, type, line_id, contact, title, payload)"
    " VALUES (%(application)s, 'VOICEMAIL', %(line)s, %(event)s) RETURNING id),"
    " planned AS (INSERT INTO appt.notification (application_id, user_event_id, recipient_kind, recipient_id, type, channel, due_at,"
    " next_attempt_at, lane, address, title)"
    " SELECT %(application)s, e.id, 'USER', 'user-' || i, 'VOICEMAIL', channel, now(), now(), lane,"
    "  CASE channel WHEN 'EMAIL' THEN 'user-' || i || '@example.com' ELSE 'user-' || i END, 'A voicemail of 12 seconds'"
    " FROM event e, generate_series((:line - 10000001) * %(users)d + 1, (:line - 10000000) * %(users)d) i,"
    "  (VALUES ('EMAIL', 7), ('IN_APP', 8)) c (channel, lane) RETURNING id, lane, due_at, application_id, due_at)"
    " INSERT INTO appt.due (notification_id, lane, due_at, application_id, first_due_at) SELECT * FROM planned;\n"
    % {"application": APPLICATION, "line": LINE, "event": EVENT, "users": USERS})


def measure(bench):
    bench.heading("An event to a ring group of %d users, medians of %d rounds in turns" % (USERS, ROUNDS))
    bench.new_database()
    # Nothing may be sent: that is measured elsewhere.
    bench.enable(False)
    bench.cluster.psql(SETUP)
    for clients in CLIENTS:
        options = "-c", str(clients), "-j", "2", "-T", str(argument("SECONDS", 5, 1))
        told, bare = in_turns(ROUNDS, lambda: bench.pgbench(TELL, *options), lambda: bench.pgbench(BARE, *options))
        base = median([run.rate for run in bare])
        ratio = base / median([run.rate for run in told])
        bench.result("notify_users, %d client%s: x time of the bare INSERTs" % (clients, "s" * (clients > 1)),
                     "%.2f x" % ratio, "2 x", ratio <= 2, "%.0f/s" % base)
        bench.note("processor time of the server: %.0f us, of the INSERTs %.0f us" % tuple(
            typical([run.cost for run in runs]).server for runs in (told, bare)))
    bench.enable(True)
    bench.drop_database()
