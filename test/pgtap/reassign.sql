-- Agents added to an appointment, and one that it is handed over to.
BEGIN;
SELECT * FROM no_plan();
SET client_min_messages = error;

SELECT appt.create_organization('Acme') AS organization \gset
SELECT appt.create_application(:'organization', 'Sales') AS application \gset
SELECT count(*) AS ignored FROM appt.create_subscription(:'application', 'https://hooks.example/a') \gset
SELECT id FROM appt.schedule_appointment(:'application', now() + '2 days', '1 hour', '{"contact": {"primaryEmail": "c@d.example"}}',
	organizer_id => 'ann') \gset
SELECT id AS customer FROM appt.participant WHERE appointment_id = :'id' AND type = 'CUSTOMER' \gset

CREATE FUNCTION pg_temp.refusal(statement text, OUT state text, OUT message text, OUT detail text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE 'SELECT appt.' || statement;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
END $$;
-- The new messages of an appointment since the last call, and its participants.
CREATE TEMPORARY TABLE seen (id bigint);
CREATE FUNCTION pg_temp.owed(appointment uuid) RETURNS text LANGUAGE sql AS $$
	WITH fresh AS (SELECT * FROM appt.notification n WHERE n.appointment_id = $1 AND n.id NOT IN (SELECT id FROM pg_temp.seen)),
	marked AS (INSERT INTO pg_temp.seen SELECT id FROM fresh)
	SELECT coalesce(string_agg(type || ' ' || channel, ', ' ORDER BY type, channel), '') FROM fresh $$;
CREATE FUNCTION pg_temp.people(appointment uuid) RETURNS text LANGUAGE sql AS $$
	SELECT a.organizer_type || ' ' || a.organizer_id || ':'
		|| (SELECT string_agg(' ' || p.id, '' ORDER BY p.id COLLATE "C") FROM appt.participant p WHERE p.appointment_id = a.id
			AND p.type = 'AGENT')
	FROM appt.appointment a WHERE a.id = $1 $$;
SELECT isnt(pg_temp.owed(:'id'), '', 'scheduling owes something');
UPDATE appt.appointment SET updated_at = created_at - interval '1 day';

-- add_agent
SELECT is(a.participant_ids @> '[{"id": "bob", "type": "AGENT"}]' AND jsonb_array_length(a.participant_ids) = 3, true,
	'an agent is added') FROM appt.add_agent(:'id', 'bob') a;
SELECT is(pg_temp.people(:'id'), 'AGENT ann: ann bob', 'beside its organizer');
SELECT is(pg_temp.owed(:'id'), 'UPDATE WEBHOOK', 'subscribers are told, and nobody else');
SELECT is(updated_at, now(), 'the appointment has changed') FROM appt.appointment WHERE id = :'id';
SELECT is(sequence, 0, 'calendars have no agents') FROM appt.appointment WHERE id = :'id';
SELECT is(ROW(r.state, r.message)::text, ROW('PT409', 'already a participant of the appointment')::text, who || ' is there already')
	FROM (VALUES ('bob'), ('ann'), (:'customer')) there (who), pg_temp.refusal(format('add_agent(%L, %L)', :'id', who)) r;
SELECT is(r.state, '22023', said || ' is no user id') FROM (VALUES ('NULL'), (''''''), ('repeat(''x'', 1025)')) wrong (said),
	pg_temp.refusal(format('add_agent(%L, %s)', :'id', said)) r;
SELECT is(pg_temp.people(:'id'), 'AGENT ann: ann bob', 'refusals change nothing');
SELECT is(pg_temp.owed(:'id'), '', 'and tell nobody');

-- reassign_appointment: who attends already, and who is new.
SELECT appt.add_agent(:'id', 'cleo') AS ignored \gset
SELECT appt.record_join(:'id', 'bob');
SELECT pg_temp.owed(:'id') AS ignored \gset
SELECT is(a.organizer, '{"id": "bob", "type": "AGENT"}', 'an agent who attends becomes the organizer')
	FROM appt.reassign_appointment(:'id', 'bob') a;
SELECT is(pg_temp.people(:'id'), 'AGENT bob: bob', 'and the only agent');
SELECT is(joined_at, now(), 'having joined as before') FROM appt.participant WHERE appointment_id = :'id' AND id = 'bob';
SELECT is(count(*), 1::bigint, 'the customer stays') FROM appt.participant WHERE appointment_id = :'id' AND id = :'customer';
SELECT is(pg_temp.owed(:'id'), 'UPDATE WEBHOOK', 'subscribers are told, and nobody else');
UPDATE appt.appointment SET updated_at = created_at - interval '1 day';
SELECT is(ROW(a.organizer, jsonb_array_length(a.participant_ids))::text, ROW('{"id": "dan", "type": "AGENT"}'::jsonb, 2)::text,
	'so does one who is new')
	FROM appt.reassign_appointment(:'id', 'dan') a;
SELECT is(pg_temp.people(:'id'), 'AGENT dan: dan', 'and the only agent');
SELECT is(pg_temp.owed(:'id'), 'UPDATE WEBHOOK', 'subscribers are told');
SELECT is(updated_at, now(), 'the appointment has changed') FROM appt.appointment WHERE id = :'id';
SELECT is(count(*), 0::bigint, 'nothing that was planned is superseded') FROM appt.notification WHERE appointment_id = :'id'
	AND state <> 'PENDING';

-- The same agent.
SELECT appt.add_agent(:'id', 'eve') AS ignored \gset
SELECT pg_temp.owed(:'id') AS ignored \gset
UPDATE appt.appointment SET updated_at = created_at - interval '1 day';
SELECT is(a.organizer->>'id', 'dan', 'reassigned to its organizer') FROM appt.reassign_appointment(:'id', 'dan') a;
SELECT is(pg_temp.people(:'id'), 'AGENT dan: dan eve', 'nothing changes');
SELECT is(updated_at, created_at - interval '1 day', 'not even when it changed') FROM appt.appointment WHERE id = :'id';
SELECT is(pg_temp.owed(:'id'), '', 'and nothing is sent');

-- What is refused.
SELECT is(ROW(r.state, r.message)::text, ROW('PT409', 'a customer cannot organize as an agent')::text, 'a customer becomes no agent')
	FROM pg_temp.refusal(format('reassign_appointment(%L, %L)', :'id', :'customer')) r;
SELECT is(r.state, '22023', said || ' is no user id') FROM (VALUES ('NULL'), (''''''), ('repeat(''x'', 1025)')) wrong (said),
	pg_temp.refusal(format('reassign_appointment(%L, %s)', :'id', said)) r;
SELECT is(pg_temp.people(:'id'), 'AGENT dan: dan eve', 'refusals change nothing');
SELECT is(pg_temp.owed(:'id'), '', 'and tell nobody');

-- A customer organizes until somebody takes over.
UPDATE appt.appointment SET organizer_id = :'customer', organizer_type = 'CUSTOMER' WHERE id = :'id';
SELECT is((pg_temp.refusal(format('remove_participant(%L, %L)', :'id', :'customer'))).state, 'PT409',
	'a customer who organizes cannot be removed');
SELECT is((pg_temp.refusal(format('reassign_appointment(%L, %L)', :'id', :'customer'))).state, 'PT409', 'nor be made an agent');
SELECT is(a.organizer, '{"id": "eve", "type": "AGENT"}', 'an agent takes over') FROM appt.reassign_appointment(:'id', 'eve') a;
SELECT is(pg_temp.people(:'id'), 'AGENT eve: eve', 'alone');
SELECT is(pg_temp.owed(:'id'), 'UPDATE WEBHOOK', 'subscribers are told');
SELECT is(jsonb_array_length(a.participant_ids), 1, 'then the customer can be removed') FROM appt.remove_participant(:'id', :'customer') a;

-- An agent whose id reads like the organizing customer's is still another person.
SELECT id AS other FROM appt.schedule_appointment(:'application', now() + '2 days', '1 hour', organizer_id => 'ann') \gset
UPDATE appt.appointment SET organizer_id = 'same', organizer_type = 'CUSTOMER' WHERE id = :'other';
SELECT is(a.organizer, '{"id": "same", "type": "AGENT"}', 'types count as well as ids') FROM appt.reassign_appointment(:'other', 'same') a;

-- In every state; and no such appointment.
SELECT id AS over FROM appt.schedule_appointment(:'application', now() + '2 days', '1 hour', organizer_id => 'ann') \gset
SELECT appt.cancel_appointment(:'over') AS ignored, appt.end_appointment(:'other') AS ignored \gset
SELECT is(r.state, expected, format(function, 'one ' || said))
	FROM (VALUES ('cancelled', quote_literal(:'over'), 'PT409'), ('ended', quote_literal(:'other'), 'PT409'),
		('unknown', '''00000000-0000-0000-0000-000000000000''', 'PT404'), ('not named', 'NULL', '22023')) which (said, id, expected),
	(VALUES ('add_agent(%s, ''x'')'), ('reassign_appointment(%s, ''x'')'), ('reassign_appointment(%s, ''ann'')')) f (function),
	pg_temp.refusal(format(function, which.id)) r;

-- Once deleted, the log is its last organizer's.
SELECT appt.delete_appointment(:'id');
SELECT is(string_agg(DISTINCT organizer_id, ' '), 'eve', 'the log of a deleted appointment is its last organizer''s')
	FROM appt.notification WHERE appointment_id = :'id';

SELECT * FROM finish();
ROLLBACK;
