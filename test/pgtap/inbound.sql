-- Text messages that come in: what is recorded, who is told, and when too many are an alarm.
BEGIN;
SELECT no_plan();
SET client_min_messages = error;

/* ---- HIGH_SMS as a function of times; seconds after a moment ---- */

CREATE FUNCTION at(second numeric) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
	SELECT '2030-01-01 00:00+00'::timestamptz + second * interval '1 second' $$;
-- Which of these messages, recorded in this order, raise an alarm: their numbers from 1.
CREATE FUNCTION alarms(seconds numeric[]) RETURNS integer[] LANGUAGE sql AS $$
	SELECT coalesce(array_agg(n ORDER BY n), '{}') FROM generate_series(1, cardinality(seconds)) AS n
	WHERE appt_test.high_sms_begins(ARRAY(SELECT at(s) FROM unnest(seconds[:n - 1]) AS s ORDER BY s), at(seconds[n])) $$;
CREATE FUNCTION every(step numeric, count integer, first numeric = 0) RETURNS numeric[] LANGUAGE sql AS $$
	SELECT array_agg(first + step * i ORDER BY i) FROM generate_series(0, count - 1) AS i $$;

SELECT is(alarms(seconds), expected::integer[], explanation) FROM (VALUES
	(every(1, 15), '{}', '15 messages are within the limit'),
	(every(1, 16), '{16}', 'the 16th raises an alarm'),
	(every(1, 100), '{16}', 'once, as long as it goes on'),
	(every(0, 40), '{16}', 'all at the same time'),
	(every(2, 100), '{}', '15 in each 30 seconds'),
	(every(1.99, 16), '{16}', '16 within 29.85 seconds'),
	(every(2, 15) || 29.999999, '{16}', 'the last microsecond before 30 seconds'),
	(every(2, 15) || 30.000000, '{}', 'after exactly 30 seconds the first no longer counts')) AS t (seconds, expected, explanation);
SELECT is(alarms(every(1, 16) || every(0, 16, begins)), expected::integer[], explanation) FROM (VALUES
	(59.999999, '{16}', 'less than 30 seconds within the limit: no other alarm'),
	(60, '{16,32}', 'after exactly 30 seconds within the limit another alarm'),
	(61, '{16,32}', 'and later')) AS t (begins, expected, explanation);
SELECT is(alarms(every(1, 16) || every(0, 16, 50) || every(0, 16, 100) || every(0, 16, 160)), '{16,64}'::integer[],
	'bursts less than 30 seconds after the end of the one before belong to its alarm');

-- Recorded in another order than received.
SELECT is(alarms(seconds), expected::integer[], explanation) FROM (VALUES
	((SELECT array_agg(s ORDER BY s DESC) FROM unnest(every(1, 16)) s), '{16}', 'backwards: the one that completes the 16'),
	(every(1, 15, 1) || 0::numeric, '{16}', 'a late one that completes the 16'),
	(every(1, 15, 1) || (-16)::numeric, '{}', 'a late one that is too far away'),
	(every(0, 16) || every(0, 16, 70) || every(0, 16, 35), '{16,32}', 'late ones that join two bursts raise none'),
	(every(0, 16, 100) || every(0, 16), '{16,32}', 'an earlier burst that is recorded later'),
	(every(0, 16, 100) || every(0, 16, 50), '{16}', 'unless it ends less than 30 seconds before the other begins'),
	(every(0, 16, 100) || every(0, 16, 40), '{16,32}', 'exactly 30 seconds before')) AS t (seconds, expected, explanation);

-- Against the definition, told in SQL with whole seconds: the limit is exceeded while more than 15 messages are less than 30
-- seconds old; a message raises an alarm if it adds such times, less than 30 seconds from which there were none before.
CREATE FUNCTION is_exceeded(seconds integer[], s integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
	SELECT count(*) > 15 FROM unnest(seconds) AS m WHERE m <= s AND m > s - 30 $$;
CREATE FUNCTION should(seconds integer[], new integer) RETURNS boolean LANGUAGE sql AS $$
	SELECT first IS NOT NULL AND NOT EXISTS (SELECT FROM generate_series(first - 30, last + 30) AS s WHERE is_exceeded(seconds, s))
	FROM (SELECT min(s) AS first, max(s) AS last FROM generate_series(new, new + 29) AS s WHERE is_exceeded(seconds || new, s)) added $$;
CREATE FUNCTION does(seconds integer[], new integer) RETURNS boolean LANGUAGE sql AS $$
	SELECT appt_test.high_sms_begins(ARRAY(SELECT at(s) FROM unnest(seconds) AS s ORDER BY s), at(new)) $$;
-- As record_inbound_sms asks: the nearest 31 on each side, less than a minute away.
CREATE FUNCTION nearest(seconds integer[], new integer) RETURNS integer[] LANGUAGE sql AS $$
	SELECT ARRAY(SELECT s FROM unnest(seconds) AS s WHERE s <= new AND s > new - 60 ORDER BY s DESC LIMIT 31)
		|| ARRAY(SELECT s FROM unnest(seconds) AS s WHERE s > new AND s < new + 60 ORDER BY s LIMIT 31) $$;
SELECT setseed(0.5) \g /dev/null
CREATE TEMP TABLE trial AS
SELECT t, ARRAY(SELECT CASE t % 3 WHEN 0 THEN i * (t % 5 + 8) / 5 + (random() * 10)::integer WHEN 1 THEN (random() * 160)::integer
	ELSE (i / 18) * (25 + t) + (random() * 12)::integer END FROM generate_series(1, 90) AS i WHERE t > 0) AS seconds
FROM generate_series(1, 45) AS t;
CREATE TEMP TABLE judged AS
SELECT t, n, should(seconds[:n - 1], seconds[n]), does(seconds[:n - 1], seconds[n]) AS by_all,
	does(nearest(seconds[:n - 1], seconds[n]), seconds[n]) AS by_nearest
FROM trial, generate_series(1, cardinality(seconds)) AS n;
SELECT is_empty('SELECT * FROM judged WHERE should <> by_all', 'random messages raise the alarms of the definition');
SELECT is_empty('SELECT * FROM judged WHERE by_all <> by_nearest', 'and the nearest 31 on each side are enough');
SELECT cmp_ok((SELECT count(*) FROM judged WHERE should), '>', 50::bigint, 'there were alarms');
SELECT cmp_ok((SELECT count(DISTINCT alarms) FROM (SELECT count(*) FILTER (WHERE should) AS alarms FROM judged GROUP BY t) a), '>',
	2::bigint, 'more in some trials than in others');

/* ---- what is recorded ---- */

SELECT appt.create_application(appt.create_organization('Acme'), 'Clinic', timezone => 'UTC', calling_code => '30') AS app \gset
INSERT INTO appt.user_profile (application_id, id, email)
	SELECT :'app', u, u || '@acme.example' FROM unnest('{ann,bob,cleo,dan}'::text[]) u;
INSERT INTO appt.line (application_id, name, owner_id) VALUES (:'app', 'Ann', 'ann'), (:'app', 'Sales', NULL);
SELECT id AS personal FROM appt.line WHERE name = 'Ann' \gset
SELECT id AS sales FROM appt.line WHERE name = 'Sales' \gset
INSERT INTO appt.line_number (application_id, number, line_id) VALUES (:'app', '+302100000001', :'personal'),
	(:'app', '+302100000002', :'sales'), (:'app', '+302100000003', :'sales');
INSERT INTO appt.ring_group (application_id, name) VALUES (:'app', 'Team');
INSERT INTO appt.ring_group_member SELECT application_id, id, u FROM appt.ring_group, unnest('{bob,cleo}'::text[]) u;
INSERT INTO appt.line_ring_group SELECT application_id, :'sales', id FROM appt.ring_group;
INSERT INTO appt.line_subscription VALUES (:'app', :'personal', 'dan');
INSERT INTO appt.user_preference (application_id, user_id, type, channel, enabled) VALUES (:'app', 'cleo', 'TEXT_MESSAGE', 'EMAIL', false);
CREATE FUNCTION told(ids bigint[]) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(concat_ws(' ', type, recipient_id, channel), ', ' ORDER BY type, recipient_id, channel)
	FROM appt.notification WHERE id = ANY (ids) $$;
CREATE FUNCTION refusal(call text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE call;
	RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;

SELECT * FROM appt.record_inbound_sms(:'app', '69 0000 0000', '0030 210 000 0001', 'Running late', 'SM-1',
	'2030-01-01 10:00+00') \gset first_
SELECT is(:'first_handled_as'::text, 'NONE', 'a message to people');
SELECT is(told(:'first_notification_ids'),
	'TEXT_MESSAGE ann EMAIL, TEXT_MESSAGE ann IN_APP, TEXT_MESSAGE dan EMAIL, TEXT_MESSAGE dan IN_APP',
	'text to personal line: TEXT_MESSAGE to its owner and to who is subscribed');
SELECT is(to_jsonb(m) - '{id,created_at,user_event_ids,application_id,line_id}'::text[], '{"from_number": "+306900000000",
	"to_number": "+302100000001", "text": "Running late", "provider_message_id": "SM-1", "handled_as": "NONE", "response_id": null,
	"appointment_id": null, "participant_id": null, "reply_id": null, "received_at": "2030-01-01T10:00:00+00:00"}'::jsonb,
	'it is recorded, with numbers in E.164')
FROM appt.inbound_message m WHERE id = :first_id;
SELECT is(line_id, :'personal'::uuid, 'and the line that has the number') FROM appt.inbound_message WHERE id = :first_id;
SELECT is(to_jsonb(e) - '{id,created_at,application_id,line_id}'::text[], jsonb_build_object('type', 'TEXT_MESSAGE', 'title', NULL,
	'contact', '{"phone": "+306900000000"}'::jsonb, 'payload', jsonb_build_object('text', 'Running late', 'from', '+306900000000',
	'to', '+302100000001', 'inboundMessageId', :first_id)), 'the event has its words')
FROM appt.user_event e WHERE id = (SELECT user_event_ids[1] FROM appt.inbound_message WHERE id = :first_id);
SELECT is(due_at, now(), 'due at once, whenever the provider says that it came')
FROM appt.notification WHERE id = (:'first_notification_ids'::bigint[])[1];

-- The same again.
SELECT * FROM appt.record_inbound_sms(:'app', '+306900000000', '+302100000001', 'other words', 'SM-1') \gset again_
SELECT is(concat_ws(' ', :'again_id', :'again_handled_as', :'again_notification_ids'),
	concat_ws(' ', :'first_id', :'first_handled_as', :'first_notification_ids'),
	'the same provider_message_id is the same message, with the same result');
SELECT is(count(*), 1::bigint, 'recorded once') FROM appt.inbound_message;
SELECT isnt((appt.record_inbound_sms(:'app', '+306900000000', '+302100000001', 'Running late')).id, :first_id::bigint,
	'without one, each is a message');
SELECT isnt((appt.record_inbound_sms(:'app', '+306900000000', '+302100000001', 'x', '')).id,
	(appt.record_inbound_sms(:'app', '+306900000000', '+302100000001', 'x', '')).id, 'an empty one is none');
SELECT appt.create_application((SELECT id FROM appt.organization), 'Sister', timezone => 'UTC') AS sister \gset
SELECT isnt((appt.record_inbound_sms(:'sister', '+306900000000', '+302100000001', 'x', 'SM-1')).id, :first_id::bigint,
	'ids are those of an application');

-- Ring groups and preferences.
SELECT is(told((appt.record_inbound_sms(:'app', '+306900000000', '+302100000002', 'Hi')).notification_ids),
	'TEXT_MESSAGE bob EMAIL, TEXT_MESSAGE bob IN_APP, TEXT_MESSAGE cleo IN_APP', 'text to ring groups: to their members, by preferences');

-- Numbers of no line, and a line that is switched off.
SELECT is((appt.record_inbound_sms(:'app', '+306900000000', '+302100000009', 'Hi')).notification_ids, '{}',
	'numbers of no line are taken, too');
UPDATE appt.line SET enabled = false WHERE id = :'sales';
SELECT is((appt.record_inbound_sms(:'app', '+306900000000', '+302100000002', 'Hi')).notification_ids, '{}',
	'a disabled line tells nobody');
UPDATE appt.line SET enabled = true WHERE id = :'sales';
CREATE TEMP TABLE sender AS SELECT given, expected, (appt.record_inbound_sms(:'app', given, '+302100000001', 'x')).id
FROM (VALUES ('12345', '12345'), ('123456', '123456'), ('ACME Bank', 'ACME Bank'), ('2102234988', '+302102234988'),
	('+1 (555) 010-0000', '+15550100000'), ('whatsapp:+15550100000', 'whatsapp:+15550100000')) AS f (given, expected);
SELECT is(m.from_number, s.expected, 'from ' || s.given) FROM sender s JOIN appt.inbound_message m USING (id);
SELECT is(e.contact, expected::jsonb, 'contact ' || expected) FROM (VALUES ('12345', '{"phone": "12345"}'),
	('ACME Bank', '{"name": "ACME Bank"}')) AS f (given, expected)
	JOIN appt.inbound_message m ON m.from_number = given JOIN appt.user_event e ON e.id = m.user_event_ids[1];

-- Webhooks.
SELECT id AS hook FROM appt.create_subscription(:'app', 'https://crm.example/in', types => '{INBOUND_MESSAGE}') \gset
SELECT id AS all_hook FROM appt.create_subscription(:'app', 'https://crm.example/all') \gset
SELECT is(told((appt.record_inbound_sms(:'app', '+306900000000', '+302100000009', 'Hi')).notification_ids),
	'INBOUND_MESSAGE ' || :'hook' || ' WEBHOOK', 'INBOUND_MESSAGE goes to subscriptions that name it, and to no others');
SELECT is(told((appt.record_inbound_sms(:'app', '+306900000000', '+302100000002', 'Hi')).notification_ids),
	'INBOUND_MESSAGE ' || :'hook' || ' WEBHOOK, TEXT_MESSAGE bob EMAIL, TEXT_MESSAGE bob IN_APP, TEXT_MESSAGE cleo IN_APP', 'besides users');
DELETE FROM appt.subscription WHERE id = :'hook';

-- HIGH_SMS.
CREATE FUNCTION flood(app uuid, number text, sender text, seconds numeric[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	second numeric;
	n integer := 0;
	ids bigint[];
	alarms text;
BEGIN
	FOREACH second IN ARRAY seconds LOOP
		n := n + 1;
		ids := (appt.record_inbound_sms(app, sender, number, 'x', received_at => at(second))).notification_ids;
		alarms := CASE WHEN told(ids) ~ 'HIGH_SMS' THEN concat_ws('; ', alarms, n || ' ' || told(ids)) ELSE alarms END;
	END LOOP;
	RETURN alarms;
END $$;
UPDATE appt.user_profile SET channels = '{IN_APP}';
SELECT is(flood(:'app', '+302100000001', '+306911111111', every(1, 40)),
	'16 HIGH_SMS ann IN_APP, HIGH_SMS dan IN_APP, TEXT_MESSAGE ann IN_APP, TEXT_MESSAGE dan IN_APP',
	'alarm at more than 15 in 30 s: with the 16th, once');
SELECT is(flood(:'app', '+302100000002', '+306911111111', every(1, 15)), NULL, 'counted per line,');
SELECT is(flood(:'app', '+302100000003', '+306911111111', every(1, 15)), NULL, 'single incoming number');
SELECT is(flood(:'app', '+302100000002', '+306922222222', every(1, 15)), NULL, 'and contact');
SELECT is(flood(:'app', '+302100000009', '+306911111111', every(1, 40)), NULL, 'a number of no line alarms nobody');
SELECT is(flood(:'app', '+302100000002', '+306911111111', every(0, 1, 15)),
	'1 HIGH_SMS bob IN_APP, HIGH_SMS cleo IN_APP, TEXT_MESSAGE bob IN_APP, TEXT_MESSAGE cleo IN_APP', 'one more is too many');
SELECT is(e.payload - 'inboundMessageId', '{"from": "+306911111111", "to": "+302100000002", "count": 16, "seconds": 30}',
	'what an alarm tells')
FROM appt.user_event e WHERE e.type = 'HIGH_SMS' AND e.line_id = :'sales';
INSERT INTO appt.user_preference (application_id, user_id, type, enabled) VALUES (:'app', 'bob', 'HIGH_SMS', false);
SELECT is(flood(:'app', '+302100000003', '+306911111111', every(0, 1, 16)),
	'1 HIGH_SMS cleo IN_APP, TEXT_MESSAGE bob IN_APP, TEXT_MESSAGE cleo IN_APP', 'by the user''s preferences');

/* ---- refused ---- */

SELECT is(refusal(format('SELECT appt.record_inbound_sms(%s)', replace(arguments, 'APP', quote_literal(:'app')))), expected,
	arguments) FROM (VALUES
	('APP, ''+30690'', ''+30210'', ''''', 'accepted'),
	('APP, NULL, ''+30210'', ''x''', '22023'), ('APP, '''', ''+30210'', ''x''', '22023'), ('APP, ''+30690'', NULL, ''x''', '22023'),
	('APP, ''+30690'', '''', ''x''', '22023'), ('APP, ''+30690'', ''+30210''', '22023'), ('NULL, ''+30690'', ''+30210'', ''x''', '22023'),
	('APP, repeat(''6'', 257), ''+30210'', ''x''', '22023'), ('APP, ''+30690'', repeat(''2'', 257), ''x''', '22023'),
	('APP, E''+30\n690'', ''+30210'', ''x''', '22023'), ('APP, ''+30690'', ''+30210'', repeat(''x'', 65536)', 'accepted'),
	('APP, ''+30690'', ''+30210'', repeat(''x'', 65537)', '22023'), ('APP, ''+30690'', ''+30210'', ''x'', repeat(''i'', 1024)', 'accepted'),
	('APP, ''+30690'', ''+30210'', ''x'', repeat(''i'', 1025)', '22023'),
	('APP, ''+30690'', ''+30210'', ''x'', NULL, ''infinity''', '22023'), ('APP, ''+30690'', ''+30210'', ''x'', NULL, ''-infinity''', '22023'),
	('APP, ''+30690'', ''+30210'', ''x'', NULL, ''294276-12-31 23:59:59+00''', 'accepted'),
	('APP, ''+30690'', ''+302100000001'', ''x'', NULL, ''4714-11-24 00:00+00 BC''', 'accepted'),
	('gen_random_uuid(), ''+30690'', ''+30210'', ''x''', 'PT404')) AS r (arguments, expected);

-- The words of messages about an appointment go with it.
SELECT (appt.schedule_appointment(:'app', now() + '1 day', '1 hour', organizer_id => 'ann')).id AS appointment \gset
UPDATE appt.inbound_message SET appointment_id = :'appointment' WHERE id = :first_id;
SELECT appt.delete_appointment(:'appointment') \g /dev/null
SELECT is(text, NULL, 'the text of a message about a deleted appointment is blanked') FROM appt.inbound_message WHERE id = :first_id;

-- The look-up for HIGH_SMS reads a few index entries, however long the conversation is.
INSERT INTO appt.inbound_message (application_id, from_number, to_number, text, received_at)
	SELECT :'app', '+306933333333', '+302100000001', 'x', at(i * 0.001) FROM generate_series(1, 50000) i;
CREATE FUNCTION index_reads() RETURNS bigint LANGUAGE sql AS $$
	SELECT sum(pg_stat_get_xact_tuples_returned(indexrelid))::bigint FROM pg_index WHERE indrelid = 'appt.inbound_message'::regclass $$;
CREATE FUNCTION table_reads() RETURNS bigint LANGUAGE sql AS $$
	SELECT pg_stat_get_xact_tuples_returned('appt.inbound_message'::regclass) $$;
SELECT index_reads() AS index_before, table_reads() AS table_before \gset
SELECT is(flood(:'app', '+302100000001', '+306933333333', every(0.001, 20, 30)), NULL, 'a long conversation');
SELECT cmp_ok(index_reads() - :index_before, '<', 20 * 100::bigint, 'reads a bounded part of the index');
SELECT is(table_reads(), :table_before::bigint, 'and not the table');

SELECT * FROM finish();
ROLLBACK;
