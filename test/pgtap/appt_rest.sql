/*
 * The compatible API in SQL: which functions there are and for whom, what their answers are made of, what requests may say,
 * claims, and HTTP Basic. t/136_compatible_api.pl sends the requests of that API through the front.
 */
SELECT * FROM no_plan();
SET client_min_messages = error;

/* ---- the catalog ---- */

CREATE TEMP TABLE helper (name text);
INSERT INTO helper VALUES ('appointment'), ('claims'), ('duration_text'), ('given'), ('instant'), ('listed_appointment'),
	('nothing_found'), ('plain'),
	('room_access'), ('schedule_by_basic'), ('time_text');
CREATE TEMP VIEW compatible AS SELECT p.oid, proname AS name, proargnames, pronargs, proargtypes, pronargdefaults, provolatile, proacl,
	proowner
	FROM pg_proc p WHERE pronamespace = 'appt_rest'::regnamespace AND proname NOT IN (SELECT name FROM helper);
SELECT is(string_agg(name, ' ' ORDER BY name),
	'activate_appointment add_agent add_customer appointments_eligible_for_activation confirm_email_verification '
	'count_appointments count_overlapping delete_appointment end_appointment find_appointments get_appointment '
	'get_participant google_calendar_event '
	'ical_event reassign_appointment remove_participant reschedule_appointment schedule_appointment '
	'schedule_appointment_as_customer send_test_email '
	'update_appointment', 'the functions of the API: its 21 paths and verbs') FROM compatible;
CREATE FUNCTION pg_temp.callers(acl aclitem[])
	RETURNS text LANGUAGE sql AS $$SELECT string_agg(grantee::regrole::text, ' ' ORDER BY grantee::regrole::text)
	FROM aclexplode(acl) WHERE grantee <> grantor$$;
SELECT unnest(ARRAY[is(pg_temp.callers(c.proacl), pg_temp.callers(o.proacl), c.name || ' is for whom that of appt is'),
	is(c.provolatile, o.provolatile, 'and as volatile'),
	ok(c.pronargs = c.pronargdefaults OR c.proargtypes::text = 'jsonb'::regtype::oid::text AND c.proargnames IS NULL,
		'and takes a body, or texts that may be left out')])
FROM compatible c JOIN pg_proc o ON o.proname = c.name AND o.pronamespace = 'appt'::regnamespace ORDER BY c.name;
SELECT is_empty($$SELECT name FROM helper WHERE name NOT IN (SELECT proname FROM pg_proc WHERE pronamespace = 'appt_rest'::regnamespace)$$,
	'each of the others is there');
SELECT is_empty($$SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'appt_rest'::regnamespace
	AND proname IN (SELECT name FROM helper WHERE name <> 'claims') AND (proargnames IS NOT NULL OR prosecdef)$$,
	'none of which has arguments with names');
SELECT is_empty($$SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'appt_rest'::regnamespace
	AND (obj_description(oid, 'pg_proc') IS NULL
	OR has_function_privilege('public', oid, 'EXECUTE'))$$, 'every function has a comment, PUBLIC may call none');
SELECT is_empty($$SELECT attrelid::regclass || '.' || attname FROM pg_class c JOIN pg_attribute ON attrelid = c.oid
	WHERE relnamespace = 'appt_rest'::regnamespace AND (col_description(attrelid, attnum) IS NULL OR obj_description(reltype,
	'pg_type') IS NULL)$$,
	'every member, and every type');
SELECT is_empty($$SELECT oid::regtype FROM pg_type WHERE typnamespace = 'appt_rest'::regnamespace AND typtype = 'd'
	AND obj_description(oid, 'pg_type') IS NULL$$, 'every domain');
SELECT isnt(obj_description('appt_rest'::regnamespace, 'pg_namespace'), NULL, 'and the schema');
SELECT is(has_schema_privilege('public', 'appt_rest', 'USAGE, CREATE'), false, 'which PUBLIC may not use');
SELECT is(string_agg(a.attname, ' ' ORDER BY a.attname COLLATE "C"),
	'applicationId duration end id interaction locale metadata notes notificationsActive '
	'organizer participantIds roomAccess start timezone title', 'the members of an appointment')
FROM pg_attribute a WHERE attrelid = 'appt_rest.appointment'::regclass;
SELECT is(string_agg(name || '_request', ' ' ORDER BY name || '_request' COLLATE "C"),
	(SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class
	WHERE relnamespace = 'appt_rest'::regnamespace AND relname LIKE '%\_request'), 'each body has its type')
FROM compatible WHERE proargnames IS NULL;
SELECT is_empty($$(SELECT attname, atttypid FROM pg_attribute WHERE attrelid = 'appt_rest.appointment'::regclass EXCEPT
	SELECT attname, atttypid FROM pg_attribute WHERE attrelid = 'appt_rest.listed_appointment'::regclass) EXCEPT
	SELECT 'roomAccess', 'appt_rest.room_access'::regtype$$, 'a list has them without roomAccess');

/* ---- what requests say ---- */

SELECT is(appt_rest.plain(said), meant, format('%s means %s', said, meant)) FROM (VALUES ('PT5M', 'PT5M'), ('"PT5M"', 'PT5M'), ('',
	''), ('""', ''), ('"', '"'),
	('"a" or "b"', '"a" or "b"'), ('"a\nb"', E'a\nb'), ('"\u00e9"', 'é'), ('"\u0000"', '"\u0000"'), ('"\ud800"', '"\ud800"'), ('"a',
	'"a'), ('12', '12'),
	('null', 'null'), ('"null"', 'null'), ('"""', '"""'), ('"\""', '"')) v (said, meant);
SELECT is(appt_rest.given(''), NULL, 'an empty argument is none');
SELECT is(appt_rest.given('""'), NULL, 'also as JSON');
SELECT is(appt_rest.instant(said, zone), meant::timestamptz, format('%s in %s', said, zone)) FROM (VALUES
	('2022-01-31T19:00:00.0Z', 'Europe/Berlin', '2022-01-31 19:00+00'), ('2022-01-31T19:00:00', 'Europe/Berlin', '2022-01-31 18:00+00'),
	('"2022-07-31T19:00:00"', '"Europe/Berlin"', '2022-07-31 17:00+00'), ('2022-01-31T19:00:00+02:00', NULL, '2022-01-31 17:00+00'),
	('2022-01-31T19:00:00', NULL, '2022-01-31 19:00+00'), ('2022-01-31T19:00:00', '', '2022-01-31 19:00+00'), ('', 'Nowhere', NULL),
	(NULL, NULL, NULL))
	v (said, zone, meant);
SET timezone = 'Asia/Tokyo';
SET intervalstyle = 'sql_standard';
SELECT is(appt_rest.instant('2022-01-31T19:00:00', NULL), '2022-01-31 19:00+00', 'UTC, whatever the session''s timezone is');
SELECT throws_ok(format('SELECT appt_rest.instant(%L, %L)', said, zone), '22023', 'not a time in ISO 8601', format('refused: %s in %s',
	said, zone))
	FROM (VALUES ('tomorrow', NULL), ('infinity', NULL), ('2022-13-01T00:00:00Z', NULL), ('2022-01-31T19:00:00', 'Nowhere')) v (said,
	zone);

/* ---- what answers say ---- */

SELECT is(appt_rest.time_text('2022-01-31 19:00+00')::text, '2022-01-31T19:00:00Z', 'a time');
SELECT is(appt_rest.time_text('2022-01-31 19:00:00.25+00')::text, '2022-01-31T19:00:00.25Z', 'with a fraction');
SELECT is(appt_rest.duration_text(i::interval)::text, meant, 'a duration: ' || i) FROM (VALUES ('5 minutes', 'PT5M'), ('90 minutes',
	'PT1H30M'), ('1 day', 'PT24H')) v (i, meant);

SELECT appt.create_organization('Acme') AS organization \gset
SELECT appt.create_application(:'organization', 'Bank', auto_activate => false, room_url => 'https://meet.example/',
	timezone => 'Europe/Athens') AS application \gset
CREATE ROLE compatible_login NOINHERIT LOGIN IN ROLE appt_authenticator;
CREATE ROLE "ROLE_AGENT" IN ROLE appt_agent;
GRANT appt_agent, appt_supervisor, appt_anonymous, "ROLE_AGENT" TO compatible_login;
CREATE FUNCTION pg_temp.become(claims jsonb, headers text DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
	SELECT set_config('request.jwt.claims', claims::text, false) || set_config('request.headers', headers, false)$$;

SELECT throws_ok(format('SELECT appt_rest.schedule_appointment(%L)', jsonb_build_object('applicationId', :'application')), '22023', NULL,
	'an SQL application has no sub that could organize');
SELECT pg_temp.become(jsonb_build_object('role', 'ROLE_AGENT', 'sub', 'ann', 'applicationId', :'application')) \g /dev/null
SET SESSION AUTHORIZATION compatible_login;
SET ROLE "ROLE_AGENT";
SELECT throws_ok('SELECT appt_rest.find_appointments()', '42501', NULL, 'claims by other names are none');

/* ---- claims ---- */

-- Each statement is a transaction, as a request is.
CREATE FUNCTION pg_temp.filled(claims jsonb, names text DEFAULT '') RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('request.jwt.claims', claims::text, true), set_config('app.settings.claims', names, true);
	PERFORM appt_rest.claims();
	RETURN current_setting('request.jwt.claims')::jsonb;
END $$;
SELECT is(pg_temp.filled(claims, names), filled, what) FROM (VALUES
	('the API''s own names', '{"sub": "ann", "applicationId": "a", "conferenceId": "c"}'::jsonb, '',
		'{"sub": "ann", "applicationId": "a", "conferenceId": "c", "application_id": "a", "conference_id": "c"}'::jsonb),
	('what is there stays', '{"application_id": "a", "applicationId": "b"}', '', '{"application_id": "a", "applicationId": "b"}'),
	('what is absent stays absent', '{"sub": "ann"}', '', '{"sub": "ann"}'),
	('other names, a path', '{"tenant": "a", "realm": {"conf": "c"}}', '{"application_id": "tenant", "conference_id": "realm/conf"}',
		'{"tenant": "a", "realm": {"conf": "c"}, "application_id": "a", "conference_id": "c"}'),
	('a name with slashes', '{"https://acme.example/id": "a"}', '{"application_id": "https://acme.example/id"}',
		'{"https://acme.example/id": "a", "application_id": "a"}'),
	('no token', '{}', '', '{}')) v (what, claims, names, filled);
SELECT is(current_setting('request.jwt.claims')::jsonb->>'application_id', NULL, 'for the transaction only');
RESET SESSION AUTHORIZATION;

/* ---- an appointment's life, by a role of the issuer's name ---- */

SELECT pg_temp.become(pg_temp.filled(jsonb_build_object('role', 'ROLE_AGENT', 'sub', 'ann', 'applicationId', :'application'))) \g /dev/null
SET SESSION AUTHORIZATION compatible_login;
SET ROLE "ROLE_AGENT";
SELECT to_jsonb(a) AS made, a.id FROM appt_rest.schedule_appointment(jsonb_build_object('applicationId', :'application', 'start',
	'"2098-01-31T21:00:00"',
	'timezone', '"Europe/Athens"', 'duration', '"PT5M"', 'title', '"Product installation review"', 'notes', NULL, 'metadata', NULL,
	'customer', '{"name": {"firstName": "Bobby"}, "username": "bobby"}'::jsonb,
	'interaction', '{"customFields": {"a": "b"}, "routing":
		{"type": "GENESYS_CLOUD_FLOW", "properties": {"deploymentId": "d"}}}'::jsonb)) AS a \gset
SELECT is(:'made'::jsonb - 'id' - 'participantIds', jsonb_build_object('applicationId', :'application', 'duration', 'PT5M', 'end',
	'2098-01-31T19:05:00Z',
	'interaction', '{"customFields": {"a": "b"}, "routing":
		{"type": "GENESYS_CLOUD_FLOW", "properties": {"deploymentId": "d"}}, "state": "PENDING"}'::jsonb,
	'locale', 'en', 'metadata', '{}'::jsonb, 'notes', NULL, 'notificationsActive', true, 'organizer',
	'{"id": "ann", "type": "AGENT"}'::jsonb,
	'start', '2098-01-31T19:00:00Z', 'timezone', 'Europe/Athens', 'title', 'Product installation review', 'roomAccess', NULL),
	'an appointment');
SELECT is(string_agg(p->>'type', ' ' ORDER BY n), string_agg(o->>'type', ' ' ORDER BY n), 'its participants, in their order')
FROM ROWS FROM (jsonb_array_elements(:'made'::jsonb->'participantIds'),
	jsonb_array_elements((SELECT participant_ids FROM appt.get_appointment(:'id')))) WITH ORDINALITY AS e (p, o, n);
SELECT is(to_jsonb(appt_rest.get_appointment(:'id')), :'made'::jsonb, 'is read as it was made');
SELECT is(to_jsonb(p) - 'id', '{"contact": {"primaryEmail": null, "primaryPhone": null}, "metadata": {},
	"name": {"firstName": "Bobby", "lastName": null},
	"type": "CUSTOMER", "username": "bobby"}', 'a participant')
FROM jsonb_array_elements(:'made'::jsonb->'participantIds') AS e (r), appt_rest.get_participant(:'id', r->>'id')
	AS p WHERE r->>'type' = 'CUSTOMER';
SELECT is((appt_rest.update_appointment(jsonb_build_object('id', :'id', 'title', '', 'notes', '"n"'))).title, NULL,
	'an empty title is cleared');
SELECT is((appt_rest.update_appointment(jsonb_build_object('id', :'id', 'title', 't'))).notes, 'n', 'what is left out stays');
SELECT is((appt_rest.reschedule_appointment(jsonb_build_object('id', :'id', 'start', '2098-01-31T20:00:00', 'timezone',
	'Europe/Berlin'))).start::text,
	'2098-01-31T19:00:00Z', 'a start without an offset is in the new timezone');
SELECT is(to_jsonb(p) - 'content',
	'{"pageCount": 1, "pageNumber": 1, "pageSize": 25, "sortField": "start", "sortOrder": "asc", "total": 1}', 'a page')
FROM appt_rest.find_appointments() AS p;
SELECT is(to_jsonb(p.content[1]), to_jsonb(appt_rest.get_appointment(:'id')) - 'roomAccess', 'and what is on it')
FROM appt_rest.find_appointments(:'application', 'ann,bob', 'PT10M,PT5M', '2098-01-31T19:00:00Z,2098-01-31T19:00:00Z', '10', '1',
	'desc', 'end') AS p;
SELECT is((appt_rest.find_appointments("sortField" => f))."sortField", f, 'sorted by ' || f)
	FROM unnest('{start,end,createdAt,updatedAt,title,state,duration,organizerId,id}'::text[]) f;
SELECT throws_ok('SELECT appt_rest.find_appointments(' || arguments || ')', state, NULL, 'refused: ' || arguments) FROM (VALUES
	('range => ''2099-01-01T00:00:00Z,''', 'PT404'), ('"pageNumber" => ''2''', 'PT404'), ('range => ''2099-01-01T00:00:00Z''', '22P02'),
	('range => ''2099-01-01T00:00:00Z,2098-01-01T00:00:00Z''', '22000'), ('"pageSize" => ''0''', '22023'), ('"pageSize" => ''x''',
	'22P02'),
	('duration => ''PT0M''', '22023'), ('duration => ''x''', '22007'), ('"sortField" => ''x''', '22023'), ('"sortOrder" => ''x''',
	'22023'),
	('"applicationId" => ''x''', '22P02')) v (arguments, state);
SELECT is(array_agg(to_jsonb(c)), ARRAY['{"count": 1, "duration": "PT5M", "end": "2098-01-31T19:05:00Z", "start": "2098-01-31T19:00:00Z",
	"timezone": "Europe/Berlin"}'::jsonb], 'counted')
  FROM appt_rest.count_appointments(:'application', '"2098-01-31T19:00:00.0Z"', '"PT10H"') AS c;
SELECT is(to_jsonb(appt_rest.count_overlapping(:'application', '2098-01-31T19:04:00', 'PT5M')), '{"count": 1}', 'overlapping');
SELECT throws_ok(call, state, NULL, call) FROM (VALUES ('SELECT appt_rest.count_overlapping()', '22023'),
	('SELECT appt_rest.get_appointment()', '22023'),
	('SELECT appt_rest.get_appointment('''')', '22023'), ('SELECT appt_rest.get_appointment(''x'')', '22P02'),
	('SELECT appt_rest.add_agent(''[]'')', '22023'),
	('SELECT appt_rest.add_agent(''1'')', '22023'), ('SELECT appt_rest.add_agent(''{}'')', '22023'),
	('SELECT appt_rest.add_agent(NULL)', '22023'),
	('SELECT appt_rest.get_appointment(gen_random_uuid()::text)', 'PT404'), ('SELECT appt_rest.send_test_email(''{}'')', '42501'))
	v (call, state);
RESET SESSION AUTHORIZATION;

/* ---- HTTP Basic ---- */

SELECT appt.request_customer_code(:'application', 'bobby@customer.example') \g /dev/null
SELECT appt_test.latest_code(:'application', 'CUSTOMER', 'bobby@customer.example') AS code \gset
-- As the front hands it on. Returns the id, or SQLSTATE, message and detail.
CREATE FUNCTION pg_temp.basic(application uuid, credentials text, start text DEFAULT '2098-02-01T19:00:00Z')
	RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	details text;
BEGIN
	PERFORM set_config('request.jwt.claims', '{}', true), set_config('request.headers', json_build_object('x-gateway-authorization',
	credentials)::text, true);
	SET LOCAL ROLE appt_anonymous;
	RETURN (appt_rest.schedule_appointment_as_customer(jsonb_build_object('applicationId', application, 'start', start, 'duration',
	'PT5M'))).organizer.type;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS details = PG_EXCEPTION_DETAIL;
	RETURN concat_ws(' ', SQLSTATE, CASE SQLSTATE WHEN 'PGRST' THEN SQLERRM::jsonb->>'code' END,
	CASE SQLSTATE WHEN 'PGRST' THEN details::jsonb->>'status' END,
		CASE SQLSTATE WHEN 'PGRST' THEN details::jsonb->'headers'->>'WWW-Authenticate' END);
END $$;
SET SESSION AUTHORIZATION compatible_login;
SELECT is(pg_temp.basic(:'application', credentials), 'PGRST PT401 401 Basic realm="appt", charset="UTF-8"', format('a challenge: %s',
	credentials)) FROM (VALUES (NULL), (''),
	('Bearer x'), ('Basic'), ('Basic *'), ('Basic ' || encode('nocolon', 'base64')), ('Basic ' || encode('\x6100623a63', 'base64')),
	('Basic ' || encode('\xff3a63', 'base64')), ('Basic ' || repeat('QUFB', 2000)), ('Basic ' || encode('bobby@customer.example:wrong',
	'base64')),
	('Basic ' || encode('nobody@customer.example:123456', 'base64'))) v (credentials);
SELECT is(pg_temp.basic(:'application', 'Basic ' || encode('nonsense:1', 'base64')), '22023', 'no contact');
SELECT is(pg_temp.basic(:'application', 'Basic ' || encode(':', 'base64')), '22023', 'nothing');
SELECT is(pg_temp.basic(:'application', 'Basic ' || encode(convert_to('bobby@customer.example:' || :'code', 'UTF8'), 'base64'),
	'2020-01-01T00:00:00Z'), '22023',
	'what else is wrong is told as ever');
SELECT is(pg_temp.basic(:'application', 'basic  ' || encode(convert_to('bobby@customer.example:' || :'code', 'UTF8'), 'base64')),
	'CUSTOMER', 'a booking');
RESET SESSION AUTHORIZATION;
SELECT is(pg_temp.basic(:'application', 'Basic ' || encode('a@b.example:1', 'base64')),
	'PGRST PT401 401 Basic realm="appt", charset="UTF-8"',
	'headers of other sessions are not believed');

SELECT * FROM finish();
