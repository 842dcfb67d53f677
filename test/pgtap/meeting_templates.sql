-- Meeting templates: created with their rules, given to appointments at scheduling, their title and what it shows, contact information.
BEGIN;
SELECT * FROM no_plan();
SET client_min_messages = error;

CREATE FUNCTION pg_temp.refusal(statement text, OUT state text, OUT message text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE 'SELECT appt.' || statement;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
END $$;
SELECT appt.create_organization('Acme') AS organization \gset
SELECT appt.create_application(:'organization', 'Sales', timezone => 'Europe/Berlin') AS application \gset
SELECT appt.create_application(:'organization', 'Other') AS other \gset
SELECT count(*) AS ignored FROM appt.create_subscription(:'application', 'https://hooks.example/a') \gset

-- create_meeting_template
SELECT appt.create_meeting_template(:'application', 'Viewing', duration => '40 minutes', location => 'Main Street 1',
	meeting_type => 'IN_PERSON', title => '{{#status}}{{status}}: {{/status}}Viewing with {{customerName}} at {{location}}, {{HH:mm}}')
	AS template \gset
SELECT appt.create_meeting_template(:'application', 'Plain') AS plain \gset
SELECT is(to_jsonb(m) - '{application_id,id,created_at}'::text[], '{"name": "Plain", "sequence": 10, "active": true, "duration": null,
	"meeting_type": "TBD", "location": null, "video_platform": null, "title": null,
	"significant_fields": ["start_at", "duration", "timezone", "location"], "require_location": false, "lead_only_reminders": false,
	"reminders_need_confirmation": false, "notify_followers": true}', 'what is left out is as the table says')
	FROM appt.meeting_template m WHERE id = :'plain';
SELECT set_eq(format('SELECT type, channel, time_offset, sending, buttons FROM appt.rule WHERE meeting_template_id = %L', :'plain'),
	$$VALUES
	('CREATE', 'PREFERRED', interval '0', 'MANUAL', '{VIEW_DETAILS}'::text[]),
	('CONFIRMATION_REQUEST', 'PREFERRED', '0', 'MANUAL', '{ACCEPT,DECLINE,RESCHEDULE}'),
	('REMINDER', 'PREFERRED', '24 hours', 'AUTOMATIC', '{VIEW_DETAILS}'),
	('REMINDER', 'PREFERRED', '1 hour', 'AUTOMATIC', '{VIEW_DETAILS}'),
	('RESCHEDULE', 'PREFERRED', '0', 'MANUAL', '{VIEW_DETAILS,ADD_TO_CALENDAR}'),
	('CANCELLED', 'PREFERRED', '0', 'MANUAL', '{}')$$, 'its rules are those of people.md');
SELECT is(r.state, wrong.state, said) FROM (VALUES
	('22023', 'NULL, ''x'''), ('22023', format('%L, NULL', :'application')), ('22023', format('%L, ''''', :'application')),
	('22023', format('%L, ''x'', sequence => NULL', :'application')), ('22023', format('%L, ''x'', duration => ''0''', :'application')),
	('22023', format('%L, ''x'', duration => ''1 month''', :'application')),
	('22023', format('%L, ''x'', meeting_type => ''LUNCH''', :'application')),
	('22023', format('%L, ''x'', title => ''{{nobody}}''', :'application')),
	('22023', format('%L, ''x'', title => ''{{#a}}''', :'application')),
	('22023', format('%L, ''x'', significant_fields => ''{colour}''', :'application')),
	('22023', format('%L, ''x'', significant_fields => ''{NULL}''', :'application')),
	('22023', format('%L, ''x'', significant_fields => NULL', :'application')),
	('22023', format('%L, ''x'', notify_followers => NULL', :'application')),
	('PT404', format('%L, ''x''', :'organization'))) wrong (state, said),
	pg_temp.refusal('create_meeting_template(' || said || ')') r;

-- Scheduling with one.
CREATE TEMPORARY TABLE booked AS SELECT a.* FROM appt.schedule_appointment(:'application', '2126-03-29 12:00+00', customer =>
	'{"name": {"firstName": "Ann", "lastName": "Lee"}, "contact": {"primaryEmail": "ann@a.example"}}', organizer_id => 'agent-1',
	meeting_template_id => :'template') a;
SELECT id FROM booked \gset
SELECT is(ROW(b.meeting_template_id, b.booking_state, b.notification_state, b.changed_fields, b.duration, b.location)::text,
	ROW(:'template'::uuid, 'NEW', 'NONE', NULL, interval '40 minutes', 'Main Street 1')::text, 'it is new, and has what the template has')
	FROM booked b;
SELECT is(b.title, 'NEW: Viewing with Ann Lee at Main Street 1, 13:00', 'its title shows the booking state') FROM booked b;
SELECT is(title_for_customers, 'Viewing with Ann Lee at Main Street 1, 13:00', 'customers see it without') FROM appt.appointment
	WHERE id = :'id';
SELECT is(b::text, appt.get_appointment(b.id)::text, 'get_appointment says the same') FROM booked b;
SELECT is(is_lead, true, 'its customer is the lead') FROM appt.participant WHERE appointment_id = :'id' AND type = 'CUSTOMER';
SELECT set_eq(format('SELECT type, channel, time_offset FROM appt.notification WHERE appointment_id = %L', :'id'), $$VALUES
	('CREATE', 'WEBHOOK', interval '0'), ('REMINDER', 'WEBHOOK', '1 day'), ('REMINDER', 'WEBHOOK', '1 hour'),
	('REMINDER', 'EMAIL', '1 day'), ('REMINDER', 'EMAIL', '1 hour')$$, 'customers are sent nothing but reminders');
SELECT is(ROW(a.title, a.location, a.duration, a.booking_state)::text, ROW('Mine', 'Here', interval '1 hour', 'NEW')::text,
	'what the caller says wins') FROM appt.schedule_appointment(:'application', now() + '1 day', '1 hour', title => 'Mine',
	location => 'Here', organizer_id => 'a', meeting_template_id => :'template') a;
SELECT is(ROW(a.title, a.location, a.booking_state)::text, ROW(NULL, NULL, 'NEW')::text, 'a template may say nothing')
	FROM appt.schedule_appointment(:'application', now() + '1 day', '1 hour', organizer_id => 'a', meeting_template_id => :'plain') a;
SELECT is(ROW(a.meeting_template_id, a.booking_state, a.notification_state)::text, ROW(NULL, NULL, NULL)::text,
	'without one it has no states')
	FROM appt.schedule_appointment(:'application', now() + '1 day', '1 hour', organizer_id => 'a') a;
SELECT is(r.state, '22023', 'a duration is needed') FROM pg_temp.refusal(format(
	'schedule_appointment(%L, now(), organizer_id => ''a'', meeting_template_id => %L)', :'application', :'plain')) r;
SELECT is(r.state, '22023', 'without a template, too') FROM pg_temp.refusal(format(
	'schedule_appointment(%L, now(), organizer_id => ''a'')', :'application')) r;
UPDATE appt.meeting_template SET require_location = true WHERE id = :'plain';
SELECT is(ROW(r.state, r.message)::text, ROW('22023', 'a location is required')::text, 'a template may require a location')
	FROM pg_temp.refusal(format('schedule_appointment(%L, now(), ''1 hour'', organizer_id => ''a'', location => '''', meeting_template_id => %L)',
		:'application', :'plain')) r;
UPDATE appt.meeting_template SET require_location = false, active = false WHERE id = :'plain';
SELECT is(ROW(r.state, r.message)::text, ROW('22023', 'the meeting template is not active')::text,
	'one that is not active is given to none')
	FROM pg_temp.refusal(format('schedule_appointment(%L, now(), ''1 hour'', organizer_id => ''a'', meeting_template_id => %L)',
		:'application', :'plain')) r;
SELECT is(ROW(r.state, r.message)::text, ROW('PT404', 'meeting template not found')::text, 'one of another application does not exist')
	FROM pg_temp.refusal(format('schedule_appointment(%L, now(), ''1 hour'', organizer_id => ''a'', meeting_template_id => %L)', :'other',
		:'template')) r;

-- The idempotency key.
SELECT id AS first FROM appt.schedule_appointment(:'application', '2126-01-01', '1 hour', organizer_id => 'a', idempotency_key => 'k',
	meeting_template_id => :'template') \gset
SELECT is(a.id, :'first'::uuid, 'a repeated call is answered')
	FROM appt.schedule_appointment(:'application', '2126-01-01', '1 hour', organizer_id => 'a',
	idempotency_key => 'k', meeting_template_id => :'template') a;
SELECT is(r.state, 'PT409', 'another template makes another call') FROM pg_temp.refusal(format(
	'schedule_appointment(%L, ''2126-01-01'', ''1 hour'', organizer_id => ''a'', idempotency_key => ''k'')', :'application')) r;

-- The title.
CREATE FUNCTION pg_temp.titles(appointment uuid) RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' | ', title, title_for_customers, sequence) FROM appt.appointment WHERE id = $1 $$;
CREATE FUNCTION pg_temp.webhooks(appointment uuid) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(type || ' ' || coalesce(event::text, ''), '; ' ORDER BY id), '') FROM appt.notification
	WHERE appointment_id = $1 AND channel = 'WEBHOOK' AND type NOT IN ('CREATE', 'REMINDER') $$;
SELECT appt_test.set_booking_state(:'id', 'CONFIRMED');
SELECT is(pg_temp.titles(:'id'),
	'CONFIRMED: Viewing with Ann Lee at Main Street 1, 13:00 | Viewing with Ann Lee at Main Street 1, 13:00 | 0',
	'it follows the booking state, and calendars have nothing new');
SELECT is(pg_temp.webhooks(:'id'), '', 'nor have subscribers');
SELECT is(booking_state, 'CONFIRMED', 'the state is set') FROM appt.get_appointment(:'id');
SELECT appt.update_appointment(:'id', location => 'Side Street 2') AS ignored \gset
SELECT is(pg_temp.titles(:'id'),
	'CONFIRMED: Viewing with Ann Lee at Side Street 2, 13:00 | Viewing with Ann Lee at Side Street 2, 13:00 | 1',
	'it follows the location');
SELECT is(pg_temp.webhooks(:'id'), 'UPDATE {"changedFields": ["location", "title"]}', 'which changes the title for subscribers, too');
SELECT appt.update_appointment(:'id', title => 'Private') AS ignored \gset
SELECT is(pg_temp.titles(:'id'), 'Private | 2', 'a caller''s title wins');
SELECT appt_test.set_booking_state(:'id', 'DECLINED');
SELECT appt.update_appointment(:'id', location => 'Back Street 3') AS ignored \gset
SELECT is(pg_temp.titles(:'id'), 'Private | 3', 'and stays');
SELECT appt.update_appointment(:'id', title => '') AS ignored \gset
SELECT is(pg_temp.titles(:'id'),
	'DECLINED: Viewing with Ann Lee at Back Street 3, 13:00 | Viewing with Ann Lee at Back Street 3, 13:00 | 4',
	'until it is cleared');
SELECT appt.update_appointment(:'id', title => 'Viewing with Ann Lee at Back Street 3, 13:00') AS ignored \gset
SELECT is(pg_temp.titles(:'id'), 'Viewing with Ann Lee at Back Street 3, 13:00 | 4', 'what customers see already is nothing new');
SELECT is(has_own_title, true, 'but it is a title of its own') FROM appt.appointment WHERE id = :'id';
SELECT appt.update_appointment(:'id', title => '') AS ignored \gset
SELECT appt.reschedule_appointment(:'id', '2126-03-29 13:00+00') AS ignored \gset
SELECT is(pg_temp.titles(:'id'),
	'DECLINED: Viewing with Ann Lee at Back Street 3, 14:00 | Viewing with Ann Lee at Back Street 3, 14:00 | 5',
	'it follows the time');
SELECT appt.add_customer(:'id', '{"name": {"firstName": "Bo"}}') AS ignored \gset
SELECT is(pg_temp.titles(:'id'),
	'DECLINED: Viewing with Ann Lee, Bo at Back Street 3, 14:00 | Viewing with Ann Lee, Bo at Back Street 3, 14:00 | 5',
	'and the customers');
SELECT appt.remove_participant(:'id', p.id) AS ignored FROM appt.participant p WHERE appointment_id = :'id' AND first_name = 'Bo' \gset
SELECT is(pg_temp.titles(:'id'),
	'DECLINED: Viewing with Ann Lee at Back Street 3, 14:00 | Viewing with Ann Lee at Back Street 3, 14:00 | 6',
	'also when one leaves');
SELECT appt_test.set_booking_state(:'id', 'BOOKED');
DELETE FROM appt.meeting_template WHERE id = :'plain';
SELECT matches(appt.ical_text(:'id'), 'SUMMARY:Viewing with Ann Lee at Back Street 3', 'calendars show it without the state');
SELECT matches(appt.google_calendar_url(:'id'), 'text=Viewing%20with', 'so do links');
SELECT is(p.subject, 'Confirmed: Viewing with Ann Lee at Back Street 3, 14:00, Fri, Mar 29, 2126, 2:00 PM', 'so do messages')
	FROM appt.participant c,
	appt.preview_notification(:'id', c.id, 'CREATE', 'EMAIL') p WHERE c.appointment_id = :'id' AND c.type = 'CUSTOMER';
SELECT is(p.title, 'BOOKED: Viewing with Ann Lee at Back Street 3, 14:00', 'subscribers see the stored one')
	FROM appt.participant c, appt.preview_notification(:'id', c.id, 'CREATE', 'WEBHOOK') w,
		jsonb_to_record((w.text_body::jsonb->>'payload')::jsonb) p (title text)
	WHERE c.appointment_id = :'id' AND c.type = 'CUSTOMER';
SELECT is((w.text_body::jsonb->>'payload')::jsonb - (SELECT array_agg(k) FROM jsonb_object_keys((w.text_body::jsonb->>'payload')::jsonb) k
	WHERE k NOT IN
	('meetingTemplateId', 'bookingState', 'notificationState', 'untoldFields')),
	jsonb_build_object('meetingTemplateId', :'template', 'bookingState', 'BOOKED', 'notificationState', 'NONE'), 'and the states')
	FROM appt.participant c,
		appt.preview_notification(:'id', c.id, 'CREATE', 'WEBHOOK') w WHERE c.appointment_id = :'id' AND c.type = 'CUSTOMER';
SELECT id AS bare FROM appt.schedule_appointment(:'application', now() + '1 day', '1 hour', '{}', organizer_id => 'a') \gset
SELECT is((w.text_body::jsonb->>'payload')::jsonb ?| '{meetingTemplateId,bookingState,notificationState,untoldFields}', false,
	'of which one without a template has none')
	FROM appt.participant c,
		appt.preview_notification(:'bare', c.id, 'CREATE', 'WEBHOOK') w WHERE c.appointment_id = :'bare' AND c.type = 'CUSTOMER';
SELECT is(appt_test.set_booking_state(:'bare', 'BOOKED'), NULL, 'nor can it get one');
-- A template that makes too much, or nothing.
SELECT appt.create_meeting_template(:'application', 'Long', duration => '1 hour', location => repeat('long ', 1000),
	title => '{{location}}{{location}}') AS long \gset
SELECT is(octet_length(title) < 1024, true, 'a title has an end')
	FROM appt.schedule_appointment(:'application', now() + '1 day', organizer_id => 'a',
	meeting_template_id => :'long') a;
SELECT appt.create_meeting_template(:'application', 'State', duration => '1 hour', title => ' {{status}} ') AS state \gset
SELECT is(concat_ws('|', title, title_for_customers), 'NEW', 'blanks at its ends are none, and without a state nothing is left')
	FROM appt.appointment WHERE id = (SELECT id FROM appt.schedule_appointment(:'application', now() + '1 day', organizer_id => 'a',
	meeting_template_id => :'state') a);

-- create_application: what customers see.
SELECT appt.create_application(:'organization', 'Front', short_url => 'https://s.example',
	contact => '{"name": "Desk", "url": "tel:+4930"}',
	one_click => false, suppress_undeliverable => false, sender_image => '\x89504e470d0a1a0a00') AS front \gset
SELECT is(ROW(short_url, contact, one_click, suppress_undeliverable, sender_image)::text,
	ROW('https://s.example', '{"name": "Desk", "url": "tel:+4930"}'::jsonb, false, false, '\x89504e470d0a1a0a00'::bytea)::text,
		'its settings are stored')
	FROM appt.application WHERE id = :'front';
SELECT is(ROW(short_url, contact, one_click, suppress_undeliverable, sender_image)::text, ROW(NULL, NULL, true, true, NULL)::text,
	'or the defaults')
	FROM appt.application WHERE id = :'application';
SELECT is(r.state, '22023', said || ' is refused')
	FROM (VALUES ('short_url => ''ftp://x''::text'), ('contact => ''[]'''), ('contact => ''{"fax": "1"}'''),
	('contact => ''{"name": 1}'''), ('contact => ''{"url": "javascript:alert(1)"}'''), ('contact => ''{"url": "http://x.example"}'''),
	('contact => ''{"url": "https://"}'''), ('contact => ''{"url": "mailto:"}'''), ('contact => ''{"url": "https://x.example/\"onclick"}'''),
	('contact => ''{"name": "a\nb"}'''), ('one_click => NULL'), ('suppress_undeliverable => NULL'), ('sender_image => ''GIF89a'''),
	('sender_image => ''\xffd8ff''::bytea || decode(repeat(''00'', 65536), ''hex'')')) wrong (said),
	pg_temp.refusal(format('create_application(%L, ''x'', %s)', :'organization', said)) r;
SELECT is(appt.contact_is_valid(contact::jsonb), true, contact || ' is fine') FROM (VALUES ('{}'), ('{"url": "HTTPS://x.example/a?b=c"}'),
	('{"url": "mailto:a@b.example"}'), ('{"name": "", "phone": null, "email": "a@b.example"}')) good (contact);
SELECT throws_ok(format('UPDATE appt.application SET contact = ''{"url": "data:x"}'' WHERE id = %L', :'front'), '22023',
	'invalid contact URL',
	'the table refuses it, too');

SELECT * FROM finish();
ROLLBACK;
