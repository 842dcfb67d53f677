/*
 * appt.change: who changed what, of the configuration and of appointments after they were scheduled, by function and
 * directly; never a secret, and of who was deleted no more than the log keeps.
 */
BEGIN;
SELECT * FROM no_plan();
SET client_min_messages = error;

CREATE ROLE changes_login NOINHERIT LOGIN IN ROLE appt_authenticator;
CREATE ROLE changes_service LOGIN IN ROLE appt_service;

-- What was recorded since the last look, in order.
CREATE TEMP TABLE seen (id bigint);
CREATE FUNCTION pg_temp.news() RETURNS SETOF appt.change LANGUAGE sql AS $$
	WITH fresh AS (SELECT * FROM appt.change WHERE id NOT IN (SELECT id FROM seen)), marked AS (INSERT INTO seen SELECT id FROM fresh)
	SELECT * FROM fresh ORDER BY id $$;
CREATE FUNCTION pg_temp.told() RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(format('%s %s %s', operation, table_name, coalesce(nullif(concat_ws(' -> ', old_values,
		new_values), ''), '-')), E'\n'), '') FROM pg_temp.news() $$;

/* ---- the configuration, by function ---- */

SELECT appt.create_organization('Acme') AS organization \gset
SELECT is(ROW(organization_id, application_id, table_name, row_key, operation, changed_by, at, old_values, new_values->>'name')::text,
	ROW(:'organization'::uuid, NULL::uuid, 'organization', jsonb_build_object('id', :'organization'), 'INSERT',
		'login:' || session_user, now(), NULL::jsonb, 'Acme')::text,
	'the first organization, which makes the identity, is recorded') FROM pg_temp.news();
SELECT appt.create_application(:'organization', 'Sales', max_per_second => 1.5, end_grace => '1 day 2 hours') AS application \gset
CREATE TEMP TABLE made AS SELECT * FROM pg_temp.news();
SELECT is(ROW(organization_id, application_id, row_key, operation)::text,
	ROW(:'organization', :'application', jsonb_build_object('id', :'application'), 'INSERT')::text, 'an application')
	FROM made WHERE table_name = 'application';
SELECT is(new_values - '{id,organization_id,created_at}'::text[],
	jsonb_build_object('name', 'Sales', 'platform', 'STANDALONE', 'auto_activate', true, 'room_activates', false, 'locale', 'en',
	'timezone', 'UTC',
	'max_duration', '24:00:00', 'end_grace', '1 day 02:00:00', 'organizer_exclusive', false, 'max_attempts', 4, 'retry_base',
		'00:00:10', 'retry_cap', '00:10:00', 'max_per_second', 1.5)
	|| (SELECT new_values FROM made WHERE table_name = 'application') - '{name,platform,auto_activate,room_activates,locale,timezone,max_duration,end_grace,organizer_exclusive,max_attempts,retry_base,retry_cap,max_per_second,id,organization_id,created_at}'::text[],
	'with its values, each of its type') FROM made WHERE table_name = 'application';
SELECT is(count(*), (SELECT count(*) FROM appt.rule), 'and every rule that it begins with') FROM made WHERE table_name = 'rule'
	AND operation = 'INSERT' AND row_key->>'id' IN (SELECT id::text FROM appt.rule);

SELECT appt.set_notifications_enabled(:'organization', false);
SELECT is(ROW(row_key->>'id', old_values->'notifications_enabled', new_values->'notifications_enabled',
	(new_values->>'notifications_switched_at')::timestamptz > now())::text,
	ROW(:'organization', 'true'::jsonb, 'false'::jsonb, true)::text, 'the switch') FROM pg_temp.news();
SELECT appt.set_notifications_enabled(:'organization', false);
SELECT is(pg_temp.told(), '', 'switched again, it is no change');
SELECT appt.set_notifications_enabled(:'organization', true);
SELECT count(*) AS ignored FROM pg_temp.news() \gset

SELECT id AS subscription, hmac_key FROM appt.create_subscription(:'application', 'https://hooks.example/in?token=URL-SECRET',
	auth => 'OAUTH2', username => 'client', secret => 'OAUTH-SECRET',
	token_url => 'https://id.example/token?key=TOKEN-URL-SECRET',
		headers => '[{"name": "X-Key", "value": "HEADER-SECRET", "type": "SECRET"}, {"name": "X-Plain", "value": "plain"}]') \gset
TRUNCATE made;
INSERT INTO made SELECT * FROM pg_temp.news();
SELECT is(new_values - 'created_at', '{"url": "https://hooks.example/in?********", "auth": "OAUTH2", "username": "client", '
	'"token_url": "https://id.example/token?********", "enabled": true, "token_auth": "BASIC",
	"headers": [{"name": "X-Key", "type": "SECRET", "value": "********"}, {"name": "X-Plain", "type": "DEFAULT", "value": '
		'"plain"}]}'::jsonb, 'a subscription') FROM made WHERE table_name = 'subscription';
SELECT is(string_agg(format('%s %s %s', operation, new_values->>'name', new_values->>'value'), ', ' ORDER BY id),
	'INSERT HMAC_KEY ********, INSERT PASSWORD ********, INSERT HEADER:X-Key ********',
	'and that it was given secrets, by name') FROM made WHERE table_name = 'secret' AND new_values->>'subscription_id' = :'subscription';
SELECT hmac_key AS second_key FROM appt.rotate_subscription_key(:'subscription') \gset
SELECT is(string_agg(format('%s %s', operation, coalesce(old_values->'expires_at', new_values->'name')), ', ' ORDER BY id),
	'UPDATE null, INSERT "HMAC_KEY"', 'a key that is rotated') FROM pg_temp.news();

SELECT appt.set_provider(:'application', 'EMAIL', 'SMTP', 'smtp://mail.example', 'sales@example.com', 'mailer',
	'SMTP-SECRET') AS provider \gset
SELECT appt.set_provider(:'application', 'SMS', 'TWILIO', 'https://api.twilio.com', '+15005550006', 'SID', 'TWILIO-SECRET',
	'{"account_sid": "AC1", "status_callback": "https://hooks.example/sms?auth=CALLBACK-SECRET"}') AS sms \gset
TRUNCATE made;
INSERT INTO made SELECT * FROM pg_temp.news();
SELECT is(string_agg(new_values->>'settings', ' ' ORDER BY id),
	'{} {"account_sid": "AC1", "status_callback": "https://hooks.example/sms?********"}', 'providers') FROM made
	WHERE table_name = 'provider';
SELECT is(count(*), 2::bigint, 'and their passwords') FROM made WHERE table_name = 'secret' AND new_values->>'name' = 'PASSWORD';
SELECT appt.set_provider(:'application', 'EMAIL', 'SMTP', 'smtp://mail2.example', 'sales@example.com', 'mailer',
	'SMTP-SECRET-2') AS provider \gset
SELECT is(string_agg(format('%s %s', operation, table_name), ', ' ORDER BY id),
	'DELETE secret, UPDATE provider, INSERT secret', 'one that is set again') FROM pg_temp.news();

/* ---- the configuration, directly ---- */

SELECT set_config('request.jwt.claims', jsonb_build_object('sub', 'ada', 'organization_id', :'organization')::text, true) AS claims \gset
SELECT min(id) AS rule FROM appt.rule WHERE channel = 'EMAIL' \gset
SET LOCAL SESSION AUTHORIZATION changes_login;
SET LOCAL ROLE appt_admin;
UPDATE appt.rule SET enabled = false WHERE id = :'rule';
RESET SESSION AUTHORIZATION;
SELECT is(ROW(application_id, table_name, row_key, operation, changed_by, old_values, new_values)::text,
	ROW(:'application'::uuid, 'rule', jsonb_build_object('id', :rule), 'UPDATE', 'appt_admin:ada', '{"enabled": true}'::jsonb,
		'{"enabled": false}'::jsonb)::text, 'an admin who switches a rule off')
	FROM pg_temp.news();
SET LOCAL SESSION AUTHORIZATION changes_service;
UPDATE appt.rule SET enabled = false WHERE id = :'rule';
SELECT is((SELECT count(*) FROM appt.change WHERE table_name = 'rule' AND row_key->>'id' = :'rule' AND operation = 'UPDATE'),
	1::bigint, 'switched off again, it is no change');
UPDATE appt.rule SET enabled = true WHERE id = :'rule';
INSERT INTO appt.template (application_id, type, channel, rule_id, locale, subject, text_body, html_body)
VALUES (:'application', 'CREATE', 'EMAIL', :rule, 'de', 'Termin', 'Am {{date}}', repeat('x', 8193)) RETURNING id AS template \gset
UPDATE appt.template SET subject = NULL, html_body = repeat('y', 9000) WHERE id = :template;
DELETE FROM appt.rule WHERE id = :'rule';
UPDATE appt.subscription SET enabled = false;
DELETE FROM appt.subscription;
RESET SESSION AUTHORIZATION;
TRUNCATE made;
INSERT INTO made SELECT * FROM pg_temp.news();
SELECT is(string_agg(DISTINCT changed_by, ' '), 'login:changes_service', 'a login has its name') FROM made;
SELECT is(string_agg(format('%s %s', operation, table_name), ', ' ORDER BY id),
	'UPDATE rule, INSERT template, UPDATE template, DELETE rule, DELETE template, UPDATE subscription, DELETE subscription, DELETE '
		'secret, DELETE secret, DELETE secret, DELETE secret',
	'and what it does is recorded row by row, with what a deletion takes along') FROM made;
SELECT is(string_agg(old_values::text || ' -> ' || new_values::text, ''),
	'{"subject": "Termin", "html_body": {"omitted": 8193}} -> {"subject": null, "html_body": {"omitted": 9000}}',
	'of a long value there is its size') FROM made WHERE table_name = 'template' AND operation = 'UPDATE';
SELECT is(string_agg(old_values->>'text_body' || (old_values->'rule_id')::text, ''), 'Am {{date}}' || :'rule',
	'of what is deleted its values') FROM made WHERE table_name = 'template' AND operation = 'DELETE';

-- The owner, too, and secrets that the owner writes.
UPDATE appt.secret SET value = 'WRITTEN-SECRET' WHERE provider_id = :'provider';
SELECT is(pg_temp.told(), 'UPDATE secret {"value": "********"} -> {"value": "********"}', 'a secret that is overwritten');
UPDATE appt.application SET name = 'Sales & more', room_url = 'https://video.example/q?pwd=ROOM-SECRET', calling_code = NULL;
SELECT is(pg_temp.told(), 'UPDATE application {"name": "Sales", "room_url": null} -> {"name": "Sales & more", "room_url": '
	'"https://video.example/q?********"}', 'what was NULL');
UPDATE appt.organization SET name = 'Acme & Co';
SELECT is(pg_temp.told(), 'UPDATE organization {"name": "Acme"} -> {"name": "Acme & Co"}', 'an organization');
SAVEPOINT undone;
UPDATE appt.organization SET name = 'undone';
ROLLBACK TO undone;
SELECT is(pg_temp.told(), '', 'nothing of what is undone');

-- A whole application goes: its own row tells.
SELECT appt.create_application(:'organization', 'Short-lived') AS short \gset
SELECT id AS ignored FROM appt.create_subscription(:'short', 'https://hooks.example/short') \gset
SELECT count(*) AS ignored FROM pg_temp.news() \gset
DELETE FROM appt.application WHERE id = :'short';
SELECT is(string_agg(format('%s %s %s %s', operation, table_name, organization_id = :'organization', old_values->>'name'), ', '),
	'DELETE application t Short-lived', 'what an application takes along is told by its row')
	FROM pg_temp.news();

/* ---- appointments ---- */

CREATE FUNCTION pg_temp.as_supervisor() RETURNS void LANGUAGE sql AS $$
	SELECT set_config('request.jwt.claims', jsonb_build_object('sub', 'sue', 'application_id', id)::text, true) FROM appt.application;
	SELECT NULL::void $$;
SELECT pg_temp.as_supervisor();
SELECT id, participant_ids FROM appt.schedule_appointment(:'application', now() + '2 days', '1 hour',
	'{"name": {"firstName": "Bobby"}, "contact": {"primaryEmail": "bobby@customer.example"}}',
	organizer_id => 'agent-1', title => 'Your mortgage', notes => 'NOTES-1', metadata => '{"k": "METADATA-1"}',
		location => 'https://meet.example/1?pwd=LOCATION-SECRET') \gset
SELECT is(pg_temp.told(), '', 'scheduling records nothing: its row says who did');
SELECT id AS by_hand FROM appt.schedule_appointment(:'application', now() + '2 days', '1 hour', '{}', organizer_id => 'agent-1') \gset

SET LOCAL SESSION AUTHORIZATION changes_login;
SET LOCAL ROLE appt_supervisor;
SELECT count(appt.update_appointment(:'id', title => 'Your house', notes => 'NOTES-2')) AS ignored \gset
RESET SESSION AUTHORIZATION;
SELECT is(ROW(organization_id, application_id, table_name, row_key, operation, changed_by, old_values, new_values)::text,
	ROW(:'organization', :'application', 'appointment', jsonb_build_object('id', :'id'), 'UPDATE', 'appt_supervisor:sue',
		'{"title": "Your mortgage", "notes": "NOTES-1"}'::jsonb, '{"title": "Your house", "notes": "NOTES-2"}'::jsonb)::text,
			'a supervisor who changes title and notes') FROM pg_temp.news();
SELECT count(appt.update_appointment(:'id', title => 'Your house')) AS ignored \gset
SELECT is(pg_temp.told(), '', 'what is no change');
SELECT count(appt.reschedule_appointment(:'id', '2031-03-29 12:30:00.5+00', '90 min', 'Europe/Athens')) AS ignored \gset
SELECT is(ROW(new_values, (old_values->>'start_at')::timestamptz, old_values->>'timezone')::text,
	ROW('{"start_at": "2031-03-29T12:30:00.5+00:00", "end_at": "2031-03-29T14:00:00.5+00:00", "timezone": "Europe/Athens"}'::jsonb,
		now() + '2 days', 'UTC')::text, 'a move, with times in UTC') FROM pg_temp.news();
SET LOCAL timezone = 'America/New_York';
SET LOCAL datestyle = 'SQL, DMY';
SET LOCAL intervalstyle = 'iso_8601';
UPDATE appt.appointment SET start_at = '2031-03-29 12:00+00' WHERE id = :'id';
UPDATE appt.application SET end_grace = '36 hours 1.5 seconds' WHERE id = :'application';
SELECT is(pg_temp.told(), 'UPDATE appointment {"start_at": "2031-03-29T12:30:00.5+00:00"} -> {"start_at": '
	'"2031-03-29T12:00:00+00:00"}' || E'\n'
	|| 'UPDATE application {"end_grace": "1 day 02:00:00"} -> {"end_grace": "36:00:01.5"}',
		'whatever the caller''s settings are, and made by whom');
RESET timezone;
RESET datestyle;
RESET intervalstyle;

SELECT count(appt.add_agent(:'id', 'agent-2')) AS ignored \gset
SELECT is(ROW(table_name, row_key, operation, old_values, new_values - 'created_at')::text,
	ROW('participant', jsonb_build_object('appointment_id', :'id', 'id', 'agent-2'), 'INSERT', NULL::jsonb,
		'{"type": "AGENT", "is_lead": false, "metadata": {}}'::jsonb)::text, 'an agent who is added') FROM pg_temp.news();
SELECT count(appt.add_customer(:'id', '{"name": {"firstName": "FIRST-NAME", "lastName": "LAST-NAME"}, "contact": {"primaryEmail": '
	'"zoe@customer.example"}, "metadata": {"k": "METADATA-2"}}')) AS ignored \gset
SELECT is(ROW(table_name, operation, new_values->>'first_name', new_values->>'email')::text,
	ROW('participant', 'INSERT', 'FIRST-NAME', 'zoe@customer.example')::text, 'a customer who is added') FROM pg_temp.news();
SELECT p.id AS zoe FROM appt.participant p WHERE p.appointment_id = :'id' AND p.email = 'zoe@customer.example' \gset
SELECT p.id AS bobby FROM appt.participant p WHERE p.appointment_id = :'id' AND p.email = 'bobby@customer.example' \gset
UPDATE appt.participant SET email = 'bob@customer.example' WHERE id = :'bobby';
SELECT is(pg_temp.told(), 'UPDATE participant {"email": "bobby@customer.example"} -> {"email": "bob@customer.example"}',
	'an address that is changed directly');
SELECT count(appt.reassign_appointment(:'id', 'agent-3')) AS ignored \gset
SELECT is(string_agg(format('%s %s %s', operation, table_name, coalesce(new_values->>'organizer_id', row_key->>'id')), ', '
	ORDER BY table_name DESC, operation, row_key->>'id'),
	'DELETE participant agent-1, DELETE participant agent-2, INSERT participant agent-3, UPDATE appointment agent-3',
		'another organizer') FROM pg_temp.news();
SELECT count(appt.record_join(:'id', :'bobby')), count(appt.record_leave(:'id', :'bobby')) \g /dev/null
SELECT is(pg_temp.told(), 'UPDATE appointment {"interaction": {"state": "PENDING"}} -> {"interaction": {"state": "ACTIVE"}}',
	'that the call began; who joined and left stands in their rows');
UPDATE appt.appointment SET updated_at = now() WHERE id = :'id';
SELECT is(pg_temp.told(), '', 'not its bookkeeping');

SELECT count(appt.end_appointment(:'id')) AS ignored \gset
SELECT is(ROW(old_values, new_values - 'ended_at')::text,
	ROW('{"state": "ACTIVATED", "ended_at": null, "interaction": {"state": "ACTIVE"}}'::jsonb,
	'{"state": "ENDED", "interaction": {"state": "ENDED"}}'::jsonb)::text, 'its end') FROM pg_temp.news();
SELECT count(appt.cancel_appointment(:'by_hand', 'REASON-1')) AS ignored \gset
SELECT is(pg_temp.told(), 'UPDATE appointment {"state": "ACTIVATED", "cancel_reason": null} -> {"state": "CANCELLED", '
	'"cancel_reason": "REASON-1"}', 'a cancellation');

/* ---- what is forgotten ---- */

-- A customer who is removed: what was recorded of it before as well.
SELECT id AS third FROM appt.schedule_appointment(:'application', now() + '2 days', '1 hour', '{}', organizer_id => 'agent-1',
	title => 'Third', notes => 'NOTES-3') \gset
SELECT count(appt.add_customer(:'third', '{"name": {"firstName": "FIRST-NAME-3"}, "contact": {"primaryEmail": '
	'"third@customer.example"}, "metadata": {"omitted": "METADATA-3"}}')) AS ignored \gset
SELECT p.id AS customer FROM appt.participant p WHERE p.appointment_id = :'third' AND p.email = 'third@customer.example' \gset
UPDATE appt.participant SET last_name = 'LAST-NAME-3', metadata = '{"omitted": 3}' WHERE id = :'customer';
SELECT count(appt.remove_participant(:'third', :'customer')) AS ignored \gset
SELECT is(string_agg(format('%s %s %s', operation, coalesce((old_values - 'created_at')::text, '-'),
	coalesce((new_values - 'created_at')::text, '-')), E'\n' ORDER BY id),
	'INSERT - {"type": "CUSTOMER", "email": "third@customer.example", "is_lead": false, "metadata": {"omitted": 25}, "first_name": {"omitted": 14}}' || E'\n'
	|| 'UPDATE {"metadata": {"omitted": 25}, "last_name": null} {"metadata": {"omitted": 3}, "last_name": {"omitted": 13}}' || E'\n'
	|| 'DELETE {"type": "CUSTOMER", "email": "third@customer.example", "is_lead": false} -', 'of who was removed stay its type and address')
		FROM appt.change WHERE row_key = jsonb_build_object('appointment_id', :'third', 'id', :'customer');
SELECT count(*) AS ignored FROM pg_temp.news() \gset

-- Another appointment with the same agent keeps what it has.
SELECT appt.delete_appointment(:'id');
SELECT is(string_agg(format('%s %s', operation, table_name), ', '), 'DELETE appointment',
	'a deletion is one change, and what goes with it none') FROM pg_temp.news();
SELECT is(old_values - '{start_at,end_at,ended_at,activated_at,created_at,created_by}'::text[],
	'{"title": "Your house", "state": "ENDED", "locale": "en", "timezone": "Europe/Athens", "organizer_id": "agent-3", '
		'"organizer_type": "AGENT", "notifications_active": true}'::jsonb,
	'of what was deleted stay title, times and organizer') FROM appt.change WHERE row_key->>'id' = :'id' AND operation = 'DELETE';
SELECT is(count(*), 0::bigint, 'and no words of it in older changes') FROM appt.change c WHERE application_id = :'application'
	AND :'id' IN (row_key->>'id', row_key->>'appointment_id')
	AND c::text ~ 'NOTES|METADATA|-NAME|ACTIVE"|LOCATION';
SELECT is(string_agg(format('%s -> %s', old_values, new_values), ''),
	'{"notes": {"omitted": 9}, "title": "Your mortgage"} -> {"notes": {"omitted": 9}, "title": "Your house"}',
	'but that they were changed') FROM appt.change WHERE row_key->>'id' = :'id' AND new_values ? 'notes';
SELECT is(count(*), 1::bigint, 'what stays keeps its own') FROM appt.change WHERE row_key->>'id' = :'by_hand'
	AND new_values->>'cancel_reason' = 'REASON-1';

/* ---- secrets ---- */

SELECT is(count(*), 0::bigint, 'no secret was ever in it') FROM appt.change c,
	(SELECT unnest(ARRAY[:'hmac_key', :'second_key', 'URL-SECRET', 'OAUTH-SECRET', 'TOKEN-URL-SECRET', 'HEADER-SECRET',
	'SMTP-SECRET', 'TWILIO-SECRET',
	'CALLBACK-SECRET', 'WRITTEN-SECRET', 'ROOM-SECRET', 'LOCATION-SECRET']) UNION ALL SELECT value FROM appt.secret UNION ALL
		SELECT md5(value) FROM appt.secret UNION ALL SELECT ticket FROM appt.room_access) s (secret)
	WHERE strpos(c::text, secret) > 0;

/* ---- who reads it ---- */

SELECT appt.create_organization('Globex') AS globex \gset
CREATE TEMP TABLE answer (what text, rows bigint);
GRANT ALL ON answer TO PUBLIC;
SELECT set_config('request.jwt.claims', jsonb_build_object('sub', 'ada', 'organization_id', :'organization')::text, true) AS claims \gset
SET LOCAL SESSION AUTHORIZATION changes_login;
SET LOCAL ROLE appt_admin;
INSERT INTO answer SELECT 'admin', count(*) FROM appt.change;
INSERT INTO answer SELECT 'admin about Globex', count(*) FROM appt.change WHERE organization_id = :'globex';
RESET SESSION AUTHORIZATION;
SET LOCAL SESSION AUTHORIZATION changes_service;
INSERT INTO answer SELECT 'service', count(*) FROM appt.change;
RESET SESSION AUTHORIZATION;
SELECT is((SELECT rows FROM answer WHERE what = 'admin'), count(*), 'an admin reads its organization''s') FROM appt.change
	WHERE organization_id = :'organization';
SELECT is((SELECT rows FROM answer WHERE what = 'admin about Globex'), 0::bigint, 'and no other''s');
SELECT is((SELECT rows FROM answer WHERE what = 'service'), count(*), 'an SQL application all') FROM appt.change;

/* ---- which index answers ---- */

CREATE FUNCTION pg_temp.plan(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	plan text := '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		plan := plan || line || E'\n';
	END LOOP;
	RETURN plan;
END $$;
SET LOCAL enable_seqscan = off;
SELECT alike(pg_temp.plan(format($$SELECT * FROM appt.change WHERE application_id = %L AND table_name = 'rule'
	AND row_key->>'id' = '7'$$, :'application')), '%change_row%', 'who changed rule 7?');
SELECT alike(pg_temp.plan(format($$SELECT * FROM appt.change WHERE application_id = %L AND table_name = 'participant'
	AND row_key->>'appointment_id' = 'x'$$, :'application')), '%change_participant%', 'who took part?');
SELECT alike(pg_temp.plan(format($$SELECT * FROM appt.change WHERE organization_id = %L AND at >= now() - interval '1 day'$$,
	:'organization')), '%change_pkey%', 'what changed since yesterday?');
SELECT alike(pg_temp.plan($$SELECT * FROM appt.change WHERE at >= now() - interval '1 day'$$), '%change_at%', 'and of all?');
RESET enable_seqscan;

/* ---- a database that is not the one that sends ---- */

SELECT count(*) AS ignored FROM pg_temp.news() \gset
DELETE FROM appt.identity;
UPDATE appt.organization SET name = 'nobody''s';
SELECT is(pg_temp.told(), '', 'without an identity nothing is recorded');
INSERT INTO appt.identity (database_oid, transaction_id) SELECT oid, '4'::xid FROM pg_database WHERE datname = current_database();
UPDATE appt.application SET name = 'a copy''s';
UPDATE appt.appointment SET title = 'a copy''s';
SELECT is(pg_temp.told(), '', 'nor in a copy');
SELECT appt.adopt_database();
UPDATE appt.application SET name = 'its own';
SELECT is(pg_temp.told(), 'UPDATE application {"name": "a copy''s"} -> {"name": "its own"}', 'until it is adopted');

SELECT * FROM finish();
ROLLBACK;
