-- Scheduling and reading an appointment: what is stored and given back, what is refused, and that a refusal changes nothing.
BEGIN;
SELECT * FROM no_plan();

SELECT appt.create_organization('Acme') AS organization \gset
SELECT appt.create_application(:'organization', 'Sales', room_url => 'https://video.example/q/', calling_code => '30',
	locale => 'en-GB', timezone => 'Europe/Athens') AS application \gset
SELECT appt.create_application(:'organization', 'By hand', auto_activate => false) AS by_hand \gset

-- What comes back.
CREATE TEMPORARY TABLE scheduled AS
SELECT s.* FROM appt.schedule_appointment(:'application', now() + '1 day', 'PT45M',
	'{"name": {"firstName": "Bobby", "lastName": "Ewing"}, "contact": {"primaryEmail": "user@provider.net", "primaryPhone": "2102234988"},
	  "username": "ewingb@myorg.com", "metadata": {"refNo": "CS-9838"}, "locale": "el", "preferredChannel": "SMS"}',
	organizer_id => 'agent-1', title => 'Installation', notes => 'CRM ref', location => 'Room 1', timezone => 'Europe/Berlin',
		locale => 'de_DE',
	metadata => '{"prop1": {"a": 1}}', interaction => '{"state": "ENDED", "routing": {"type": "GENESYS_CLOUD_FLOW", "properties": '
		'{"deploymentId": "x"}}, "customFields": {"a": "b"}}',
	notification_headers => '{"X-Tenant": "7"}') s;
SELECT id, conference_id, room_access->>'ticket' AS ticket FROM scheduled \gset

SELECT is(to_jsonb(s) - '{id,conference_id,participant_ids,room_access,start_at,end_at,created_at,updated_at}'::text[], jsonb_build_object(
	'application_id', :'application', 'state', 'ACTIVATED', 'title', 'Installation', 'notes', 'CRM ref', 'location', 'Room 1',
		'duration', '00:45:00',
	'timezone', 'Europe/Berlin', 'locale', 'de_DE', 'organizer', '{"id": "agent-1", "type": "AGENT"}'::jsonb, 'metadata',
		'{"prop1": {"a": 1}}'::jsonb,
	'interaction', '{"state": "PENDING", "routing": {"type": "GENESYS_CLOUD_FLOW", "properties": {"deploymentId": "x"}}, '
		'"customFields": {"a": "b"}}'::jsonb,
	'notifications_active', true, 'cancel_reason', NULL, 'meeting_template_id', NULL, 'booking_state', NULL, 'notification_state', NULL,
	'changed_fields', NULL, 'archived_at', NULL),
		'what was said is given back, the state of the interaction is not the caller''s to say') FROM scheduled s;
SELECT is(ARRAY[start_at, end_at, created_at, updated_at], ARRAY[now() + '1 day', now() + '24:45', now(), now()], 'and the times')
	FROM scheduled;
SELECT matches(:'ticket'::text, '^[a-z]{3}-[a-z]{3}-[a-z]{3}$', 'the ticket is nine letters in groups');
SELECT is(room_access, jsonb_build_object('ticket', :'ticket', 'type', 'MULTI_USE_TICKET', 'url', 'https://video.example/q/' || :'ticket',
	'expires', room_access->'expires'), 'the link is the application''s room_url and the ticket') FROM scheduled;
SELECT is((room_access->>'expires')::timestamptz, end_at + '1 hour', 'which expires an hour after the end') FROM scheduled;
SELECT is(s, appt.get_appointment(id)::text, 'get_appointment says the same')
	FROM (SELECT id, ROW(scheduled.*)::text AS s FROM scheduled) s;

-- What is stored.
SELECT is(to_jsonb(p) - '{application_id,appointment_id,id,created_at}'::text[],
	'{"type": "CUSTOMER", "username": "ewingb@myorg.com", "first_name": "Bobby",
	"last_name": "Ewing", "email": "user@provider.net", "phone": "+302102234988", "locale": "el", "preferred_channel": "SMS", '
		'"metadata": {"refNo": "CS-9838"},
	"joined_at": null, "left_at": null, "verified_channel": null, "is_lead": true, "response": null, "responded_at": null}'::jsonb, 'the customer is stored, the phone number as E.164')
	FROM appt.participant p WHERE appointment_id = :'id' AND type = 'CUSTOMER';
SELECT is(id, 'agent-1'::text, 'the organizer attends') FROM appt.participant p WHERE appointment_id = :'id' AND type = 'AGENT';
SELECT set_eq('SELECT jsonb_array_elements(participant_ids)->>''id'' FROM scheduled',
	format('SELECT id FROM appt.participant WHERE appointment_id = %L', :'id'), 'participant_ids names both');
SELECT is(a.notification_headers, '{"X-Tenant": "7"}'::jsonb, 'headers are stored') FROM appt.appointment a WHERE id = :'id';
SELECT is(a.activated_at, a.created_at, 'it was activated') FROM appt.appointment a WHERE id = :'id';

-- Defaults.
SELECT is(a.timezone, 'Europe/Berlin', 'a timezone is spelled as everybody does')
	FROM appt.schedule_appointment(:'application', now(), '1 hour', organizer_id => 'a', timezone => 'europe/BERLIN') a;
SELECT is(ARRAY[a.timezone, a.locale, a.state], '{Europe/Athens,en-GB,ACTIVATED}'::text[], 'timezone and locale are the application''s')
	FROM appt.schedule_appointment(:'application', now(), '1 hour', organizer_id => 'a') a;
SELECT is(ROW(a.title, a.notes, a.location, a.metadata, a.interaction)::text,
	ROW(NULL, NULL, NULL, '{}'::jsonb, '{"state": "PENDING"}'::jsonb)::text, 'empty words are none')
	FROM appt.schedule_appointment(:'application', now(), '1 hour', organizer_id => 'a', title => '', notes => '', location => '') a;
SELECT is(ROW(a.state, a.room_access)::text, '(SCHEDULED,)'::text, 'without auto_activate it waits to be activated')
	FROM appt.schedule_appointment(:'by_hand', now(), '1 hour', organizer_id => 'a') a;
SELECT is(a.participant_ids, '[{"id": "a", "type": "AGENT"}]'::jsonb, 'without a customer there is the organizer alone')
	FROM appt.schedule_appointment(:'by_hand', now(), '1 hour', organizer_id => 'a') a;
SELECT lives_ok(format('SELECT appt.schedule_appointment(%L, now() - interval ''59 seconds'', ''1 day'', organizer_id => ''a'')',
	:'application'),
	'a start just past and the longest duration are taken');
SELECT appt.set_notifications_enabled(:'organization', false);
SELECT is(a.notifications_active, false, 'the organization''s switch is captured')
	FROM appt.schedule_appointment(:'by_hand', now(), '1 hour', organizer_id => 'a') a;
SELECT appt.set_notifications_enabled(:'organization', true);

-- Elapsed time.
SELECT is(ARRAY[a.end_at, a.start_at + a.duration], ARRAY['2031-03-30 12:00+00'::timestamptz, '2031-03-30 12:00+00'],
	'a day across the change to summer time is 24 hours')
	FROM appt.schedule_appointment(:'application', '2031-03-29 13:00 Europe/Berlin', '1 day', organizer_id => 'a',
		timezone => 'Europe/Berlin') a;
SELECT is(a.end_at, '2031-10-26 12:00+00'::timestamptz, 'and to winter time')
	FROM appt.schedule_appointment(:'application', '2031-10-25 14:00 Europe/Berlin', '1 day', organizer_id => 'a',
		timezone => 'Europe/Berlin') a;
SELECT is(a.end_at, '2032-03-01 12:00+00'::timestamptz, 'and past a leap day')
	FROM appt.schedule_appointment(:'application', '2032-02-29 12:00+00', '1 day', organizer_id => 'a') a;

-- What is refused.
CREATE TEMPORARY TABLE before AS SELECT (SELECT count(*) FROM appt.appointment) AS appointments,
	(SELECT count(*) FROM appt.participant) AS participants,
	(SELECT count(*) FROM appt.room_access) AS rooms, (SELECT count(*) FROM appt.notification) AS notifications;
SELECT set_config('test.application', :'application', true);
CREATE TEMPORARY TABLE refused (named text, arguments text, state text, detail text);
INSERT INTO refused VALUES
	('no application', 'NULL, now(), ''1 hour'', organizer_id => ''a''', '22023', 'application_id'),
	('no start', 'APP, NULL, ''1 hour'', organizer_id => ''a''', '22023', 'start_at'),
	('no duration', 'APP, now(), NULL, organizer_id => ''a''', '22023', 'duration'),
	('an unknown application', '''00000000-0000-0000-0000-000000000000'', now(), ''1 hour'', organizer_id => ''a''', 'PT404',
		'00000000-0000-0000-0000-000000000000'),
	('no organizer', 'APP, now(), ''1 hour''', '22023', 'organizer_id'),
	('an empty organizer', 'APP, now(), ''1 hour'', organizer_id => ''''', '22023', 'organizer_id'),
	('a start two minutes ago', 'APP, now() - interval ''2 minutes'', ''1 hour'', organizer_id => ''a''', '22023', 'minute'),
	('an infinite start', 'APP, ''infinity'', ''1 hour'', organizer_id => ''a''', '22023', 'infinity'),
	('a start before all time', 'APP, ''-infinity'', ''1 hour'', organizer_id => ''a''', '22023', '-infinity'),
	('a start without an end', 'APP, ''294276-12-31 23:00+00'', ''3 hours'', organizer_id => ''a''', '22023', '294276'),
	('an end without a century after it', 'APP, ''294177-12-31 22:30+00'', ''1 hour'', organizer_id => ''a''', '22023', '294177'),
	('a title that is a book', 'APP, now(), ''1 hour'', organizer_id => ''a'', title => repeat(''x'', 65537)', '22023', 'title'),
	('metadata that are an archive', 'APP, now(), ''1 hour'', organizer_id => ''a'', metadata => jsonb_build_object(''a'', '
		'repeat(''x'', 300000))', '22023', 'metadata'),
	('a user id that no index takes', 'APP, now(), ''1 hour'', organizer_id => repeat(''x'', 1025)', '22023', 'organizer_id'),
	('more headers than a request carries', 'APP, now(), ''1 hour'', organizer_id => ''a'', notification_headers => (SELECT '
		'jsonb_object_agg(''X-'' || i, i::text) FROM generate_series(1, 51) i)', '22023', '50'),
	('a duration of nothing', 'APP, now(), ''0'', organizer_id => ''a''', '22023', '00:00:00'),
	('a duration below nothing', 'APP, now(), ''-1 hour'', organizer_id => ''a''', '22023', '-01:00:00'),
	('a duration of a month', 'APP, now(), ''1 month'', organizer_id => ''a''', '22023', '1 mon'),
	('a duration of a month less 31 days', 'APP, now(), ''1 month -29 days'', organizer_id => ''a''', '22023', '1 mon'),
	('a duration beyond counting', 'APP, now(), ''178000000 days'', organizer_id => ''a''', '22023', '178000000 days'),
	('more than max_duration', 'APP, now(), ''24 hours 1 second'', organizer_id => ''a''', '22023', '24:00:01'),
	('an unknown timezone', 'APP, now(), ''1 hour'', organizer_id => ''a'', timezone => ''Mars/Olympus''', '22023', 'Mars/Olympus'),
	('an empty timezone', 'APP, now(), ''1 hour'', organizer_id => ''a'', timezone => ''''', '22023', '""'),
	('an unknown locale', 'APP, now(), ''1 hour'', organizer_id => ''a'', locale => ''qq-QQ''', '22023', 'qq-QQ'),
	('a customer that is no object', 'APP, now(), ''1 hour'', ''[]'', organizer_id => ''a''', '22023', 'customer'),
	('a name that is no object', 'APP, now(), ''1 hour'', ''{"name": "Bobby"}'', organizer_id => ''a''', '22023', 'customer.name'),
	('a first name that is no text', 'APP, now(), ''1 hour'', ''{"name": {"firstName": 1}}'', organizer_id => ''a''', '22023',
		'customer.name.firstName'),
	('a bad email address', 'APP, now(), ''1 hour'', ''{"contact": {"primaryEmail": "user"}}'', organizer_id => ''a''', '22023', 'user'),
	('an email address with a header in it', 'APP, now(), ''1 hour'', ''{"contact": {"primaryEmail": "a@b.example\r\nBcc: '
		'c@d.example"}}'', organizer_id => ''a''', '22023', 'Bcc'),
	('a phone number that is no text', 'APP, now(), ''1 hour'', ''{"contact": {"primaryPhone": 210}}'', organizer_id => ''a''',
		'22023', 'customer.contact.primaryPhone'),
	('a customer''s unknown locale', 'APP, now(), ''1 hour'', ''{"locale": "qq"}'', organizer_id => ''a''', '22023', 'qq'),
	('a member that no customer has', 'APP, now(), ''1 hour'', ''{"shoeSize": 44}'', organizer_id => ''a''', '22023', 'shoeSize'),
	('a member that no name has', 'APP, now(), ''1 hour'', ''{"name": {"firstname": "x"}}'', organizer_id => ''a''', '22023', 'firstname'),
	('a member that no contact has', 'APP, now(), ''1 hour'', ''{"contact": {"email": "x"}}'', organizer_id => ''a''', '22023', 'email'),
	('a member that no interaction has', 'APP, now(), ''1 hour'', organizer_id => ''a'', interaction => ''{"rooting": {}}''',
		'22023', 'rooting'),
	('a member that no routing has', 'APP, now(), ''1 hour'', organizer_id => ''a'', interaction => ''{"routing": {"kind": "x"}}''',
		'22023', 'kind'),
	('an unknown preferred channel', 'APP, now(), ''1 hour'', ''{"preferredChannel": "PIGEON"}'', organizer_id => ''a''', '22023',
		'PIGEON'),
	('a preferred channel for machines', 'APP, now(), ''1 hour'', ''{"preferredChannel": "WEBHOOK"}'', organizer_id => ''a''',
		'22023', 'WEBHOOK'),
	('a customer''s metadata that are no object', 'APP, now(), ''1 hour'', ''{"metadata": []}'', organizer_id => ''a''', '22023',
		'customer.metadata'),
	('metadata that are no object', 'APP, now(), ''1 hour'', organizer_id => ''a'', metadata => ''1''', '22023', 'metadata'),
	('an interaction that is no object', 'APP, now(), ''1 hour'', organizer_id => ''a'', interaction => ''"x"''', '22023', 'interaction'),
	('a routing that is no object', 'APP, now(), ''1 hour'', organizer_id => ''a'', interaction => ''{"routing": 1}''', '22023',
		'interaction.routing'),
	('a routing type that is no text', 'APP, now(), ''1 hour'', organizer_id => ''a'', interaction => ''{"routing": {"type": '
		'{}}}''', '22023', 'interaction.routing.type'),
	('custom fields that are no object', 'APP, now(), ''1 hour'', organizer_id => ''a'', interaction => ''{"customFields": []}''',
		'22023', 'interaction.customFields'),
	('headers that are neither list nor object', 'APP, now(), ''1 hour'', organizer_id => ''a'', notification_headers => ''1''',
		'22023', NULL),
	('a header with a line break', 'APP, now(), ''1 hour'', organizer_id => ''a'', notification_headers => ''{"X-A": "b\r\nX-C: '
		'd"}''', '22023', 'X-A'),
	('a header that is appt''s own', 'APP, now(), ''1 hour'', organizer_id => ''a'', notification_headers => ''{"X-Signature": '
		'"0"}''', '22023', 'X-Signature'),
	('a secret header', 'APP, now(), ''1 hour'', organizer_id => ''a'', notification_headers => ''[{"name": "X-A", "value": "b", '
		'"type": "SECRET"}]''', '22023', 'X-A');

-- SQLSTATE and DETAIL of what a statement raises.
CREATE FUNCTION pg_temp.refusal(statement text, OUT state text, OUT detail text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, detail = PG_EXCEPTION_DETAIL;
END $$;
SELECT is(r.state, refused.state, named || ' is refused') || E'\n' || ok(r.detail ~ '\S'
	AND position(coalesce(refused.detail, '') IN r.detail) > 0, 'and DETAIL says what: ' || regexp_replace(r.detail, '\s', ' ', 'g'))
	FROM refused, pg_temp.refusal('SELECT appt.schedule_appointment(' || replace(arguments, 'APP',
		quote_literal(current_setting('test.application'))) || ')') r;
SELECT is(before::text, (SELECT ROW(b.*)::text FROM (SELECT (SELECT count(*) FROM appt.appointment),
	(SELECT count(*) FROM appt.participant),
	(SELECT count(*) FROM appt.room_access), (SELECT count(*) FROM appt.notification)) b), 'nothing was stored of what was refused')
		FROM before;

-- Phone numbers.
CREATE TEMPORARY TABLE phones AS
SELECT given, stored, a.id FROM (VALUES ('+49 (170) 123-4567', '+491701234567'), ('0049 170 1234567', '+491701234567'),
	('0210 2234988', '+302102234988'), ('210.223.4988', '+302102234988'),
		('extension 12', 'extension 12'), ('12', '12'), ('+0123456789', '+0123456789')) phones (given, stored),
	appt.schedule_appointment(:'application', now(), '1 hour',
		jsonb_build_object('contact', jsonb_build_object('primaryPhone', given)), organizer_id => 'a') a;
INSERT INTO phones SELECT '2102234988', '2102234988', a.id
	FROM appt.schedule_appointment(:'by_hand', now(), '1 hour', '{"contact": {"primaryPhone": "2102234988"}}', organizer_id => 'a') a;
SELECT is(p.phone, stored, given || ' is stored as ' || stored) FROM phones JOIN appt.participant p ON p.appointment_id = phones.id
	AND p.type = 'CUSTOMER';

-- Ids grow with time, by the millisecond.
SELECT (SELECT id FROM appt.schedule_appointment(:'application', now(), '1 hour', organizer_id => 'a')) AS earlier \gset
SELECT (SELECT id FROM appt.schedule_appointment(:'application', now(), '1 hour', organizer_id => 'a')) AS later \gset
SELECT cmp_ok(left(:'earlier', 13), '<=', left(:'later', 13), 'the id of a later appointment is not less in its time');
SELECT conference_id AS conference FROM appt.appointment WHERE id = :'later' \gset
SELECT matches(id, '^.{14}7.{4}[89ab]', 'an id is a UUID of version 7')
	FROM unnest(ARRAY[:'later', :'conference', appt.tagged_uuid(:'application')::text]) id;
SELECT cmp_ok(abs(extract(epoch FROM clock_timestamp()) * 1000 - ('x' || left(replace(id, '-', ''), 12))::bit(48)::bigint), '<', 60000::numeric,
	'which begins with the milliseconds since 1970')
	FROM unnest(ARRAY[:'later', :'conference']) id;
SELECT is(count(DISTINCT substr(replace(appt.tagged_uuid(:'application')::text, '-', ''), 14, 11)), 1000::bigint, 'and is random after that')
	FROM generate_series(1, 1000);

-- get_appointment.
SELECT throws_ok('SELECT appt.get_appointment(''00000000-0000-0000-0000-000000000000'')', 'PT404', 'appointment not found',
	'an unknown appointment is not found');
SELECT throws_ok('SELECT appt.get_appointment(NULL)', '22023', NULL, 'a null id is refused');

SELECT * FROM finish();
ROLLBACK;
