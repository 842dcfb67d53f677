-- The inbox: its order, pages, counts and bounds, whose it is, and marking messages as read. No worker runs here: messages are
-- inserted as the worker leaves them.
BEGIN;
SELECT * FROM no_plan();
SET client_min_messages = error;

SELECT appt.create_organization('Acme') AS acme, appt.create_organization('Globex') AS globex \gset
SELECT appt.create_application(:'acme', 'Sales') AS sales, appt.create_application(:'acme', 'Support') AS support,
	appt.create_application(:'globex', 'Foreign') AS foreign \gset
INSERT INTO appt.user_profile (application_id, id) SELECT a::uuid, u FROM unnest(ARRAY[:'sales', :'support', :'foreign']) a,
	unnest('{ann,bob,ada}'::text[]) u;

-- A message that fell due so many minutes ago, with its only attempt.
CREATE FUNCTION pg_temp.message(application uuid, user_id text, minutes numeric, title text, said text DEFAULT 'Text', payload jsonb
	DEFAULT NULL, state text DEFAULT 'SENT', channel text DEFAULT 'IN_APP') RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	event bigint;
	message bigint;
	due timestamptz := now() - minutes * interval '1 minute';
	settled timestamptz := CASE WHEN state <> 'PENDING' THEN due END;
BEGIN
	IF payload IS NOT NULL THEN
		INSERT INTO appt.user_event (application_id, type, payload) VALUES (application, 'MENTION', payload) RETURNING id INTO event;
	END IF;
	INSERT INTO appt.notification (application_id, recipient_kind, recipient_id, type, channel, due_at, lane, address, user_event_id,
		state, reason, settled_at, attempt_count)
	VALUES (application, 'USER', user_id, 'MENTION', channel, due, 1, user_id, event, state, CASE WHEN state NOT IN ('SENT', 'PENDING')
		THEN 'GLOBAL_OFF' END, settled, (state = 'SENT')::int) RETURNING id INTO message;
	IF state = 'SENT' THEN
		INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, finished_at, outcome, recipient, subject,
			text_body) VALUES (application, message, 1, due, due, 'DELIVERED', user_id, title, said);
	END IF;
	RETURN message;
END $$;
CREATE FUNCTION pg_temp.titles(page appt.inbox_page) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(m->>'title', ' '), '') || CASE WHEN page.has_more THEN ' ...' ELSE '' END || ', ' || page.unread || ' unread'
	FROM jsonb_array_elements(page.content) m $$;

-- Nothing there.
SELECT is(pg_temp.titles(p), ', 0 unread', 'an empty inbox')
	FROM appt.inbox(application_id => :'sales', user_id => 'ann') p;
SELECT is(p.content, '[]', 'is an empty list') FROM appt.inbox(application_id => :'sales', user_id => 'ann') p;

-- A reminder is planned first and falls due last.
SELECT pg_temp.message(:'sales', 'ann', 1, 'E', 'It rings', '{"call": 7, "a": ["b"]}') AS e,
	pg_temp.message(:'sales', 'ann', 50, 'A') AS a, pg_temp.message(:'sales', 'ann', 40, 'B') AS b,
	pg_temp.message(:'sales', 'ann', 30, 'C') AS c, pg_temp.message(:'sales', 'ann', 30, 'D') AS d \gset
-- What is not in her inbox.
SELECT pg_temp.message(:'sales', 'bob', 1, 'bob''s'), pg_temp.message(:'support', 'ann', 1, 'elsewhere'),
	pg_temp.message(:'foreign', 'ann', 1, 'abroad'), pg_temp.message(:'sales', 'ann', 1, 'suppressed', state => 'SUPPRESSED'),
	pg_temp.message(:'sales', 'ann', -60, 'later', state => 'PENDING'),
	pg_temp.message(:'sales', 'ann', 1, 'mail', channel => 'EMAIL') \g /dev/null
SELECT is(pg_temp.titles(p), 'E D C B A, 5 unread', 'her messages, the latest due first, ties by id')
	FROM appt.inbox(application_id => :'sales', user_id => 'ann') p;
SELECT is(p.content->0, jsonb_build_object('id', :e, 'type', 'MENTION', 'title', 'E', 'text', 'It rings', 'payload',
		'{"call": 7, "a": ["b"]}'::jsonb, 'created_at', p.content->0->'created_at', 'read_at', NULL), 'all of a message')
	FROM appt.inbox(application_id => :'sales', user_id => 'ann') p;
SELECT is((p.content->0->>'created_at')::timestamptz, now() - interval '1 minute', 'with the time when it came into the inbox')
	FROM appt.inbox(application_id => :'sales', user_id => 'ann') p;
SELECT is(p.content->1->'payload', 'null', 'null without a payload') FROM appt.inbox(application_id => :'sales', user_id => 'ann') p;
SELECT is(p.notify_key, u.notify_key, 'her key') FROM appt.inbox(application_id => :'sales', user_id => 'ann') p, appt.user_profile u
	WHERE u.application_id = :'sales' AND u.id = 'ann';

-- Pages.
SELECT is(pg_temp.titles(p), 'E D ..., 5 unread', 'the first two') FROM appt.inbox(NULL, 2, NULL, 'ann', :'sales') p;
SELECT is(pg_temp.titles(p), 'C B ..., 5 unread', 'the next two') FROM appt.inbox(NULL, 2, :d, 'ann', :'sales') p;
SELECT is(pg_temp.titles(p), 'A, 5 unread', 'the last') FROM appt.inbox(NULL, 2, :b, 'ann', :'sales') p;
SELECT is(pg_temp.titles(p), ', 5 unread', 'and no more') FROM appt.inbox(NULL, 2, :a, 'ann', :'sales') p;
SELECT is(pg_temp.titles(p), 'E D C B A, 5 unread', 'a page that holds exactly all has no more') FROM appt.inbox(NULL, 5, NULL, 'ann',
	:'sales') p;
SELECT throws_ok(format('SELECT appt.inbox(%s, application_id => %L, user_id => ''ann'')', argument, :'sales'), state, message, argument)
FROM (VALUES ('page_size => 0', '22023', NULL), ('page_size => 1001', '22023', NULL), ('page_size => -1', '22023', NULL),
	('before => 0', 'PT404', 'message not found')) bad (argument, state, message);
SELECT throws_ok(format('SELECT appt.inbox(before => %s, application_id => %L, user_id => ''ann'')', id, :'sales'), 'PT404', NULL,
	'a position in another''s inbox is none')
FROM appt.notification WHERE channel = 'IN_APP' AND (application_id, recipient_id) <> (:'sales', 'ann') LIMIT 1;

-- Marking.
SELECT is(appt.mark_read(ARRAY[:d, :b], 'ann', :'sales'), 2, 'two are marked');
SELECT is(appt.mark_read(ARRAY[:d, :b], 'ann', :'sales'), 0, 'once');
SELECT is(appt.mark_read(array_agg(id), 'ann', :'sales'), 3, 'of all messages only the rest of hers') FROM appt.notification;
SELECT is(count(*), 5::bigint, 'nothing else was marked') FROM appt.notification WHERE read_at IS NOT NULL;
UPDATE appt.notification SET read_at = NULL WHERE id IN (:a, :c, :e);
SELECT is(pg_temp.titles(p), 'E D C B A, 3 unread', 'all') FROM appt.inbox(NULL, 25, NULL, 'ann', :'sales') p;
SELECT is(pg_temp.titles(p), 'E C A, 3 unread', 'the unread ones') FROM appt.inbox(true, 25, NULL, 'ann', :'sales') p;
SELECT is(pg_temp.titles(p), 'D B, 3 unread', 'the read ones') FROM appt.inbox(false, 25, NULL, 'ann', :'sales') p;
SELECT is(pg_temp.titles(p), 'C ..., 3 unread', 'a page of unread ones') FROM appt.inbox(true, 1, :e, 'ann', :'sales') p;
SELECT is(pg_temp.titles(p), 'C B ..., 3 unread', 'a page of both') FROM appt.inbox(NULL, 2, :d, 'ann', :'sales') p;
SELECT is((p.content->1->>'read_at')::timestamptz, now(), 'with the time of reading') FROM appt.inbox(NULL, 25, NULL, 'ann', :'sales') p;
SELECT is(appt.mark_read(NULL, 'ann', :'sales'), 3, 'all that are unread');
SELECT is(pg_temp.titles(p), 'E D C B A, 0 unread', 'none is left') FROM appt.inbox(NULL, 25, NULL, 'ann', :'sales') p;
SELECT is(appt.mark_read('{}', 'ann', :'sales'), 0, 'no id, nothing to mark');
SELECT is(p.unread, 1, 'another''s stay unread') FROM appt.inbox(NULL, 25, NULL, 'bob', :'sales') p;
SELECT throws_ok(format('SELECT appt.mark_read(array_fill(1::bigint, ARRAY[10001]), ''ann'', %L)', :'sales'), '22023', 'too many messages',
	'too many at once');
SELECT lives_ok(format('SELECT appt.mark_read(array_fill(1::bigint, ARRAY[10000]), ''ann'', %L)', :'sales'), '10,000 are not');

-- Whose it is.
CREATE ROLE inbox_login NOINHERIT LOGIN IN ROLE appt_authenticator;
CREATE FUNCTION pg_temp.as_caller(role text, claims jsonb, call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	PERFORM set_config('request.jwt.claims', claims::text, true);
	EXECUTE format('SET LOCAL ROLE %I', role);
	EXECUTE 'SELECT pg_temp.titles(p) FROM appt.' || call || ' p' INTO answer;
	RETURN answer;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
CREATE TEMP TABLE said AS SELECT place, role, claims, call, expected, NULL::text AS answer FROM (VALUES
	(1, 'appt_agent', format('{"sub": "bob", "application_id": "%s"}', :'sales'), 'inbox()', 'bob''s, 1 unread'),
	(2, 'appt_supervisor', format('{"sub": "bob", "application_id": "%s"}', :'sales'), 'inbox()', 'bob''s, 1 unread'),
	(3, 'appt_client_service', format('{"sub": "bob", "application_id": "%s"}', :'sales'), 'inbox()', 'bob''s, 1 unread'),
	(4, 'appt_agent', format('{"sub": "new", "application_id": "%s"}', :'sales'), 'inbox()', ', 0 unread'),
	(5, 'appt_agent', format('{"sub": "bob", "application_id": "%s"}', :'sales'), 'inbox(user_id => ''bob'')', 'bob''s, 1 unread'),
	(6, 'appt_agent', format('{"sub": "bob", "application_id": "%s"}', :'sales'), 'inbox(user_id => ''ann'')', 'PT404 user not found'),
	(7, 'appt_supervisor', format('{"sub": "bob", "application_id": "%s"}', :'sales'), 'inbox(user_id => ''ann'')', 'PT404 user not found'),
	(8, 'appt_supervisor', format('{"application_id": "%s"}', :'sales'), 'inbox()', '42501 no user in the token'),
	(9, 'appt_supervisor', format('{"application_id": "%s"}', :'sales'), 'inbox(user_id => ''ann'')', '42501 no user in the token'),
	(10, 'appt_agent', format('{"sub": "bob", "application_id": "%s"}', :'sales'), format('inbox(application_id => %L)', :'support'),
		'PT404 application not found'),
	(11, 'appt_admin', format('{"sub": "ada", "organization_id": "%s"}', :'acme'), 'inbox()', '22023 a required argument is missing'),
	(12, 'appt_admin', format('{"sub": "ada", "organization_id": "%s"}', :'acme'), format('inbox(application_id => %L)', :'sales'),
		', 0 unread'),
	(13, 'appt_admin', format('{"organization_id": "%s"}', :'acme'), format('inbox(application_id => %L)', :'sales'),
		'42501 no user in the token'),
	(14, 'appt_admin', format('{"organization_id": "%s"}', :'acme'), format('inbox(application_id => %L, user_id => ''bob'')', :'sales'),
		'bob''s, 1 unread'),
	(15, 'appt_admin', format('{"organization_id": "%s"}', :'acme'), format('inbox(application_id => %L, user_id => ''nobody'')', :'sales'),
		'PT404 user not found'),
	(16, 'appt_admin', format('{"organization_id": "%s"}', :'acme'), format('inbox(application_id => %L, user_id => ''ann'')', :'foreign'),
		'PT404 application not found')) v (place, role, claims, call, expected);
GRANT ALL ON said TO PUBLIC;
SET LOCAL SESSION AUTHORIZATION inbox_login;
UPDATE said SET answer = pg_temp.as_caller(role, claims::jsonb, call);
RESET SESSION AUTHORIZATION;
SELECT is(answer, expected, format('%s with %s: %s', role, regexp_replace(claims, '"[0-9a-f-]{36}"', '"..."'), regexp_replace(call,
	'''[0-9a-f-]{36}''', '...'))) FROM said ORDER BY place;
SELECT throws_ok('SELECT appt.inbox()', '22023', 'a required argument is missing', 'an SQL application names both');
SELECT throws_ok(format('SELECT appt.inbox(application_id => %L)', :'sales'), '22023', 'a required argument is missing', 'also the user');
SELECT throws_ok(format('SELECT appt.mark_read(NULL, ''nobody'', %L)', :'sales'), 'PT404', 'user not found', 'a user who is none');

-- Very large messages: a page has fewer of them.
SELECT count(pg_temp.message(:'support', 'bob', i, 'L' || i, repeat('x', 65000), to_jsonb(repeat(md5(i::text), 8000))))
	FROM generate_series(1, 30) i \gset
CREATE TEMP TABLE large AS SELECT * FROM appt.inbox(NULL, 1000, NULL, 'bob', :'support');
SELECT ok(has_more, 'a page of large messages ends early') FROM large;
SELECT cmp_ok(jsonb_array_length(content), '>', 5, 'but not at once') FROM large;
SELECT cmp_ok(length(content::text), '<', 5000000, 'at a size of its own') FROM large;
WITH RECURSIVE pages (content, has_more) AS (
	SELECT content, has_more FROM appt.inbox(NULL, 1000, NULL, 'bob', :'support')
	UNION ALL SELECT n.content, n.has_more FROM pages p, appt.inbox(NULL, 1000, (p.content->-1->>'id')::bigint, 'bob', :'support') n
		WHERE p.has_more)
SELECT is(string_agg(m->>'title', ' ' ORDER BY page, place), (SELECT string_agg('L' || i, ' ') FROM generate_series(1, 30) i),
	'page by page all are there, once')
	FROM (SELECT content, row_number() OVER () AS page FROM pages) p, jsonb_array_elements(content) WITH ORDINALITY e (m, place);

-- However large an inbox is, a page reads about as many rows as it shows; what is not due yet is not read.
CREATE FUNCTION pg_temp.looked_at() RETURNS bigint LANGUAGE sql AS $$
	SELECT sum(pg_stat_get_xact_tuples_returned(oid))::bigint FROM pg_class WHERE relnamespace = 'appt'::regnamespace
		AND relkind IN ('r', 'i') $$;
WITH planned AS (
	INSERT INTO appt.notification (application_id, recipient_kind, recipient_id, type, channel, due_at, lane, address, state, settled_at,
		attempt_count, read_at)
	SELECT :'support', 'USER', u, 'MENTION', 'IN_APP', now() - i * interval '1 second', 1, u, CASE WHEN i > 0 THEN 'SENT' ELSE 'PENDING' END,
		CASE WHEN i > 0 THEN now() END, (i > 0)::int, CASE WHEN i % 2 = 0 AND i > 0 THEN now() END
	FROM generate_series(-5000, 20000) i, unnest('{ann,ada}'::text[]) u RETURNING id, state, recipient_id)
INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, finished_at, outcome, recipient, subject, text_body)
	SELECT :'support', id, 1, now(), now(), 'DELIVERED', recipient_id, 't', 't' FROM planned WHERE state = 'SENT';
SELECT is(unread, 100, 'unread messages are counted up to 100') FROM appt.inbox(NULL, 25, NULL, 'ann', :'support');
CREATE TEMP TABLE cost (call text, rows bigint);
DO $$
DECLARE
	support uuid := (SELECT id FROM appt.application WHERE name = 'Support');
	middle bigint := (SELECT id FROM appt.notification WHERE recipient_id = 'ann' AND due_at < now() - interval '9000 s'
		AND application_id = (SELECT id FROM appt.application WHERE name = 'Support') ORDER BY due_at DESC LIMIT 1);
	call text;
	before bigint;
BEGIN
	FOREACH call IN ARRAY '{"inbox(NULL, 25, NULL, ''ann'', %L)","inbox(true, 25, NULL, ''ann'', %L)","inbox(false, 25, NULL, ''ann'', %L)",
		"inbox(NULL, 25, %s, ''ann'', %L)","inbox(true, 25, %s, ''ann'', %L)","inbox(false, 25, %s, ''ann'', %L)",
		"mark_read(ARRAY[%s], ''ann'', %L)"}'::text[] LOOP
		before := pg_temp.looked_at();
		EXECUTE 'SELECT appt.' || CASE WHEN call ~ '%s' THEN format(call, middle, support) ELSE format(call, support) END;
		INSERT INTO cost VALUES (call, pg_temp.looked_at() - before);
	END LOOP;
END $$;
SELECT cmp_ok(rows, '<', 500::bigint, format('%s looks at few of 50,000 rows', call)) FROM cost;
SELECT is(appt.mark_read(NULL, 'ann', :'support'), 9999 + 1, 'marking all marks up to 10,000, the latest');
SELECT is(unread, 0, 'which were all') FROM appt.inbox(NULL, 25, NULL, 'ann', :'support');

-- The users that wait for a hint: each once, in their order; the oldest make room.
SELECT is(appt_test.pending_hints(max, dropped, VARIADIC added), kept, format('%s at most, %s added, %s dropped', max, added, dropped))
FROM (VALUES (3, 0, '{}'::int[], '0:'), (3, 0, '{1,2,3}', '3: 1 2 3'), (3, 0, '{1,1,2,1}', '2: 1 2'), (3, 0, '{1,2,3,4}', '3: 2 3 4'),
	(3, 0, '{1,2,3,1,4,1}', '3: 3 4 1'), (3, 2, '{1,2,3}', '1: 3'), (1, 0, '{1,2,3}', '1: 3'), (2, 2, '{7,8}', '0:')) hints (max, dropped,
	added, kept);

SELECT * FROM finish();
ROLLBACK;
