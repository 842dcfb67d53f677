/*
 * sample.sql: an application with a hundred appointments in every state, to look around in.
 *
 * Its messages are written to the log and reach nobody. `make demo KEEP=1` runs this in the cluster that it leaves up; in
 * another database with appt: psql -f test/demo/sample.sql
 */
\set ON_ERROR_STOP on
\set QUIET on
BEGIN;
SELECT appt.create_organization('Sample') AS organization \gset
SELECT appt.create_application(:'organization', 'Sample Clinic', timezone => 'Europe/Athens', room_url => 'https://meet.example/',
	public_url => 'https://clinic.example', auto_activate => false) AS application \gset
SELECT appt.set_provider(:'application', 'EMAIL', 'LOG', sender => 'Sample Clinic <hello@clinic.example>') \g /dev/null
SELECT appt.set_provider(:'application', 'SMS', 'LOG') \g /dev/null
SELECT appt.create_meeting_template(:'application', 'Consultation', duration => '30 minutes', location => '5 Harbour Road')
	AS template \gset
UPDATE appt.rule SET buttons = '{ACCEPT,DECLINE,RESCHEDULE}'
WHERE application_id = :'application' AND type = 'CREATE' AND channel = 'EMAIL' AND meeting_template_id IS NULL;

/* A working day of six doctors, from tomorrow on; every tenth has the meeting template, whose messages people send. */
CREATE TEMPORARY TABLE sample AS
SELECT i, a.id
FROM generate_series(1, 100) AS i, LATERAL (
	SELECT date_trunc('day', now()) + make_interval(days => 1 + (i - 1) / 25, hours => 7, mins => 20 * ((i - 1) % 25)) AS start_at,
		(array['Maria', 'George', 'Helen', 'Costas', 'Ana', 'Peter', 'Sofia', 'Ivan', 'Lucie', 'Hans'])[1 + i % 10] AS first_name,
		(array['Pappas', 'Brown', 'Rossi', 'Weber', 'Novak', 'Martin', 'Silva'])[1 + i % 7] AS last_name) AS c, LATERAL (
	SELECT * FROM appt.schedule_appointment(:'application', c.start_at, '20 minutes',
		jsonb_build_object('name', jsonb_build_object('firstName', c.first_name, 'lastName', c.last_name),
			'contact', jsonb_strip_nulls(jsonb_build_object(
				'primaryEmail', CASE WHEN i % 9 <> 0 THEN lower(c.first_name || '.' || c.last_name) || i || '@customer.example' END,
				'primaryPhone', CASE WHEN i % 3 <> 0 THEN '+3069' || 10000000 + i END))),
		organizer_id => 'doctor-' || 1 + i % 6,
		title => (array['Check-up', 'Vaccination', 'Blood test', 'Physiotherapy', 'Second opinion'])[1 + i % 5],
		locale => (array['en', 'el', 'de', 'fr'])[1 + i % 4],
		meeting_template_id => CASE WHEN i % 10 = 0 THEN :'template'::uuid END)) AS a;

/* Two customers who want no more emails: one wrote so, one's mailbox is gone. */
SELECT appt.suppress(:'application', 'EMAIL', p.email, reason)
FROM sample JOIN appt.participant p ON p.appointment_id = sample.id AND p.type = 'CUSTOMER'
	JOIN (VALUES (11, 'OPTED_OUT'), (13, 'UNDELIVERABLE')) AS v (i, reason) USING (i) \g /dev/null
COMMIT;

/* Ten seconds at most: the worker, if there is one, sends the confirmations. */
DO $$
BEGIN
	FOR i IN 1..200 LOOP
		EXIT WHEN NOT EXISTS (SELECT FROM appt.due WHERE due_at <= clock_timestamp());
		PERFORM pg_sleep(0.05);
	END LOOP;
END $$;

/* What became of them. */
SELECT count(*) FROM sample, LATERAL appt.cancel_appointment(sample.id, 'The doctor fell ill') WHERE i % 8 = 3 \g /dev/null
SELECT count(*) FROM sample, LATERAL appt.reschedule_appointment(sample.id, now() + make_interval(days => 7, mins => 20 * i))
WHERE i % 12 = 5 AND i % 8 <> 3 \g /dev/null
SELECT count(*) FROM sample, LATERAL appt.activate_appointment(sample.id) WHERE i BETWEEN 60 AND 79 AND i % 8 <> 3 \g /dev/null
SELECT count(*) FROM sample JOIN appt.participant p ON p.appointment_id = sample.id AND p.type = 'CUSTOMER',
	LATERAL (SELECT appt.record_join(sample.id, p.id)) AS joined
WHERE i BETWEEN 66 AND 79 AND i % 8 <> 3 \g /dev/null
SELECT count(*) FROM sample, LATERAL appt.end_appointment(sample.id) WHERE i BETWEEN 70 AND 79 AND i % 8 <> 3 \g /dev/null
SELECT count(*) FROM sample, LATERAL appt.archive_appointment(sample.id) WHERE i BETWEEN 76 AND 79 AND i % 8 <> 3 \g /dev/null
SELECT count(*) FROM sample, LATERAL appt.send_notification(sample.id, 'CONFIRMATION_REQUEST', 'EMAIL')
WHERE i IN (20, 30, 40, 50) \g /dev/null

SELECT state, booking_state, count(*) FROM appt.appointment WHERE application_id = :'application' GROUP BY 1, 2 ORDER BY 1, 2;
