/*
 * The matrix of a user's switches: what decides each cell, that the matrix says what planning does, and that set_preference
 * does what it says to the cells that it names and to no other.
 */
BEGIN;
SELECT * FROM no_plan();
SET client_min_messages = error;

SELECT appt.create_organization('Acme') AS acme \gset
SELECT appt.create_application(:'acme', 'Sales') AS app \gset
INSERT INTO appt.user_profile (application_id, id, channels, is_admin, is_billing_admin)
SELECT :'app', id, '{EMAIL,SMS,IN_APP}', id <> 'ann', id = 'bill' FROM unnest('{ann,ada,bill}'::text[]) id;

-- The cell of a user as "enabled SOURCE", of its type, channel and, where it has one, offset.
CREATE FUNCTION pg_temp.cell(who text, a_type text, a_channel text, an_offset interval DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(CASE WHEN enabled THEN 'on ' ELSE 'off ' END || source, ', ')
	FROM appt.notification_preferences(who, (SELECT id FROM appt.application))
	WHERE type = a_type AND channel = a_channel AND time_offset IS NOT DISTINCT FROM an_offset $$;
CREATE FUNCTION pg_temp.prefer(a_type text, a_channel text, an_offset interval, is_on boolean) RETURNS void LANGUAGE sql AS $$
	INSERT INTO appt.user_preference (application_id, user_id, type, channel, time_offset, enabled)
	SELECT id, 'ann', a_type, a_channel, an_offset, is_on FROM appt.application $$;

/* ---- what there is ---- */

SELECT set_eq(format($$SELECT DISTINCT type, channel FROM appt.notification_preferences('ann', %L)$$, :'app'),
	$$SELECT type, channel FROM appt.notification_type, unnest(channels) channel
		WHERE audience = 'USERS' AND channel <> 'WEBHOOK'$$, 'every type of users over each of its channels');
SELECT results_eq(format($$SELECT DISTINCT time_offset FROM appt.notification_preferences('ann', %L)
	WHERE type = 'APPOINTMENT_REMINDER' ORDER BY 1 DESC$$, :'app'),
	$$VALUES ('1 day'::interval), ('1 hour'), ('15 minutes'), ('1 minute')$$, 'reminders at each of their times');
SELECT is(count(DISTINCT (type, time_offset, channel)), count(*), 'each cell once')
	FROM appt.notification_preferences('ann', :'app');
SELECT is(string_agg(DISTINCT m.description, ''), string_agg(DISTINCT t.description, ''), 'with the description of the type')
	FROM appt.notification_preferences('ann', :'app') m JOIN appt.notification_type t USING (type) WHERE type = 'CALL';
SELECT is(string_agg(DISTINCT type || coalesce(' ' || time_offset, ''), ', ' ORDER BY type || coalesce(' ' || time_offset, '')),
	'APPOINTMENT_ASSIGNED, APPOINTMENT_REMINDER 00:15:00, BILLING_WARNING, CALL, CONTACT_ASSIGNED, FAX, HIGH_SMS, INTEGRATION_FAILED, '
	'MENTION, REMINDER_ASSIGNED, RESPONSE, TEXT_MESSAGE, VOICEMAIL', 'what is on by default')
	FROM appt.notification_preferences('bill', :'app') WHERE enabled;
SELECT is(string_agg(DISTINCT source, ', '), 'DEFAULT', 'of an admin for billing each cell is by default')
	FROM appt.notification_preferences('bill', :'app');

/* ---- each source ---- */

SELECT is(pg_temp.cell('ann', 'CALL', 'SMS'), 'on DEFAULT', 'DEFAULT');
SELECT is(pg_temp.cell('ann', 'APPOINTMENT_CREATED', 'SMS'), 'off DEFAULT', 'which may be off');
SELECT is(pg_temp.cell('ann', 'USERS_SYNC', 'EMAIL'), 'off ADMINS_ONLY', 'ADMINS_ONLY');
SELECT is(pg_temp.cell('ada', 'USERS_SYNC', 'EMAIL'), 'off DEFAULT', 'not for an admin');
SELECT is(pg_temp.cell('ada', 'INTEGRATION_FAILED', 'EMAIL'), 'on DEFAULT', 'not for an admin');
SELECT is(pg_temp.cell('ada', 'BILLING_WARNING', 'EMAIL'), 'off ADMINS_ONLY', 'but billing is for billing admins');
SELECT is(pg_temp.cell('bill', 'BILLING_WARNING', 'EMAIL'), 'on DEFAULT', 'who are admins, too');
UPDATE appt.user_profile SET is_billing_admin = true WHERE id = 'ann';
SELECT is(pg_temp.cell('ann', 'BILLING_WARNING', 'EMAIL'), 'off ADMINS_ONLY', 'one who is no admin gets none');
SELECT pg_temp.prefer('BILLING_WARNING', NULL, NULL, true), pg_temp.prefer('INTEGRATION_FAILED', 'EMAIL', NULL, true) \g /dev/null
SELECT is(pg_temp.cell('ann', 'BILLING_WARNING', 'EMAIL'), 'off ADMINS_ONLY', 'whatever the preferences');
SELECT is(pg_temp.cell('ann', 'INTEGRATION_FAILED', 'EMAIL'), 'off ADMINS_ONLY', 'whatever the preferences');
SELECT pg_temp.prefer('CALL', NULL, NULL, false) \g /dev/null
SELECT is(pg_temp.cell('ann', 'CALL', c), 'off TYPE', 'TYPE by ' || c) FROM unnest('{EMAIL,SMS,IN_APP}'::text[]) c;
SELECT pg_temp.prefer('CALL', 'SMS', NULL, true) \g /dev/null
SELECT is(pg_temp.cell('ann', 'CALL', 'SMS'), 'on CHANNEL', 'CHANNEL decides before the type');
SELECT is(pg_temp.cell('ann', 'CALL', 'EMAIL'), 'off TYPE', 'for its channel alone');
SELECT is(pg_temp.cell('ada', 'CALL', 'EMAIL'), 'on DEFAULT', 'and its user');
SELECT pg_temp.prefer('APPOINTMENT_REMINDER', NULL, '1 day', true) \g /dev/null
SELECT is(pg_temp.cell('ann', 'APPOINTMENT_REMINDER', 'SMS', '1 day'), 'on OFFSET', 'OFFSET');
SELECT is(pg_temp.cell('ann', 'APPOINTMENT_REMINDER', 'SMS', '15 minutes'), 'on DEFAULT', 'for its time alone');
SELECT pg_temp.prefer('APPOINTMENT_REMINDER', 'SMS', NULL, false) \g /dev/null
SELECT is(pg_temp.cell('ann', 'APPOINTMENT_REMINDER', 'SMS', '1 day'), 'on OFFSET', 'decides before the channel');
SELECT is(pg_temp.cell('ann', 'APPOINTMENT_REMINDER', 'SMS', '15 minutes'), 'off CHANNEL', 'which has the other times');
SELECT pg_temp.prefer('APPOINTMENT_REMINDER', 'SMS', '24 hours', false) \g /dev/null
SELECT is(pg_temp.cell('ann', 'APPOINTMENT_REMINDER', 'SMS', '1 day'), 'off OFFSET', 'offset and channel decide first');
SELECT is(pg_temp.cell('ann', 'APPOINTMENT_REMINDER', 'EMAIL', '1 day'), 'on OFFSET', 'for their cell alone');
SELECT is((appt.set_channel('SMS', false, 'ann', :'app')).channels, '{EMAIL,IN_APP}', 'a channel is switched off');
SELECT is(pg_temp.cell('ann', 'CALL', 'SMS'), 'off CHANNEL_OFF', 'CHANNEL_OFF decides before preferences');
SELECT is(pg_temp.cell('ann', 'CALL', 'EMAIL'), 'off TYPE', 'for its channel alone');
SELECT is((appt.set_channel('EMAIL', false, 'ann', :'app')).channels, '{IN_APP}', 'another');
SELECT is(pg_temp.cell('ann', 'USERS_SYNC', 'EMAIL'), 'off ADMINS_ONLY', 'ADMINS_ONLY decides before it');
SELECT is((appt.set_channel('IN_APP', true, 'ann', :'app')).channels, '{IN_APP}', 'switched on again it is no change');
SELECT is((appt.set_channel('SMS', true, 'ann', :'app')).channels, '{SMS,IN_APP}', 'on again');
SELECT is((appt.set_channel('EMAIL', true, 'ann', :'app')).channels, '{EMAIL,SMS,IN_APP}', 'in the order of the channels');
SELECT is(pg_temp.cell('ann', 'CALL', 'SMS'), 'on CHANNEL', 'and preferences are as they were');

/* ---- set_preference: the cells that it names, and no others ---- */

DELETE FROM appt.user_preference;
-- What the cells should be, by a model that knows nothing of rows.
CREATE TEMP TABLE model AS SELECT type, channel, time_offset, enabled FROM appt.notification_preferences('bill', :'app');
CREATE TEMP TABLE kept AS SELECT 0 AS rows, 0 AS differ WHERE false;
SELECT setseed(0.7);
DO $$
DECLARE
	cell record;
	app uuid := (SELECT id FROM appt.application);
	is_on boolean;
BEGIN
	FOR i IN 1..400 LOOP
		SELECT type, CASE WHEN random() < 0.5 THEN channel END AS channel, CASE WHEN random() < 0.5 THEN time_offset END AS time_offset
		INTO cell FROM model WHERE type IN ('APPOINTMENT_REMINDER', 'CALL', 'DAILY_SPENDING')
		ORDER BY type <> CASE WHEN random() < 0.8 THEN 'APPOINTMENT_REMINDER' ELSE 'CALL' END, random() LIMIT 1;
		is_on := random() < 0.5;
		PERFORM appt.set_preference(cell.type, is_on, cell.channel, cell.time_offset, 'bill', app);
		UPDATE model m SET enabled = is_on WHERE m.type = cell.type AND m.channel = coalesce(cell.channel, m.channel)
			AND (cell.time_offset IS NULL OR m.time_offset = cell.time_offset);
		INSERT INTO kept SELECT (SELECT count(*) FROM appt.user_preference), count(*)
		FROM appt.notification_preferences('bill', app) p JOIN model m ON m.type = p.type AND m.channel = p.channel
			AND m.time_offset IS NOT DISTINCT FROM p.time_offset WHERE m.enabled <> p.enabled;
	END LOOP;
END $$;
SELECT is(sum(differ), 0::bigint, 'after each of 400 calls every cell is as the last call that named it said') FROM kept;
SELECT cmp_ok(max(rows), '<=', 24, 'with no more rows than cells and switches') FROM kept;

SELECT results_eq(format($$SELECT type, channel, enabled FROM appt.set_preference('FAX', false, 'SMS', user_id => 'ann',
	application_id => %L)$$, :'app'),
	$$VALUES ('FAX', 'EMAIL', true), ('FAX', 'SMS', false), ('FAX', 'IN_APP', true)$$, 'it returns the cells of the type');
SELECT is(count(*), 1::bigint, 'one row') FROM appt.user_preference WHERE user_id = 'ann';
SELECT count(*) AS changes FROM appt.change \gset
SELECT count(*) FROM appt.set_preference('FAX', false, 'SMS', user_id => 'ann', application_id => :'app') \g /dev/null
SELECT is(count(*), :changes::bigint, 'said again it is no change') FROM appt.change;
SELECT is((SELECT string_agg(concat_ws(' ', operation, table_name, new_values->>'user_id', new_values->>'type'), ', ')
	FROM appt.change WHERE id = (SELECT max(id) FROM appt.change)), 'INSERT user_preference ann FAX', 'each change is recorded');

/* ---- the matrix says what planning does ---- */

DELETE FROM appt.user_preference;
DELETE FROM appt.user_profile;
SELECT setseed(0.3);
INSERT INTO appt.user_profile (application_id, id, is_admin, is_billing_admin, channels)
SELECT :'app', 'user' || i, random() < 0.5, random() < 0.5,
	ARRAY(SELECT c FROM unnest('{EMAIL,SMS,IN_APP}'::text[]) c WHERE random() < 0.75 + 0 * i)
FROM generate_series(1, 30) i;
INSERT INTO appt.user_preference (application_id, user_id, type, channel, time_offset, enabled)
SELECT :'app', 'user' || i, type, channel, time_offset, random() < 0.5 FROM generate_series(1, 30) i, (
	SELECT type, NULL::text AS channel, NULL::interval AS time_offset FROM appt.notification_preferences('user1', :'app')
	UNION SELECT type, channel, NULL FROM appt.notification_preferences('user1', :'app')
	UNION SELECT type, NULL, time_offset FROM appt.notification_preferences('user1', :'app')
	UNION SELECT type, channel, time_offset FROM appt.notification_preferences('user1', :'app')) cell
WHERE random() < 0.3;
INSERT INTO appt.line (application_id, name) VALUES (:'app', 'common') RETURNING id AS line \gset
INSERT INTO appt.ring_group (application_id, name) VALUES (:'app', 'all') RETURNING id AS group \gset
INSERT INTO appt.line_ring_group VALUES (:'app', :'line', :'group');
INSERT INTO appt.ring_group_member SELECT application_id, :'group', id FROM appt.user_profile;
INSERT INTO appt.line_subscription SELECT application_id, :'line', id FROM appt.user_profile;

-- An event of each type that concerns all of them; appointments are scheduled, assigned, remind of themselves and are answered.
SELECT count(appt_test.plan_user_event(:'app', type, (SELECT array_agg(id) FROM appt.user_profile), :'line')) AS events
FROM appt.notification_type WHERE audience = 'USERS' AND type NOT LIKE 'APPOINTMENT%' AND type <> 'RESPONSE' \gset
SELECT (appt.schedule_appointment(:'app', now() + '3 days', '1 hour', '{}', organizer_id => 'user1')).id AS appointment \gset
SELECT count(appt.add_agent(:'appointment', 'user' || i)) FROM generate_series(2, 30) i \g /dev/null
INSERT INTO appt.follower (application_id, appointment_id, user_id) SELECT application_id, :'appointment', id FROM appt.user_profile;
INSERT INTO appt.notification (application_id, appointment_id, recipient_kind, recipient_id, type, channel, due_at, lane, state, settled_at)
SELECT application_id, appointment_id, 'CUSTOMER', id, 'CREATE', 'EMAIL', now(), 100, 'SENT', now() FROM appt.participant
WHERE appointment_id = :'appointment' AND type = 'CUSTOMER' RETURNING id AS message \gset
INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, finished_at, outcome, shown)
SELECT a.application_id, :message, 1, now(), now(), 'DELIVERED', jsonb_build_object('buttons', '{ACCEPT}'::text[], 'reply_codes', NULL,
	'start_at', to_char(a.start_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
	'end_at', to_char(a.end_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
	'timezone', a.timezone, 'location', a.location) FROM appt.appointment a WHERE a.id = :'appointment';
SELECT appt.respond(appt_test.link_token(:message), 'ACCEPT') \g /dev/null
SELECT count(*) AS cells FROM appt.user_profile, appt.notification_preferences(id, application_id) \gset
-- Who is added later was not there when it was created.
SELECT is_empty(format($$
	SELECT u.id, p.type, p.channel, p.time_offset, p.enabled, p.source FROM appt.user_profile u,
		appt.notification_preferences(u.id, u.application_id) p
	WHERE p.enabled <> EXISTS (SELECT FROM appt.notification n WHERE n.recipient_kind = 'USER' AND n.recipient_id = u.id
			AND n.type = p.type AND n.channel = p.channel AND n.time_offset = coalesce(p.time_offset, '0'))
		AND NOT (p.type = 'APPOINTMENT_CREATED' AND u.id <> 'user1')$$),
	format('in %s cells of 30 users with random switches the matrix is what planning did', :cells));
SELECT is(count(*), count(DISTINCT (recipient_id, type, channel, time_offset)), 'which planned each once') FROM appt.notification
	WHERE recipient_kind = 'USER';
SELECT is(array_agg(DISTINCT source ORDER BY source), '{ADMINS_ONLY,CHANNEL,CHANNEL_OFF,DEFAULT,OFFSET,TYPE}', 'every source occurs')
	FROM appt.user_profile, appt.notification_preferences(id, application_id);

/* ---- bad input ---- */

CREATE FUNCTION pg_temp.refused(call text, code text, description text) RETURNS text LANGUAGE sql AS $$
	SELECT throws_ok('SELECT appt.' || regexp_replace(call, '\mAPP\M', quote_literal((SELECT id FROM appt.application))), code, NULL,
		description) $$;
SELECT pg_temp.refused('set_preference(''NONSENSE'', true, user_id => ''user1'', application_id => APP)', '22023', 'an unknown type');
SELECT pg_temp.refused('set_preference(''CREATE'', true, user_id => ''user1'', application_id => APP)', '22023', 'a type of customers');
SELECT pg_temp.refused('set_preference(''CALL'', true, ''WEBHOOK'', user_id => ''user1'', application_id => APP)', '22023',
	'a channel that is not for users');
SELECT pg_temp.refused('set_preference(''USERS_SYNC'', true, ''SMS'', user_id => ''user1'', application_id => APP)', '22023',
	'a channel that the type does not have');
SELECT pg_temp.refused('set_preference(''CALL'', true, time_offset => ''1 hour'', user_id => ''user1'', application_id => APP)', '22023',
	'a time that the type does not have');
SELECT pg_temp.refused('set_preference(''APPOINTMENT_REMINDER'', true, time_offset => ''2 hours'', user_id => ''user1'', '
	'application_id => APP)', '22023', 'a time that is none of the type''s');
SELECT pg_temp.refused('set_preference(''CALL'', NULL, user_id => ''user1'', application_id => APP)', '22023', 'neither on nor off');
SELECT pg_temp.refused('set_preference(''CALL'', true, user_id => ''nobody'', application_id => APP)', 'PT404', 'an unknown user');
SELECT pg_temp.refused('set_preference(''CALL'', true, user_id => ''user1'')', '22023', 'no application');
SELECT pg_temp.refused('set_channel(''WEBHOOK'', true, ''user1'', APP)', '22023', 'WEBHOOK is no channel of users');
SELECT pg_temp.refused('set_channel(''NONSENSE'', true, ''user1'', APP)', '22023', 'an unknown channel');
SELECT pg_temp.refused('set_channel(''SMS'', true, ''nobody'', APP)', 'PT404', 'an unknown user');
SELECT pg_temp.refused('notification_preferences(''nobody'', APP)', 'PT404', 'an unknown user');
SELECT pg_temp.refused('notification_preferences(''user1'', gen_random_uuid())', 'PT404', 'an unknown application');

SELECT * FROM finish();
ROLLBACK;
