-- What appt knows of a person: shown, exported and forgotten, in every column that the catalog has.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT * FROM no_plan();

SELECT appt.create_organization('org') AS org \gset
SELECT appt.create_application(:'org', 'Acme', calling_code => '49') AS app \gset
SELECT appt.create_application(:'org', 'Other') AS other \gset
SELECT set_config('test.app', :'app', true) AS ignored \gset
SELECT (appt.schedule_appointment(application, now() + interval '2 days', '1 hour', organizer_id => 'ann', title => 'Loan', customer =>
		'{"name": {"firstName": "Bob"}, "contact": {"primaryEmail": "Bob@Example.org", "primaryPhone": "+491701234567"}}')).id AS id
  FROM unnest(ARRAY[:'app', :'other']::uuid[]) application \g /dev/null
SELECT id AS a FROM appt.appointment WHERE application_id = :'app' \gset
SELECT id AS bob FROM appt.participant WHERE appointment_id = :'a' AND type = 'CUSTOMER' \gset
SELECT appt.add_customer(:'a', '{"name": {"firstName": "Eve"}, "contact": {"primaryEmail": "eve@example.org"}}') \g /dev/null
UPDATE appt.participant SET first_name = 'Bobby' WHERE id = :'bob' AND appointment_id = :'a';
SELECT id AS message FROM appt.send_message(:'app', 'SMS', '0170 1234567', 'Hello', idempotency_key => 'k') \gset
INSERT INTO appt.response (application_id, appointment_id, participant_id, action, source) VALUES (:'app', :'a', :'bob', 'ACCEPT', 'API');
INSERT INTO appt.inbound_message (application_id, from_number, to_number, received_at) VALUES (:'app', '+491701234567', '+4930', now());
INSERT INTO appt.one_time_code (application_id, purpose, contact, requested_at, expires_at)
VALUES (:'app', 'CUSTOMER', '+491701234567', now(), now());
INSERT INTO appt.user_event (application_id, type, contact) VALUES (:'app', 'CALL', '{"phone": "+491701234567"}') RETURNING id AS event \gset
SELECT appt.suppress(:'app', 'EMAIL', 'bob@example.org'), appt.suppress(:'app', 'SMS', '+491701234567') \g /dev/null
-- Users and subscribers were told of the appointment and of the event.
INSERT INTO appt.notification SELECT (jsonb_populate_record(n, jsonb_build_object('id', 900000000 + v.k, 'uid', gen_random_uuid(),
	'recipient_kind', 'USER', 'recipient_id', 'ann', 'address', 'ann@example.org', 'state', 'SENT', 'settled_at', now(),
	'next_attempt_at', null, 'rule_id', null, 'attempt_count', 1) || v.more)).*
  FROM appt.notification n,
	(VALUES (1, '{}'::jsonb), (2, jsonb_build_object('appointment_id', null, 'user_event_id', :event))) v (k, more)
 WHERE n.id = (SELECT min(id) FROM appt.notification WHERE appointment_id = :'a' AND recipient_id = :'bob' AND channel = 'EMAIL');
UPDATE appt.notification SET event = '{"reason": "MARK", "customerName": "MARK", "action": "ACCEPT"}' WHERE id = 900000001;
UPDATE appt.notification SET title = 'MARK' WHERE id = 900000002;
INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, recipient)
SELECT application_id, id, 1, now(), coalesce(address, 'x') FROM appt.notification WHERE application_id = :'app';

-- Where rows of the person are. A table that has texts is here, or below with a reason.
CREATE TEMP TABLE of_person (name text, condition text);
INSERT INTO of_person VALUES ('participant', format('appointment_id = %L AND id = %L', :'a', :'bob')),
	('notification', format('recipient_id = %L OR id = %s', :'bob', :message)),
	('attempt', format('application_id = %L AND notification_id IN (SELECT id FROM appt.notification WHERE recipient_id = %L OR id = %s '
		'OR recipient_kind = ''USER'')', :'app', :'bob', :message)),
	('response', format('participant_id = %L', :'bob')), ('inbound_message', 'from_number = ''+491701234567'''),
	('one_time_code', 'contact = ''+491701234567'''), ('user_event', 'id = ' || :'event'),
	('suppression', format('application_id = %L', :'app')),
	('appointment', format('id = %L', :'a')),
	('change', format('application_id = %L AND table_name = ''participant'' AND row_key ->> ''id'' = %L', :'app', :'bob'));
CREATE TEMP TABLE left_alone (name text, why text);
INSERT INTO left_alone VALUES ('organization', 'configuration'), ('application', 'configuration'), ('rule', 'configuration'),
	('template', 'configuration'), ('meeting_template', 'configuration'), ('page_text', 'configuration'), ('provider', 'configuration'),
	('subscription', 'configuration'), ('secret', 'configuration'), ('identity', 'of the database'), ('user_profile', 'users are not meant'),
	('user_preference', 'users are not meant'), ('line', 'configuration'), ('line_number', 'configuration'), ('ring_group', 'configuration'),
	('ring_group_member', 'users are not meant'), ('line_subscription', 'users are not meant'), ('line_ring_group', 'configuration'),
	('follower', 'users are not meant'), ('report_schedule', 'codes'), ('report_day', 'figures'), ('daily_figure', 'figures'),
	('hourly_figure', 'figures'), ('hour_count', 'figures'), ('due', 'the queue has ids alone'), ('provider_message', 'identifiers of the provider'),
	('idempotency_key', 'a key of the application and a digest, which is overwritten'),
	('room_access', 'of the appointment'), ('invitation', 'ids and times alone');
INSERT INTO left_alone SELECT name, why FROM (VALUES
	('participant.id', 'an identifier'), ('participant.locale', 'a code'), ('notification.recipient_id', 'an identifier'),
	('notification.organizer_id', 'a user'), ('notification.address', 'filled already'), ('attempt.currency', 'a code'),
	('attempt.receipt_code', 'a code'), ('attempt.provider_message_id', 'an identifier of the provider'), ('response.participant_id', 'an identifier'),
	('inbound_message.from_number', 'filled already'), ('inbound_message.to_number', 'of the application'),
	('inbound_message.provider_message_id', 'an identifier of the provider'), ('inbound_message.participant_id', 'an identifier'),
	('one_time_code.purpose', 'a code'), ('one_time_code.contact', 'filled already'), ('one_time_code.participant_id', 'an identifier'),
	('user_event.contact', 'filled already'), ('suppression.address', 'filled already'), ('change.table_name', 'a code'),
	('change.row_key', 'identifiers'), ('change.operation', 'a code'), ('change.changed_by', 'a user'),
	('appointment.organizer_id', 'a user'), ('appointment.location', 'of all who take part'), ('appointment.timezone', 'a code'),
	('appointment.locale', 'a code'), ('appointment.metadata', 'of the application'), ('appointment.interaction', 'of the application'),
	('appointment.notification_headers', 'of the application'), ('appointment.changed_fields', 'codes'),
	('appointment.created_by', 'a user'), ('appointment.updated_by', 'a user'),
	('participant.email', 'filled already'), ('participant.phone', 'filled already')) e (name, why);
CREATE TEMP VIEW words AS
SELECT c.relname::text AS relation, a.attname::text AS name, t.typname::text AS type
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped JOIN pg_type t ON t.oid = a.atttypid
 WHERE c.relnamespace = 'appt'::regnamespace AND c.relkind = 'r' AND t.typname IN ('text', 'varchar', 'jsonb', 'json', '_text', '_jsonb');
SELECT is_empty($$SELECT DISTINCT relation FROM words WHERE relation NOT IN (SELECT name FROM of_person UNION ALL SELECT name FROM left_alone)$$,
	'each table with texts is forgotten or left alone for a reason');

-- A mark in each column.
DO $$
DECLARE w record;
BEGIN
	FOR w IN SELECT words.*, p.condition FROM words JOIN of_person p ON p.name = words.relation
			WHERE words.relation || '.' || words.name NOT IN (SELECT l.name FROM left_alone l) LOOP
		EXECUTE format('UPDATE appt.%I SET %I = %L WHERE %s', w.relation, w.name, CASE w.type WHEN 'text' THEN 'MARK' WHEN 'varchar' THEN 'MARK'
			WHEN '_text' THEN '{MARK}' ELSE '{"x": "MARK"}' END, w.condition);
	END LOOP;
END $$;
-- Addresses of users in attempts stay.
UPDATE appt.attempt SET recipient = 'ann@example.org' WHERE notification_id > 900000000;
CREATE FUNCTION pg_temp.found(mark text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE t record; n int; found text[] = '{}';
BEGIN
	FOR t IN SELECT relname FROM pg_class WHERE relnamespace = 'appt'::regnamespace AND relkind = 'r' ORDER BY 1 LOOP
		EXECUTE format('SELECT count(*) FROM appt.%I r WHERE to_jsonb(r)::text ~* %L AND coalesce(to_jsonb(r) ->> ''application_id'', %L) = %3$L',
			t.relname, mark, current_setting('test.app')) INTO n;
		IF n > 0 THEN found = found || t.relname::text; END IF;
	END LOOP;
	RETURN found;
END $$;
SELECT set_eq($$SELECT unnest(pg_temp.found('MARK|bob@example|1701234567|bobby'))$$, 'SELECT name FROM of_person', 'the person is in all of them');

-- A title that is made from a meeting template, in the appointment and in messages to all who take part.
INSERT INTO appt.meeting_template (application_id, name, title, significant_fields) VALUES (:'app', 'Visit', '{{status}} Visit of {{customerName}}',
	'{title}') RETURNING id AS visits \gset
INSERT INTO appt.rule (application_id, meeting_template_id, type, channel, sending) VALUES (:'app', :'visits', 'CREATE', 'EMAIL', 'AUTOMATIC');
SELECT (appt.schedule_appointment(:'app', now() + interval '3 days', '1 hour', organizer_id => 'ann', meeting_template_id => :'visits', notes => 'Ask Eve',
	customer => '{"name": {"firstName": "Zeb", "lastName": "O''Hara"}, "contact": {"primaryEmail": "Bob@Example.org"}}')).id AS visit \gset
SELECT appt.add_customer(:'visit', '{"name": {"firstName": "Eve"}, "contact": {"primaryEmail": "eve@example.org"}}') \g /dev/null
-- A name that begins a line, which JSON writes after an "n".
UPDATE appt.appointment SET notes = E'Call\nZeb' WHERE id = :'visit';
UPDATE appt.appointment SET notes = 'Ask Eve', told = told || jsonb_build_object('notes', notes) WHERE id = :'visit';
SELECT set_has($$SELECT unnest(pg_temp.found('nZeb'))$$, $$VALUES ('appointment'), ('change')$$, 'also at the beginning of a line');
INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, recipient, subject, shown)
SELECT application_id, id, 1, now(), coalesce(address, 'x'), title, '{"buttons": ["ACCEPT"]}' FROM appt.notification WHERE appointment_id = :'visit';
SELECT matches(title || told::text, '^BOOKED Visit of Zeb O''Hara, Eve.*Zeb O''Hara', 'a title has names') FROM appt.appointment
	WHERE id = :'visit';
SELECT cmp_ok(count(DISTINCT recipient_id), '>', 1::bigint, 'messages to several have it') FROM appt.notification
	WHERE appointment_id = :'visit' AND title ~ 'Zeb';

-- Shown and exported.
SELECT cmp_ok(count(*), '>', 0::bigint, 'messages_to') FROM appt.messages_to('+491701234567') WHERE application_id = :'app';
SELECT throws_ok('SELECT appt.messages_to(NULL)', '22023', NULL, 'to no address');
SELECT is(email, 'Bob@example.org', 'the domain of an email address is stored in lower case') FROM appt.participant WHERE id = :'bob' AND appointment_id = :'a';
SELECT is(string_agg(DISTINCT form, ', '), '0049 170 1234567, 0170 1234567, Bob@EXAMPLE.org', 'messages_to an address in another form') FROM unnest('{0170 1234567,0049 170 1234567,Bob@EXAMPLE.org}'::text[]) form,
	LATERAL appt.messages_to(form) m WHERE m.application_id = :'app';
CREATE FUNCTION pg_temp.seen_by_supervisor(application uuid, sub text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE n bigint;
BEGIN
	PERFORM set_config('request.jwt.claims', json_build_object('role', 'appt_supervisor', 'application_id', application, 'sub', sub)::text, true);
	SET LOCAL ROLE appt_supervisor;
	SELECT count(*) INTO n FROM appt.messages_to('ann@example.org');
	RESET ROLE;
	RETURN n;
END $$;
SELECT is(pg_temp.seen_by_supervisor(:'app', 'boss'), 0::bigint, 'a supervisor sees no messages to other users');
SELECT cmp_ok(pg_temp.seen_by_supervisor(:'app', 'ann'), '>', 0::bigint, 'but its own');
SELECT set_config('request.jwt.claims', '', true) AS ignored \gset
SELECT appt.export_person(:'app', 'BOB@example.org') AS exported \gset
SELECT is_empty(format($$SELECT w.relation, w.name FROM words w JOIN of_person p ON p.name = w.relation
	WHERE w.relation || '.' || w.name NOT IN (SELECT l.name FROM left_alone l)
	AND NOT EXISTS (SELECT FROM jsonb_each(%L::jsonb) e, jsonb_array_elements(e.value) r WHERE e.key = w.relation || 's'
		AND r ->> w.name ~ 'MARK')$$, :'exported'), 'an export has every mark');

-- A dry run counts, and leaves everything.
SELECT md5(string_agg(to_jsonb(n)::text, '' ORDER BY id)) AS before FROM appt.notification n \gset
SELECT appt.forget_person(:'app', 'bob@example.org') AS counted \gset
SELECT is(md5(string_agg(to_jsonb(n)::text, '' ORDER BY id)), :'before', 'a dry run changes nothing') FROM appt.notification n;
SELECT ok((:'counted'::jsonb ->> 'participant')::int = 2 AND (:'counted'::jsonb ->> 'cancelled')::int > 1
	AND (:'counted'::jsonb ->> 'suppression')::int = 2, 'and counts: ' || :'counted');
-- The real thing.
UPDATE appt.notification SET state = 'SENDING', next_attempt_at = NULL, worker_slot = 1
WHERE id = :message OR appointment_id = :'visit' AND recipient_kind = 'CUSTOMER' AND address = 'eve@example.org';
SELECT is((appt.forget_person(:'app', 'Bob@example.org', true) ->> 'being_sent')::int, 2, 'what is being sent is counted');
SELECT is(array_agg(superseded_by::text), '{NULL}', 'what others are sent goes on') FROM appt.notification WHERE state = 'SENDING' AND id <> :message;
SELECT is((SELECT superseded_by::text FROM appt.notification WHERE id = :message), 'WITHDRAWN', 'and not tried again');
UPDATE appt.notification SET state = 'SENT', worker_slot = NULL, settled_at = now() WHERE state = 'SENDING';
SELECT isnt_empty($$SELECT unnest(pg_temp.found('MARK'))$$, 'and stays');
SELECT ok((appt.forget_person(:'app', 'Bob@example.org', true) ->> 'notification')::int > 0, 'until a further call');
SELECT is(pg_temp.found('MARK|bob@example|1701234567|bobby'), '{}', 'nothing is left of the person');
SELECT is(pg_temp.found('zeb|hara'), '{}', 'nor in titles');
SELECT is(notes, 'Ask Eve', 'what does not name it stays') FROM appt.appointment WHERE id = :'visit';
SELECT is(array_agg(DISTINCT concat_ws(' ', t.recipient, t.subject, t.shown)), '{"eve@example.org {\"buttons\": [\"ACCEPT\"]}"}',
	'messages to other customers lose their words alone')
FROM appt.notification n JOIN appt.attempt t ON t.notification_id = n.id WHERE n.address = 'eve@example.org' AND n.appointment_id = :'visit';
SELECT is((appt.update_customer(:'visit', id, '{"locale": "de"}')).title, 'BOOKED Visit of Eve', 'a title is made anew') FROM appt.participant
	WHERE appointment_id = :'visit' AND first_name = 'Eve';
SELECT is_empty(format('SELECT 1 FROM appt.due d JOIN appt.notification n ON n.id = d.notification_id WHERE n.recipient_id = %L', :'bob'),
	'nothing is to be sent');
SELECT is(DISTINCT_REASONS.r, '{WITHDRAWN}', 'it was withdrawn') FROM (SELECT array_agg(DISTINCT reason::text) r FROM appt.notification
	WHERE recipient_id = :'bob' AND state = 'CANCELLED') DISTINCT_REASONS;
SELECT is(count(*), 2::bigint, 'its addresses stay suppressed') FROM appt.suppression WHERE application_id = :'app' AND address IS NULL;
SELECT isnt(email, NULL, 'others are not touched') FROM appt.participant WHERE appointment_id = :'a' AND first_name = 'Eve';
SELECT is(count(*), 1::bigint, 'nor is another application') FROM appt.participant WHERE application_id = :'other' AND email ~* 'bob@example.org';
SELECT is(count(*), 3::bigint, 'the calls are recorded') FROM appt.change WHERE application_id = :'app' AND new_values ?| '{forget_person,export_person}';
SELECT throws_ok('SELECT appt.forget_person(gen_random_uuid(), ''x'')', 'PT404', NULL, 'no such application');
SELECT throws_ok(format('SELECT appt.forget_person(%L, NULL)', :'app'), '22023', NULL, 'no address');

SELECT * FROM finish();
ROLLBACK;
