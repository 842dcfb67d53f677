-- Ids and tokens tell which application they belong to, and no two applications look alike.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT * FROM no_plan();

SELECT appt.create_organization('org') AS org \gset
SELECT appt.create_application(:'org', 'one', public_url => 'https://api.example') AS one \gset
SELECT appt.create_application(:'org', 'two', public_url => 'https://api.example') AS two \gset
SELECT is(appt.tag_of_application(:'one'), substr(uuid_send(:'one'), 1, 4), 'the tag of an application is how its id begins');
SELECT is(appt.tag_of('00000000-0000-7000-8000-0000deadbeef'), '\xdeadbeef', 'that of another id how it ends');
SELECT isnt(appt.tag_of_application(:'one'), appt.tag_of_application(:'two'), '(the two differ)');

-- By the functions.
CREATE TEMP TABLE made (what text, application_id uuid, id uuid);
INSERT INTO made SELECT what, a, id FROM unnest(ARRAY[:'one', :'two']::uuid[]) a, LATERAL (
	SELECT 'subscription', id FROM appt.create_subscription(a, 'https://hooks.example/')
	UNION ALL SELECT 'provider', appt.set_provider(a, 'SMS', 'HTTP', 'https://sms.example/')
	UNION ALL SELECT 'meeting template', appt.create_meeting_template(a, 'Visit')) f (what, id);
CREATE TEMP TABLE booked AS SELECT a AS application_id, d.id, d.conference_id FROM unnest(ARRAY[:'one', :'two']::uuid[]) a,
	LATERAL appt.schedule_appointment(a, '2031-01-01', '1 hour',
		'{"name": {"firstName": "Bob"}, "contact": {"primaryEmail": "bob@customer.example"}}', organizer_id => 'ann') d;
INSERT INTO made SELECT 'appointment', application_id, id FROM booked
	UNION ALL SELECT 'conference', application_id, conference_id FROM booked;
-- By statements that leave ids out, also of admins.
SELECT format('SET LOCAL "request.jwt.claims" = %L', json_build_object('sub', 'admin', 'organization_id', :'org')) AS claim \gset
CREATE ROLE appt_test_login IN ROLE appt_authenticator;
SET SESSION AUTHORIZATION appt_test_login;
:claim;
SET LOCAL ROLE appt_admin;
INSERT INTO appt.line (application_id, name) VALUES (:'one', 'x'), (:'two', 'y');
INSERT INTO appt.ring_group (application_id, name) VALUES (:'one', 'x'), (:'two', 'y');
INSERT INTO appt.subscription (application_id, url) VALUES (:'one', 'https://x.example'), (:'two', 'https://y.example');
INSERT INTO appt.provider (application_id, channel, kind, sender, enabled)
	VALUES (:'one', 'EMAIL', 'LOG', 'x@x.example', false), (:'two', 'EMAIL', 'LOG', 'y@y.example', false);
INSERT INTO appt.meeting_template (application_id, name) VALUES (:'one', 'x'), (:'two', 'y');
RESET SESSION AUTHORIZATION;
RESET "request.jwt.claims";
INSERT INTO appt.appointment (application_id, organizer_id, start_at, end_at, timezone, locale, notifications_active)
	VALUES (:'one', 'a', now(), now() + interval '1 hour', 'UTC', 'en', true),
		(:'two', 'a', now(), now() + interval '1 hour', 'UTC', 'en', true);
INSERT INTO made
	SELECT 'inserted line', application_id, id FROM appt.line UNION ALL SELECT 'inserted ring group', application_id, id FROM appt.ring_group
	UNION ALL SELECT 'inserted subscription', application_id, id FROM appt.subscription
	UNION ALL SELECT 'inserted provider', application_id, id FROM appt.provider
	UNION ALL SELECT 'inserted meeting template', application_id, id FROM appt.meeting_template
	UNION ALL SELECT 'inserted appointment', application_id, id FROM appt.appointment
	UNION ALL SELECT 'conference of an inserted appointment', application_id, conference_id FROM appt.appointment;
SELECT is(count(*) FILTER (WHERE appt.tag_of(id) = appt.tag_of_application(application_id)), count(*), 'ids end with the tag: ' || what)
FROM made GROUP BY what ORDER BY what;
SELECT is(count(*) FILTER (WHERE id::text ~ '^.{14}7.{4}[89ab]'), count(*), 'they are UUIDs of version 7: ' || what)
FROM made GROUP BY what ORDER BY what;
SELECT is(count(DISTINCT application_id), 2::bigint, '(of both applications)') FROM made GROUP BY what ORDER BY what;

-- No column of an id was forgotten: those that are a key, or part of one, and are not made from another.
SELECT is(string_agg(format('%s.%s', c.relname, a.attname), ' ' ORDER BY c.relname, a.attname),
	'appointment.conference_id appointment.id line.id meeting_template.id provider.id ring_group.id subscription.id',
	'these columns have the default that is replaced')
FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = 'appt'::regnamespace AND a.atttypid = 'uuid'::regtype
	AND pg_get_expr(adbin, adrelid) = '''00000000-0000-0000-0000-000000000000''::uuid';
SELECT is(string_agg(format('%s.%s', c.relname, a.attname), ' ' ORDER BY c.relname, a.attname),
	'application.id notification.uid one_time_code.nonce organization.id user_profile.notify_key', 'and these random ones')
FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = 'appt'::regnamespace AND a.atttypid = 'uuid'::regtype AND pg_get_expr(adbin, adrelid) = 'gen_random_uuid()';

-- Ids of one's own.
INSERT INTO appt.line (application_id, id, name) VALUES (:'one', '10000000-0000-4000-8000-000000000001', 'own');
SELECT isnt_empty('SELECT FROM appt.line WHERE id = ''10000000-0000-4000-8000-000000000001''', 'a row keeps the id that it was given');
SELECT throws_ok(format('INSERT INTO appt.line (application_id, id, name) VALUES (%L, NULL, ''none'')', :'one'), '23502', NULL,
	'NULL is none');
SELECT is(appt.tag_of(appt.tagged_uuid(:'two')), appt.tag_of_application(:'two'), 'tagged_uuid makes one');
SELECT is(count(DISTINCT appt.tagged_uuid(:'two')), 1000::bigint, 'another one each time') FROM generate_series(1, 1000);
SELECT throws_ok(format('UPDATE appt.line SET name = ''x'' WHERE id = %L; CREATE TRIGGER t AFTER UPDATE ON appt.line FOR EACH ROW
	EXECUTE FUNCTION appt.give_ids(''id''); UPDATE appt.line SET name = ''y''', :'one'), '39P01', NULL, 'give_ids is for insertions only');

-- Tokens.
SELECT ok(count(*) > 1 AND bool_and(appt.tag_of_token(appt_test.link_token(n.id)) = appt.tag_of_application(n.application_id)),
	'a token begins with the tag') FROM appt.notification n WHERE n.recipient_kind = 'CUSTOMER';
SELECT is(appt.tag_of_token(bad), NULL, quote_literal(bad) || ' is no token')
	FROM unnest(ARRAY['', 'x', repeat('A', 37), repeat('A', 39), repeat('+', 38), repeat('=', 38), repeat('-', 37) || '~']) bad;

-- A tag that is taken: the trigger stands for the chance of one in four billion.
CREATE FUNCTION pg_temp.take() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF nextval('pg_temp.draws') <= 3 THEN
		NEW.id := overlay(NEW.id::text PLACING left((SELECT id::text FROM appt.application WHERE name = 'one'), 8) FROM 1 FOR 8);
	END IF;
	RETURN NEW;
END $$;
CREATE SEQUENCE pg_temp.draws;
CREATE TRIGGER take BEFORE INSERT ON appt.application FOR EACH ROW EXECUTE FUNCTION pg_temp.take();
SELECT appt.create_application(:'org', 'three') AS three \gset
SELECT is(nextval('pg_temp.draws'), 5::bigint, 'a tag that is taken is drawn again, until it is not');
SELECT is(count(*), 1::bigint, 'which makes one application') FROM appt.application WHERE name = 'three';
SELECT is(count(*), (SELECT count(*) FROM appt.rule WHERE application_id = :'one' AND meeting_template_id IS NULL), 'with its rules')
	FROM appt.rule WHERE application_id = :'three';
SELECT isnt(appt.tag_of_application(:'three'), appt.tag_of_application(:'one'), 'and a tag of its own');
SELECT setval('pg_temp.draws', 1, false) \g /dev/null
SELECT throws_ok(format('INSERT INTO appt.application (organization_id, name) VALUES (%L, ''four'')', :'org'), '23505', NULL,
	'a plain statement is refused');

SELECT * FROM finish();
ROLLBACK;
