-- Everything that a tenant can make large has a bound, and costs at most proportional to its size.
BEGIN;
SELECT * FROM no_plan();
SET client_min_messages = error;

SELECT appt.create_organization('Acme') AS organization \gset
SELECT appt.create_application(:'organization', 'Sales') AS application \gset

-- An appointment with this many customers; those of one application can be reached by email and text message.
CREATE FUNCTION pg_temp.crowd(application uuid, customers int) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
	id uuid := (appt.schedule_appointment(application, now() + '1 day', '1 hour', organizer_id => 'ann')).id;
BEGIN
	INSERT INTO appt.participant (application_id, appointment_id, id, type, email, phone)
	SELECT application, id, 'customer ' || n, 'CUSTOMER', n || '@example.org', '+49301234567' FROM generate_series(1, customers) n;
	RETURN id;
END $$;
CREATE FUNCTION pg_temp.refusal(statement text, OUT state text, OUT message text, OUT detail text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
END $$;

-- The 500th participant is the last, whoever adds it: the organizer is one.
SELECT pg_temp.crowd(:'application', 497) AS id \gset
SELECT lives_ok(format('SELECT appt.add_customer(%L, ''{}'')', :'id'), 'the 499th');
SELECT lives_ok(format('SELECT appt.add_agent(%L, ''bob'')', :'id'), 'the 500th');
SELECT is(count(*), 500::bigint, 'they are there') FROM appt.participant WHERE appointment_id = :'id';
SELECT is(ROW(r.state, r.message)::text, '(PT409,"the appointment is full")', statement)
FROM (VALUES ('add_customer(%L, ''{}'')'), ('add_agent(%L, ''cleo'')')) one_more (statement),
	pg_temp.refusal('SELECT appt.' || format(statement, :'id')) r;
SELECT lives_ok(format('SELECT appt.reassign_appointment(%L, ''dan'')', :'id'), 'a new organizer takes the places of the agents');
SELECT is(count(*), 499::bigint, 'which leaves one free') FROM appt.participant WHERE appointment_id = :'id';
UPDATE appt.appointment SET organizer_id = 'customer 1', organizer_type = 'CUSTOMER' WHERE id = :'id';
DELETE FROM appt.participant WHERE appointment_id = :'id' AND type = 'AGENT';
INSERT INTO appt.participant (application_id, appointment_id, id, type) SELECT :'application', :'id', 'more ' || n, 'CUSTOMER'
	FROM generate_series(1, 2) n;
SELECT throws_ok(format('SELECT appt.reassign_appointment(%L, ''eve'')', :'id'), 'PT409', 'the appointment is full',
	'where there is none to take over, a new organizer needs a place');
SELECT lives_ok(format('SELECT appt.remove_participant(%L, ''customer 2'')', :'id'), 'one goes');
SELECT lives_ok(format('SELECT appt.reassign_appointment(%L, ''eve'')', :'id'), 'and leaves its place');

-- Deleting costs, and leaves in the log, a constant amount per customer.
CREATE FUNCTION pg_temp.work_of_deleting(application uuid, customers int, OUT rows_read bigint,
	OUT bytes_kept bigint) LANGUAGE plpgsql AS $$
DECLARE
	appointment uuid := pg_temp.crowd(application, customers);
BEGIN
	SELECT idx_tup_fetch + seq_tup_read INTO rows_read FROM pg_stat_xact_all_tables WHERE relid = 'appt.participant'::regclass;
	PERFORM appt.delete_appointment(appointment);
	SELECT idx_tup_fetch + seq_tup_read - rows_read INTO rows_read FROM pg_stat_xact_all_tables WHERE relid = 'appt.participant'::regclass;
	SELECT sum(octet_length(context::text)) INTO bytes_kept FROM appt.notification WHERE appointment_id = appointment;
END $$;
SELECT appt.create_subscription(:'application', 'https://hook.example/') \g /dev/null
SELECT unnest(ARRAY[cmp_ok(b.rows_read, '<', 7 * a.rows_read, 'five times the customers, about five times the rows read'),
	cmp_ok(b.bytes_kept, '<', 7 * a.bytes_kept, 'and about five times the bytes kept')])
FROM pg_temp.work_of_deleting(:'application', 100) a, pg_temp.work_of_deleting(:'application', 500) b;

-- A number of a few bytes may have many digits, so numbers count as they are written in messages.
SELECT is(r.state, '22023', argument || ' has too many digits') FROM unnest('{customer,metadata,interaction}'::text[]) argument,
	pg_temp.refusal(format('SELECT appt.schedule_appointment(%L, now() + interval ''1 day'', ''1 hour'', organizer_id => ''ann'', %I => %L)',
		:'application', argument, CASE argument WHEN 'customer' THEN '{"metadata": {"a": [1e131071, 1e131071, 1]}}'
			WHEN 'interaction' THEN '{"routing": {"properties": {"a": [1e131071, 1e131071, 1]}}}' ELSE '{"a": [1e131071, 1e131071, 1]}' END)) r;
SELECT lives_ok(format('SELECT appt.schedule_appointment(%L, now() + interval ''1 day'', ''1 hour'', organizer_id => ''ann'', metadata => %L)',
	:'application', '{"a": [1e131071, 0.5]}'), 'what is within the bound is taken');

-- So does a retry of failures.
CREATE FUNCTION pg_temp.rows_read_by_retrying(application uuid, customers int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	appointment uuid := pg_temp.crowd(application, customers);
	before bigint;
BEGIN
	PERFORM appt.reschedule_appointment(appointment, now() + interval '3 days', '1 hour');
	DELETE FROM appt.due USING appt.notification n WHERE n.id = notification_id AND n.appointment_id = appointment
		AND n.type = 'RESCHEDULE';
	UPDATE appt.notification SET state = 'FAILED', reason = 'REJECTED', next_attempt_at = NULL, settled_at = now()
	 WHERE appointment_id = appointment AND type = 'RESCHEDULE';
	SELECT idx_tup_fetch + seq_tup_read INTO before FROM pg_stat_xact_all_tables WHERE relid = 'appt.notification'::regclass;
	PERFORM appt.retry_notifications(application, type => 'RESCHEDULE', channel => 'EMAIL');
	UPDATE appt.notification SET state = 'CANCELLED' WHERE appointment_id = appointment AND state = 'FAILED';
	RETURN (SELECT idx_tup_fetch + seq_tup_read - before FROM pg_stat_xact_all_tables WHERE relid = 'appt.notification'::regclass);
END $$;
SELECT cmp_ok(b, '<', 7 * a, 'five times the customers, about five times the rows read by a bulk retry')
FROM pg_temp.rows_read_by_retrying(:'application', 50) a, pg_temp.rows_read_by_retrying(:'application', 250) b;

-- Each message keeps the data that it is composed from: for a customer its own, for a subscriber those of all.
SELECT pg_temp.crowd(:'application', 2) AS id \gset
SELECT appt.delete_appointment(:'id') \g /dev/null
SELECT is(string_agg(concat_ws(' ', channel, recipient_id, context->'participant'->>'email', context->'participants'), ', '
	ORDER BY channel, recipient_id),
	'EMAIL customer 1 1@example.org, EMAIL customer 2 2@example.org, SMS customer 1 1@example.org, SMS customer 2 2@example.org',
		'a customer''s message')
FROM appt.notification WHERE appointment_id = :'id' AND type = 'CANCELLED' AND channel <> 'WEBHOOK';
SELECT is(string_agg(p->>'id', '+' ORDER BY p->>'id'), 'ann+customer 1+customer 2', 'a subscriber''s')
FROM appt.notification, jsonb_array_elements(context->'participants') p WHERE appointment_id = :'id' AND type = 'CANCELLED'
	AND channel = 'WEBHOOK';
SELECT is(bool_and(context->'appointment'->>'id' = :'id'), true, 'and all of them the appointment') FROM appt.notification
	WHERE appointment_id = :'id' AND type = 'CANCELLED';

-- At most four keys sign at the same time; a fifth ends the oldest.
SELECT id AS subscription, hmac_key AS key_0 FROM appt.create_subscription(:'application', 'https://hook.example/keys') \gset
SELECT (SELECT hmac_key FROM appt.rotate_subscription_key(:'subscription')) AS key_1,
	(SELECT hmac_key FROM appt.rotate_subscription_key(:'subscription')) AS key_2,
	(SELECT hmac_key FROM appt.rotate_subscription_key(:'subscription')) AS key_3 \gset
SELECT is(array_agg(value ORDER BY id), ARRAY[:'key_0', :'key_1', :'key_2', :'key_3'], 'four') FROM appt.secret
	WHERE subscription_id = :'subscription';
SELECT hmac_key AS key_4 FROM appt.rotate_subscription_key(:'subscription') \gset
SELECT is(array_agg(value ORDER BY id), ARRAY[:'key_1', :'key_2', :'key_3', :'key_4'], 'the oldest has ended') FROM appt.secret
	WHERE subscription_id = :'subscription';
SELECT is(count(*) FILTER (WHERE expires_at IS NULL), 1::bigint, 'one of them is for good') FROM appt.secret
	WHERE subscription_id = :'subscription';

-- Every text and JSON of the configuration, of appointments and of events has a bound that the table holds, whoever writes it: with
-- 22023, or 23514 where a list is closed. A user's id elsewhere is that of a profile: 23503, or 54000 where an index comes first.
SELECT id AS appointment FROM appt.schedule_appointment(:'application', now() + '1 day', '1 hour', '{}', organizer_id => 'ann',
	idempotency_key => 'key') \gset
SELECT appt.set_provider(:'application', 'EMAIL', 'SMTP', 'smtp://mail.example', 'ann@example.org') \g /dev/null
INSERT INTO appt.template (application_id, type, channel, locale, subject, text_body, html_body)
	VALUES (:'application', 'CREATE', 'EMAIL', 'en', '', '', '');
INSERT INTO appt.one_time_code (application_id, purpose, contact, requested_at, expires_at)
	VALUES (:'application', 'CUSTOMER', 'ann@example.org', now(), now());
INSERT INTO appt.user_profile (application_id, id, custom_phone) VALUES (:'application', 'ann', '+306900000001');
INSERT INTO appt.user_preference (application_id, user_id, type, enabled) VALUES (:'application', 'ann', 'CALL', true);
INSERT INTO appt.line (application_id, name, owner_id) VALUES (:'application', 'line', 'ann') RETURNING id AS line \gset
INSERT INTO appt.line_number VALUES (:'application', '+15550100001', :'line');
INSERT INTO appt.line_subscription VALUES (:'application', :'line', 'ann');
INSERT INTO appt.ring_group (application_id, name) VALUES (:'application', 'group') RETURNING id AS ring_group \gset
INSERT INTO appt.ring_group_member VALUES (:'application', :'ring_group', 'ann');
SELECT appt.notify_users(:'application', 'MENTION', '{ann}') \g /dev/null
INSERT INTO appt.meeting_template (application_id, name) VALUES (:'application', 'template');
INSERT INTO appt.page_text (application_id, locale, key, text) VALUES (:'application', 'en', 'page.title', 'x');
INSERT INTO appt.follower (application_id, appointment_id, user_id) VALUES (:'application', :'appointment', 'ann');
INSERT INTO appt.response (application_id, appointment_id, participant_id, action, source)
	VALUES (:'application', :'appointment', 'x', 'ACCEPT', 'API');
INSERT INTO appt.suppression (application_id, channel, address_key, reason) VALUES (:'application', 'EMAIL', sha256('x'), 'BLOCKED');
SELECT appt.record_inbound_sms(:'application', '+306911111111', '+15550100001', 'Hello', 'id') \g /dev/null
-- Written by functions and the worker alone.
CREATE TEMPORARY TABLE log (name text);
INSERT INTO log VALUES ('notification'), ('due'), ('attempt'), ('change'), ('identity'), ('provider_message'), ('invitation'),
	('report_schedule'),
	('report_day'), ('daily_figure'), ('hour_count'), ('hourly_figure');
CREATE TEMPORARY TABLE bounded AS
	SELECT c.relname AS table_name, a.attname AS column_name, coalesce(nullif(y.typbasetype, 0), y.oid)::regtype::text AS type
	FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type y ON y.oid = a.atttypid
	WHERE c.relnamespace = 'appt'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
		AND c.relname NOT IN (SELECT name FROM log)
		AND y.typlen = -1 AND y.oid NOT IN ('numeric'::regtype, 'inet'::regtype, 'bigint[]'::regtype);
SELECT cmp_ok(count(*), '>', 40::bigint, 'the columns that can be large') FROM bounded;
-- The result of an UPDATE of one row: the number of changed rows, or the SQLSTATE.
CREATE FUNCTION pg_temp.fill(table_name text, column_name text, type text, bytes int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	count bigint;
BEGIN
	EXECUTE format('UPDATE appt.%I SET %I = %L::%s WHERE ctid = (SELECT max(ctid) FROM appt.%1$I)', table_name, column_name,
		CASE type WHEN 'jsonb' THEN jsonb_build_object('a', repeat('x', bytes))::text WHEN 'text[]' THEN ARRAY[repeat('x',
			bytes)]::text ELSE repeat('x', bytes) END, type);
	GET DIAGNOSTICS count = ROW_COUNT;
	RETURN count;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;
SELECT ok(state IN ('22023', '23514') OR column_name IN ('user_id', 'owner_id') AND state IN ('23503', '54000'),
	format('%s.%s is bounded: %s', table_name, column_name, state))
FROM bounded, pg_temp.fill(table_name, column_name, type, 1024 * 1024) state ORDER BY table_name, column_name;

-- What no call writes, direct SQL is refused: the error names the constraint.
SELECT throws_ok(format('UPDATE appt.%I SET %s WHERE ctid = (SELECT max(ctid) FROM appt.%1$I)', table_name, change), '23514', NULL,
	table_name || ' SET ' || change)
FROM (VALUES ('appointment', 'organizer_id = '''''), ('appointment', 'start_at = ''-infinity'''), ('appointment', 'end_at = ''infinity'''),
	('appointment', 'end_at = start_at'), ('appointment', 'metadata = ''[]'''), ('appointment', 'interaction = ''1'''),
	('appointment', 'booking_state = ''NEW'''), ('appointment', 'notification_state = ''NONE'''),
	('appointment', 'meeting_template_id = gen_random_uuid()'), ('appointment', 'changed_fields = ''{title}'''),
	('participant', 'id = '''''), ('participant', 'metadata = ''[]'''), ('room_access', 'type = ''TICKET'''),
	('notification', 'channel = ''WEBHOOK'', subscription_id = NULL'),
	('notification', 'channel = ''EMAIL'', subscription_id = gen_random_uuid()'),
	('notification', 'state = ''FAILED'', settled_at = now()'), ('notification', 'state = ''SENT'''),
	('notification', 'settled_at = now()')) refused (table_name, change);
SELECT throws_ok('UPDATE appt.participant SET locale = ''xx-nowhere''', '22023', 'unknown locale', 'a participant''s locale is known');

-- The manual's bounds: this size is accepted, and not a byte more.
SELECT is(array[pg_temp.fill(table_name, column_name, 'text', most), pg_temp.fill(table_name, column_name, 'text', most + 1)],
	'{1,22023}', format('%s bytes of %s.%s', most, table_name, column_name))
FROM (VALUES ('organization', 'name', 8192), ('application', 'name', 8192), ('participant', 'first_name', 8192),
	('secret', 'value', 8192), ('subscription', 'username', 8192),
	('appointment', 'organizer_id', 1024), ('participant', 'id', 1024), ('appointment', 'title', 65536),
		('appointment', 'notes', 65536), ('appointment', 'cancel_reason', 65536),
	('template', 'text_body', 262144)) bound (table_name, column_name, most);
SELECT is(ROW(r.state, r.message, r.detail)::text, '(22023,"a value is too long","""name"" has 209715200 bytes, more than 8192.")',
	'an application''s name of 200 MB')
FROM pg_temp.refusal('UPDATE appt.application SET name = repeat(''x'', 200 * 1024 * 1024)') r;
SELECT is(ROW(r.state, r.message, r.detail)::text, '(22023,"a value is too long","""first_name"" has 8193 bytes, more than 8192.")',
	'a customer''s name, by a function')
FROM pg_temp.refusal(format('SELECT appt.add_customer(%L, %L)', :'appointment',
	jsonb_build_object('name', jsonb_build_object('firstName', repeat('x', 8193))))) r;

SELECT * FROM finish();
ROLLBACK;
