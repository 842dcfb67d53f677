"""What customers' answers cost the database: sending by hand, and the page behind a link.

`send_notification` to one customer beside the INSERTs of its rows, a notification and its entry of the queue. An appointment with a
meeting template also changes, so its baseline writes that row, too. Every call is for an appointment that was sent nothing before;
both take turns, by one client. `landing_page` in a session that has shown pages before, of messages in any order, beside a
look-up of the message's row by its key; what is compared with the bar is what a call takes more than a statement that does nothing.

    make bench ONLY=sending MESSAGES=500 SECONDS=1      shorter
"""

from bench import argument, in_turns, median, typical

ROUNDS = argument("ROUNDS", 3, 1)
PAGES = 1000

SETUP = """
CREATE EXTENSION IF NOT EXISTS appt_test;
SELECT appt.create_application(:'organization', 'bench', public_url => 'https://appt.example') AS application \\gset
DELETE FROM appt.rule WHERE application_id = :'application';
INSERT INTO appt.rule (application_id, type, channel, sending) VALUES (:'application', 'CREATE', 'EMAIL', 'MANUAL');
SELECT appt.set_provider(:'application', 'EMAIL', 'SMTP', 'smtp://mail.example:587', sender => 'hello@acme.example') \\g /dev/null
SELECT appt.create_meeting_template(:'application', 'Visit', title => '{{#status}}{{status}}: {{/status}}Visit') AS visit \\gset
UPDATE appt.rule SET buttons = '{ACCEPT,DECLINE,RESCHEDULE}' WHERE meeting_template_id = :'visit' AND type = 'CREATE';
DELETE FROM appt.rule WHERE meeting_template_id = :'visit' AND type = 'REMINDER';
CREATE TABLE asked AS
	SELECT kind, row_number() OVER (PARTITION BY kind ORDER BY i) AS n, (appt.schedule_appointment(:'application',
		'2031-01-01 00:00+00'::timestamptz + i * interval '15 minutes', '30 minutes',
		'{"name": {"firstName": "Bobby", "lastName": "Brown"}, "contact": {"primaryEmail": "bobby@customer.example"}}',
		organizer_id => 'agent-' || i %% 1000, title => CASE kind WHEN 'plain' THEN 'Your mortgage' END, location => 'Main Street 1',
		meeting_template_id => CASE kind WHEN 'visit' THEN :'visit'::uuid END)).id
	FROM generate_series(1, %(count)d) i, (VALUES ('plain'), ('visit')) k (kind);
CREATE UNIQUE INDEX ON asked (kind, n);
CREATE SEQUENCE next_plain; CREATE SEQUENCE next_visit;
VACUUM ANALYZE; CHECKPOINT;
SELECT :'application';
"""

# The same round trips in both: one that takes the next appointment, one that sends.
NEXT = "SELECT id AS appointment FROM asked WHERE kind = '%(kind)s' AND n = (SELECT nextval('next_%(kind)s')) \\gset\n"
SEND = NEXT + "SELECT count(*) FROM appt.send_notification(:appointment, 'CREATE');\n"
INSERTS = (
    "WITH %(update)snotification AS (INSERT INTO appt.notification (application_id, appointment_id, recipient_kind, recipient_id, rule_id,"
    " type, channel, due_at, next_attempt_at, lane, notifications_active, manual, address, title, start_at, end_at, organizer_id)"
    " VALUES ('%(application)s', :appointment, 'CUSTOMER', '00000000-0000-4000-8000-000000000000', 1, 'CREATE', 'EMAIL', now(), now(),"
    " 10000000, true, true, 'bobby@customer.example', 'Your mortgage', '2031-01-01 00:00+00', '2031-01-01 00:30+00', 'agent-7')"
    " RETURNING id, lane, due_at, application_id, due_at)"
    " INSERT INTO appt.due (notification_id, lane, due_at, application_id, first_due_at) SELECT * FROM notification;\n"
)
UPDATE = (
    "appointment AS (UPDATE appt.appointment SET booking_state = 'BOOKED', notification_state = 'CONFIRMED', title = 'BOOKED: Visit',"
    " told = '{\"start_at\": \"2031-01-01T00:00:00Z\", \"duration\": \"PT30M\", \"timezone\": \"UTC\", \"location\": \"Main Street 1\"}',"
    " updated_at = now(), updated_by = 'a login' WHERE application_id = '%(application)s' AND id = :appointment), "
)

TOKENS = """
CREATE TABLE shown AS
	WITH message AS (
		INSERT INTO appt.notification (application_id, appointment_id, recipient_kind, recipient_id, rule_id, type, channel, due_at, lane,
			state, settled_at, attempt_count, address)
		SELECT p.application_id, p.appointment_id, 'CUSTOMER', p.id, r.id, 'CREATE', 'EMAIL', now(), 1, 'SENT', now(), 1, p.email
		FROM asked a JOIN appt.participant p ON p.appointment_id = a.id AND p.type = 'CUSTOMER'
			JOIN appt.appointment x ON x.id = a.id JOIN appt.rule r ON r.meeting_template_id = x.meeting_template_id AND r.type = 'CREATE'
		WHERE a.kind = 'visit' ORDER BY a.n LIMIT %(pages)d RETURNING id, application_id, appointment_id)
	SELECT m.*, row_number() OVER () AS n FROM message m;
INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, finished_at, outcome, shown)
	SELECT s.application_id, s.id, 1, now(), now(), 'DELIVERED', jsonb_build_object('buttons', '["ACCEPT", "DECLINE", "RESCHEDULE"]'::jsonb,
		'reply_codes', NULL, 'start_at', to_char(a.start_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
		'end_at', to_char(a.end_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'timezone', a.timezone, 'location', a.location)
	FROM shown s JOIN appt.appointment a ON a.id = s.appointment_id;
CREATE TABLE page AS SELECT n, id, appt_test.link_token(id) AS token FROM shown;
CREATE UNIQUE INDEX ON page (n);
VACUUM ANALYZE; CHECKPOINT;
"""

ANY = "\\set n random(1, %d)\n" % PAGES
NOTHING = ANY + "SELECT octet_length(token) FROM page WHERE n = :n;\n"
LOOK_UP = ANY + ("SELECT octet_length(m.uid::text) FROM page p, LATERAL (SELECT uid FROM appt.notification n WHERE n.id = p.id OFFSET 0) m"
                 " WHERE p.n = :n;\n")
PAGE = ANY + "SELECT octet_length(appt.landing_page(token)::bytea) FROM page WHERE n = :n;\n"


def measure_sending(bench, application, count):
    bench.heading("send_notification to one customer beside the INSERTs of its rows, medians of %d rounds in turns" % ROUNDS)
    for kind, what in (("plain", "without a meeting template"), ("visit", "with one, the appointment's UPDATE included")):
        update = UPDATE % {"application": application} if kind == "visit" else ""
        bare = (NEXT + INSERTS.replace("%(update)s", "@update")) % {"kind": kind, "application": application}
        options = "-c", "1", "-t", str(count)
        done = in_turns(ROUNDS, lambda: bench.pgbench(SEND % {"kind": kind}, *options),
                        lambda: bench.pgbench(bare.replace("@update", update), *options))
        sent, plain = (median([run.rate for run in runs]) for runs in done)
        bench.result("send_notification, " + what, "%.2f x" % (plain / sent), "1.5 x", plain / sent <= 1.5, "%.0f/s" % plain)
        bench.note("processor time of the server: %.0f us, of the INSERTs %.0f us" % tuple(
            typical([run.cost for run in runs]).server for runs in done))


def measure_page(bench):
    bench.heading("landing_page of %d messages, medians of %d rounds in turns" % (PAGES, ROUNDS))
    bench.cluster.psql(TOKENS % {"pages": PAGES})
    options = "-c", "1", "-T", str(argument("SECONDS", 3, 1))
    done = in_turns(ROUNDS, *[lambda script=script: bench.pgbench(script, *options) for script in (NOTHING, LOOK_UP, PAGE)])
    nothing, look_up, page = (median([1000 / run.rate for run in runs]) for runs in done)
    bench.result("landing_page, database time", "%.3f ms" % (page - nothing), "0.5 ms", page - nothing <= 0.5,
                 "%.3f ms a look-up by key" % (look_up - nothing))


def measure(bench):
    count = argument("MESSAGES", 3000, 500)
    bench.new_database()
    # Nothing may be sent: that is measured elsewhere.
    bench.enable(False)
    application = bench.cluster.value(SETUP % {"count": max(PAGES, 2 * count * (ROUNDS + 1))})
    measure_sending(bench, application, count)
    measure_page(bench)
    bench.enable(True)
    bench.drop_database()
