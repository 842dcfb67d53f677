-- What customers were told: the notification state follows changes of significant fields, and AUTOMATIC rules send by themselves.
BEGIN;
SELECT * FROM no_plan();
SET client_min_messages = error;

SELECT appt.create_organization('Acme') AS organization \gset
SELECT appt.create_application(:'organization', 'Sales') AS application \gset
SELECT count(*) AS ignored FROM appt.set_provider(:'application', 'EMAIL', 'SMTP', 'smtp://mail.example:25', sender => 'us@a.example')
	\gset
INSERT INTO appt.meeting_template (application_id, name, significant_fields)
	VALUES (:'application', 'Visit', '{start_at,duration,timezone,location,title,notes,organizer}') RETURNING id AS template \gset
INSERT INTO appt.rule (application_id, meeting_template_id, type, channel, sending)
	SELECT :'application', :'template', type, 'PREFERRED', 'MANUAL' FROM unnest('{CREATE,RESCHEDULE,CANCELLED}'::text[]) type;
INSERT INTO appt.rule (application_id, meeting_template_id, type, channel, time_offset, sending)
	VALUES (:'application', :'template', 'REMINDER', 'EMAIL', '1 hour', 'AUTOMATIC');

-- An appointment of the meeting template, with an email address.
CREATE FUNCTION pg_temp.made(application uuid, template uuid) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
	made uuid;
BEGIN
	SELECT id INTO made FROM appt.schedule_appointment(application, date_trunc('hour', now()) + interval '2 days', '1 hour',
		'{"contact": {"primaryEmail": "c@d.example"}}', 'ann', location => 'Here', meeting_template_id => template);
	RETURN made;
END $$;
CREATE FUNCTION pg_temp.state(appointment uuid) RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' ', booking_state, notification_state, changed_fields::text) FROM appt.appointment WHERE id = $1 $$;
CREATE FUNCTION pg_temp.to_customers(appointment uuid) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(type, ' ' ORDER BY type), '') FROM appt.notification
	WHERE appointment_id = $1 AND recipient_kind = 'CUSTOMER' AND state <> 'CANCELLED' $$;

SELECT pg_temp.made(:'application', :'template') AS id \gset
SELECT is(pg_temp.to_customers(:'id'), 'REMINDER', 'saving sends customers nothing but reminders');
SELECT is(pg_temp.state(:'id'), 'NEW NONE', 'they were not told');
SELECT appt.update_appointment(:'id', location => 'There') IS NULL AS ignored \gset
SELECT appt.reschedule_appointment(:'id', (SELECT start_at + interval '1 hour' FROM appt.appointment WHERE id = :'id')) IS NULL AS ignored
	\gset
SELECT is(pg_temp.state(:'id'), 'NEW NONE', 'who was told nothing need not be told of changes');
SELECT is(pg_temp.to_customers(:'id'), 'REMINDER', 'and is not; the reminder follows the new time');

SELECT count(*) AS ignored FROM appt.send_notification(:'id', 'CREATE') \gset
SELECT is(pg_temp.state(:'id'), 'BOOKED CONFIRMED', 'a confirmation books, and customers know what is so');
SELECT is(told - 'start_at', '{"duration": 3600.000000, "timezone": "UTC", "location": "There", "title": null, "notes": null,
	"organizer": ["AGENT", "ann"]}', 'what they were told is kept') FROM appt.appointment WHERE id = :'id';

-- Each field, and back.
CREATE TEMP TABLE changes (fields text, change text, back text);
INSERT INTO changes VALUES
	('{start_at}', 'reschedule_appointment(%1$L, start_at + interval ''1 day'')',
		'reschedule_appointment(%1$L, start_at - interval ''1 day'')'),
	('{duration}', 'reschedule_appointment(%1$L, NULL, ''2 hours'')', 'reschedule_appointment(%1$L, NULL, ''1 hour'')'),
	('{timezone}', 'reschedule_appointment(%1$L, NULL, NULL, ''Asia/Tokyo'')', 'reschedule_appointment(%1$L, NULL, NULL, ''UTC'')'),
	('{start_at,timezone}', 'reschedule_appointment(%1$L, start_at + interval ''1 day'', NULL, ''Asia/Tokyo'')',
		'reschedule_appointment(%1$L, start_at - interval ''1 day'', NULL, ''UTC'')'),
	('{location}', 'update_appointment(%1$L, location => ''Elsewhere'')', 'update_appointment(%1$L, location => ''There'')'),
	('{title,notes}', 'update_appointment(%1$L, title => ''Talk'', notes => ''Bring it'')',
		'update_appointment(%1$L, title => '''', notes => '''')'),
	('{organizer}', 'reassign_appointment(%1$L, ''bob'')', 'reassign_appointment(%1$L, ''ann'')');
CREATE FUNCTION pg_temp.after(appointment uuid, call text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SELECT appt.' || call || ' FROM appt.appointment WHERE id = %1$L', appointment);
	RETURN pg_temp.state(appointment);
END $$;
SELECT is(pg_temp.after(:'id', change), 'BOOKED UPDATE_DUE ' || fields, fields || ' changed: an update is due') || E'\n'
	|| is(pg_temp.after(:'id', back), 'BOOKED CONFIRMED', 'and changed back, it is not') FROM changes;
SELECT is(pg_temp.after(:'id', 'update_appointment(%1$L, metadata => ''{"a": 1}'')'), 'BOOKED CONFIRMED', 'metadata are not significant');
UPDATE appt.meeting_template SET significant_fields = '{start_at}' WHERE id = :'template';
SELECT is(pg_temp.after(:'id', 'update_appointment(%1$L, location => ''Elsewhere'')'), 'BOOKED CONFIRMED', 'nor is what is not listed');
SELECT is(pg_temp.after(:'id', 'reschedule_appointment(%1$L, start_at + interval ''1 day'')'), 'BOOKED UPDATE_DUE {start_at}',
	'a time that is listed is');
SET LOCAL timezone = 'Asia/Kolkata';
SET LOCAL intervalstyle = 'sql_standard';
SELECT is(pg_temp.after(:'id', 'reschedule_appointment(%1$L, start_at - interval ''1 day'')'), 'BOOKED CONFIRMED',
	'settings of the session do not matter');
SELECT is(pg_temp.to_customers(:'id'), 'CREATE REMINDER', 'nothing was sent meanwhile');

-- Without a meeting template.
SELECT id AS plain FROM appt.schedule_appointment(:'application', now() + '2 days', '1 hour',
	'{"contact": {"primaryEmail": "c@d.example"}}',
	'ann') \gset
SELECT appt.update_appointment(:'plain', location => 'There') IS NULL AS ignored \gset
SELECT is(pg_temp.state(:'plain'), '', 'an appointment without a meeting template has no such states');

-- AUTOMATIC rules.
UPDATE appt.meeting_template SET significant_fields = '{start_at,duration,timezone,location}' WHERE id = :'template';
UPDATE appt.rule SET sending = 'AUTOMATIC' WHERE meeting_template_id = :'template';
SELECT pg_temp.made(:'application', :'template') AS id \gset
SELECT is(pg_temp.to_customers(:'id'), 'CREATE REMINDER', 'a confirmation goes by itself');
SELECT is(pg_temp.state(:'id'), 'BOOKED CONFIRMED', 'with the same effects');
SELECT is(pg_temp.after(:'id', 'reschedule_appointment(%1$L, start_at + interval ''1 day'')'), 'BOOKED CONFIRMED',
	'an update goes by itself after a move');
SELECT is(pg_temp.to_customers(:'id'), 'CREATE REMINDER RESCHEDULE', 'once');
UPDATE appt.notification SET state = 'SENT', settled_at = now() WHERE appointment_id = :'id' AND type = 'RESCHEDULE';
SELECT is(pg_temp.after(:'id', 'update_appointment(%1$L, location => ''Elsewhere'')'), 'BOOKED CONFIRMED', 'and after another change');
SELECT is(pg_temp.to_customers(:'id'), 'CREATE REMINDER RESCHEDULE RESCHEDULE', 'once again');
SELECT is(pg_temp.after(:'id', 'update_appointment(%1$L, location => ''Nowhere'')'), 'BOOKED CONFIRMED', 'a further change');
SELECT is(pg_temp.to_customers(:'id'), 'CREATE REMINDER RESCHEDULE RESCHEDULE', 'is told by the message that waits');
SELECT is(pg_temp.after(:'id', 'update_appointment(%1$L, notes => ''Bring it'')'), 'BOOKED CONFIRMED', 'nothing significant');
SELECT is(pg_temp.to_customers(:'id'), 'CREATE REMINDER RESCHEDULE RESCHEDULE', 'sends nothing');
SELECT appt.cancel_appointment(:'id') IS NULL AS ignored \gset
SELECT matches(pg_temp.to_customers(:'id'), 'CANCELLED', 'a cancellation goes by itself');

-- Who has no address is not told; who is added later, is.
SELECT id FROM appt.schedule_appointment(:'application', now() + '2 days', '1 hour', '{}', 'ann', meeting_template_id => :'template') \gset
SELECT is(pg_temp.state(:'id'), 'NEW NONE', 'a customer without an address was not told');
SELECT id FROM appt.schedule_appointment(:'application', now() + '2 days', '1 hour', NULL, 'ann', meeting_template_id => :'template') \gset
SELECT is(pg_temp.state(:'id'), 'NEW NONE', 'nor was nobody');
SELECT is(a.booking_state, 'BOOKED', 'the first customer is')
	FROM appt.add_customer(:'id', '{"contact": {"primaryEmail": "c@d.example"}}') a;

SELECT * FROM finish();
ROLLBACK;
