-- Whatever is read from outside may be anything: no error, no byte that belongs to others (SANITIZE=1), and what the headers promise.
BEGIN;
SELECT no_plan();
SET client_min_messages = error;

-- ---- Each parser ----
-- Some texts of each kind are taken for what they should be, others refused.
SELECT ok(appt_test.parse_random(parser, 2000, 42) BETWEEN 3 AND 1997, 'random texts as ' || parser)
	FROM unnest(ARRAY['form', 'JSON', 'path', 'Twilio', 'gateway', 'escape', 'answer', 'outcome', 'queue id', 'webhook', 'token', 'mask',
		'word', 'number', 'mailbox', 'URL', 'instant', 'template', 'page text', 'segments', 'string',
		'credentials']) AS parser;

-- ---- Requests of a gateway that knows its secret ----
CREATE ROLE random_login NOINHERIT LOGIN IN ROLE appt_authenticator;
GRANT appt_anonymous TO random_login;
SELECT appt.create_application(appt.create_organization('Acme'), 'Clinic', timezone => 'UTC', calling_code => '30') AS app \gset
SELECT appt.set_provider(:'app', 'SMS', 'HTTP', 'https://sms.example', inbound_secret => 'the secret', settings => '{"inbound":
	{"from": "a", "to": "b", "text": "c", "id": "d", "message_id": "e", "status": "f", "code": "g"}}') AS gateway \gset
INSERT INTO appt.notification (application_id, recipient_kind, recipient_id, type, channel, due_at, lane, state, settled_at, address)
	VALUES (:'app', 'ADDRESS', '+306900000009', 'MESSAGE', 'SMS', now(), 1, 'SENT', now(), '+306900000009') RETURNING id AS sent \gset
INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, finished_at, outcome, provider_id,
	provider_message_id, recipient)
	SELECT :'app', :sent, n, now(), now(), 'DELIVERED', :'gateway', n, '+306900000009' FROM generate_series(1, 9) AS n;
INSERT INTO appt.provider_message SELECT application_id, provider_message_id, id FROM appt.attempt WHERE provider_message_id IS NOT NULL;

CREATE FUNCTION pg_temp.one_of(texts text[]) RETURNS text LANGUAGE sql VOLATILE
	AS $$SELECT texts[1 + floor(random() * cardinality(texts))]$$;
CREATE FUNCTION pg_temp.value() RETURNS text LANGUAGE sql VOLATILE
	AS $$SELECT string_agg(pg_temp.one_of('{1,2,STOP,START,HELP,+306900000009,DELIVRD,undeliv,21610," ",.,ü,👍,%,%00,%ff,\\\\,\\u00e9,\\ud83d,\",&,+}'),
		'') FROM generate_series(1, 1 + floor(random() * 3)::integer)$$;
-- Usual ones, most often.
CREATE FUNCTION pg_temp.value_of(name text) RETURNS text LANGUAGE sql VOLATILE AS $$SELECT CASE WHEN random() < 0.2 THEN pg_temp.value()
	ELSE pg_temp.one_of((ARRAY['{+306900000009,069-0000000}', '{12345}', '{1,STOP,START,HELP,a+b}', '{x,y,z}', '{1,2,3,4,5,6,7,8,9,99}',
		'{DELIVRD,undeliv,queued}', '{21610,x}'])[ascii(name) - ascii('a') + 1]::text[]) END$$;
CREATE FUNCTION pg_temp.members(quote text, sign text, separator text) RETURNS text LANGUAGE sql VOLATILE
	AS $$SELECT string_agg(concat(quote, name, quote, sign, quote, pg_temp.value_of(name), quote), separator)
		FROM unnest('{a,b,c,d,e,f,g}'::text[]) AS name WHERE random() < CASE WHEN name IN ('a', 'b', 'c') THEN 0.9 ELSE 0.4 END$$;
CREATE FUNCTION pg_temp.answer(body text, type text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('request.headers', jsonb_build_object('x-gateway-key', (SELECT id FROM appt.provider), 'x-gateway-content-type', type,
		'x-gateway-authorization', 'the secret')::text, true);
	SET LOCAL SESSION AUTHORIZATION random_login;
	SET LOCAL ROLE appt_anonymous;
	PERFORM appt.receive_sms(body);
	RESET ROLE;
	RESET SESSION AUTHORIZATION;
	RETURN current_setting('response.status');
END $$;
SELECT setseed(0.42) AS ignored \gset
CREATE TEMP TABLE answer AS
	SELECT n, type, pg_temp.answer(CASE type WHEN 'application/json' THEN '{' || pg_temp.members('"', ':', ',') || '}'
		ELSE pg_temp.members('', '=', '&') END, type) AS status
	FROM generate_series(1, 1000) AS n, LATERAL (SELECT pg_temp.one_of('{application/json,application/x-www-form-urlencoded}') WHERE n > 0)
		AS t (type);
SELECT is(array_agg(DISTINCT status ORDER BY status), '{200,400,404}'::text[], 'random requests of ' || type || ' are answered') FROM answer GROUP BY type;
SELECT cmp_ok(count(DISTINCT handled_as), '>=', 4::bigint, 'messages of every kind were among them') FROM appt.inbound_message;
SELECT cmp_ok(count(receipt), '>=', 2::bigint, 'and receipts') FROM appt.attempt;
SELECT * FROM finish();
ROLLBACK;
