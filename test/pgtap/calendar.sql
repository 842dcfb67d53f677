-- An appointment for calendars: the file, the link, PostgREST's headers, and access. How other programs read
-- the file: test/t/033_calendar.pl.
\getenv sanitize APPT_SANITIZE
\if :{?sanitize}
\else
\set sanitize ''
\endif
BEGIN;
SELECT * FROM no_plan();
SET client_min_messages = error;

SELECT appt.create_application(appt.create_organization('Acme'), 'Acme Bank', timezone => 'Europe/Athens',
	room_url => 'https://meet.example/r/') AS application \gset
SELECT id, room_access->>'url' AS url FROM appt.schedule_appointment(:'application', now() + '1 day', '30 minutes',
	'{"name": {"firstName": "MARK", "lastName": "MARK"}, "contact": {"primaryEmail": "MARK@example.org", "primaryPhone": '
		'"+30690MARK"}, "username": "MARK", "metadata": {"MARK": "MARK"}}',
	organizer_id => 'MARK', title => 'Your mortgage', notes => 'MARK', location => 'MARK', metadata => '{"MARK": "MARK"}',
		interaction => '{"customFields": {"MARK": "MARK"}}') \gset
UPDATE appt.appointment SET start_at = '2030-07-01 10:00:00.75+00', end_at = '2030-07-01 10:30:00.75+00',
	updated_at = '2030-06-01 08:07:06.9+00' WHERE id = :'id';

-- The whole file.
SELECT is(appt.ical_text(:'id'), replace(replace(replace(replace($$BEGIN:VCALENDAR
PRODID:-//appt//appt VERSION//EN
VERSION:2.0
METHOD:PUBLISH
BEGIN:VTIMEZONE
TZID:Europe/Athens
BEGIN:DAYLIGHT
DTSTART:20300331T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0300
TZNAME:EEST
END:DAYLIGHT
BEGIN:STANDARD
DTSTART:20301027T040000
TZOFFSETFROM:+0300
TZOFFSETTO:+0200
TZNAME:EET
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
UID:ID
SEQUENCE:0
DTSTAMP:20300601T080706Z
LAST-MODIFIED:20300601T080706Z
DTSTART;TZID=Europe/Athens:20300701T130000
DTEND;TZID=Europe/Athens:20300701T133000
SUMMARY:Your mortgage
DESCRIPTION:JOIN
LOCATION:JOIN
URL:JOIN
STATUS:CONFIRMED
END:VEVENT
END:VCALENDAR
$$, 'UID:ID', 'UID:' || :'id'), 'JOIN', :'url'), 'VERSION//', extversion || '//'), E'\n', E'\r\n'), 'an appointment as text')
  FROM pg_extension WHERE extname = 'appt';
SELECT is(appt.google_calendar_url(:'id'), 'https://calendar.google.com/calendar/render?action=TEMPLATE&text=Your%20mortgage&dates=20300701T100000Z/20300701T103000Z&ctz=Europe%2FAthens'
	|| format('&details=%1$s&location=%1$s', replace(replace(:'url', ':', '%3A'), '/', '%2F')), 'as a link');
SELECT unalike(appt.ical_text(:'id') || appt.google_calendar_url(:'id'), '%MARK%', 'and nothing of notes, location, metadata and people');

-- What PostgREST reads at the end of the transaction.
SAVEPOINT before;
SELECT is(convert_from(appt.ical_event(:'id'), 'UTF8'), appt.ical_text(:'id'), 'and as octets');
SELECT is(current_setting('response.headers')::jsonb,
	jsonb_build_array(jsonb_build_object('Content-Type', 'text/calendar; charset=utf-8; method=PUBLISH'),
	jsonb_build_object('Content-Disposition', format('attachment; filename="appointment-%s.ics"', :'id'))),
		'what the file is, is set until the transaction ends');
SELECT is(coalesce(current_setting('response.status', true), ''), '', 'and it is no redirection');
SELECT appt.google_calendar_event(:'id');
SELECT is(current_setting('response.headers')::jsonb,
	jsonb_build_array(jsonb_build_object('Location', appt.google_calendar_url(:'id'))), 'where the link leads');
SELECT is(current_setting('response.status'), '302', 'with its status');
SELECT appt.outlook_calendar_event(:'id');
SELECT alike(current_setting('response.headers')::jsonb->0->>'Location',
	'https://outlook.live.com/calendar/0/deeplink/compose?%subject=Your%20mortgage&startdt=2030-07-01T10%3A00%3A00Z&enddt=%',
	'for Outlook it leads to Outlook');
SELECT unalike(current_setting('response.headers'), '%MARK%', 'which is told nothing else');
SELECT lives_ok(format('SELECT appt.ical_event(%L)', :'id'), 'asked for in a subtransaction');
SELECT alike(current_setting('response.headers'), '%text/calendar%', 'it outlasts that');
ROLLBACK TO before;
SELECT is(coalesce(current_setting('response.headers', true), ''), '', 'what is rolled back is not answered');
SELECT is(coalesce(current_setting('response.status', true), ''), '', 'nor its status');

-- From change to change.
CREATE FUNCTION pg_temp.line(text, name text) RETURNS text LANGUAGE sql AS $$SELECT (regexp_match($1, format(E'\n%s[:;]([^\r]*)',
	$2)))[1]$$;
CREATE FUNCTION pg_temp.event(id uuid) RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' ', pg_temp.line(t, 'METHOD'), pg_temp.line(t, 'STATUS'), pg_temp.line(t, 'SEQUENCE')) FROM appt.ical_text($1) t$$;
CREATE TEMPORARY TABLE uids AS SELECT pg_temp.line(appt.ical_text(:'id'), 'UID') AS uid;
SELECT lives_ok(format('SELECT appt.reschedule_appointment(%L, %L, %L)', :'id', now() + '2 days', '1 hour'), 'it is moved');
SELECT is(pg_temp.event(:'id'), 'PUBLISH CONFIRMED 1', 'a later version of the event');
SELECT lives_ok(format('SELECT appt.update_appointment(%L, title => %L)', :'id', 'Another'), 'its title changes');
SELECT is(pg_temp.event(:'id') || ' ' || pg_temp.line(appt.ical_text(:'id'), 'SUMMARY'), 'PUBLISH CONFIRMED 2 Another', 'once more');
SELECT lives_ok(format('SELECT appt.update_appointment(%L, title => %L)', :'id', ''), 'its title goes');
SELECT is(pg_temp.event(:'id') || ' ' || pg_temp.line(appt.ical_text(:'id'), 'SUMMARY'), 'PUBLISH CONFIRMED 3 Acme Bank',
	'and the application''s name takes its place');
SELECT alike(appt.google_calendar_url(:'id'), '%&text=Acme%20Bank&%', 'in the link too');
SELECT lives_ok(format('SELECT appt.cancel_appointment(%L)', :'id'), 'it is cancelled');
SELECT is(pg_temp.event(:'id'), 'CANCEL CANCELLED 4', 'calendars strike it out');
SELECT is(count(DISTINCT uid), 1::bigint, 'all by the same UID')
	FROM (SELECT uid FROM uids UNION ALL SELECT pg_temp.line(appt.ical_text(:'id'), 'UID')) u;
SELECT appt.ical_event(:'id') \g /dev/null
SELECT alike(current_setting('response.headers'), '%"text/calendar; charset=utf-8; method=CANCEL"%', 'and the response says so');
SELECT id AS ended FROM appt.schedule_appointment(:'application', now(), '1 hour', organizer_id => 'a') \gset
SELECT is((appt.end_appointment(:'ended')).state, 'ENDED', 'another ends');
SELECT alike(pg_temp.event(:'ended'), 'PUBLISH CONFIRMED %', 'and stays in calendars');

-- Without a room, or without a link to it.
SELECT appt.create_application(appt.create_organization('Acme'), 'Plain') AS plain \gset
SELECT id AS linkless FROM appt.schedule_appointment(:'plain', '2030-01-01 12:00+00', '1 hour', organizer_id => 'a') \gset
SELECT is(url, '', 'a room without a link') FROM appt.room_access WHERE appointment_id = :'linkless';
SELECT unalike(appt.ical_text(:'linkless'), '%' || name || ':%', 'no ' || name || ' then')
	FROM unnest('{URL,LOCATION,DESCRIPTION}'::text[]) name;
SELECT is(appt.google_calendar_url(:'linkless'), 'https://calendar.google.com/calendar/render?action=TEMPLATE&text=Plain&dates=20300101T120000Z/20300101T130000Z&ctz=UTC', 'nor in the link');
DELETE FROM appt.room_access WHERE appointment_id = :'linkless';
SELECT unalike(appt.ical_text(:'linkless'), '%URL:%', 'nor without a room');

-- Times: of a timezone what its clocks did around the event, else UTC.
CREATE FUNCTION pg_temp.times(start_at timestamptz, timezone text, duration interval DEFAULT '1 hour') RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(replace(line, 'DTSTART:', ''), ' ') FROM unnest(string_to_array(convert_from(appt_test.calendar_file($1,
		$1 + $3, $2), 'UTF8'), E'\r\n')) line
	WHERE line ~ '^(BEGIN:(DAY|STAN)|DT(START|END)|TZ)'$$;
SELECT is(pg_temp.times(start_at, timezone, duration), expected, format('%s in %s for %s', start_at, timezone, duration)) FROM (VALUES
	('2026-01-01 12:00+00'::timestamptz, 'UTC', '1 hour'::interval, '20260101T120000Z DTEND:20260101T130000Z'),
	('2026-01-01 12:00+00', 'Etc/UTC', '1 hour', '20260101T120000Z DTEND:20260101T130000Z'),
	('2026-01-01 12:00+00', 'Zulu', '1 hour', '20260101T120000Z DTEND:20260101T130000Z'),
	('2026-01-01 12:00+00', 'Nowhere/Land', '1 hour', '20260101T120000Z DTEND:20260101T130000Z'),
	-- No changes for long.
	('2026-01-01 12:00+00', 'Asia/Kolkata', '1 hour',
		'TZID:Asia/Kolkata BEGIN:STANDARD 19700101T000000 TZOFFSETFROM:+0530 TZOFFSETTO:+0530 TZNAME:IST '
		'DTSTART;TZID=Asia/Kolkata:20260101T173000 DTEND;TZID=Asia/Kolkata:20260101T183000'),
	('2026-01-01 12:00+00', 'Asia/Kathmandu', '1 hour',
		'TZID:Asia/Kathmandu BEGIN:STANDARD 19860101T000000 TZOFFSETFROM:+0530 TZOFFSETTO:+0545 TZNAME:+0545 '
		'DTSTART;TZID=Asia/Kathmandu:20260101T174500 DTEND;TZID=Asia/Kathmandu:20260101T184500'),
	('2026-01-01 12:00+00', 'Etc/GMT+5', '1 hour',
		'TZID:Etc/GMT+5 BEGIN:STANDARD 19700101T000000 TZOFFSETFROM:-0500 TZOFFSETTO:-0500 TZNAME:-05 '
		'DTSTART;TZID=Etc/GMT+5:20260101T070000 DTEND;TZID=Etc/GMT+5:20260101T080000'),
	('2026-01-01 12:00+00', 'America/Sao_Paulo', '1 hour',
		'TZID:America/Sao_Paulo BEGIN:STANDARD 20190217T000000 TZOFFSETFROM:-0200 TZOFFSETTO:-0300 TZNAME:-03 '
		'DTSTART;TZID=America/Sao_Paulo:20260101T090000 DTEND;TZID=America/Sao_Paulo:20260101T100000'),
	-- By another case than PostgreSQL's and, past 2037, by rule.
	('2050-02-01 12:00+00', 'europe/athens', '1 hour',
		'TZID:Europe/Athens BEGIN:STANDARD 20491031T040000 TZOFFSETFROM:+0300 TZOFFSETTO:+0200 TZNAME:EET '
		'BEGIN:DAYLIGHT 20500327T030000 TZOFFSETFROM:+0200 TZOFFSETTO:+0300 TZNAME:EEST DTSTART;TZID=Europe/Athens:20500201T140000 '
			'DTEND;TZID=Europe/Athens:20500201T150000'),
	-- Half an hour of summer time, on odd offsets.
	('2026-01-01 12:00+00', 'Australia/Lord_Howe', '1 hour',
		'TZID:Australia/Lord_Howe BEGIN:DAYLIGHT 20251005T020000 TZOFFSETFROM:+1030 TZOFFSETTO:+1100 TZNAME:+11 '
		'BEGIN:STANDARD 20260405T020000 TZOFFSETFROM:+1100 TZOFFSETTO:+1030 TZNAME:+1030 '
			'DTSTART;TZID=Australia/Lord_Howe:20260101T230000 DTEND;TZID=Australia/Lord_Howe:20260102T000000'),
	('2026-07-01 12:00+00', 'America/St_Johns', '1 hour',
		'TZID:America/St_Johns BEGIN:DAYLIGHT 20260308T020000 TZOFFSETFROM:-0330 TZOFFSETTO:-0230 TZNAME:NDT '
		'BEGIN:STANDARD 20261101T020000 TZOFFSETFROM:-0230 TZOFFSETTO:-0330 TZNAME:NST '
			'DTSTART;TZID=America/St_Johns:20260701T093000 DTEND;TZID=America/St_Johns:20260701T103000'),
	-- Clocks go forward during it: from 02:30 to 04:30 in one hour.
	('2026-03-29 00:30+00', 'Europe/Berlin', '1 hour',
		'TZID:Europe/Berlin BEGIN:STANDARD 20251026T030000 TZOFFSETFROM:+0200 TZOFFSETTO:+0100 TZNAME:CET '
		'BEGIN:DAYLIGHT 20260329T020000 TZOFFSETFROM:+0100 TZOFFSETTO:+0200 TZNAME:CEST DTSTART;TZID=Europe/Berlin:20260329T013000 '
			'DTEND;TZID=Europe/Berlin:20260329T033000'),
	-- And back: the hour that occurs twice is told in UTC, both times.
	('2026-10-24 22:00+00', 'Europe/Berlin', '119 minutes',
		'TZID:Europe/Berlin BEGIN:DAYLIGHT 20260329T020000 TZOFFSETFROM:+0100 TZOFFSETTO:+0200 TZNAME:CEST '
		'BEGIN:STANDARD 20261025T030000 TZOFFSETFROM:+0200 TZOFFSETTO:+0100 TZNAME:CET DTSTART;TZID=Europe/Berlin:20261025T000000 '
			'DTEND;TZID=Europe/Berlin:20261025T015900'),
	('2026-10-25 00:00+00', 'Europe/Berlin', '59 minutes', '20261025T000000Z DTEND:20261025T005900Z'),
	('2026-10-25 00:30+00', 'Europe/Berlin', '2 hours', '20261025T003000Z DTEND:20261025T023000Z'),
	('2026-10-24 23:30+00', 'Europe/Berlin', '30 minutes', '20261024T233000Z DTEND:20261025T000000Z'),
	('2026-10-25 00:30+00', 'Europe/Berlin', '1 hour', '20261025T003000Z DTEND:20261025T013000Z'),
	('2026-10-25 01:00+00', 'Europe/Berlin', '1 hour', '20261025T010000Z DTEND:20261025T020000Z'),
	('2026-10-25 02:00+00', 'Europe/Berlin', '1 hour',
		'TZID:Europe/Berlin BEGIN:STANDARD 20261025T030000 TZOFFSETFROM:+0200 TZOFFSETTO:+0100 TZNAME:CET '
		'BEGIN:DAYLIGHT 20270328T020000 TZOFFSETFROM:+0100 TZOFFSETTO:+0200 TZNAME:CEST DTSTART;TZID=Europe/Berlin:20261025T030000 '
			'DTEND;TZID=Europe/Berlin:20261025T040000'),
	-- Over years, only its two ends matter.
	('2026-07-01 10:00+00', 'Europe/Berlin', '1000 days',
		'TZID:Europe/Berlin BEGIN:DAYLIGHT 20260329T020000 TZOFFSETFROM:+0100 TZOFFSETTO:+0200 TZNAME:CEST '
		'BEGIN:DAYLIGHT 20290325T020000 TZOFFSETFROM:+0100 TZOFFSETTO:+0200 TZNAME:CEST DTSTART;TZID=Europe/Berlin:20260701T120000 '
			'DTEND;TZID=Europe/Berlin:20290327T120000'),
	-- Less than a second is one; parts of one are cut off.
	('2026-01-01 12:00:00.999+00', 'UTC', '0.9 seconds', '20260101T120000Z DTEND:20260101T120001Z'),
	('2026-01-01 12:00:00.1+00', 'UTC', '0.1 seconds', '20260101T120000Z DTEND:20260101T120001Z'),
	('2999-12-30 12:00+00', 'Pacific/Auckland', '1 hour',
		'TZID:Pacific/Auckland BEGIN:DAYLIGHT 29990929T020000 TZOFFSETFROM:+1200 TZOFFSETTO:+1300 TZNAME:NZDT '
		'BEGIN:STANDARD 30000406T030000 TZOFFSETFROM:+1300 TZOFFSETTO:+1200 TZNAME:NZST '
			'DTSTART;TZID=Pacific/Auckland:29991231T010000 DTEND;TZID=Pacific/Auckland:29991231T020000')) expectation (start_at,
			timezone, duration, expected);
SELECT is(encode(appt_test.calendar_file(start_at, end_at, 'UTC'), 'escape'), 'error: Its year is not in 1 to 2999.',
	format('%s to %s is no file', start_at, end_at))
FROM (VALUES ('3000-01-01'::timestamptz, '3000-01-02'::timestamptz), ('2026-01-01', '3000-01-01'), ('0001-01-01 BC', '2026-01-01'),
	('2999-12-31', '2999-12-31 01:00'), ('-infinity', '2026-01-01'), ('2026-01-01', 'infinity')) v (start_at, end_at);
SELECT is(appt_test.calendar_google_url('3000-01-01', '3000-01-02', 'UTC'), 'error: Its year is not in 1 to 2999.', 'nor a link');

-- For somebody invited: who invites, and that no answer is asked for; struck out for all, or for one alone.
CREATE FUNCTION pg_temp.invitation(method text, organizer text, attendee text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(line, ' ') FROM unnest(string_to_array(replace(convert_from(appt_test.calendar_file('2026-01-01 12:00+00',
		'2026-01-01 13:00+00', 'UTC', 'x', '', method, organizer, attendee), 'UTF8'), E'\r\n ', ''), E'\r\n')) line
	WHERE line ~ '^(METHOD|STATUS|ORGANIZER|ATTENDEE)'$$;
SELECT is(pg_temp.invitation(method, organizer, attendee), expected, method || ' from ' || organizer || ' to ' || attendee) FROM (VALUES
	('PUBLISH', '', '', 'METHOD:PUBLISH STATUS:CONFIRMED'),
	('REQUEST', 'Clinic <clinic@example.com>', 'Ann Lee <ann@example.org>',
		'METHOD:REQUEST STATUS:CONFIRMED ORGANIZER;CN=Clinic:mailto:clinic@example.com '
		'ATTENDEE;CN=Ann Lee;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=FALSE:mailto:ann@example.org'),
	('CANCEL', 'clinic@example.com', 'ann@example.org', 'METHOD:CANCEL STATUS:CANCELLED ORGANIZER:mailto:clinic@example.com '
		'ATTENDEE;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=FALSE:mailto:ann@example.org'),
	('UNINVITE', 'clinic@example.com', 'ann@example.org', 'METHOD:CANCEL ORGANIZER:mailto:clinic@example.com '
		'ATTENDEE;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=FALSE:mailto:ann@example.org'),
	('REQUEST', '"a;b:c,d" <a@bücher.example>', '"say \"hi\" x\\y" <a%b?c@example.org>',
		'METHOD:REQUEST STATUS:CONFIRMED ORGANIZER;CN="a;b:c,d":mailto:a@xn--bcher-kva.example '
		'ATTENDEE;CN=say ''hi'' x\y;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=FALSE:mailto:a%25b%3Fc@example.org')) v (method,
			organizer, attendee, expected);

-- What links hold.
SELECT is(replace(appt_test.calendar_google_url('2026-01-01 12:00+00', '2026-01-01 13:00+00', timezone, title, url),
	'https://calendar.google.com/calendar/render?action=TEMPLATE', ''), expected, left(quote_literal(title), 40)) FROM (VALUES
	('UTC', E'a&b=c?d#e+f%g "h"\\/ü€😀', '', '&text=a%26b%3Dc%3Fd%23e%2Bf%25g%20%22h%22%5C%2F%C3%BC%E2%82%AC%F0%9F%98%80&dates=20260101T120000Z/20260101T130000Z&ctz=UTC'),
	('UTC', E'a\r\nLocation: x\x01\x7f', '', '&text=a%0ALocation%3A%20x&dates=20260101T120000Z/20260101T130000Z&ctz=UTC'),
	('Etc/GMT+5', '', 'https://r.example/?a=1&b=2#c', '&text=&dates=20260101T120000Z/20260101T130000Z&ctz=Etc%2FGMT%2B5'
		'&details=https%3A%2F%2Fr.example%2F%3Fa%3D1%26b%3D2%23c&location=https%3A%2F%2Fr.example%2F%3Fa%3D1%26b%3D2%23c'),
	('Nowhere', 'x', '', '&text=x&dates=20260101T120000Z/20260101T130000Z'),
	('UTC', repeat('x', 999) || '€', '', '&text=' || repeat('x', 999) || '&dates=20260101T120000Z/20260101T130000Z&ctz=UTC'),
	('UTC', repeat('€', 30000), '', '&text=' || repeat('%E2%82%AC',
		333) || '&dates=20260101T120000Z/20260101T130000Z&ctz=UTC')) link (timezone, title, url, expected);

-- Everybody may ask for any appointment; what is not there is not found.
CREATE ROLE calendar_login NOINHERIT LOGIN IN ROLE appt_authenticator;
CREATE ROLE calendar_service LOGIN IN ROLE appt_service;
CREATE ROLE calendar_nobody LOGIN;
CREATE FUNCTION pg_temp.answer(role text, function text, id text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	PERFORM set_config('request.jwt.claims', '{"sub": "x", "application_id": "11111111-1111-1111-1111-111111111111",
		"organization_id": "11111111-1111-1111-1111-111111111111", "conference_id": "11111111-1111-1111-1111-111111111111"}', true);
	EXECUTE format('SET LOCAL ROLE %I', role);
	EXECUTE format('SELECT 1 FROM appt.%I(%L)', function, id);
	RESET ROLE;
	RETURN 'found';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS result = RETURNED_SQLSTATE;
	RETURN result;
END $$;
CREATE TEMPORARY TABLE answers (role text, function text, found text, missing text, nothing text);
GRANT ALL ON answers TO PUBLIC;
SET LOCAL SESSION AUTHORIZATION calendar_login;
INSERT INTO answers SELECT role, function, pg_temp.answer(role, function, :'id'),
	pg_temp.answer(role, function, gen_random_uuid()::text), pg_temp.answer(role, function, NULL)
	FROM unnest('{appt_agent,appt_supervisor,appt_client_service,appt_customer,appt_admin,appt_anonymous}'::text[]) role,
		unnest('{ical_text,ical_event,google_calendar_url,google_calendar_event,outlook_calendar_event}'::text[]) function;
SET LOCAL SESSION AUTHORIZATION calendar_service;
INSERT INTO answers SELECT role, function, pg_temp.answer(role, function, :'id'),
	pg_temp.answer(role, function, gen_random_uuid()::text), pg_temp.answer(role, function, NULL)
	FROM unnest('{calendar_service}'::text[]) role,
		unnest('{ical_text,ical_event,google_calendar_url,google_calendar_event,outlook_calendar_event}'::text[]) function;
SET LOCAL SESSION AUTHORIZATION calendar_nobody;
INSERT INTO answers SELECT role, function, pg_temp.answer(role, function, :'id'), '42501', '42501'
	FROM unnest('{calendar_nobody}'::text[]) role,
		unnest('{ical_text,ical_event,google_calendar_url,google_calendar_event,outlook_calendar_event}'::text[]) function;
RESET SESSION AUTHORIZATION;
SELECT is(concat_ws(' ', found, missing, nothing), CASE role WHEN 'calendar_nobody' THEN '42501 42501 42501'
	ELSE 'found PT404 22023' END, format('%s asks for %s', role, function)) FROM answers;
SELECT is(count(*), 40::bigint, 'all were asked') FROM answers;
UPDATE appt.appointment SET start_at = '200000-01-01', end_at = '200000-01-02' WHERE id = :'linkless';
SELECT throws_ok(format('SELECT appt.%I(%L)', function, :'linkless'), 'PT409', 'calendars cannot hold this appointment',
	function || ': nobody''s calendar goes that far')
	FROM unnest('{ical_text,ical_event,google_calendar_url,google_calendar_event,outlook_calendar_event}'::text[]) function;

-- A request as PostgREST makes it: GET is read only.
SET LOCAL transaction_read_only = on;
SELECT set_config('role', 'appt_anonymous', true), set_config('request.method', 'GET', true),
	set_config('request.path', '/rpc/ical_event', true),
	set_config('request.jwt.claims', '{"role": "appt_anonymous"}', true) \g /dev/null
SELECT octet_length(event) > 300 AS is_file, current_setting('response.headers', true) ~ 'text/calendar' AS is_calendar
FROM (SELECT pgrst_call.pgrst_scalar AS event FROM (SELECT id::uuid
	FROM json_to_record(json_build_object('id', :'id')) AS _ (id text)) arguments,
	LATERAL (SELECT appt.ical_event(id => arguments.id) pgrst_scalar) pgrst_call) answer \gset
SELECT is(:'is_file'::boolean AND :'is_calendar'::boolean, true, 'PostgREST''s own statement gets the file, and then its type')
	WHERE set_config('role', 'postgres', true) IS NOT NULL;

-- No memory leaks. The bound is 1 MB, because the allocator's overhead varies.
SELECT :'sanitize' <> '' AS is_sanitized \gset
\if :is_sanitized
SELECT skip('the sanitizer keeps freed memory to find its use', 2);
\else
SELECT count(appt.ical_event(:'id')) + count(appt.ical_text(:'id')) + count(appt.google_calendar_url(:'id'))
	FROM generate_series(1, 1000) \g /dev/null
SELECT appt_test.resident_bytes() AS before \gset
SELECT count(appt.ical_event(:'id')) + count(appt.ical_text(:'id')) + count(appt.google_calendar_url(:'id'))
	FROM generate_series(1, 10000) \g /dev/null
SELECT cmp_ok(appt_test.resident_bytes() - :before, '<', 1000000::bigint, '10,000 files and links');
SELECT count(length(pg_temp.invitation('REQUEST', 'Clinic <clinic@bücher.example>', '"a, b" <ann@example.org>')))
	FROM generate_series(1, 1000) \g /dev/null
SELECT appt_test.resident_bytes() AS before \gset
SELECT count(length(pg_temp.invitation('REQUEST', 'Clinic <clinic@bücher.example>', '"a, b" <ann@example.org>')))
	FROM generate_series(1, 10000) \g /dev/null
SELECT cmp_ok(appt_test.resident_bytes() - :before, '<', 1000000::bigint, '10,000 invitations');
\endif

SELECT * FROM finish();
ROLLBACK;
