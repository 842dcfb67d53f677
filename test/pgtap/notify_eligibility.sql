-- May it go out, and if not, why not: every combination of everything that the decision depends on, against the rules
-- written down once more, as data.
BEGIN;
SELECT * FROM no_plan();

-- What can be wrong, each a bit. "no rule needed" and "recipient not sender" are none, but vary with them. The last three
-- are about users: a preference or channel that is off, no admin any more, disabled or gone.
CREATE TEMP TABLE defect AS
SELECT name, 1 << (ordinality - 1)::int AS bit
  FROM unnest('{call started,recipient gone,appointment off,global off,rule off,room does not activate,platform forbids,
	route missing,route disabled,channel unavailable,sender unverified,address missing,address bad,template missing,
	no rule needed,recipient not sender,address not verified,never told,user unwilling,user no admin,
	user off}'::text[]) WITH ORDINALITY u (name, ordinality);
CREATE FUNCTION pg_temp.bit(wanted text) RETURNS integer LANGUAGE sql AS
$$SELECT coalesce(sum(bit), 0)::integer FROM unnest(string_to_array(wanted, ',')) name JOIN defect USING (name)$$;


-- Types, and what varies for each: who booked matters to customers alone, what a user wants to the types for users.
CREATE TEMP TABLE kind AS
SELECT type, CASE WHEN type = 'TEST' OR is_for_users OR type = 'MESSAGE' THEN '{EMAIL,SMS,WEBHOOK,IN_APP}'::text[]
		ELSE '{EMAIL,SMS,WEBHOOK}' END AS channels,
	CASE WHEN is_customers OR type LIKE 'APPOINTMENT%' OR type = 'RESPONSE' THEN '{NONE,SCHEDULED,ACTIVATED,ENDED,CANCELLED,DELETED}'::text[]
		ELSE '{NONE}' END AS conditions,
	is_for_users,
	CASE WHEN is_customers THEN 2097151 - pg_temp.bit('user unwilling,user no admin' || CASE type
			WHEN 'CODE' THEN ',address not verified,never told,user off'
			WHEN 'TEST' THEN ',recipient not sender,never told'
			WHEN 'CANCELLED' THEN ',recipient not sender,user off'
			ELSE ',recipient not sender,never told,user off' END)
		WHEN type LIKE 'APPOINTMENT%' THEN 2097151 - pg_temp.bit('rule off,no rule needed,recipient not sender,'
			'address not verified,never told,room does not activate,route disabled,address bad,channel unavailable')
		ELSE 2097151 - pg_temp.bit('call started,recipient gone,appointment off,rule off,no rule needed,recipient not sender,'
			'address not verified,never told,room does not activate') END AS vary
  FROM (
	SELECT type, true, false FROM unnest('{CREATE,RESCHEDULE,CANCELLED,REMINDER,ROOM,FOLLOW_UP,UPDATE,ACTIVATE,CODE,TEST,
		CONFIRMATION_REQUEST,AUTO_REPLY}'::text[]) type
	UNION ALL
	SELECT type, false, type NOT IN ('MESSAGE', 'INBOUND_MESSAGE')
	  FROM unnest('{CALL,TEXT_MESSAGE,VOICEMAIL,FAX,MENTION,CONTACT_ASSIGNED,REMINDER_ASSIGNED,APPOINTMENT_ASSIGNED,
		APPOINTMENT_CREATED,APPOINTMENT_REMINDER,BILLING_WARNING,USERS_SYNC,CONTACTS_SYNC,CONTACT_DISPOSITIONS_SYNC,
		CALL_DISPOSITIONS_SYNC,INTEGRATION_FAILED,IMPORT_EXPORT,DAILY_ACTIVITY,DAILY_INBOUND_SMS,DAILY_OUTBOUND_SMS,
		DAILY_SPENDING,WEBHOOK_FAILURES,HIGH_SMS,MESSAGE,INBOUND_MESSAGE,RESPONSE}'::text[]) type
  ) t (type, is_customers, is_for_users);
SELECT set_eq('SELECT type FROM kind', 'SELECT type FROM appt.notification_type', 'every type is judged here');
SELECT set_eq('SELECT type FROM kind WHERE is_for_users', $$SELECT type FROM appt.notification_type WHERE audience = 'USERS'$$,
	'the types for users');

\set start '''2026-03-01 12:00:00+00''::timestamptz'
\set end '''2026-03-01 12:30:00+00''::timestamptz'
\set one '''1 microsecond''::interval'

CREATE TEMP TABLE cell AS
SELECT type, channel, condition, try, due_at, at,
	-- Until when a first attempt may start, and until when a retry.
	CASE WHEN type IN ('CREATE', 'RESCHEDULE', 'CONFIRMATION_REQUEST') THEN at <= :end
		WHEN type IN ('REMINDER', 'APPOINTMENT_REMINDER') THEN at <= due_at + interval '1 minute' AND at < :start
		WHEN type = 'ROOM' THEN at <= due_at + interval '5 minutes'
		WHEN type IN ('CODE', 'TEST', 'CALL') THEN at <= due_at + interval '2 minutes'
		WHEN type = 'AUTO_REPLY' THEN at <= due_at + interval '10 minutes'
		WHEN type LIKE 'DAILY%' OR type = 'WEBHOOK_FAILURES' THEN at <= due_at + interval '12 hours'
		ELSE at <= due_at + interval '24 hours' END AS in_window,
	CASE WHEN type IN ('REMINDER', 'APPOINTMENT_REMINDER') THEN at < :start
		WHEN type = 'ROOM' THEN at <= due_at + interval '5 minutes'
		WHEN type IN ('CODE', 'TEST', 'CALL') THEN at <= due_at + interval '2 minutes'
		WHEN type = 'AUTO_REPLY' THEN at <= due_at + interval '10 minutes'
		WHEN type LIKE 'DAILY%' OR type = 'WEBHOOK_FAILURES' THEN at <= due_at + interval '12 hours'
		WHEN type = 'MESSAGE' THEN at <= due_at + interval '24 hours'
		ELSE true END AS in_time_to_retry,
	type = 'ROOM' AND condition = 'SCHEDULED' AS wants_activation,
	channel = 'WEBHOOK' AS is_webhook, channel IN ('EMAIL', 'SMS') AS has_provider,
	is_for_users, vary, is_boundary
  FROM kind, unnest(channels) channel, unnest(conditions) condition,
	unnest('{FIRST,RETRY,MANUAL}'::text[]) try,
	-- The clock: due 3 minutes before the start, looked at in each stretch of time that tells types apart; and again,
	-- with fewer defects, at every boundary, and due at other times too.
	(SELECT :start - interval '3 minutes' AS due_at, :start - interval '3 minutes' + late AS at, false AS is_boundary
	   FROM unnest(ARRAY[- :one, interval '0', interval '1 minute' + :one, interval '3 minutes', interval '5 minutes' + :one,
			interval '34 minutes', interval '24 hours' + :one]) late
	UNION ALL
	SELECT due_at, at, true
	   FROM unnest(ARRAY[:start - interval '3 minutes', :start - interval '30 seconds', :start, :end + interval '5 minutes']) due_at,
		LATERAL (SELECT due_at + late + step * :one AS at
			FROM unnest('{0,1 minute,2 minutes,5 minutes,10 minutes,12 hours,24 hours}'::interval[]) late, generate_series(-1, 1) step
			UNION SELECT moment + step * :one FROM unnest(ARRAY[:start, :end]) moment, generate_series(-1, 1) step) moments) clock;

-- The judgements in their order. An entry counts when all its defects are there; the first that counts tells.
CREATE TEMP TABLE expected AS
SELECT cell.*, masks, outcomes
  FROM (SELECT DISTINCT * FROM cell) cell, LATERAL (
	SELECT array_agg(pg_temp.bit(defect) ORDER BY priority) AS masks, array_agg(outcome ORDER BY priority) AS outcomes
	  FROM (VALUES
		-- not before its time
		(0, at < due_at, '', 'WAIT'),
		-- superseded by events; a person may retry FOLLOW_UP and CANCELLED alone once it is over
		(10, condition = 'DELETED' AND CASE try WHEN 'MANUAL' THEN type NOT IN ('CANCELLED', 'FOLLOW_UP', 'RESPONSE')
			ELSE type IN ('REMINDER', 'ROOM', 'RESCHEDULE', 'CREATE', 'CONFIRMATION_REQUEST', 'UPDATE', 'ACTIVATE', 'FOLLOW_UP')
				OR type LIKE 'APPOINTMENT%' END,
			'', 'CANCELLED APPOINTMENT_DELETED'),
		(11, condition = 'CANCELLED' AND CASE try WHEN 'MANUAL' THEN type NOT IN ('CANCELLED', 'FOLLOW_UP', 'RESPONSE')
			ELSE type IN ('REMINDER', 'ROOM', 'RESCHEDULE', 'CREATE', 'CONFIRMATION_REQUEST', 'UPDATE', 'ACTIVATE', 'FOLLOW_UP')
				OR type LIKE 'APPOINTMENT%' END,
			'', 'CANCELLED APPOINTMENT_CANCELLED'),
		(12, condition = 'ENDED' AND CASE try WHEN 'MANUAL' THEN type NOT IN ('CANCELLED', 'FOLLOW_UP', 'RESPONSE')
			ELSE type IN ('REMINDER', 'ROOM', 'RESCHEDULE', 'CREATE', 'CONFIRMATION_REQUEST') OR type LIKE 'APPOINTMENT%' END,
			'', 'CANCELLED ENDED'),
		(13, type IN ('REMINDER', 'ROOM', 'APPOINTMENT_REMINDER'), 'call started', 'CANCELLED CALL_STARTED'),
		(14, type IN ('CREATE', 'CONFIRMATION_REQUEST', 'RESCHEDULE', 'REMINDER', 'ROOM', 'FOLLOW_UP') OR type LIKE 'APPOINTMENT%',
			'recipient gone',
			'CANCELLED PARTICIPANT_REMOVED'),
		-- the two switches, and the rule
		(20, type NOT IN ('CODE', 'TEST'), 'appointment off', 'SUPPRESSED APPOINTMENT_OFF'),
		(21, type NOT IN ('CODE', 'TEST'), 'global off', 'SUPPRESSED GLOBAL_OFF'),
		(22, true, 'rule off', 'SUPPRESSED RULE_OFF'),
		-- a person may send it all the same
		(23, try <> 'MANUAL', 'never told', 'SUPPRESSED NEVER_TOLD'),
		-- what the user wants, and may be told
		(24, is_for_users, 'user unwilling', 'SUPPRESSED PREFERENCE_OFF'),
		(25, is_for_users, 'user no admin', 'SUPPRESSED PREFERENCE_OFF'),
		-- the clock
		(30, try = 'FIRST' AND NOT in_window AND wants_activation, 'room does not activate', 'MISSED NOT_ACTIVATED'),
		(31, try = 'FIRST' AND NOT in_window, '', 'MISSED WINDOW_PASSED'),
		(32, try = 'RETRY' AND NOT in_time_to_retry, '', 'FAILED RETRY_TOO_LATE'),
		-- the activation
		(40, try = 'FIRST' AND wants_activation, 'room does not activate', 'WAIT'),
		(41, try <> 'FIRST' AND wants_activation, 'room does not activate', 'FAILED NOT_ACTIVATED'),
		-- the way, first the user, whatever the type
		(49, true, 'user off', 'SKIPPED USER_OFF'),
		(50, has_provider, 'platform forbids', 'SKIPPED CHANNEL_NOT_AVAILABLE'),
		(51, is_webhook, 'route missing', 'SUPPRESSED SUBSCRIPTION_OFF'),
		(52, is_webhook, 'route disabled', 'SUPPRESSED SUBSCRIPTION_OFF'),
		(53, true, 'channel unavailable', 'SKIPPED CHANNEL_NOT_AVAILABLE'),
		(54, has_provider, 'route missing', 'SKIPPED NO_PROVIDER'),
		(55, has_provider, 'route disabled', 'SKIPPED NO_PROVIDER'),
		-- the code that is to verify a sender goes to it
		(56, channel = 'EMAIL' AND type <> 'CODE', 'sender unverified', 'SKIPPED SENDER_NOT_VERIFIED'),
		(56, channel = 'EMAIL' AND type = 'CODE', 'sender unverified,recipient not sender', 'SKIPPED SENDER_NOT_VERIFIED'),
		(57, true, 'address missing', 'SKIPPED NO_ADDRESS'),
		(58, true, 'address bad', 'SKIPPED BAD_ADDRESS'),
		-- who books without an agent gets messages to the address alone that it has shown to be its own
		(59, true, 'address not verified', 'SKIPPED ADDRESS_NOT_VERIFIED'),
		(60, NOT is_webhook, 'template missing', 'SKIPPED NO_TEMPLATE'),
		(99, true, '', 'SEND')
	) entry (priority, applies, defect, outcome)
	 WHERE applies) e;

CREATE FUNCTION pg_temp.mismatches(e expected, vary integer) RETURNS text LANGUAGE sql AS $$
SELECT appt_test.eligibility_mismatches(e.type, e.channel, e.condition, e.try, e.due_at,
	'2026-03-01 12:00:00+00', '2026-03-01 12:30:00+00', e.at, vary, e.masks, e.outcomes,
	-- it waits for its time, or for its activation until its window is over
	CASE WHEN e.at < e.due_at THEN e.due_at ELSE e.due_at + interval '5 minutes' + interval '1 microsecond' END)
$$;

SELECT is(count(*), ((37 + 4 * 4) * 6 * 3 * 7 + (21 * 4 + 3) * 3 * 7)::bigint,
	'types x channels x states x tries x stretches of time; only types about appointments have states') FROM expected
	WHERE NOT is_boundary;
SELECT is((SELECT count(*) FROM defect), 21::bigint, 'with up to 2^17 combinations of defects each: those that the type minds');
SELECT is_empty($$SELECT type, channel, condition, try, at - due_at, mismatch
	FROM expected e, LATERAL (SELECT pg_temp.mismatches(e, e.vary) AS mismatch OFFSET 0) m
	WHERE NOT is_boundary AND mismatch IS NOT NULL$$, 'the whole product comes out as the rules say');
SELECT cmp_ok(count(*), '>', 20000::bigint, 'every boundary of every window') FROM expected WHERE is_boundary;
SELECT is_empty($$SELECT type, channel, condition, try, due_at, at, mismatch
	FROM expected e, LATERAL (SELECT pg_temp.mismatches(e, pg_temp.bit('room does not activate')) AS mismatch OFFSET 0) m
	WHERE is_boundary AND mismatch IS NOT NULL$$, 'boundaries fall to the microsecond where the rules say');

-- Addresses that are suppressed: every set of reasons, to customers and users, first, again and by hand, and what goes before
-- and after it. The first reason of the list that counts tells.
SELECT is_empty($$
	WITH cell AS (
		SELECT * FROM unnest('{EMAIL,SMS}'::text[]) channel, generate_series(0, 15) AS bits,
			unnest('{false,true}'::boolean[]) to_user, unnest('{false,true}'::boolean[]) ignores_opt_out,
			unnest('{FIRST,RETRY,MANUAL}'::text[]) try,
			unnest('{"",global off,address bad,template missing}'::text[]) defect
	), stopped AS (
		SELECT cell.*, ARRAY(SELECT reason FROM unnest('{UNDELIVERABLE,BLOCKED,COMPLAINED,OPTED_OUT}'::text[]) WITH ORDINALITY r (reason, n)
			WHERE bits & (1 << (n - 1)::int) > 0 ORDER BY n) AS reasons
		  FROM cell
	), expected AS (
		SELECT stopped.*, CASE
			WHEN defect = 'global off' THEN 'SUPPRESSED GLOBAL_OFF'
			WHEN defect = 'address bad' THEN 'SKIPPED BAD_ADDRESS'
			WHEN to_user AND reasons[1] = 'UNDELIVERABLE' THEN 'SUPPRESSED UNDELIVERABLE'
			WHEN NOT to_user AND cardinality(reasons) > 0 AND NOT (ignores_opt_out AND reasons[1] = 'OPTED_OUT') THEN 'SUPPRESSED ' || reasons[1]
			WHEN defect = 'template missing' THEN 'SKIPPED NO_TEMPLATE'
			ELSE 'SEND' END AS outcome
		  FROM stopped
	)
	SELECT *, got FROM expected, LATERAL (SELECT appt_test.suppressed(channel, reasons, to_user, ignores_opt_out, try, defect) AS got) g
	 WHERE got <> outcome$$, 'what suppresses an address stops messages to customers; users obey UNDELIVERABLE alone');

-- Windows, as design.md's table has them.
SELECT is(appt_test.window_end(type, '2026-03-01 11:00:00+00', '2026-03-01 12:00:00+00', '2026-03-01 12:30:00+00'),
	until::timestamptz, type || ' until ' || until)
  FROM (VALUES ('CREATE', '2026-03-01 12:30:00+00'), ('RESCHEDULE', '2026-03-01 12:30:00+00'), ('CANCELLED', '2026-03-02 11:00:00+00'),
	('REMINDER', '2026-03-01 11:01:00+00'), ('ROOM', '2026-03-01 11:05:00+00'), ('FOLLOW_UP', '2026-03-02 11:00:00+00'),
	('UPDATE', '2026-03-02 11:00:00+00'), ('ACTIVATE', '2026-03-02 11:00:00+00'), ('CODE', '2026-03-01 11:02:00+00'),
		('TEST', '2026-03-01 11:02:00+00')) t (type, until);
SELECT is(appt_test.window_end('REMINDER', '2026-03-01 11:59:30+00', '2026-03-01 12:00:00+00', '2026-03-01 12:30:00+00'),
	'2026-03-01 11:59:59.999999+00'::timestamptz, 'a reminder goes before the start');

-- After a failure.
SELECT is(appt_test.retry_wait(attempts, 10, 600, after, jitter), wait::float8,
	format('attempt %s, Retry-After %s, jitter %s', attempts, after, jitter))
  FROM (VALUES (1, -1, 0, 10), (2, -1, 0, 20), (3, -1, 0, 40), (7, -1, 0, 600), (100, -1, 0, 600), (2000000000, -1, 0, 600),
	(1, -1, 1, 12), (1, -1, -1, 8), (2, -1, 0.5, 22), (7, -1, 1, 600), (7, -1, -1, 480),
	(1, 60, 0, 60), (1, 3, 0, 10), (1, 86400, 0, 600), (1, 0, 0, 10), (1, 3, -1, 8)) t (attempts, after, jitter, wait);
SELECT is(appt_test.retry_wait(1, 1e6, 1, -1, 1), 1::float8, 'a base above the cap waits the cap');

SELECT is(appt_test.retry_decide(type, '2026-03-01 11:00:00+00', '2026-03-01 12:00:00+00',
	'2026-03-01 11:00:00+00'::timestamptz + late::interval,
		manual, attempts, 4, final, superseded_by), outcome,
			format('%s at +%s, attempt %s%s%s %s', type, late, attempts, CASE WHEN manual THEN ' by hand' END, ' ' || final,
			superseded_by))
  FROM (VALUES
	('CREATE', '0', false, 1, '', '', 'RETRYING WILL_RETRY +10'),
	('CREATE', '0', false, 3, '', '', 'RETRYING WILL_RETRY +40'),
	('CREATE', '0', false, 4, '', '', 'FAILED RETRIES_EXHAUSTED'),
	('CREATE', '0', false, 1, 'REJECTED', '', 'FAILED REJECTED'),
	('CREATE', '0', true, 1, '', '', 'FAILED RETRIES_EXHAUSTED'),
	('CREATE', '0', true, 5, 'REJECTED', '', 'FAILED REJECTED'),
	('CREATE', '0', false, 1, 'ADDRESS_NOT_ALLOWED', '', 'FAILED ADDRESS_NOT_ALLOWED'),
	('CREATE', '0', true, 5, 'ADDRESS_NOT_ALLOWED', '', 'FAILED ADDRESS_NOT_ALLOWED'),
	('CREATE', '3 days', false, 1, '', '', 'RETRYING WILL_RETRY +10'),
	('REMINDER', '59 minutes 49 seconds', false, 1, '', '', 'RETRYING WILL_RETRY +10'),
	('REMINDER', '59 minutes 50 seconds', false, 1, '', '', 'FAILED RETRY_TOO_LATE'),
	('ROOM', '4 minutes 50 seconds', false, 1, '', '', 'RETRYING WILL_RETRY +10'),
	('ROOM', '4 minutes 50.000001 seconds', false, 1, '', '', 'FAILED RETRY_TOO_LATE'),
	('CODE', '1 minute 50 seconds', false, 1, '', '', 'RETRYING WILL_RETRY +10'),
	('TEST', '1 minute 51 seconds', false, 1, '', '', 'FAILED RETRY_TOO_LATE'),
	('REMINDER', '0', false, 1, '', 'CALL_STARTED', 'CANCELLED CALL_STARTED'),
	('REMINDER', '0', false, 4, 'REJECTED', 'RESCHEDULED', 'CANCELLED RESCHEDULED'),
	('CREATE', '0', true, 4, 'REJECTED', 'APPOINTMENT_DELETED', 'CANCELLED APPOINTMENT_DELETED')
  ) t (type, late, manual, attempts, final, superseded_by, outcome);

SELECT * FROM finish();
ROLLBACK;
