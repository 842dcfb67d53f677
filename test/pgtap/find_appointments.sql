-- Pages of appointments: content, order and total; compared with plain SQL.
BEGIN;
SELECT * FROM no_plan();
SET client_min_messages = error;

SELECT appt.create_organization('Acme') AS organization \gset
SELECT appt.create_application(:'organization', 'Own', room_url => 'https://video.example/q') AS own \gset
SELECT appt.create_application(:'organization', 'Foreign') AS foreign \gset
SELECT appt.create_application(:'organization', 'Empty') AS empty \gset
CREATE FUNCTION pg_temp.refusal(statement text, OUT state text, OUT message text, OUT detail text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE 'SELECT appt.' || statement;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
END $$;
CREATE FUNCTION pg_temp.titles(page appt.appointment_page) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(coalesce(c.title, '-'), ' ' ORDER BY c.ordinality), '') FROM unnest(page.content) WITH ORDINALITY c $$;
-- What a search finds, as "A B of 7".
CREATE FUNCTION pg_temp.found(application uuid, arguments text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	page appt.appointment_page;
BEGIN
	EXECUTE format('SELECT * FROM appt.find_appointments(%L, %s)', application, arguments) INTO page;
	RETURN pg_temp.titles(page) || ' of ' || page.total;
END $$;

-- Nothing there, and what is said of it. The statements of this session are planned now, while the tables are empty.
SELECT is(ROW(p.content, p.page_count, p.page_number, p.page_size, p.sort_field, p.sort_order, p.total)::text,
	'({},0,1,25,start_at,asc,0)', 'no appointments: no pages')
	FROM appt.find_appointments(:'empty') p;
SELECT is(p.total, 0::bigint, 'none anywhere') FROM appt.find_appointments() p;

-- The content of a page equals get_appointment, except for the room.
SELECT appt.create_application(:'organization', 'Later', auto_activate => false) AS later \gset
SELECT id AS first FROM appt.schedule_appointment(:'own', now() + '1 hour', '30 minutes', '{"username": "c"}',
	organizer_id => 'ann', title => 'A', notes => 'N', location => 'L',
	timezone => 'Europe/Athens', locale => 'el', metadata => '{"a": 1}', interaction => '{"routing": {"type": "T"}}') \gset
SELECT appt.add_agent(:'first', 'bob') AS ignored \gset
SELECT id AS second FROM appt.schedule_appointment(:'own', now() + '2 hours', '1 day', organizer_id => 'bob', title => 'B') \gset
SELECT id AS third FROM appt.schedule_appointment(:'own', now() + '3 hours', '30 minutes', organizer_id => 'ann', title => 'C') \gset
SELECT id AS fourth FROM appt.schedule_appointment(:'own', now() + '4 hours', '30 minutes', organizer_id => 'cleo') \gset
SELECT id AS other FROM appt.schedule_appointment(:'later', now() + '150 minutes', '30 minutes', organizer_id => 'ann', title => 'X') \gset
SELECT appt.end_appointment(:'second') AS ignored, appt.cancel_appointment(:'third') AS ignored \gset
SELECT is(to_jsonb(c) - 'ordinality', to_jsonb(appt.get_appointment(c.id)) || '{"room_access": null}',
	'as get_appointment shows it: ' || coalesce(title, 'the untitled one'))
	FROM appt.find_appointments() p, unnest(p.content) WITH ORDINALITY c;
SELECT is(pg_temp.titles(p) || ' of ' || p.total, 'A B X C - of 5', 'all, of every state and application, by their start')
	FROM appt.find_appointments() p;
SELECT is(jsonb_array_length(p.content[1].participant_ids), 3, 'with all participants') FROM appt.find_appointments(:'own') p;
SELECT is(pg_temp.titles(p), 'A B C -', 'those of one application') FROM appt.find_appointments(:'own') p;
SELECT is(to_jsonb(p)->'content'->0->>'title', 'A', 'as JSON it nests') FROM appt.find_appointments(:'own') p;
SELECT matches(jsonb_pretty(to_jsonb(appt.find_appointments(:'own'))), E'^\\{\n +"total": 4,\n.*\n +"title": "A",\n',
	'which a person can read, a member a line');

-- Filters, one by one and together.
SELECT is(f, said, arguments)
	FROM (VALUES ('organizer_id => ''{ann}''', 'A C of 2'), ('organizer_id => ''{ann,cleo,ann}''', 'A C - of 3'),
		('organizer_id => ''{nobody,""}''', ' of 0'), ('organizer_id => ''{}''', 'A B C - of 4'),
		('organizer_id => NULL', 'A B C - of 4'), ('organizer_id => ''{NULL}''', ' of 0'),
			('organizer_id => ''{NULL,bob}''', 'B of 1'), ('organizer_id => ''{{ann},{bob}}''', 'A B C of 3'),
		('duration => ''{PT30M}''', 'A C - of 3'), ('duration => ''{PT1800S,P1D}''', 'A B C - of 4'),
			('duration => ''{PT24H}''', 'B of 1'), ('duration => ''{PT29M}''', ' of 0'), ('duration => ''{}''', 'A B C - of 4'),
		('duration => ''{NULL,P1D}''', 'B of 1'),
		('range => tstzrange(now() + ''1 hour'', now() + ''3 hours'')', 'A B of 2'),
			('range => tstzrange(now() + ''1 hour'', now() + ''3 hours'', ''()'')', 'B of 1'),
		('range => tstzrange(now() + ''1 hour'', now() + ''3 hours'', ''[]'')', 'A B C of 3'),
			('range => tstzrange(now() + ''1 hour'', now() + ''3 hours'', ''(]'')', 'B C of 2'),
		('range => tstzrange(now() + ''3 hours'', NULL)', 'C - of 2'), ('range => tstzrange(NULL, now() + ''1 hour'')', ' of 0'),
			('range => ''(,)''', 'A B C - of 4'), ('range => ''empty''', ' of 0'),
		('range => ''[-infinity,infinity]''', 'A B C - of 4'), ('range => ''[infinity,)''', ' of 0'),
			('range => ''(,-infinity]''', ' of 0'),
		('organizer_id => ''{ann,bob}'', duration => ''{PT30M}'', range => tstzrange(now() + ''2 hours'', NULL)', 'C of 1'),
		('page_size => 2', 'A B of 4'), ('page_size => 2, page_number => 2', 'C - of 4'),
			('page_size => 3, page_number => 2', '- of 4'), ('page_size => 3, page_number => 3', ' of 4'),
		('page_size => 500, page_number => 2147483647', ' of 4'),
			('page_size => NULL, page_number => NULL, sort_order => NULL, sort_field => NULL', 'A B C - of 4'),
		('sort_order => ''DESC''', '- C B A of 4'), ('sort_order => ''Asc''', 'A B C - of 4'),
			('sort_field => ''title''', 'A B C - of 4'), ('sort_field => ''title'', sort_order => ''desc''', 'C B A - of 4'),
		('sort_field => ''title'', sort_order => ''desc'', page_size => 1, page_number => 4', '- of 4'),
			('sort_field => ''title'', page_size => 1, page_number => 4', '- of 4'),
		('sort_field => ''organizer_id'', sort_order => ''desc'', page_size => 1', '- of 4')) filter (arguments, said),
	pg_temp.found(:'own', arguments) f;
SELECT is(ROW(p.page_count, p.page_number, p.page_size, p.sort_field, p.sort_order)::text, '(2,2,3,duration,desc)',
	'what was asked for is told')
	FROM appt.find_appointments(:'own', page_size => 3, page_number => 2, sort_field => 'duration', sort_order => 'DESC') p;

-- What is refused, before anything is looked up.
SELECT is(ROW(r.state, r.message)::text, ROW('22023', expected)::text, arguments || ' is refused')
	FROM (VALUES ('page_size => 0', 'page size out of range'), ('page_size => 501', 'page size out of range'),
		('page_size => -1', 'page size out of range'), ('page_number => 0', 'page number out of range'),
		('page_number => -2147483648', 'page number out of range'), ('sort_order => ''up''', 'unknown sort order'),
			('sort_order => ''''', 'unknown sort order'), ('sort_field => ''notes''', 'unknown sort field'),
		('sort_field => ''start_at; SELECT 1''', 'unknown sort field'), ('sort_field => ''''', 'unknown sort field'),
			('sort_field => ''START_AT''', 'unknown sort field'),
		('duration => ''{PT0S}''', 'a duration must be longer than 0'),
			('duration => ''{PT1H,PT-1S}''', 'a duration must be longer than 0'),
			('duration => ''{P1M}''', 'a duration must not contain months')) wrong (arguments, expected),
	pg_temp.refusal('find_appointments(gen_random_uuid(), ' || arguments || ')') r;
SELECT is(r.state, 'PT404', 'an unknown application is not found') FROM pg_temp.refusal('find_appointments(gen_random_uuid())') r;

-- Total and content are of one moment: that of the query.
WITH booked AS MATERIALIZED (SELECT appt.schedule_appointment(:'own', now() + '5 hours', '1 hour', organizer_id => 'dan',
	title => 'D') AS d)
SELECT is(pg_temp.titles(p) || ' of ' || p.total, 'A B C - of 4', 'what is booked by the query itself is not there yet')
	FROM booked, LATERAL (SELECT (appt.find_appointments(CASE WHEN (d).id IS NOT NULL THEN :'own'::uuid END)).* OFFSET 0) p;
SELECT is(pg_temp.found(:'own', 'page_size => 500'), 'A B C - D of 5', 'but in the next');

-- Access. organizer_id is only for supervisors and SQL applications.
CREATE ROLE find_login NOINHERIT LOGIN IN ROLE appt_authenticator;
UPDATE appt.appointment SET organizer_id = 'ann', organizer_type = 'CUSTOMER' WHERE id = :'fourth';
CREATE TEMPORARY TABLE asked (role text, sub text, arguments text, expected text, answer text);
INSERT INTO asked (role, sub, arguments, expected) VALUES
	('appt_agent', 'ann', '', 'A C of 2'), ('appt_agent', 'bob', '', 'B of 1'), ('appt_agent', 'nobody', '', ' of 0'),
		('appt_agent', 'ann', 'organizer_id => ''{bob}''', 'A C of 2'),
	('appt_agent', 'ann', 'OWN', 'A C of 2'), ('appt_agent', 'ann', 'FOREIGN', 'PT404'), ('appt_agent', 'ann', 'NO_SUCH', 'PT404'),
		('appt_agent', 'ann', 'OWN, duration => ''{PT1H}''', ' of 0'),
	('appt_client_service', 'ann', '', 'A C of 2'), ('appt_client_service', 'ann', 'organizer_id => ''{bob}''', 'A C of 2'),
		('appt_client_service', 'ann', 'FOREIGN', 'PT404'),
	('appt_supervisor', 'boss', '', 'A B C - D of 5'), ('appt_supervisor', 'boss', 'organizer_id => ''{ann}''', 'A C - of 3'),
		('appt_supervisor', 'boss', 'organizer_id => ''{ann,bob}''', 'A B C - of 4'),
	('appt_supervisor', 'boss', 'OWN', 'A B C - D of 5'), ('appt_supervisor', 'boss', 'FOREIGN', 'PT404'),
		('appt_supervisor', 'boss', 'NO_SUCH', 'PT404'),
	('appt_customer', 'ann', '', '42501'), ('appt_admin', 'ann', '', '42501'), ('appt_anonymous', 'ann', '', '42501'),
		('appt_service', 'sql', 'OWN', 'A B C - D of 5'),
	('appt_service', 'sql', '', 'A B X C - D of 6'), ('appt_service', 'sql', 'organizer_id => ''{ann}''', 'A X C - of 4');
UPDATE asked SET arguments = replace(replace(replace(arguments, 'OWN', quote_literal(:'own')), 'FOREIGN',
	quote_literal(:'foreign')), 'NO_SUCH', '''00000000-0000-0000-0000-000000000000''');
CREATE FUNCTION pg_temp.found_as(role text, claims jsonb, arguments text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	page jsonb;
	result text;
BEGIN
	PERFORM set_config('request.jwt.claims', claims::text, true);
	EXECUTE format('SET LOCAL ROLE %I', role);
	EXECUTE format('SELECT to_jsonb(p) FROM appt.find_appointments(%s) p', arguments) INTO page;
	RESET ROLE;
	SELECT coalesce(string_agg(coalesce(c->>'title', '-'), ' '), '') || ' of ' || (page->>'total') INTO result
		FROM jsonb_array_elements(page->'content') c;
	RETURN result;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS result = RETURNED_SQLSTATE;
	RETURN result;
END $$;
GRANT ALL ON asked TO find_login;
SELECT jsonb_build_object('application_id', :'own', 'organization_id', :'organization', 'conference_id', :'own') AS claims \gset
SET LOCAL SESSION AUTHORIZATION find_login;
UPDATE asked SET answer = pg_temp.found_as(role, :'claims'::jsonb || jsonb_build_object('sub', sub), arguments)
	WHERE role <> 'appt_service';
RESET SESSION AUTHORIZATION;
UPDATE asked SET answer = pg_temp.found_as(role, '{}', arguments) WHERE role = 'appt_service';
SELECT is(answer, expected, format('%s %s: %s', role, sub, arguments)) FROM asked;

-- Random appointments with many ties, random questions, and the same by plain SQL.
SELECT setseed(0.42) AS ignored \gset
INSERT INTO appt.appointment (application_id, organizer_id, organizer_type, state, title, start_at, end_at, timezone, locale,
	notifications_active, created_at, updated_at)
	SELECT (ARRAY[:'own', :'own', :'foreign'])[1 + floor(3 * random())]::uuid,
		(ARRAY['ann', 'bob', 'cleo', 'Dan', 'ßven'])[1 + floor(5 * random())],
		(ARRAY['AGENT', 'AGENT', 'CUSTOMER'])[1 + floor(3 * random())],
		(ARRAY['SCHEDULED', 'ACTIVATED', 'ENDED', 'CANCELLED'])[1 + floor(4 * random())],
			(ARRAY[NULL, 'a', 'B', 'ä', 'b', 'Ä', ''])[1 + floor(7 * random())],
		start_at, start_at + make_interval(mins => 30 * ceil(random() * 4)::int), 'UTC', 'en', true,
			start_at - make_interval(hours => floor(9 * random())::int), start_at - make_interval(hours => floor(9 * random())::int)
	FROM (SELECT '2032-01-01'::timestamptz + make_interval(mins => (30 * floor(random() * 200))::int) AS start_at
		FROM generate_series(1, 1500)) random_starts;
CREATE TEMPORARY TABLE question AS
	SELECT i, CASE WHEN random() < 0.8 THEN (ARRAY[:'own', :'foreign'])[1 + floor(2 * random())]::uuid END AS application_id,
		(ARRAY[NULL, NULL, '{}', '{ann}', '{Dan,ßven}', '{ann,bob,ann,nobody}'])[1 + floor(6 * random())]::text[] AS organizer_id,
		(ARRAY[NULL, NULL, '{}', '{PT30M}', '{PT30M,PT2H}', '{PT45M}'])[1 + floor(6 * random())]::interval[] AS duration,
		CASE WHEN random() < 0.6 THEN tstzrange(least(a, b), greatest(a, b),
			(ARRAY['[)', '[]', '(]', '()'])[1 + floor(4 * random())]) END AS range,
		(ARRAY[1, 7, 25, 500])[1 + floor(4 * random())] AS page_size, 1 + floor(random() * random() * 60)::int AS page_number,
		(ARRAY['asc', 'desc'])[1 + floor(2 * random())] AS sort_order,
		(ARRAY['start_at', 'end_at', 'created_at', 'updated_at', 'title', 'state', 'duration', 'organizer_id',
			'id'])[1 + floor(9 * random())] AS sort_field
	FROM (SELECT i, '2032-01-01'::timestamptz + make_interval(mins => (30 * floor(random() * 200))::int) AS a,
		'2032-01-01'::timestamptz + make_interval(mins => (30 * floor(random() * 200))::int) AS b
		FROM generate_series(1, 3000) i) random_times;
CREATE FUNCTION pg_temp.by_plain_sql(q pg_temp.question, OUT total bigint, OUT ids uuid[]) LANGUAGE plpgsql AS $$
DECLARE
	matching CONSTANT text := 'FROM appt.appointment a WHERE ($1.application_id IS NULL OR a.application_id = $1.application_id)
		AND (coalesce(cardinality($1.organizer_id), 0) = 0 OR a.organizer_id = ANY ($1.organizer_id))
		AND (coalesce(cardinality($1.duration), 0) = 0 OR a.end_at - a.start_at = ANY ($1.duration)) AND ($1.range IS NULL OR a.start_at <@ $1.range)';
BEGIN
	EXECUTE 'SELECT count(*) ' || matching INTO total USING q;
	EXECUTE format('SELECT array_agg(id) FROM (SELECT a.id %s ORDER BY %s %s NULLS LAST, a.id OFFSET ($1.page_number - 1) * $1.page_size LIMIT $1.page_size) page',
		matching, CASE q.sort_field WHEN 'duration' THEN 'a.end_at - a.start_at' ELSE 'a.' || q.sort_field END,
			q.sort_order) INTO ids USING q;
END $$;
CREATE TEMPORARY TABLE answer AS
	SELECT q.i, p.total, p.page_count, q.page_size,
		(SELECT array_agg(c.id ORDER BY c.ordinality) FROM unnest(p.content) WITH ORDINALITY c) AS ids, plain.total AS plain_total,
		plain.ids AS plain_ids
	FROM question q, appt.find_appointments(q.application_id, q.organizer_id, q.duration, q.range, q.page_size, q.page_number,
		q.sort_order, q.sort_field) p, pg_temp.by_plain_sql(q) plain;
SELECT is(count(*) FILTER (WHERE ids IS NOT NULL) > 1000, true, 'most questions find some') FROM answer;
SELECT is(count(*), 3000::bigint, 'as many answers as questions') FROM answer;
SELECT is(string_agg(i::text, ' '), NULL, 'every total is right') FROM answer WHERE total <> plain_total
	OR page_count <> ceil(total::numeric / page_size);
SELECT is(string_agg(i::text, ' '), NULL, 'every page has what belongs on it, in order') FROM answer WHERE ids IS DISTINCT FROM plain_ids;

-- However many there are, a page of the usual order reads few of them, by a plan that was made when there were none.
CREATE FUNCTION pg_temp.fetched(statement text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	before bigint := pg_stat_get_xact_tuples_fetched('appt.appointment'::regclass);
BEGIN
	EXECUTE statement;
	RETURN pg_stat_get_xact_tuples_fetched('appt.appointment'::regclass) - before;
END $$;
INSERT INTO appt.appointment (application_id, organizer_id, state, start_at, end_at, timezone, locale, notifications_active)
	SELECT :'empty', 'ann', 'ENDED', start_at, start_at + '1 hour', 'UTC', 'en', true
		FROM generate_series('2033-01-01'::timestamptz, '2033-01-01'::timestamptz + '9999 minutes', '1 minute') start_at;
-- The count looks at every row here, because no VACUUM has marked their pages as visible to all.
SELECT cmp_ok(pg_temp.fetched(format('SELECT appt.find_appointments(%L, %s)', :'empty', arguments)) - 10000, '<', 200::bigint,
	'few are read: ' || arguments)
	FROM (VALUES ('page_size => 25'), ('sort_order => ''desc'''), ('organizer_id => ''{ann}'''),
		('organizer_id => ''{ann,bob}'', sort_order => ''desc'''), ('page_number => 400'), ('page_number => 399, sort_order => ''desc'''),
		('organizer_id => ''{ann}'', page_number => 400'), ('sort_field => ''id''')) usual (arguments);
SELECT cmp_ok(pg_temp.fetched(format('SELECT appt.find_appointments(%L, range => ''[2033-01-02,2033-01-02 00:10)'')', :'empty')),
	'<', 200::bigint, 'and of a range no others');

SELECT * FROM finish();
ROLLBACK;
