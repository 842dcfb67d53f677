-- What a person does to an appointment beside its times and words: another meeting template, a customer's data, archiving, reopening,
-- following.
BEGIN;
SELECT * FROM no_plan();
SET client_min_messages = error;

CREATE FUNCTION pg_temp.refusal(statement text, OUT state text, OUT message text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE 'SELECT appt.' || statement;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
END $$;
-- Messages to customers, or to others; since the last call.
CREATE TEMPORARY TABLE seen (id bigint, state text);
CREATE FUNCTION pg_temp.news(appointment uuid, to_customers boolean) RETURNS text LANGUAGE sql AS $$
	WITH fresh AS (SELECT n.* FROM appt.notification n WHERE n.appointment_id = $1 AND (n.recipient_kind = 'CUSTOMER') = $2
		AND NOT EXISTS (SELECT FROM pg_temp.seen s WHERE s.id = n.id AND s.state = n.state)),
	marked AS (INSERT INTO pg_temp.seen SELECT id, state FROM fresh)
	SELECT coalesce(string_agg(concat_ws(' ', type, channel, CASE WHEN type = 'REMINDER' THEN extract(hour FROM time_offset) END,
		CASE WHEN state <> 'PENDING' THEN state END, reason), ', ' ORDER BY state <> 'PENDING', type, channel, time_offset, id), '') FROM fresh $$;
CREATE FUNCTION pg_temp.queued(appointment uuid) RETURNS text LANGUAGE sql AS $$
	SELECT count(*) || ' of ' || count(d) FROM appt.notification n LEFT JOIN appt.due d ON d.notification_id = n.id
	WHERE n.appointment_id = $1 AND n.state IN ('PENDING', 'RETRYING') $$;
-- As the worker does.
CREATE FUNCTION pg_temp.settle(ids bigint[], new_state text) RETURNS void LANGUAGE sql AS $$
	UPDATE appt.notification SET state = $2, attempt_count = 1, settled_at = CASE WHEN $2 IN ('SENT', 'FAILED') THEN now() END,
		reason = CASE $2 WHEN 'RETRYING' THEN 'WILL_RETRY' WHEN 'FAILED' THEN 'REJECTED' END,
		next_attempt_at = CASE $2 WHEN 'RETRYING' THEN next_attempt_at END WHERE id = ANY ($1);
	DELETE FROM appt.due WHERE notification_id = ANY ($1) AND $2 <> 'RETRYING' $$;

SELECT appt.create_organization('Acme') AS organization \gset
SELECT appt.create_application(:'organization', 'Sales', room_url => 'https://video.example', timezone => 'Europe/Berlin') AS application \gset
SELECT appt.create_application(:'organization', 'Other') AS other \gset
SELECT count(*) AS ignored FROM appt.create_subscription(:'application', 'https://hooks.example/a') \gset
SELECT appt.create_meeting_template(:'application', 'Viewing', location => 'Main Street 1', title => 'Viewing {{status}}') AS viewing \gset
SELECT appt.create_meeting_template(:'application', 'Call', title => 'Call {{status}}') AS calling \gset
SELECT appt.create_meeting_template(:'other', 'Foreign') AS foreign \gset
CREATE FUNCTION pg_temp.booked(application uuid, template uuid = NULL, preferred text = NULL) RETURNS uuid LANGUAGE sql AS $$
	SELECT id FROM appt.schedule_appointment($1, now() + '10 days', '1 hour', jsonb_build_object('name', '{"firstName": "Ann", "lastName": "Lee"}'::jsonb,
		'contact', '{"primaryEmail": "ann@a.example", "primaryPhone": "+306900000001"}'::jsonb, 'preferredChannel', $3),
		organizer_id => 'agent-1', meeting_template_id => $2) $$;
CREATE FUNCTION pg_temp.customer(appointment uuid) RETURNS text LANGUAGE sql AS $$
	SELECT id FROM appt.participant WHERE appointment_id = $1 AND type = 'CUSTOMER' $$;

/* ---- apply_meeting_template ---- */

SELECT pg_temp.booked(:'application') AS id \gset
SELECT is(pg_temp.news(:'id', true), 'CREATE EMAIL, CREATE SMS, REMINDER EMAIL 1, REMINDER EMAIL 24', 'the application''s rules plan');
SELECT pg_temp.news(:'id', false) AS ignored \gset
SELECT is(ROW(a.meeting_template_id, a.booking_state, a.notification_state, a.title, a.location)::text,
	ROW(:'viewing'::uuid, 'NEW', 'NONE', 'Viewing NEW', 'Main Street 1')::text, 'an appointment is given a template')
	FROM appt.apply_meeting_template(:'id', :'viewing') a;
SELECT is(pg_temp.news(:'id', true), 'REMINDER EMAIL 1, REMINDER EMAIL 24, CREATE EMAIL CANCELLED TEMPLATE_CHANGED, CREATE SMS CANCELLED TEMPLATE_CHANGED, '
	'REMINDER EMAIL 1 CANCELLED TEMPLATE_CHANGED, REMINDER EMAIL 24 CANCELLED TEMPLATE_CHANGED', 'whose rules plan the reminders');
SELECT is(count(*), 2::bigint, 'they are the template''s rules') FROM appt.notification n JOIN appt.rule r ON r.id = n.rule_id
	WHERE n.appointment_id = :'id' AND n.state = 'PENDING' AND r.meeting_template_id = :'viewing';
SELECT is(pg_temp.news(:'id', false), 'UPDATE WEBHOOK', 'subscribers are told');
SELECT is(event, '{"changedFields": ["location", "title", "meetingTemplateId"]}', 'of what changed') FROM appt.notification
	WHERE appointment_id = :'id' AND type = 'UPDATE';
SELECT is(sequence, 1, 'calendars have another place') FROM appt.appointment WHERE id = :'id';
SELECT appt.apply_meeting_template(:'id', :'viewing') AS ignored \gset
SELECT is(pg_temp.news(:'id', true) || pg_temp.news(:'id', false), '', 'the same one changes nothing');
SELECT appt_test.set_booking_state(:'id', 'CONFIRMED') AS ignored \gset
UPDATE appt.appointment SET notification_state = 'CONFIRMED', told = '{}' WHERE id = :'id';
SELECT is(ROW(a.booking_state, a.notification_state, a.title, a.location)::text, ROW('CONFIRMED', 'CONFIRMED', 'Call CONFIRMED', 'Main Street 1')::text,
	'with another one the customers know what they knew') FROM appt.apply_meeting_template(:'id', :'calling') a;
SELECT pg_temp.news(:'id', true) || pg_temp.news(:'id', false) AS ignored \gset
SELECT is(ROW(a.meeting_template_id, a.booking_state, a.notification_state, a.title, a.location)::text, ROW(NULL, NULL, NULL, 'Call', 'Main Street 1')::text,
	'without one it keeps the title that they see') FROM appt.apply_meeting_template(:'id', NULL) a;
SELECT is(pg_temp.news(:'id', true), 'REMINDER EMAIL 1, REMINDER EMAIL 24, REMINDER EMAIL 1 CANCELLED TEMPLATE_CHANGED, '
	'REMINDER EMAIL 24 CANCELLED TEMPLATE_CHANGED', 'and the application''s reminders');
SELECT is(count(*), 2::bigint, 'they are its rules') FROM appt.notification n JOIN appt.rule r ON r.id = n.rule_id
	WHERE n.appointment_id = :'id' AND n.state = 'PENDING' AND n.recipient_kind = 'CUSTOMER' AND r.meeting_template_id IS NULL;
SELECT is(pg_temp.queued(:'id'), n || ' of ' || n, 'what waits is in the queue, and nothing else') FROM (SELECT count(*) FROM appt.notification
	WHERE appointment_id = :'id' AND state = 'PENDING') c (n);
SELECT is(told, NULL, 'nothing is remembered') FROM appt.appointment WHERE id = :'id';
SELECT is(r.state, wrong.state, said || ' is refused') FROM (VALUES ('PT404', format('%L, %L', :'id', :'foreign')), ('PT404', format('%L, %L', :'foreign', :'viewing')),
	('22023', 'NULL')) wrong (state, said), pg_temp.refusal('apply_meeting_template(' || said || ')') r;
UPDATE appt.meeting_template SET active = false WHERE id = :'calling';
SELECT is(r.state, '22023', 'so is one that is not active') FROM pg_temp.refusal(format('apply_meeting_template(%L, %L)', :'id', :'calling')) r;
UPDATE appt.meeting_template SET require_location = true, location = NULL, active = true WHERE id = :'calling';
SELECT pg_temp.booked(:'application') AS nowhere \gset
SELECT is(r.state, '22023', 'or one that requires a location') FROM pg_temp.refusal(format('apply_meeting_template(%L, %L)', :'nowhere', :'calling')) r;
SELECT appt.cancel_appointment(:'nowhere') AS ignored \gset
SELECT is(r.state, 'PT409', 'or once it is over') FROM pg_temp.refusal(format('apply_meeting_template(%L, %L)', :'nowhere', :'viewing')) r;

/* ---- update_customer ---- */

SELECT pg_temp.booked(:'application') AS id \gset
SELECT pg_temp.customer(:'id') AS ann \gset
SELECT pg_temp.news(:'id', true) || pg_temp.news(:'id', false) AS ignored \gset
SELECT pg_temp.settle(array_agg(n.id), 'SENT') FROM appt.notification n WHERE appointment_id = :'id' AND type = 'CREATE' AND channel = 'EMAIL';
SELECT pg_temp.settle(array_agg(n.id), 'RETRYING') FROM appt.notification n WHERE appointment_id = :'id' AND type = 'CREATE' AND channel = 'SMS';
SELECT pg_temp.news(:'id', true) AS ignored \gset
SELECT appt.update_customer(:'id', :'ann', '{"contact": {"primaryPhone": "+306900000002"}}') AS ignored \gset
SELECT is(ROW(first_name, last_name, email, phone)::text, '(Ann,Lee,ann@a.example,+306900000002)', 'members that are left out stay')
	FROM appt.participant WHERE id = :'ann';
SELECT is(pg_temp.news(:'id', true), 'CREATE SMS, REMINDER EMAIL 1, REMINDER EMAIL 24, CREATE SMS CANCELLED CUSTOMER_CHANGED, '
	'REMINDER EMAIL 1 CANCELLED CUSTOMER_CHANGED, REMINDER EMAIL 24 CANCELLED CUSTOMER_CHANGED', 'what is pending is planned anew, what was sent is not');
SELECT is(array_agg(address), '{+306900000002}', 'to the new number') FROM appt.notification WHERE appointment_id = :'id' AND type = 'CREATE'
	AND channel = 'SMS' AND state = 'PENDING';
SELECT is(pg_temp.news(:'id', false), 'UPDATE WEBHOOK', 'subscribers are told');
SELECT is(event, '{"changedFields": ["participantIds"]}', 'as of other changes of participants') FROM appt.notification
	WHERE appointment_id = :'id' AND type = 'UPDATE';
SELECT is(pg_temp.queued(:'id'), n || ' of ' || n, 'what waits is in the queue, and nothing else') FROM (SELECT count(*) FROM appt.notification
	WHERE appointment_id = :'id' AND state = 'PENDING') c (n);
SELECT appt.update_customer(:'id', :'ann', '{"contact": {"primaryPhone": "+306900000002"}, "name": {"firstName": "Ann"}}') AS ignored \gset
SELECT is(pg_temp.news(:'id', true) || pg_temp.news(:'id', false), '', 'what does not differ changes nothing');
SELECT appt.update_customer(:'id', :'ann', '{"name": null, "locale": "de", "metadata": {"a": 1}}') AS ignored \gset
SELECT is(ROW(first_name, last_name, email, locale, metadata)::text, ROW(NULL, NULL, 'ann@a.example', 'de', '{"a": 1}'::jsonb)::text, 'null clears')
	FROM appt.participant WHERE id = :'ann';
SELECT is(pg_temp.news(:'id', true), '', 'names and words are read when it is sent');
SELECT appt.update_customer(:'id', :'ann', '{"contact": {"primaryEmail": null}, "metadata": null}') AS ignored \gset
SELECT is(ROW(email, phone, metadata)::text, ROW(NULL, '+306900000002', '{}'::jsonb)::text, 'also one member of many') FROM appt.participant WHERE id = :'ann';
SELECT is(r.state, wrong.state, said || ' is refused') FROM (VALUES
	('PT404', format('%L, ''nobody'', ''{}''', :'id')), ('PT404', format('%L, ''agent-1'', ''{}''', :'id')), ('PT404', format('%L, %L, ''{}''', :'foreign', :'ann')),
	('22023', format('%L, %L, ''[]''', :'id', :'ann')), ('22023', format('%L, %L, ''{"contact": {"primaryEmail": "x"}}''', :'id', :'ann')),
	('22023', format('%L, %L, ''{"mail": "x"}''', :'id', :'ann')), ('22023', format('%L, %L, ''{"preferredChannel": "WEBHOOK"}''', :'id', :'ann')),
	('PT409', format('%L, %L, ''{}''', :'nowhere', pg_temp.customer(:'nowhere')))) wrong (state, said),
	pg_temp.refusal('update_customer(' || said || ')') r;
-- With a template the preferred channel decides, also for what a person sent.
SELECT pg_temp.booked(:'application', :'viewing', 'SMS') AS id \gset
SELECT pg_temp.customer(:'id') AS ann \gset
INSERT INTO appt.rule (application_id, meeting_template_id, type, channel, time_offset) VALUES
	(:'application', :'viewing', 'REMINDER', 'SMS', '1 hour'), (:'application', :'viewing', 'REMINDER', 'BOTH', '2 hours');
SELECT is(pg_temp.news(:'id', true), 'REMINDER SMS 1, REMINDER SMS 24', 'reminders go over the preferred channel');
INSERT INTO appt.notification (application_id, appointment_id, recipient_kind, recipient_id, rule_id, type, channel, due_at, next_attempt_at, lane, title)
	SELECT :'application', :'id', 'CUSTOMER', :'ann', r.id, 'CONFIRMATION_REQUEST', 'SMS', now(), now(), 5, 'by hand' FROM appt.rule r
	WHERE r.meeting_template_id = :'viewing' AND r.type = 'CONFIRMATION_REQUEST';
INSERT INTO appt.due (lane, due_at, notification_id, application_id, first_due_at)
	SELECT lane, due_at, id, application_id, due_at FROM appt.notification WHERE title = 'by hand';
SELECT pg_temp.news(:'id', true) AS ignored \gset
SELECT appt.update_customer(:'id', :'ann', '{"preferredChannel": "EMAIL"}') AS ignored \gset
SELECT is(pg_temp.news(:'id', true), 'CONFIRMATION_REQUEST EMAIL, REMINDER EMAIL 1, REMINDER EMAIL 2, REMINDER EMAIL 24, REMINDER SMS 1, REMINDER SMS 2, '
	'CONFIRMATION_REQUEST SMS CANCELLED CUSTOMER_CHANGED, REMINDER SMS 1 CANCELLED CUSTOMER_CHANGED, REMINDER SMS 24 CANCELLED CUSTOMER_CHANGED',
	'another one, as the rules say now');
SELECT is(pg_temp.queued(:'id'), n || ' of ' || n, 'all in the queue') FROM (SELECT count(*) FROM appt.notification
	WHERE appointment_id = :'id' AND state = 'PENDING') c (n);
-- What somebody sends again by hand stays so.
UPDATE appt.notification SET manual = true, resent_from = 7 WHERE appointment_id = :'id' AND type = 'CONFIRMATION_REQUEST' AND state = 'PENDING';
SELECT appt.update_customer(:'id', :'ann', '{"contact": {"primaryEmail": "hand@a.example"}}') AS ignored \gset
SELECT is(ROW(manual, resent_from, address)::text, '(t,7,hand@a.example)', 'what is sent again by hand stays so') FROM appt.notification
	WHERE appointment_id = :'id' AND type = 'CONFIRMATION_REQUEST' AND state = 'PENDING';
SELECT is(bool_or(manual), false, 'nothing else becomes so') FROM appt.notification WHERE appointment_id = :'id' AND type = 'REMINDER';
-- A message on its way is not touched.
SELECT pg_temp.settle(array_agg(n.id), 'SENDING') FROM appt.notification n WHERE appointment_id = :'id' AND type = 'CONFIRMATION_REQUEST' AND state = 'PENDING';
SELECT pg_temp.news(:'id', true) AS ignored \gset
SELECT appt.update_customer(:'id', :'ann', '{"preferredChannel": "SMS"}') AS ignored \gset
SELECT unalike(pg_temp.news(:'id', true), '%CONFIRMATION_REQUEST%', 'what is being sent is not sent twice');
DELETE FROM appt.rule WHERE meeting_template_id = :'viewing' AND channel IN ('SMS', 'BOTH');

/* ---- archive_appointment, find_appointments ---- */

SELECT appt.create_application(:'organization', 'Archive') AS application \gset
SELECT pg_temp.booked(:'application') AS id \gset
SELECT pg_temp.booked(:'application') AS stays \gset
SELECT is(ROW(r.state, r.message)::text, ROW('PT409', 'the appointment is not over')::text, 'an appointment that takes place is not archived')
	FROM pg_temp.refusal(format('archive_appointment(%L)', :'id')) r;
SELECT appt.cancel_appointment(:'id') AS ignored \gset
SELECT is(ROW(r.state, r.message)::text, ROW('PT409', 'customers are still to be told of the cancellation')::text, 'nor one whose customers are still to be told')
	FROM pg_temp.refusal(format('archive_appointment(%L)', :'id')) r;
SELECT is(ROW(r.state)::text, '(PT409)', 'whatever the state of the notice') FROM unnest('{RETRYING,SENDING}'::text[]) s, LATERAL (
	SELECT pg_temp.settle(array_agg(n.id), s) FROM appt.notification n WHERE appointment_id = :'id' AND type = 'CANCELLED') t,
	pg_temp.refusal(format('archive_appointment(%L)', :'id')) r;
SELECT pg_temp.settle(array_agg(n.id), 'SENT') FROM appt.notification n WHERE appointment_id = :'id' AND type = 'CANCELLED' AND recipient_kind = 'CUSTOMER';
SELECT is(a.archived_at, now(), 'then it is') FROM appt.archive_appointment(:'id') a;
UPDATE appt.appointment SET archived_at = now() - interval '1 hour', updated_at = now() - interval '1 hour' WHERE id = :'id';
SELECT is(ROW(a.archived_at, a.updated_at)::text, ROW(now() - interval '1 hour', now() - interval '1 hour')::text, 'once') FROM appt.archive_appointment(:'id') a;
SELECT is(ROW(p.total, (SELECT array_agg(c.id) FROM unnest(p.content) c))::text, ROW(1, ARRAY[:'stays'::uuid])::text, 'it is out of the pages')
	FROM appt.find_appointments(:'application') p;
SELECT is(ROW(p.total, (SELECT count(*) FROM unnest(p.content) c))::text, '(2,2)', 'unless it is asked for')
	FROM appt.find_appointments(:'application', archived => true) p;
SELECT is(ROW(p.total, (SELECT count(*) FROM unnest(p.content) c))::text, '(1,1)', 'with any filter')
	FROM appt.find_appointments(:'application', organizer_id => '{agent-1}', duration => '{1 hour}', sort_order => 'desc', sort_field => 'title') p;
SELECT is(p.total, 0::bigint, 'and any organizer') FROM appt.find_appointments(:'application', organizer_id => '{agent-2}') p;
SELECT appt.end_appointment(:'stays') AS ignored \gset
SELECT isnt(a.archived_at, NULL, 'one that has ended is archived') FROM appt.archive_appointment(:'stays') a;
SELECT is(ROW(p.total, cardinality(p.content))::text, '(0,0)', 'then no page is left') FROM appt.find_appointments(:'application') p;
SELECT is(r.state, 'PT404', 'no such appointment') FROM pg_temp.refusal(format('archive_appointment(%L)', :'foreign')) r;

/* ---- reopen_appointment ---- */

SELECT appt.create_application(:'organization', 'Again', room_url => 'https://video.example', max_overlap => 1) AS application \gset
SELECT count(*) AS ignored FROM appt.create_subscription(:'application', 'https://hooks.example/a') \gset
SELECT appt.create_meeting_template(:'application', 'Viewing', title => 'Viewing {{status}}') AS viewing \gset
SELECT pg_temp.booked(:'application', :'viewing') AS id \gset
SELECT ticket AS ticket FROM appt.room_access WHERE appointment_id = :'id' \gset
SELECT is(r.state, 'PT409', 'what takes place is not reopened') FROM pg_temp.refusal(format('reopen_appointment(%L, now() + interval ''1 day'')', :'id')) r;
SELECT appt_test.set_booking_state(:'id', 'CONFIRMED') AS ignored \gset
UPDATE appt.appointment SET notification_state = 'CONFIRMED', told = '{"a": 1}' WHERE id = :'id';
UPDATE appt.participant SET response = 'ACCEPTED', responded_at = now(), joined_at = now() WHERE appointment_id = :'id';
INSERT INTO appt.rule (application_id, meeting_template_id, type, channel) VALUES (:'application', :'viewing', 'CANCELLED', 'SMS');
SELECT appt.cancel_appointment(:'id', 'ill') AS ignored \gset
SELECT pg_temp.settle(array_agg(n.id), 'FAILED') FROM appt.notification n WHERE appointment_id = :'id' AND type = 'CANCELLED' AND channel = 'WEBHOOK';
SELECT pg_temp.news(:'id', true) || pg_temp.news(:'id', false) AS ignored \gset
UPDATE appt.appointment SET archived_at = now() WHERE id = :'id';
SELECT id AS between FROM appt.schedule_appointment(:'application', now() + '5 days', '1 hour', organizer_id => 'agent-1') \gset
SELECT is(r.state, 'PT409', 'it takes capacity like any other') FROM pg_temp.refusal(format('reopen_appointment(%L, now() + interval ''119 hours 30 minutes'')', :'id')) r;
SELECT is(r.state, '22023', said || ' is refused') FROM (VALUES ('NULL'), ('now() - interval ''1 hour'''), ('''infinity'''), ('now(), ''0'''), ('now(), ''25 hours'''),
	('now(), timezone => ''Nowhere''')) wrong (said), pg_temp.refusal(format('reopen_appointment(%L, %s)', :'id', said)) r;
SELECT is(r.state, 'PT404', 'no such appointment') FROM pg_temp.refusal(format('reopen_appointment(%L, now())', :'foreign')) r;
SELECT is(ROW(a.state, a.booking_state, a.notification_state, a.title, a.cancel_reason, a.archived_at, a.start_at, a.duration, a.timezone, a.interaction)::text,
	ROW('ACTIVATED', 'NEW', 'NONE', 'Viewing NEW', NULL, NULL, now() + interval '7 days', interval '1 hour', 'UTC', '{"state": "PENDING"}'::jsonb)::text,
	'it is new') FROM appt.reopen_appointment(:'id', now() + interval '7 days') a;
SELECT is(ROW(told, reopened_at, sequence)::text, ROW(NULL, now(), 2)::text, 'nobody was told, and calendars take it over') FROM appt.appointment WHERE id = :'id';
SELECT is(ROW(response, responded_at, joined_at)::text, ROW(NULL, NULL, NULL)::text, 'nobody has answered') FROM appt.participant
	WHERE appointment_id = :'id' AND type = 'CUSTOMER';
SELECT isnt(r.ticket, :'ticket', 'it has another room') FROM appt.room_access r WHERE appointment_id = :'id';
SELECT is(pg_temp.news(:'id', true), 'REMINDER EMAIL 1, REMINDER EMAIL 24, CANCELLED SMS CANCELLED REOPENED', 'reminders are planned, the notice is not sent');
SELECT is(pg_temp.news(:'id', false), 'CREATE WEBHOOK, REMINDER WEBHOOK 1, REMINDER WEBHOOK 24', 'subscribers are told by CREATE');
SELECT isnt(appt.not_retriable_because(n.id), NULL, 'the cancellation is not sent again by hand') FROM appt.notification n
	WHERE appointment_id = :'id' AND type = 'CANCELLED' AND channel = 'WEBHOOK';
SELECT unalike(appt.ical_text(:'id'), '%STATUS:CANCELLED%', 'the calendar event is on');
SELECT is(r.state, 'PT409', 'once') FROM pg_temp.refusal(format('reopen_appointment(%L, now() + interval ''7 days'')', :'id')) r;
SELECT appt.cancel_appointment(:'between') AS ignored \gset
SELECT is(ROW(a.state, a.booking_state, a.duration, a.timezone)::text, ROW('ACTIVATED', NULL, interval '2 hours', 'Europe/Athens')::text, 'so is one without a template')
	FROM appt.reopen_appointment(:'between', now() + interval '8 days', '2 hours', 'europe/athens') a;
SELECT appt.create_application(:'organization', 'By hand', auto_activate => false) AS by_hand \gset
SELECT pg_temp.booked(:'by_hand') AS id \gset
SELECT appt.activate_appointment(:'id') AS ignored \gset
SELECT appt.cancel_appointment(:'id') AS ignored \gset
SELECT pg_temp.news(:'id', true) AS ignored \gset
SELECT is(ROW(a.state, a.room_access)::text, ROW('SCHEDULED', NULL)::text, 'as scheduling would leave it') FROM appt.reopen_appointment(:'id', now() + interval '8 days') a;
SELECT is(pg_temp.news(:'id', true), 'CREATE EMAIL, CREATE SMS, REMINDER EMAIL 1, REMINDER EMAIL 24, CANCELLED EMAIL CANCELLED REOPENED, CANCELLED SMS CANCELLED REOPENED',
	'its customers are told as of a new one');

/* ---- follow_appointment ---- */

CREATE FUNCTION pg_temp.followers(appointment uuid) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(user_id, ' ' ORDER BY user_id COLLATE "C"), '') FROM appt.follower WHERE appointment_id = $1 $$;
SELECT appt.follow_appointment(:'id', 'bob') AS ignored \gset
SELECT appt.follow_appointment(:'id', 'bob') AS ignored \gset
SELECT appt.follow_appointment(:'id', 'cleo') AS ignored \gset
SELECT is(pg_temp.followers(:'id'), 'bob cleo', 'users follow it, once each');
SELECT appt.follow_appointment(:'id', 'bob', false) AS ignored \gset
SELECT appt.follow_appointment(:'id', 'bob', false) AS ignored \gset
SELECT is(pg_temp.followers(:'id'), 'cleo', 'until they do no more');
SELECT is(r.state, '22023', said || ' is refused') FROM (VALUES (''), (', '''''), (', ''x'', NULL'), (', repeat(''x'', 1025)')) wrong (said),
	pg_temp.refusal(format('follow_appointment(%L%s)', :'id', said)) r;
SELECT count(appt.follow_appointment(:'id', 'u' || n)) AS ignored FROM generate_series(1, 99) n \gset
SELECT is(r.state, 'PT409', 'a hundred are enough') FROM pg_temp.refusal(format('follow_appointment(%L, ''dan'')', :'id')) r;
SELECT is(r.state, NULL, 'one of them may follow it still') FROM pg_temp.refusal(format('follow_appointment(%L, ''cleo'')', :'id')) r;
SELECT set_config('request.jwt.claims', jsonb_build_object('sub', 'ann', 'application_id', :'by_hand')::text, true) AS ignored \gset
SET ROLE appt_agent;
SELECT is(r.state, '42501', 'an agent names no other user') FROM pg_temp.refusal(format('follow_appointment(%L, ''bob'', false)', :'id')) r;
SELECT is(r.state, 'PT409', 'but itself') FROM pg_temp.refusal(format('follow_appointment(%L)', :'id')) r;
SELECT is(r.state, NULL, 'and may stop') FROM pg_temp.refusal(format('follow_appointment(%L, ''ann'', false)', :'id')) r;
RESET ROLE;
SELECT set_config('request.jwt.claims', jsonb_build_object('sub', 'agent-1', 'application_id', :'by_hand')::text, true) AS ignored \gset
SET ROLE appt_agent;
SELECT is(r.state, NULL, 'the organizer names others') FROM pg_temp.refusal(format('follow_appointment(%L, ''cleo'', false)', :'id')) r;
RESET ROLE;

/* ---- reminders_need_confirmation ---- */

SELECT appt.create_application(:'organization', 'Held') AS application \gset
SELECT count(*) AS ignored FROM appt.create_subscription(:'application', 'https://hooks.example/a') \gset
SELECT appt.set_provider(:'application', 'EMAIL', 'SMTP', 'smtp://mail.example', 'a@b.example') AS ignored \gset
SELECT appt.create_meeting_template(:'application', 'Held', reminders_need_confirmation => true) AS held \gset
SELECT appt.create_meeting_template(:'application', 'Free') AS free \gset
UPDATE appt.rule SET sending = 'AUTOMATIC' WHERE meeting_template_id IN (:'held', :'free') AND type = 'CREATE';
CREATE TEMPORARY TABLE judged AS SELECT t.template, s.state, b.id FROM unnest(ARRAY[NULL, :'held', :'free']::uuid[]) t (template),
	unnest('{NEW,BOOKED,INVITED,CONFIRMED,DECLINED,RESCHEDULE_REQUESTED}'::text[]) s (state), pg_temp.booked(:'application', t.template, left(s.state, 0) || 'EMAIL') b (id);
SELECT count(appt_test.set_booking_state(id, state)) AS ignored FROM judged \gset
SELECT is(ROW(e.eligible, e.reason)::text, CASE WHEN j.template = :'held' AND j.state = 'NEW' AND n.type = 'REMINDER' AND n.channel <> 'WEBHOOK'
	THEN '(f,NEVER_TOLD)' ELSE '(t,)' END,
	format('%s by %s, %s, with template %s', n.type, n.channel, j.state, coalesce(m.name, 'none')))
	FROM judged j LEFT JOIN appt.meeting_template m ON m.id = j.template JOIN appt.notification n ON n.appointment_id = j.id AND n.channel IN ('EMAIL', 'WEBHOOK'),
	appt.notification_eligibility(n.id, at => greatest(n.due_at, now())) e;

/* ---- booking ---- */

-- A booking that tells its customer is stored so at once: no change is recorded.
SELECT appt.create_meeting_template(:'application', 'Telling', title => 'Telling {{status}}') AS telling \gset
SELECT appt.create_meeting_template(:'application', 'Silent', title => 'Silent {{status}}') AS silent \gset
UPDATE appt.rule SET sending = 'AUTOMATIC' WHERE meeting_template_id = :'telling' AND type = 'CREATE';
CREATE FUNCTION pg_temp.told(appointment uuid) RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(', ', a.title, a.booking_state, a.notification_state, (SELECT string_agg(f, ' ' ORDER BY f) FROM jsonb_object_keys(a.told) f),
		(SELECT count(*) FROM appt.change c WHERE c.table_name = 'appointment' AND c.row_key ->> 'id' = a.id::text) || ' changes')
	FROM appt.appointment a WHERE a.id = $1 $$;
SELECT is(pg_temp.told(pg_temp.booked(:'application', :'telling')),
	'Telling BOOKED, BOOKED, CONFIRMED, duration location start_at timezone, 0 changes', 'told');
SELECT is(pg_temp.told(pg_temp.booked(:'application', :'silent')), 'Silent NEW, NEW, NONE, 0 changes', 'not told: its rules do not send by themselves');
SELECT is(pg_temp.told(id), 'Telling NEW, NEW, NONE, 0 changes', 'not told: there is nobody to tell')
FROM appt.schedule_appointment(:'application', now() + '10 days', '1 hour', '{}', organizer_id => 'eva', meeting_template_id => :'telling');
SELECT is(pg_temp.told(id), 'Telling NEW, NEW, NONE, 0 changes', 'not told: the customer has no address for the channel')
FROM appt.schedule_appointment(:'application', now() + '10 days', '1 hour', '{"contact": {"primaryPhone": "+306900000001"}}',
	organizer_id => 'eva', meeting_template_id => :'telling');

-- A rule that is switched off or on while an appointment is booked: what was planned counts.
CREATE FUNCTION pg_temp.switch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE appt.rule SET enabled = NOT enabled WHERE application_id = NEW.application_id AND type = 'CREATE' AND sending = 'AUTOMATIC';
	RETURN NULL;
END $$;
CREATE TRIGGER switch AFTER INSERT ON appt.appointment FOR EACH ROW EXECUTE FUNCTION pg_temp.switch();
SELECT pg_temp.booked(:'application', :'telling') AS off \gset
SELECT is(regexp_replace(pg_temp.told(:'off'), ', \d changes', ''), 'Telling NEW, NEW, NONE', 'switched off');
SELECT pg_temp.booked(:'application', :'telling') AS on \gset
SELECT ok(pg_temp.told(:'on') LIKE 'Telling BOOKED, BOOKED, CONFIRMED, duration%', 'switched on');
DROP TRIGGER switch ON appt.appointment;

SELECT * FROM finish();
ROLLBACK;
