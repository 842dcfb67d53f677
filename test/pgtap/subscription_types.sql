-- The types that an endpoint gets: planned for those that it names, judged again when they are due.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT * FROM no_plan();

SELECT appt.create_application(appt.create_organization('org'), 'app') AS app \gset
SELECT set_config('test.app', :'app', true) AS ignored \gset
SELECT id AS plain FROM appt.create_subscription(:'app', 'https://hooks.example/plain') \gset
SELECT id AS created FROM appt.create_subscription(:'app', 'https://hooks.example/created', types => '{CREATE,CALL}') \gset
SELECT id AS users FROM appt.create_subscription(:'app', 'https://hooks.example/users', types => '{CALL,MENTION}') \gset
SELECT is((SELECT types FROM appt.subscription WHERE id = :'created'), '{CREATE,CALL}', 'create_subscription stores the types');
SELECT is((SELECT types FROM appt.subscription WHERE id = :'plain'), NULL, 'without types none are stored');

-- Planning.
CREATE FUNCTION pg_temp.told(since bigint) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT n.type || ' ' || split_part(s.url, '/', 4) FROM appt.notification n JOIN appt.subscription s ON s.id = n.subscription_id
	 WHERE n.id > since ORDER BY n.id$$;
CREATE FUNCTION pg_temp.last_id() RETURNS bigint LANGUAGE sql AS $$SELECT coalesce(max(id), 0) FROM appt.notification$$;
SELECT pg_temp.last_id() AS before \gset
SELECT (appt.schedule_appointment(:'app', now() + interval '2 hours', '30 minutes', organizer_id => 'ann')).id AS appointment \gset
SELECT bag_eq(format('SELECT pg_temp.told(%s)', :before), ARRAY['CREATE plain', 'CREATE created', 'REMINDER plain'],
	'a type with rules: to those without types, and to those that name it');
SELECT pg_temp.last_id() AS before \gset
SELECT appt_test.plan_user_event(:'app', 'CALL') AS event, appt_test.plan_user_event(:'app', 'MENTION', '{nobody}') AS ignored,
	appt_test.plan_user_event(:'app', 'FAX') AS ignored \gset
SELECT bag_eq(format('SELECT pg_temp.told(%s)', :before), ARRAY['CALL created', 'CALL users', 'MENTION users'],
	'a type for users: to those alone that name it');
SELECT pg_temp.last_id() AS before \gset
SELECT appt_test.plan_user_event(:'app', 'INBOUND_MESSAGE') AS ignored \gset
SELECT is_empty(format('SELECT pg_temp.told(%s)', :before), 'a type that nobody names');

-- Judged when it is due.
CREATE FUNCTION pg_temp.judged(kind text, name text) RETURNS text LANGUAGE sql AS $$
	SELECT CASE WHEN e.eligible THEN 'eligible' ELSE e.reason END
	  FROM appt.notification n JOIN appt.subscription s ON s.id = n.subscription_id,
	       LATERAL appt.notification_eligibility(n.id) e
	 WHERE n.type = kind AND s.url LIKE '%/' || name$$;
SELECT is(pg_temp.judged('CREATE', 'plain'), 'eligible', 'a type with rules, to an endpoint without types');
SELECT is(pg_temp.judged('CREATE', 'created'), 'eligible', 'to one that names it');
UPDATE appt.subscription SET types = '{CALL}' WHERE id = :'created';
SELECT is(pg_temp.judged('CREATE', 'created'), 'SUBSCRIPTION_OFF', 'to one that does not name it any more');
SELECT is(explanation, 'The subscription was disabled or removed, or did not name the type, when it was due.', 'and why')
  FROM appt.notification n, LATERAL appt.notification_eligibility(n.id)
 WHERE n.type = 'CREATE' AND n.subscription_id = :'created';
UPDATE appt.subscription SET types = NULL WHERE id = :'created';
SELECT is(pg_temp.judged('CREATE', 'created'), 'eligible', 'to one that has no types any more');
UPDATE appt.subscription SET types = '{CALL}' WHERE id = :'plain';
SELECT is(pg_temp.judged('CREATE', 'plain'), 'SUBSCRIPTION_OFF', 'to one that names others now');
UPDATE appt.subscription SET types = NULL WHERE id = :'users';
SELECT is(pg_temp.judged('MENTION', 'users'), 'SUBSCRIPTION_OFF', 'a type for users, to an endpoint that names none any more');
UPDATE appt.notification SET state = 'FAILED', reason = 'REJECTED', settled_at = now(), attempt_count = 1
 WHERE type = 'CREATE' AND subscription_id = :'plain' RETURNING id AS failed \gset
SELECT throws_ok(format('SELECT appt.retry_notification(%s)', :failed), 'PT409', NULL, 'nor is it sent again by hand');

-- A message to the endpoint by its name goes whatever its types.
SELECT id AS named FROM appt.send_message(:'app', 'WEBHOOK', :'users', data => '{}') \gset
SELECT isnt(reason, 'SUBSCRIPTION_OFF', 'MESSAGE to a subscription, whatever its types') FROM appt.notification_eligibility(:named);
UPDATE appt.subscription SET enabled = false WHERE id = :'users';
SELECT is(reason, 'SUBSCRIPTION_OFF', 'unless it is disabled') FROM appt.notification_eligibility(:named);

-- What is refused, by the function and in the table.
CREATE FUNCTION pg_temp.refusal(statement text, OUT state text, OUT detail text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
END $$;
SELECT alike(r.state || ' ' || r.detail, '22023 ' || reason, types || ' ' || way)
  FROM (VALUES ('{PIGEON}', '"PIGEON" is not a type that webhooks tell of.'), ('{CODE}', '"CODE" is not%'), ('{ROOM}', '"ROOM" is not%'),
		('{CALL,CALL}', '"CALL" occurs twice%'), ('{CALL,NULL}', '%null%'), ('{}', '%empty%'), ('{create}', '"create" is not%'))
	bad (types, reason),
	(VALUES ('by the function', 'SELECT appt.create_subscription(%L, ''https://hooks.example/bad'', types => %L)'),
		('in the table', 'INSERT INTO appt.subscription (application_id, url, types) VALUES (%L, ''https://hooks.example/bad'', %L)'))
	ways (way, statement), LATERAL pg_temp.refusal(format(statement, current_setting('test.app'), types)) r;
SELECT is((pg_temp.refusal(format('SELECT appt.create_subscription(%L, ''https://hooks.example/bad'', types => ''{PIGEON}'')',
	:'app'))).hint,
	format('The known ones are: %s.', string_agg(type, ', ' ORDER BY position)), 'the hint lists those that there are')
  FROM (SELECT type, row_number() OVER () AS position, channels FROM appt.notification_type) t WHERE 'WEBHOOK' = ANY (channels);

-- The types of an endpoint with a password may change; the change is recorded.
SELECT id AS secretive FROM appt.create_subscription(:'app', 'https://hooks.example/secretive', auth => 'BASIC', username => 'u',
	secret => 's', types => '{CREATE}') \gset
SELECT lives_ok(format('UPDATE appt.subscription SET types = ''{CREATE,UPDATE}'' WHERE id = %L', :'secretive'),
	'they may change although it has a password');
SELECT row_eq(format($$SELECT old_values, new_values FROM appt.change WHERE table_name = 'subscription' AND row_key->>'id' = %L
	AND operation = 'UPDATE'$$, :'secretive'),
	ROW('{"types": ["CREATE"]}'::jsonb, '{"types": ["CREATE", "UPDATE"]}'::jsonb), 'and the change is recorded');
SELECT is(new_values->'types', '["CREATE"]', 'as is what it began with') FROM appt.change WHERE table_name = 'subscription'
	AND row_key->>'id' = :'secretive' AND operation = 'INSERT';

SELECT * FROM finish();
ROLLBACK;
