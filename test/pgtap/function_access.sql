/*
 * Who may call what, about whose: every function that is for applications, by every role, about its own, another's in its
 * application, another application's, another organization's, and what does not exist; with agent_scope OWN, and by agents
 * also with APPLICATION. What is expected is written by hand from the contract; who may execute a function at all stands
 * in privileges.sql once more.
 */
BEGIN;
SELECT * FROM no_plan();
SET client_min_messages = error;

CREATE ROLE access_login NOINHERIT LOGIN IN ROLE appt_authenticator;
CREATE ROLE access_forger NOINHERIT LOGIN IN ROLE appt_agent, appt_supervisor, appt_client_service, appt_customer, appt_admin;
CREATE ROLE access_service LOGIN IN ROLE appt_service;
CREATE ROLE access_nobody LOGIN;

/* ---- whose ---- */

SELECT appt.create_organization('Acme') AS acme, appt.create_organization('Globex') AS globex \gset
CREATE TEMP TABLE target (name text, id uuid, application uuid, organization uuid, customer text, ticket text, subscription uuid,
	notification bigint, line uuid);
INSERT INTO target (name, application, organization) SELECT name,
	appt.create_application(organization::uuid, name, agent_scope => 'OWN'), organization::uuid
FROM (VALUES ('own', :'acme'), ('sister', :'acme'), ('foreign', :'globex')) a (name, organization);
INSERT INTO target (name, application, organization) SELECT 'other', application, organization FROM target WHERE name = 'own';
SELECT count(appt.set_provider(application, 'EMAIL', 'SMTP', 'smtp://mail.example', 'sales@example.com')),
	count(appt.set_provider(application, 'SMS', 'HTTP', 'https://sms.example')) FROM target WHERE name <> 'other' \gset
UPDATE target SET id = (appt.schedule_appointment(application, now() + '2 days', '1 hour',
	'{"contact": {"primaryEmail": "c@example.com", "primaryPhone": "+306900000000"}}', organizer_id => CASE name WHEN 'other'
		THEN 'zoe' ELSE 'ann' END)).id;
UPDATE target t SET customer = (SELECT p.id FROM appt.participant p WHERE p.appointment_id = t.id AND p.type = 'CUSTOMER'),
	ticket = (SELECT r.ticket FROM appt.room_access r WHERE r.appointment_id = t.id),
	subscription = (SELECT id FROM appt.create_subscription(application, 'https://hooks.example')),
	notification = (SELECT n.id FROM appt.notification n WHERE n.appointment_id = t.id AND n.type = 'CREATE' AND n.channel = 'EMAIL');
INSERT INTO appt.participant (application_id, appointment_id, id, type) SELECT application, id, 'bob', 'AGENT' FROM target
	WHERE name <> 'other';
INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, finished_at, outcome) SELECT application,
	notification, 1, now(), now(), 'FAILED' FROM target;
INSERT INTO appt.provider_message (application_id, provider_message_id, attempt_id) SELECT a.application_id, 'SM-1', a.id FROM appt.attempt a;
UPDATE appt.notification SET state = 'FAILED', reason = 'REJECTED', settled_at = now(), next_attempt_at = NULL, attempt_count = 1
	WHERE id IN (SELECT notification FROM target);
DELETE FROM appt.due WHERE notification_id IN (SELECT notification FROM target);
INSERT INTO appt.user_profile (application_id, id) SELECT application, u FROM target, unnest('{ann,ada}'::text[]) u WHERE name <> 'other';
INSERT INTO appt.line (application_id, name) SELECT application, 'common' FROM target WHERE name <> 'other';
UPDATE target SET line = (SELECT l.id FROM appt.line l WHERE l.application_id = application);
INSERT INTO target VALUES ('none', gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'nobody', 'no-such-tic', gen_random_uuid(), 0, gen_random_uuid());

/* ---- who ---- */

CREATE TEMP TABLE caller AS
SELECT c.*, t.conference FROM target JOIN LATERAL (SELECT conference_id FROM appt.appointment a
	WHERE a.id = target.id) t (conference) ON true, LATERAL (VALUES
	(1, 'AG', 'the organizing agent', 'appt_agent', jsonb_build_object('sub', 'ann', 'application_id', application)),
	(2, 'AT', 'an attending agent', 'appt_agent', jsonb_build_object('sub', 'bob', 'application_id', application)),
	(3, 'SU', 'a supervisor', 'appt_supervisor', jsonb_build_object('sub', 'sue', 'application_id', application)),
	(4, 'CS', 'the organizing service', 'appt_client_service', jsonb_build_object('sub', 'ann', 'application_id', application)),
	(5, 'CA', 'an attending service', 'appt_client_service', jsonb_build_object('sub', 'bob', 'application_id', application)),
	(6, 'CU', 'the customer', 'appt_customer', jsonb_build_object('sub', customer, 'application_id', application, 'conference_id',
		t.conference)),
	(7, 'AD', 'an admin', 'appt_admin', jsonb_build_object('sub', 'ada', 'organization_id', organization)),
	(8, 'AN', 'anybody', 'appt_anonymous', '{}'::jsonb),
	(9, 'SV', 'an SQL application', 'access_service', '{}'::jsonb),
	(10, 'NO', 'who has no role', 'access_nobody', '{}'::jsonb)) c (place, initials, name, role, claims)
WHERE target.name = 'own';

/*
 * What each caller gets with agent_scope OWN, in the order above: y an answer, n PT404, c PT409, i 22023, - 42501, w that its
 * one-time code is not valid. Of what is asked about, ID is an appointment, APP its application, ORG its organization and so
 * on; SELF is the caller.
 */
CREATE TEMP TABLE expectation (call text, own text, other text, sister text, "foreign" text, none text);
INSERT INTO expectation VALUES
	-- AG AT SU CS CA CU AD AN SV NO                             own           another's     another's application, organization
	-- nobody's
	('find_appointments()',                                      'yyyyy---y-', 'yyyyy---y-', 'yyyyy---y-', 'yyyyy---y-', 'yyyyy---y-'),
	('find_appointments(APP)',                                   'yyyyy---y-', 'yyyyy---y-', 'nnnnn---y-', 'nnnnn---y-', 'nnnnn---n-'),
	('schedule_appointment(APP, START, ''1 hour'', organizer_id => SELF)', 'yy-yy---y-', 'yy-yy---y-', 'nn-nn---y-', 'nn-nn---y-',
		'nn-nn---n-'),
	('schedule_appointment(APP, START, ''1 hour'')',             'yy-yy---i-', 'yy-yy---i-', 'nn-nn---i-', 'nn-nn---i-', 'nn-nn---n-'),
	('update_appointment(ID, ''x'')',                            'ynyyy---y-', 'nnyyy---y-', 'nnnnn---y-', 'nnnnn---y-', 'nnnnn---n-'),
	('apply_meeting_template(ID, NULL)',                         'ynyyy---y-', 'nnyyy---y-', 'nnnnn---y-', 'nnnnn---y-', 'nnnnn---n-'),
	('update_customer(ID, CUSTOMER, ''{}'')',                    'ynyyy---y-', 'nnyyy---y-', 'nnnnn---y-', 'nnnnn---y-', 'nnnnn---n-'),
	('archive_appointment(ID)',                                  'cnccc---c-', 'nnccc---c-', 'nnnnn---c-', 'nnnnn---c-', 'nnnnn---n-'),
	('reopen_appointment(ID, START)',                            'cnccc---c-', 'nnccc---c-', 'nnnnn---c-', 'nnnnn---c-', 'nnnnn---n-'),
	('follow_appointment(ID)',                                   'yyyyy---i-', 'nnyyy---i-', 'nnnnn---i-', 'nnnnn---i-', 'nnnnn---i-'),
	('delete_appointment(ID)',                                   'ynyyy---y-', 'nnyyy---y-', 'nnnnn---y-', 'nnnnn---y-', 'nnnnn---n-'),
	('cancel_appointment(ID)',                                   'ynyyy---y-', 'nnyyy---y-', 'nnnnn---y-', 'nnnnn---y-', 'nnnnn---n-'),
	('get_appointment(ID)',                                      'yyyyyy--y-', 'nnyyyn--y-', 'nnnnnn--y-', 'nnnnnn--y-', 'nnnnnn--n-'),
	('end_appointment(ID)',                                      'yn------y-', 'nn------y-', 'nn------y-', 'nn------y-', 'nn------n-'),
	('remove_participant(ID, CUSTOMER)',                         'yny-----y-', 'nny-----y-', 'nnn-----y-', 'nnn-----y-', 'nnn-----n-'),
	('get_participant(ID, CUSTOMER)',                            'yyy--y--y-', 'nny--n--y-', 'nnn--n--y-', 'nnn--n--y-', 'nnn--n--n-'),
	('get_participant(ID, ''bob'')',                             'yyy--n--y-', 'nnn--n--n-', 'nnn--n--y-', 'nnn--n--y-', 'nnn--n--n-'),
	('activate_appointment(ID)',                                 '---yy---y-', '---yy---y-', '---nn---y-', '---nn---y-', '---nn---n-'),
	('landing_page(''unknown'')',                                'yyyyyyyyy-', 'yyyyyyyyy-', 'yyyyyyyyy-', 'yyyyyyyyy-', 'yyyyyyyyy-'),
	('submit_response(''unknown'')',                             'yyyyyyyyy-', 'yyyyyyyyy-', 'yyyyyyyyy-', 'yyyyyyyyy-', 'yyyyyyyyy-'),
	('respond(''unknown'', ''ACCEPT'')',                         'nnnnnnnnn-', 'nnnnnnnnn-', 'nnnnnnnnn-', 'nnnnnnnnn-', 'nnnnnnnnn-'),
	('request_customer_code(APP, ''c@example.com'')',            'yyyyyyyyy-', 'yyyyyyyyy-', 'yyyyyyyyy-', 'yyyyyyyyy-', 'nnnnnnnnn-'),
	('schedule_appointment_as_customer(APP, ''c@example.com'', ''000000'', START, ''1 hour'')', 'wwwwwwwww-', 'wwwwwwwww-',
		'wwwwwwwww-', 'wwwwwwwww-', 'nnnnnnnnn-'),
	('count_appointments(APP, now(), ''10 days'')',              'yyyyyyyyy-', 'yyyyyyyyy-', 'yyyyyyyyy-', 'yyyyyyyyy-', 'yyyyyyyyy-'),
	('appointments_eligible_for_activation()',                   '---yy---y-', '---yy---y-', '---yy---y-', '---yy---y-', '---yy---y-'),
	('count_overlapping(APP, START, ''1 hour'')',                'yyyyyyyyy-', 'yyyyyyyyy-', 'yyyyyyyyy-', 'yyyyyyyyy-', 'yyyyyyyyy-'),
	('add_agent(ID, ''new'')',                                   'yny-----y-', 'nny-----y-', 'nnn-----y-', 'nnn-----y-', 'nnn-----n-'),
	('add_customer(ID, ''{}'')',                                 'yny-----y-', 'nny-----y-', 'nnn-----y-', 'nnn-----y-', 'nnn-----n-'),
	('reassign_appointment(ID, ''new'')',                        'yny-----y-', 'nny-----y-', 'nnn-----y-', 'nnn-----y-', 'nnn-----n-'),
	('reschedule_appointment(ID, NULL, ''2 hours'')',            'ynyyy---y-', 'nnyyy---y-', 'nnnnn---y-', 'nnnnn---y-', 'nnnnn---n-'),
	('send_notification(ID, ''CREATE'')',                        'ynyyy---y-', 'nnyyy---y-', 'nnnnn---y-', 'nnnnn---y-', 'nnnnn---n-'),
	('notification_dialog(ID, ''CREATE'')',                      'yyyyy---y-', 'nnyyy---y-', 'nnnnn---y-', 'nnnnn---y-', 'nnnnn---n-'),
	('google_calendar_url(ID)',                                  'yyyyyyyyy-', 'yyyyyyyyy-', 'yyyyyyyyy-', 'yyyyyyyyy-', 'nnnnnnnnn-'),
	('google_calendar_event(ID)',                                'yyyyyyyyy-', 'yyyyyyyyy-', 'yyyyyyyyy-', 'yyyyyyyyy-', 'nnnnnnnnn-'),
	('outlook_calendar_event(ID)',                               'yyyyyyyyy-', 'yyyyyyyyy-', 'yyyyyyyyy-', 'yyyyyyyyy-', 'nnnnnnnnn-'),
	('ical_event(ID)',                                           'yyyyyyyyy-', 'yyyyyyyyy-', 'yyyyyyyyy-', 'yyyyyyyyy-', 'nnnnnnnnn-'),
	('ical_text(ID)',                                            'yyyyyyyyy-', 'yyyyyyyyy-', 'yyyyyyyyy-', 'yyyyyyyyy-', 'nnnnnnnnn-'),
	('initiate_email_verification(APP, ''sales@example.com'')',  '------y-y-', '------y-y-', '------y-y-', '------n-y-', '------n-n-'),
	('confirm_email_verification(APP, ''000000'')',              '------w-w-', '------w-w-', '------w-w-', '------n-w-', '------n-n-'),
	('send_test_email(APP, ''c@example.com'')',                  '------y-y-', '------y-y-', '------y-y-', '------n-y-', '------n-n-'),
	('send_test_sms(APP, ''+306900000000'')',                    '------y-y-', '------y-y-', '------y-y-', '------n-y-', '------n-n-'),
	('available_slots(APP, tstzrange(now(), now() + ''1 day''), ''1 hour'', ''1 hour'')', 'yyyyyyyyy-', 'yyyyyyyyy-', 'yyyyyyyyy-',
		'yyyyyyyyy-', 'nnnnnnnnn-'),
	('record_inbound_sms(APP, ''+306900000000'', ''+302100000000'', ''x'')', '---yy---y-', '---yy---y-', '---nn---y-', '---nn---y-',
		'---nn---n-'),
	('export_person(APP, ''nobody@example.com'')',                '------y-y-', '------y-y-', '------y-y-', '------n-y-', '------n-n-'),
	('forget_person(APP, ''nobody@example.com'')',                '------y-y-', '------y-y-', '------y-y-', '------n-y-', '------n-n-'),
	('messages_to(''nobody@example.com'')',                       '--y---y-y-', '--y---y-y-', '--y---y-y-', '--y---y-y-', '--y---y-y-'),
	('suppress(APP, ''EMAIL'', ''c@example.com'')',                '------y-y-', '------y-y-', '------y-y-', '------n-y-', '------n-n-'),
	('unsuppress(APP, ''EMAIL'', ''c@example.com'')',              '------y-y-', '------y-y-', '------y-y-', '------n-y-', '------n-n-'),
	('unsubscribe(''no token'')',                                'nnnnnnnnn-', 'nnnnnnnnn-', 'nnnnnnnnn-', 'nnnnnnnnn-', 'nnnnnnnnn-'),
	('receive_sms(''x''::text)',                                 'yyyyyyyyy-', 'yyyyyyyyy-', 'yyyyyyyyy-', 'yyyyyyyyy-', 'yyyyyyyyy-'),
	('receive_sms(''{}''::json)',                                'yyyyyyyyy-', 'yyyyyyyyy-', 'yyyyyyyyy-', 'yyyyyyyyy-', 'yyyyyyyyy-'),
	('record_receipt(APP, ''SM-1'', ''DELIVERED'')',              '---yy---y-', '---yy---y-', '---nn---y-', '---nn---y-', '---nn---n-'),
	('record_join(ID, CUSTOMER)',                                '---yyy--y-', '---yyn--y-', '---nnn--y-', '---nnn--y-', '---nnn--n-'),
	('record_join(ID, ''bob'')',                                 '---yyn--y-', '---nnn--n-', '---nnn--y-', '---nnn--y-', '---nnn--n-'),
	('record_leave(ID, CUSTOMER)',                               '---yyy--y-', '---yyn--y-', '---nnn--y-', '---nnn--y-', '---nnn--n-'),
	('resolve_room(TICKET)',                                     '---yy---y-', '---yy---y-', '---nn---y-', '---nn---y-', '---nn---n-'),
	('notification_eligibility(NOTIFICATION)',                   'yyyyy-y-y-', 'nnyyy-y-y-', 'nnnnn-y-y-', 'nnnnn-n-y-', 'nnnnn-n-n-'),
	('forecast(APP)',                                            'yyyyy-y-y-', 'yyyyy-y-y-', 'nnnnn-y-y-', 'nnnnn-n-y-', 'nnnnn-n-n-'),
	('retry_notification(NOTIFICATION)',                         'yny---y-y-', 'nny---y-y-', 'nnn---y-y-', 'nnn---n-y-', 'nnn---n-n-'),
	('retry_notifications(APP)',                                  'yyy---y-y-', 'yyy---y-y-', 'nnn---y-y-', 'nnn---n-y-', 'nnn---n-n-'),
	('resend_notification(NOTIFICATION)',                        'cnc---c-c-', 'nnc---c-c-', 'nnn---c-c-', 'nnn---n-c-', 'nnn---n-n-'),
	('send_message(APP, ''SMS'', ''+306900000000'', ''Hi'')',       '---yy---y-', '---yy---y-', '---nn---y-', '---nn---y-', '---nn---n-'),
	('cancel_message(NOTIFICATION)',                             '---cc---c-', '---cc---c-', '---nn---c-', '---nn---c-', '---nn---n-'),
	('notify_users(APP, ''USERS_SYNC'')',                         '---yy---y-', '---yy---y-', '---nn---y-', '---nn---y-', '---nn---n-'),
	('resend_notifications(SUBSCRIPTION, now())',                '------y-y-', '------y-y-', '------y-y-', '------n-y-', '------n-n-'),
	('not_retriable_because(NOTIFICATION)',                      'yyyyy-y-y-', 'nnyyy-y-y-', 'nnnnn-y-y-', 'nnnnn-n-y-', 'nnnnn-n-n-'),
	('preview_notification(ID, CUSTOMER, ''CREATE'', ''EMAIL'')', 'yyy---y-y-', 'nny---y-y-', 'nnn---y-y-', 'nnn---n-y-', 'nnn---n-n-'),
	('inbox()',                                                  'yyyyy-i-i-', 'yyyyy-i-i-', 'yyyyy-i-i-', 'yyyyy-i-i-', 'yyyyy-i-i-'),
	('inbox(application_id => (APP))',                           'yyyyy-y-i-', 'yyyyy-y-i-', 'nnnnn-y-i-', 'nnnnn-n-i-', 'nnnnn-n-i-'),
	('inbox(NULL, 25, NULL, ''ann'', (APP))',                    'ynnyn-y-y-', 'ynnyn-y-y-', 'nnnnn-y-y-', 'nnnnn-n-y-', 'nnnnn-n-n-'),
	('send_sample_notification(''CALL'', NULL, ''ann'', (APP))',   'ynnyn-y-y-', 'ynnyn-y-y-', 'nnnnn-y-y-', 'nnnnn-n-y-', 'nnnnn-n-n-'),
	('mark_read()',                                              'yyyyy-i-i-', 'yyyyy-i-i-', 'yyyyy-i-i-', 'yyyyy-i-i-', 'yyyyy-i-i-'),
	('mark_read(NULL, NULL, (APP))',                             'yyyyy-y-i-', 'yyyyy-y-i-', 'nnnnn-y-i-', 'nnnnn-n-i-', 'nnnnn-n-i-'),
	('mark_read(NULL, ''ann'', (APP))',                          'ynnyn-y-y-', 'ynnyn-y-y-', 'nnnnn-y-y-', 'nnnnn-n-y-', 'nnnnn-n-n-'),
	('console()',                                                'yyyyyyyyy-', 'yyyyyyyyy-', 'yyyyyyyyy-', 'yyyyyyyyy-', 'yyyyyyyyy-'),
	('console_state()',                                          'yyyyy-y-y-', 'yyyyy-y-y-', 'yyyyy-y-y-', 'yyyyy-y-y-', 'yyyyy-y-y-'),
	('notification_series()',                                    '--y---y-i-', '--y---y-i-', '--y---y-i-', '--y---y-i-', '--y---y-i-'),
	('notification_series(application_id => (APP))',             '--y---y-y-', '--y---y-y-', '--n---y-y-', '--n---n-y-', '--n---n-n-'),
	('user_names()',                                             'yyyyy-i-i-', 'yyyyy-i-i-', 'yyyyy-i-i-', 'yyyyy-i-i-', 'yyyyy-i-i-'),
	('user_names((APP))',                                        'yyyyy-y-y-', 'yyyyy-y-y-', 'nnnnn-y-y-', 'nnnnn-n-y-', 'nnnnn-n-n-'),
	-- Only ann and ada have a profile.
	('notification_preferences()',                               'ynnyn-i-i-', 'ynnyn-i-i-', 'ynnyn-i-i-', 'ynnyn-i-i-', 'ynnyn-i-i-'),
	('set_preference(''CALL'', true)',                           'ynnyn-i-i-', 'ynnyn-i-i-', 'ynnyn-i-i-', 'ynnyn-i-i-', 'ynnyn-i-i-'),
	('subscribe_line(LINE)',                                     'ynnyn-y-i-', 'ynnyn-y-i-', 'nnnnn-y-i-', 'nnnnn-n-i-', 'nnnnn-n-n-'),
	('notification_preferences(''ann'', (APP))',                    'ynnyn-y-y-', 'ynnyn-y-y-', 'nnnnn-y-y-', 'nnnnn-n-y-', 'nnnnn-n-n-'),
	('set_preference(''CALL'', true, NULL, NULL, ''ann'', (APP))',  'ynnyn-y-y-', 'ynnyn-y-y-', 'nnnnn-y-y-', 'nnnnn-n-y-', 'nnnnn-n-n-'),
	('set_channel(''SMS'', true, ''ann'', (APP))',                  'ynnyn-y-y-', 'ynnyn-y-y-', 'nnnnn-y-y-', 'nnnnn-n-y-', 'nnnnn-n-n-'),
	('subscribe_line(LINE, true, ''ann'')',                         'ynnyn-y-y-', 'ynnyn-y-y-', 'nnnnn-y-y-', 'nnnnn-n-y-', 'nnnnn-n-n-'),
	('update_profile(''a@b.example'', user_id => ''ann'', application_id => (APP))','ynnyn-y-y-', 'ynnyn-y-y-', 'nnnnn-y-y-', 'nnnnn-n-y-', 'nnnnn-n-n-'),
	('confirm_custom_phone(''000000'', ''ann'', (APP))',            'wnnwn-w-w-', 'wnnwn-w-w-', 'nnnnn-w-w-', 'nnnnn-n-w-', 'nnnnn-n-n-'),
	('render_template(''x'', ''{}'')',                           'yyyyy-y-y-', 'yyyyy-y-y-', 'yyyyy-y-y-', 'yyyyy-y-y-', 'yyyyy-y-y-'),
	('set_notifications_enabled(ORG, false)',                    '------y-y-', '------y-y-', '------y-y-', '------n-y-', '------n-n-'),
	('create_organization(''x'')',                               '--------y-', '--------y-', '--------y-', '--------y-', '--------y-'),
	('create_application(ORG, ''x'')',                           '------y-y-', '------y-y-', '------y-y-', '------n-y-', '------n-n-'),
	('create_meeting_template(APP, ''x'')',                      '------y-y-', '------y-y-', '------y-y-', '------n-y-', '------n-n-'),
	('create_subscription(APP, ''https://x.example'')',          '------y-y-', '------y-y-', '------y-y-', '------n-y-', '------n-n-'),
	('rotate_subscription_key(SUBSCRIPTION)',                    '------y-y-', '------y-y-', '------y-y-', '------n-y-', '------n-n-'),
	('rotate_token_key(APP)',                                    '------y-y-', '------y-y-', '------y-y-', '------n-y-', '------n-n-'),
	('set_provider(APP, ''SMS'', ''HTTP'', ''https://x.example'')', '------y-y-', '------y-y-', '------y-y-', '------n-y-', '------n-n-'),
	('hold_application(APP)',                                    '----------', '----------', '----------', '----------', '----------'),
	('wake_application(APP)',                                    '----------', '----------', '----------', '----------', '----------'),
	('count_sending(APP)',                                       '----------', '----------', '----------', '----------', '----------'),
	('act_as(''appt_admin'')',                                  '----------', '----------', '----------', '----------', '----------'),
	('set_node(1)',                                              '----------', '----------', '----------', '----------', '----------'),
	('adopt_database()',                                         '----------', '----------', '----------', '----------', '----------');
CREATE TEMP TABLE function AS SELECT DISTINCT split_part(call, '(', 1) AS name FROM expectation;
SELECT is_empty($$
	SELECT proname FROM pg_proc WHERE pronamespace = 'appt'::regnamespace AND proname NOT IN (SELECT name FROM function)
		AND prorettype <> 'trigger'::regtype
		AND proname !~ '(^(caller|agent|attended|administered|due)_|_(is|are)_valid$|^((appointment|participants)_snapshot|create_roles|duration_class|lane|notification_types|open_circuits|reasons|node_of|tagged_uuid|tag_of(_application|_token)?|worker_status)$)'$$,
	'no function for applications was forgotten');
SELECT is_empty($$SELECT name FROM function WHERE name NOT IN (SELECT proname FROM pg_proc WHERE pronamespace = 'appt'::regnamespace)$$, 'and each of these is there');

/* ---- what they get ---- */

-- Requests of codes are limited even if they are undone.
CREATE FUNCTION pg_temp.forget_codes() RETURNS void LANGUAGE sql SECURITY DEFINER AS $$SELECT appt_test.forget_codes(id)
	FROM appt.application$$;
-- Calls as a role with claims, and undoes what the call did.
CREATE FUNCTION pg_temp.answer(role text, claims text, call text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_temp.forget_codes() WHERE call ~ 'customer_code|verification';
	PERFORM set_config('request.jwt.claims', claims, true);
	EXECUTE format('SET LOCAL ROLE %I', role);
	EXECUTE 'SELECT * FROM appt.' || call;
	RAISE EXCEPTION USING ERRCODE = 'UNDO0';
EXCEPTION WHEN OTHERS THEN
	RETURN CASE WHEN SQLERRM = 'no valid one-time code' THEN 'w' ELSE CASE SQLSTATE WHEN 'UNDO0' THEN 'y' WHEN 'PT404' THEN 'n'
		WHEN 'PT409' THEN 'c' WHEN '22023' THEN 'i' WHEN '42501' THEN '-' ELSE SQLSTATE || ' ' END END;
END $$;
-- Those who act as a user need a sub; what they may do is the same with either agent_scope.
CREATE FUNCTION pg_temp.is_of_users(call text) RETURNS boolean IMMUTABLE LANGUAGE sql AS $$
	SELECT call ~ '^(inbox|mark_read|notification_preferences|set_preference|set_channel|subscribe_line|update_profile|confirm_custom_phone|send_sample_notification)[(]' $$;
CREATE TEMP TABLE asked AS
SELECT call, t.name AS target, place, c.initials, c.role, c.claims, CASE t.name WHEN 'own' THEN own WHEN 'other' THEN other
	WHEN 'sister' THEN sister WHEN 'foreign' THEN "foreign" ELSE none END AS expected,
	replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(call, 'START', '(now() + interval ''5 days'')'), 'SELF',
		quote_literal(coalesce(claims->>'sub', 'x'))),
		'(ID', '(' || quote_literal(t.id)), '(APP', '(' || quote_literal(t.application)), '(ORG',
			'(' || quote_literal(t.organization)), 'CUSTOMER', quote_literal(t.customer)),
		'TICKET', quote_literal(t.ticket)), 'LINE', quote_literal(t.line)), 'SUBSCRIPTION', quote_literal(t.subscription)), 'NOTIFICATION',
			t.notification::text) AS statement, NULL::text AS answer
FROM expectation, target t, caller c;
GRANT ALL ON asked TO PUBLIC;
SET LOCAL SESSION AUTHORIZATION access_login;
UPDATE asked SET answer = pg_temp.answer(role, claims::text, statement) WHERE role LIKE 'appt%';
SET LOCAL SESSION AUTHORIZATION access_service;
UPDATE asked SET answer = pg_temp.answer(role, claims::text, statement) WHERE role = 'access_service';
SET LOCAL SESSION AUTHORIZATION access_nobody;
UPDATE asked SET answer = pg_temp.answer(role, claims::text, statement) WHERE role = 'access_nobody';
RESET SESSION AUTHORIZATION;
SELECT is(string_agg(answer, '' ORDER BY place), expected, format('%s: %s (%s)', call, target, string_agg(initials, ' ' ORDER BY place)))
FROM asked GROUP BY call, target, expected ORDER BY call, target;

-- With agent_scope APPLICATION an agent gets of every appointment of its application what its organizer gets.
CREATE TEMP TABLE shared AS SELECT a.call, target, place, role, claims, statement, NULL::text AS answer,
	CASE WHEN pg_temp.is_of_users(a.call) THEN a.answer WHEN target = 'other' AND a.call = 'get_participant(ID, ''bob'')' THEN 'n' WHEN target IN ('own', 'other')
		THEN substr(own, 1, 1) ELSE a.answer END AS expected
FROM asked a JOIN expectation USING (call) WHERE place <= 2;
GRANT ALL ON shared TO PUBLIC;
UPDATE appt.application SET agent_scope = 'APPLICATION';
SET LOCAL SESSION AUTHORIZATION access_login;
UPDATE shared SET answer = pg_temp.answer(role, claims::text, statement);
RESET SESSION AUTHORIZATION;
UPDATE appt.application SET agent_scope = 'OWN';
SELECT is(string_agg(answer, '' ORDER BY place), string_agg(expected, '' ORDER BY place),
	format('%s: %s (agents with agent_scope APPLICATION)', call, target))
FROM shared GROUP BY call, target ORDER BY call, target;

/* ---- claims that are none ---- */

CREATE TEMP TABLE claimed (what text, claims text);
INSERT INTO claimed VALUES ('none', ''), ('empty ones', '{}'), ('no JSON', 'sub=ann'), ('a list', '[]'), ('a sub alone', '{"sub": "ann"}'),
	('nonsense', '{"sub": "ann", "application_id": "nonsense", "organization_id": "x", "conference_id": 1}'),
	('tenants one level down', format('{"sub": "ann", "x": {"application_id": "%s", "organization_id": "%s", "conference_id": '
		'"%1$s"}}', (SELECT application FROM target WHERE name = 'own'), :'acme')),
	('numbers', '{"sub": 1, "application_id": 2, "organization_id": 3, "conference_id": 4}');
CREATE TEMP TABLE nameless (call text, target text, place integer, answer text, named text);
CREATE TEMP TABLE forged (login text, what text, role text, call text, answer text);
GRANT ALL ON claimed, caller, forged, nameless TO PUBLIC;
SET LOCAL SESSION AUTHORIZATION access_login;
INSERT INTO forged SELECT session_user, what, role, call, pg_temp.answer(role, c.claims, statement) FROM claimed c, asked
	WHERE target = 'own' AND place IN (1, 3, 4, 6, 7);
INSERT INTO forged SELECT session_user, 'tenants without a sub', role, call, pg_temp.answer(role, (claims - 'sub')::text, statement)
	FROM asked WHERE target = 'own' AND place IN (1, 4);
INSERT INTO nameless SELECT call, target, place, pg_temp.answer(role, (claims - 'sub')::text, statement), answer FROM asked
	WHERE place IN (3, 6, 7);
SET LOCAL SESSION AUTHORIZATION access_forger;
INSERT INTO forged SELECT session_user, 'the right ones', role, call, pg_temp.answer(role, claims::text, statement) FROM asked
	WHERE target = 'own' AND place <= 7;
RESET SESSION AUTHORIZATION;
SELECT is(string_agg(DISTINCT answer, ''), '-', format('%s with %s may call nothing', role, what)) FROM forged
	WHERE login = 'access_login' GROUP BY role, what ORDER BY role, what;
SELECT is(string_agg(DISTINCT answer, ''), '-', format('a login that is no member of appt_authenticator is believed nothing as %s',
	role)) FROM forged WHERE login = 'access_forger' GROUP BY role ORDER BY role;

-- A token for a tenant or a conference needs no sub, except to record that the caller joins or leaves, and to act as a user.
SELECT is(string_agg(answer, '' ORDER BY target, place),
	string_agg(CASE WHEN call ~ '^follow_' AND place = 3 THEN 'i'
		WHEN call ~ '^record_' THEN replace(named, 'y', 'n')
		WHEN NOT pg_temp.is_of_users(call) THEN named
		WHEN place = 3 AND (call !~ 'APP|LINE' OR target IN ('own', 'other')) THEN '-'
		WHEN place = 7 AND call !~ 'ann' THEN replace(named, 'y', '-')
		ELSE named END, '' ORDER BY target, place),
	format('%s, by a supervisor, a customer and an admin without a sub', call)) FROM nameless GROUP BY call ORDER BY call;

-- A token of another tenant gets for "own" rows the same result as for rows that do not exist.
CREATE TEMP TABLE elsewhere AS SELECT call, role, statement,
	claims || jsonb_build_object('application_id', f.application, 'organization_id', f.organization) AS claims, NULL::text AS answer,
	substr((SELECT none FROM expectation e WHERE e.call = a.call), place, 1) AS of_nothing, place
FROM asked a, target f WHERE a.target = 'own' AND f.name = 'foreign' AND place <= 7
	AND call ~ '[(](ID|APP|ORG|SUBSCRIPTION|NOTIFICATION|TICKET)'
		AND call !~ '^(google|outlook|ical|count|available|request|schedule_appointment_as|record_join[(]ID, CUSTOMER)';
GRANT ALL ON elsewhere TO PUBLIC;
SET LOCAL SESSION AUTHORIZATION access_login;
UPDATE elsewhere SET answer = pg_temp.answer(role, claims::text, statement);
RESET SESSION AUTHORIZATION;
SELECT is(string_agg(answer, '' ORDER BY place), string_agg(of_nothing, '' ORDER BY place),
	format('%s, with tokens of another organization', call)) FROM elsewhere GROUP BY call ORDER BY call;

SELECT is_empty($$SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'appt'::regnamespace
	AND has_function_privilege('public', oid, 'EXECUTE')$$, 'PUBLIC may execute nothing');
SELECT is_empty($$SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'appt'::regnamespace
	AND (has_function_privilege('access_login', oid, 'EXECUTE') OR has_function_privilege('appt_authenticator', oid, 'EXECUTE'))$$,
	'the authenticator neither, before it has become another');

SELECT * FROM finish();
ROLLBACK;
