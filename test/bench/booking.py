"""schedule_appointment against the bare INSERTs of the same rows (number 10): 8 clients, 1 and 1,000 applications.

    make bench ONLY=booking SECONDS=5           a measurement

A booking has one customer and plans three messages by email: a confirmation and two reminders. The bare transaction writes
the same rows into the same tables, indexes and foreign keys. Both take turns in the same database, and the medians of
their transactions per second are compared; then the same with a capacity, where bookings lock and count; then with agents
that have a profile: by their default preferences each is told of the booking and reminded of it, by email and in its inbox. Bookings
with a meeting template, whose rules plan the same messages, are measured beside bookings without one. The bytes of WAL
that a booking writes are counted without full page images, whose number depends on checkpoints.
"""

from bench import argument, in_turns, median, typical

ROUNDS = argument("ROUNDS", 3, 1)
CLIENTS = 8
BOOKINGS_LOGGED = argument("BOOKINGS", 2000, 500)

SETUP = """
INSERT INTO appt.application (id, organization_id, name)
	SELECT (10000000 + 89999 * i || '-0000-4000-8000-000000000000')::uuid, :'organization', 'bench' FROM generate_series(0, %(applications)d - 1) i;
INSERT INTO appt.rule (application_id, type, channel, time_offset)
	SELECT a.id, type, 'EMAIL', time_offset FROM appt.application a,
		(VALUES ('CREATE', interval '0'), ('REMINDER', '24 hours'), ('REMINDER', '1 hour')) r (type, time_offset);
"""

RANDOM = """\\set application 10000000 + 89999 * random(0, %(last)d)
\\set start random(0, 28800)
\\set agent random(1, 1000)
"""
APPLICATION = "(:application || '-0000-4000-8000-000000000000')::uuid"
START = "timestamptz '2031-01-01 00:00+00' + :start * interval '15 minutes'"

SCHEDULE = RANDOM + (
    "SELECT id FROM appt.schedule_appointment(" + APPLICATION + ", " + START + ", '30 minutes',"
    " '{\"name\": {\"firstName\": \"Bobby\", \"lastName\": \"Brown\"}, \"contact\": {\"primaryEmail\": \"bobby@customer.example\"}}',"
    " organizer_id => 'agent-' || :agent, title => 'Your mortgage');\n"
)

BARE = RANDOM + """BEGIN;
INSERT INTO appt.appointment (application_id, id, conference_id, organizer_id, organizer_type, state, title, start_at, end_at, timezone, locale, \
notifications_active, metadata, interaction, activated_at, created_at, created_by, updated_at, updated_by) \
VALUES (%(application)s, appt.tagged_uuid(%(application)s), appt.tagged_uuid(%(application)s), 'agent-' || :agent, 'AGENT', 'ACTIVATED', 'Your mortgage', \
%(start)s, %(start)s + interval '30 minutes', 'UTC', 'en', true, '{}', '{"state": "PENDING"}', now(), now(), 'a login', now(), 'a login') RETURNING id \\gset
INSERT INTO appt.participant (application_id, appointment_id, id, type, created_at) VALUES (%(application)s, :id, 'agent-' || :agent, 'AGENT', now());
INSERT INTO appt.participant (application_id, appointment_id, id, type, first_name, last_name, email, metadata, created_at) \
VALUES (%(application)s, :id, gen_random_uuid()::text, 'CUSTOMER', 'Bobby', 'Brown', 'bobby@customer.example', '{}', now());
INSERT INTO appt.room_access (application_id, appointment_id, ticket, url, expires) \
VALUES (%(application)s, :id, left(gen_random_uuid()::text, 13), '', %(start)s + interval '90 minutes');
WITH notification AS (INSERT INTO appt.notification (application_id, appointment_id, recipient_kind, recipient_id, rule_id, type, channel, \
time_offset, due_at, next_attempt_at, lane, notifications_active, address, title, start_at, end_at, organizer_id) \
SELECT %(application)s, :id, kind, recipient, rule, type, channel, time_offset, due_at, due_at, :application, true, \
address, 'Your mortgage', %(start)s, %(start)s + interval '30 minutes', 'agent-' || :agent \
FROM (VALUES %(rows)s) planned (kind, recipient, address, rule, type, channel, time_offset, due_at) RETURNING id, lane, due_at, application_id, due_at) \
INSERT INTO appt.due (notification_id, lane, due_at, application_id, first_due_at) SELECT * FROM notification;
COMMIT;
"""

CUSTOMERS_ROW = "('CUSTOMER', '00000000-0000-4000-8000-000000000000', 'bobby@customer.example', 1, '%s', 'EMAIL', interval '%s', %s)"
TO_CUSTOMER = [CUSTOMERS_ROW % row for row in (
    ("CREATE", "0", "now()"),
    ("REMINDER", "24 hours", START + " - interval '24 hours'"),
    ("REMINDER", "1 hour", START + " - interval '1 hour'"),
)]

AGENTS_ROW = "('USER', 'agent-' || :agent, %s, NULL, '%s', '%s', interval '%s', %s)"
TO_AGENT = [
    AGENTS_ROW % (address, type, channel, offset, due_at)
    for type, offset, due_at in (("APPOINTMENT_ASSIGNED", "0", "now()"), ("APPOINTMENT_REMINDER", "15 minutes", START + " - interval '15 minutes'"))
    for address, channel in (("'agent@example.com'", "EMAIL"), ("'agent-' || :agent", "IN_APP"))
]

PROFILES = """
INSERT INTO appt.user_profile (application_id, id, name, email)
	SELECT a.id, 'agent-' || i, 'Ann Agent', 'agent@example.com' FROM appt.application a, generate_series(1, 1000) i;
ANALYZE appt.user_profile;
"""


# A meeting template of each application, whose id is the application's.
TEMPLATES = """
INSERT INTO appt.meeting_template (application_id, id, name, title)
	SELECT id, id, 'Visit', '{{#status}}{{status}}: {{/status}}Your mortgage' FROM appt.application;
INSERT INTO appt.rule (application_id, meeting_template_id, type, channel, time_offset)
	SELECT a.id, a.id, type, 'EMAIL', time_offset FROM appt.application a,
		(VALUES ('CREATE', interval '0'), ('REMINDER', '24 hours'), ('REMINDER', '1 hour')) r (type, time_offset);
"""

WITH_TEMPLATE = SCHEDULE.replace("title => 'Your mortgage'", "meeting_template_id => " + APPLICATION)


def inserts(rows):
    """The transaction that writes the rows of a booking with these notifications."""
    return BARE.replace("%(rows)s", ", ".join(rows)).replace("%(application)s", APPLICATION).replace("%(start)s", START)



class Scripts:
    """The two transactions, taking turns."""

    def __init__(self, bench, applications):
        self.bench = bench
        self.applications = applications
        self.seconds = argument("SECONDS", 5, 1)

    def run(self, script):
        options = "-c", str(CLIENTS), "-j", "2", "-T", str(self.seconds)
        return self.bench.pgbench(script % {"last": self.applications - 1}, *options)

    def measure(self, rows=TO_CUSTOMER):
        """Median bookings and bare transactions, which plan these rows, per second."""
        return self.compare(SCHEDULE, inserts(rows))

    def compare(self, script, other):
        """The medians of both, per second. Notes the server's processor time, too."""
        booked, bare = in_turns(ROUNDS, lambda: self.run(script), lambda: self.run(other))
        self.bench.note("processor time of the server: %.0f us, of the other %.0f us" % tuple(
            typical([run.cost for run in runs]).server for runs in (booked, bare)))
        return median([run.rate for run in booked]), median([run.rate for run in bare])


def wal_of_booking(bench, applications):
    """Bytes of WAL that one booking writes, beside its full page images."""
    cluster = bench.cluster
    cluster.psql("ALTER SYSTEM SET full_page_writes = off")
    cluster.psql("SELECT pg_reload_conf()")
    # From this checkpoint on the setting counts for every session.
    cluster.psql("CHECKPOINT")
    before = cluster.value("SELECT pg_current_wal_insert_lsn()")
    bench.pgbench(SCHEDULE % {"last": applications - 1}, "-c", "1", "-t", str(BOOKINGS_LOGGED))
    written = int(cluster.value("SELECT pg_current_wal_insert_lsn() - '%s'" % before))
    cluster.psql("ALTER SYSTEM RESET full_page_writes")
    cluster.psql("SELECT pg_reload_conf()")
    return written / BOOKINGS_LOGGED


def measure(bench):
    bench.heading("Bookings by %d clients, medians of %d rounds in turns" % (CLIENTS, ROUNDS))
    for applications in (1, 1000):
        bench.new_database()
        # Due messages must not be sent: that is measured elsewhere.
        bench.enable(False)
        bench.cluster.psql(SETUP % {"applications": applications})
        scripts = Scripts(bench, applications)
        booked, bare = scripts.measure()
        bench.result("schedule_appointment, %d applications: x bare INSERTs" % applications,
                     "%.2f x" % (booked / bare), "1.0 x", booked / bare >= 1, "%.0f/s" % bare)
        written = wal_of_booking(bench, applications)
        bench.result("WAL of a booking, %d applications" % applications, "%.2f kB" % (written / 1000), "2.2 kB", written <= 2200)
        bench.cluster.psql("UPDATE appt.application SET max_overlap = 1000000")
        booked, bare = scripts.measure()
        bench.note("with max_overlap: %.2f x, %.0f/s" % (booked / bare, booked))
        bench.cluster.psql("UPDATE appt.application SET max_overlap = NULL")
        bench.cluster.psql(TEMPLATES)
        visits, without = scripts.compare(WITH_TEMPLATE, SCHEDULE)
        bench.result("with a meeting template, %d applications: cost x one without" % applications,
                     "%.2f x" % (without / visits), "1.2 x", without / visits <= 1.2, "%.0f/s" % without)
        bench.cluster.psql("DELETE FROM appt.meeting_template")
        bench.cluster.psql(PROFILES)
        booked, plain = scripts.measure(TO_CUSTOMER + TO_AGENT)
        bench.result("with agents that have a profile, %d applications: cost x bare INSERTs" % applications,
                     "%.2f x" % (plain / booked), "1.1 x", plain / booked <= 1.1, "%.0f/s" % plain)
        bench.enable(True)
        bench.drop_database()
