"""appointments_eligible_for_activation, which returns every SCHEDULED appointment of an application.

    make bench ONLY=eligible ROWS=20000         of 200,000 unless said otherwise

Appointments start in random order; each has a customer and an agent, stored in the order of the bookings.
"""

import time

from bench import argument, expect, median

ROUNDS = argument("ROUNDS", 3, 1)

LOAD = """
SET session_replication_role = replica;
INSERT INTO appt.application (organization_id, name, auto_activate) VALUES (:'organization', 'bench', false);
INSERT INTO appt.appointment (application_id, id, conference_id, organizer_id, start_at, end_at, timezone, locale, notifications_active,
	title)
	SELECT a.id, appt.tagged_uuid(a.id), appt.tagged_uuid(a.id), 'agent-' || i %% 1000, start_at, start_at + interval '30 minutes', 'UTC', 'en', true, 'Your mortgage'
	-- The number of the row has random() called for each.
	FROM appt.application a, generate_series(1, %(rows)d) i, LATERAL (
		SELECT timestamptz '2031-01-01 00:00+00' + ((random() * 28800)::int + 0 * i) * interval '15 minutes' AS start_at) s;
INSERT INTO appt.participant (application_id, appointment_id, id, type)
	SELECT a.application_id, a.id, p.id, p.type FROM appt.appointment a,
		LATERAL (VALUES (a.organizer_id, 'AGENT'), (gen_random_uuid()::text, 'CUSTOMER')) p (id, type);
VACUUM ANALYZE appt.appointment;
VACUUM ANALYZE appt.participant;
"""


def call(bench, rows):
    """Seconds that a call takes, with psql's start and end."""
    start = time.monotonic()
    found = bench.cluster.value("SELECT count(*) FROM appt.appointments_eligible_for_activation()")
    seconds = time.monotonic() - start
    expect("%s appointments are returned: %s" % (rows, found), found == str(rows))
    return seconds


def measure(bench):
    rows = argument("ROWS", 200000, 10000)
    bench.heading("Appointments that can be activated, median of %d calls" % ROUNDS)
    bench.new_database()
    bench.cluster.psql(LOAD % {"rows": rows})
    call(bench, rows)
    seconds = median([call(bench, rows) for _ in range(ROUNDS)])
    bench.result("appointments_eligible_for_activation, %d rows" % rows, "%.2f s" % seconds, "1 s", seconds <= 1)
    bench.drop_database()
