-- Privileges, and the comment that every object must have. A new function fails here until it is listed.
BEGIN;
SELECT * FROM no_plan();

/*
 * Name, volatility (i, s, v) and the roles that may call it: AG agent, SU supervisor, CS client service, CU customer,
 * AD admin, AN anonymous, SV service, MO the server's pg_monitor.  No role: the owner alone.
 */
CREATE TEMP TABLE promised (name text, volatility "char", roles text);
INSERT INTO promised VALUES
	('activate_appointment', 'v', 'CS SV'),
	('add_agent', 'v', 'AG SU SV'),
	('add_customer', 'v', 'AG SU SV'),
	('adopt_database', 'v', ''),
	('apply_meeting_template', 'v', 'AG CS SU SV'),
	('archive_appointment', 'v', 'AG CS SU SV'),
	('appointments_eligible_for_activation', 's', 'CS SV'),
	('available_slots', 's', 'AD AG AN CS CU SU SV'),
	('cancel_appointment', 'v', 'AG CS SU SV'),
	('confirm_custom_phone', 'v', 'AD AG CS SU SV'),
	('confirm_email_verification', 'v', 'AD SV'),
	('console', 's', 'AD AG AN CS CU SU SV'),
	('console_state', 's', 'AD AG CS SU SV'),
	('count_appointments', 's', 'AD AG AN CS CU SU SV'),
	('count_overlapping', 's', 'AD AG AN CS CU SU SV'),
	('create_application', 'v', 'AD SV'),
	('create_meeting_template', 'v', 'AD SV'),
	('create_organization', 'v', 'SV'),
	('create_subscription', 'v', 'AD SV'),
	('delete_appointment', 'v', 'AG CS SU SV'),
	('end_appointment', 'v', 'AG SV'),
	('find_appointments', 's', 'AG CS SU SV'),
	('follow_appointment', 'v', 'AG CS SU SV'),
	('reopen_appointment', 'v', 'AG CS SU SV'),
	('update_customer', 'v', 'AG CS SU SV'),
	('get_appointment', 's', 'AG CS CU SU SV'),
	('get_participant', 's', 'AG CU SU SV'),
	('google_calendar_event', 's', 'AD AG AN CS CU SU SV'),
	('outlook_calendar_event', 's', 'AD AG AN CS CU SU SV'),
	('google_calendar_url', 's', 'AD AG AN CS CU SU SV'),
	('ical_event', 's', 'AD AG AN CS CU SU SV'),
	('ical_text', 's', 'AD AG AN CS CU SU SV'),
	('inbox', 's', 'AD AG CS SU SV'),
	('initiate_email_verification', 'v', 'AD SV'),
	('landing_page', 's', 'AD AG AN CS CU SU SV'),
	('submit_response', 'v', 'AD AG AN CS CU SU SV'),
	('mark_read', 'v', 'AD AG CS SU SV'),
	('notification_dialog', 's', 'AG CS SU SV'),
	('forecast', 's', 'AD AG CS SU SV'),
	('notification_eligibility', 's', 'AD AG CS SU SV'),
	('notification_preferences', 's', 'AD AG CS SU SV'),
	('not_retriable_because', 's', 'AD AG CS SU SV'),
	('cancel_message', 'v', 'CS SV'),
	('notify_users', 'v', 'CS SV'),
	('send_message', 'v', 'CS SV'),
	('send_notification', 'v', 'AG CS SU SV'),
	('preview_notification', 's', 'AD AG SU SV'),
	('reassign_appointment', 'v', 'AG SU SV'),
	('record_join', 'v', 'CS CU SV'),
	('record_inbound_sms', 'v', 'CS SV'),
	('receive_sms', 'v', 'AD AG AN CS CU SU SV'),
	('record_receipt', 'v', 'CS SV'),
	('record_leave', 'v', 'CS CU SV'),
	('remove_participant', 'v', 'AG SU SV'),
	('respond', 'v', 'AD AG AN CS CU SU SV'),
	('render_template', 's', 'AD AG CS SU SV'),
	('request_customer_code', 'v', 'AD AG AN CS CU SU SV'),
	('reschedule_appointment', 'v', 'AG CS SU SV'),
	('resolve_room', 's', 'CS SV'),
	('resend_notification', 'v', 'AD AG SU SV'),
	('resend_notifications', 'v', 'AD SV'),
	('retry_notification', 'v', 'AD AG SU SV'),
	('retry_notifications', 'v', 'AD AG SU SV'),
	('rotate_subscription_key', 'v', 'AD SV'),
	('rotate_token_key', 'v', 'AD SV'),
	('schedule_appointment', 'v', 'AG CS SV'),
	('schedule_appointment_as_customer', 'v', 'AD AG AN CS CU SU SV'),
	('send_sample_notification', 'v', 'AD AG CS SU SV'),
	('send_test_email', 'v', 'AD SV'),
	('send_test_sms', 'v', 'AD SV'),
	('set_channel', 'v', 'AD AG CS SU SV'),
	('set_notifications_enabled', 'v', 'AD SV'),
	('set_preference', 'v', 'AD AG CS SU SV'),
	('set_provider', 'v', 'AD SV'),
	('suppress', 'v', 'AD SV'), ('export_person', 'v', 'AD SV'), ('forget_person', 'v', 'AD SV'), ('messages_to', 's', 'AD SU SV'),
	('unsubscribe', 'v', 'AD AG AN CS CU SU SV'),
	('unsuppress', 'v', 'AD SV'),
	('subscribe_line', 'v', 'AD AG CS SU SV'),
	('update_appointment', 'v', 'AG CS SU SV'),
	('update_profile', 'v', 'AD AG CS SU SV'),
	('notification_series', 's', 'AD SU SV'),
	('user_names', 's', 'AD AG CS SU SV'),
	-- What policies, constraints, triggers, views and the library's own statements call.
	('address_is_valid', 'i', 'AD SV'),
	('administered_applications', 's', 'AD'),
	('preference_is_valid', 'i', 'AD SV'),
	('subscription_types_are_valid', 'i', 'AD SV'),
	('agent_has_application', 's', 'AG'),
	('appointment_snapshot', 's', ''),
	('participants_snapshot', 's', ''),
	('attended_appointments', 's', 'AG'),
	('caller_application', 's', 'AG CS CU SU'),
	('caller_conference', 's', 'CU'),
	('caller_name', 's', ''),
	('caller_organization', 's', 'AD'),
	('caller_user', 's', 'AG CS SU'),
	('create_roles', 'v', ''),
	('give_ids', 'v', ''),
	('tagged_uuid', 'v', 'SV'),
	('tag_of', 'i', 'SV'),
	('node_of', 'i', 'SV'),
	('set_node', 'v', ''),
	('act_as', 'v', ''),
	('hold_application', 'v', ''),
	('wake_application', 'v', ''),
	('count_sending', 'v', ''),
	('tag_of_application', 'i', 'SV'),
	('tag_of_token', 'i', 'SV'),
	('due_notifications', 's', 'AD AG CS MO SU SV'),
	('auto_replies_are_valid', 'i', 'AD SV'),
	('appearance_is_valid', 'i', 'AD SV'),
	('headers_are_valid', 'i', 'AD SV'),
	('reply_codes_are_valid', 'i', 'AD SV'),
	('keep_auto_activate', 'v', ''),
	('keep_secrets', 'v', ''),
	('lane', 'i', ''),
	('code_is_valid', 'i', 'AD AG CS CU MO SU SV'),
	('branding_is_valid', 'i', 'AD SV'),
	('contact_is_valid', 'i', 'AD SV'),
	('length_is_valid', 'i', 'AD SV'),
	('appointment_is_valid', 'i', 'AD SV'),
	('participant_is_valid', 'i', 'AD SV'),
	('room_access_is_valid', 'i', 'AD SV'),
	('notification_is_valid', 'i', 'AD SV'),
	('duration_class', 'i', 'AD SV'),
	('locale_is_valid', 'i', 'AD SV'),
	('notification_types', 'i', 'AD AG CS SU SV'),
	('open_circuits', 'v', 'MO'),
	('provider_is_valid', 'i', 'AD SV'),
	('reasons', 'i', 'AD AG CS SU SV'),
	('record_change', 'v', ''),
	('check_line_numbers', 'v', ''),
	('check_list_length', 'v', ''),
	('check_user_phones', 'v', ''),
	('unconfirm_custom_phone', 'v', ''),
	('reset_verification', 'v', ''),
	('tell_workers', 'v', ''),
	('page_key_is_valid', 'i', 'AD SV'),
	('template_is_valid', 'i', 'AD SV'),
	('timezone_is_valid', 'i', 'AD SV'),
	('url_is_valid', 'i', 'AD SV'),
	('warn_of_platform', 'v', ''),
	('worker_status', 'v', 'MO');

CREATE TEMP TABLE initials AS SELECT * FROM (VALUES ('appt_agent', 'AG'), ('appt_supervisor', 'SU'), ('appt_client_service', 'CS'),
	('appt_customer', 'CU'), ('appt_admin', 'AD'), ('appt_anonymous', 'AN'), ('appt_service', 'SV'),
		('pg_monitor', 'MO')) AS i (role, initial);

SELECT is_empty($$
	SELECT proname FROM pg_proc WHERE pronamespace = 'appt'::regnamespace AND proname NOT IN (SELECT name FROM promised)$$,
	'every function is one that was promised, or known to need no promise');
SELECT is(count(*), count(DISTINCT proname), 'no other function is overloaded, so that PostgREST finds each by its name')
FROM pg_proc WHERE pronamespace = 'appt'::regnamespace AND proname <> 'receive_sms';
-- Of that it chooses by the content type: each has one argument without a name and without a default.
SELECT is(string_agg(oid::regprocedure::text, ' ' ORDER BY oid::regprocedure::text), 'appt.receive_sms(json) appt.receive_sms(text)',
	'receive_sms takes any body')
FROM pg_proc WHERE pronamespace = 'appt'::regnamespace AND proname = 'receive_sms' AND proargnames IS NULL AND pronargdefaults = 0;

SELECT unnest(ARRAY[is(granted.roles, promised.roles, format('%s: who may call it', proname)),
	is(provolatile, promised.volatility, format('%s: its volatility', proname)),
	ok(provolatile <> 'v' OR proparallel <> 's', format('%s: parallel safety', proname)),
	is(prosecdef, false, format('%s: as who calls it', proname))])
FROM pg_proc JOIN promised ON name = proname,
	LATERAL (SELECT coalesce(string_agg(coalesce(initial, grantee::regrole::text), ' ' ORDER BY initial), '') AS roles
		FROM aclexplode(coalesce(proacl, acldefault('f', proowner))) LEFT JOIN initials ON role::regrole = grantee
		WHERE grantee <> proowner) AS granted
WHERE pronamespace = 'appt'::regnamespace
ORDER BY proname;

SELECT is_empty($$
	SELECT c.oid::regclass, privilege FROM pg_class c,
		unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) privilege
	WHERE relnamespace = 'appt'::regnamespace AND relkind IN ('r', 'v') AND has_table_privilege('public', c.oid, privilege)$$,
	'PUBLIC may touch no table or view');
SELECT is(has_schema_privilege('public', 'appt', 'USAGE') OR has_schema_privilege('public', 'appt', 'CREATE'), false,
	'nor use the schema');
SELECT is_empty($$
	SELECT role, c.oid::regclass, attname FROM initials, pg_class c JOIN pg_attribute ON attrelid = c.oid
	WHERE c.oid IN ('appt.secret'::regclass, 'appt.one_time_code'::regclass, 'appt.idempotency_key'::regclass)
		AND (has_table_privilege(role, c.oid, 'SELECT, INSERT, UPDATE, DELETE')
			OR has_column_privilege(role, c.oid, attnum, 'SELECT, INSERT, UPDATE'))$$,
	'nobody reads or writes secrets, codes and idempotency keys');
SELECT is_empty($$
	SELECT oid::regclass FROM pg_class WHERE relnamespace = 'appt'::regnamespace AND relkind = 'r' AND NOT relrowsecurity$$,
	'row level security stands on every table');
SELECT is_empty($$
	SELECT oid::regclass FROM pg_class WHERE relnamespace = 'appt'::regnamespace AND relkind = 'v'
		AND NOT coalesce('security_invoker=true' = ANY (reloptions), false)$$,
	'every view reads as who asks');

-- Comments: PostgREST shows them to people.
SELECT is_empty($$
	SELECT oid::regclass FROM pg_class
	WHERE relnamespace = 'appt'::regnamespace AND relkind IN ('r', 'v', 'c') AND obj_description(oid, 'pg_class') IS NULL
		AND NOT (relkind = 'c' AND obj_description(reltype, 'pg_type') IS NOT NULL)$$,
	'every table, view and composite type has a comment');
SELECT is_empty($$
	SELECT oid::regclass || '.' || attname FROM pg_class JOIN pg_attribute ON attrelid = oid
	WHERE relnamespace = 'appt'::regnamespace AND relkind IN ('r', 'v', 'c') AND attnum > 0 AND NOT attisdropped
		AND col_description(oid, attnum) IS NULL$$,
	'every column of them');
SELECT is_empty($$
	SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'appt'::regnamespace AND obj_description(oid, 'pg_proc') IS NULL$$,
	'every function');
SELECT is_empty($$
	SELECT oid::regtype FROM pg_type WHERE typnamespace = 'appt'::regnamespace AND typtype = 'd' AND obj_description(oid,
		'pg_type') IS NULL$$,
	'every domain');
SELECT is_empty($$
	SELECT tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
	WHERE relnamespace = 'appt'::regnamespace AND NOT tgisinternal AND obj_description(pg_trigger.oid, 'pg_trigger') IS NULL$$,
	'every trigger');
SELECT isnt(obj_description('appt'::regnamespace, 'pg_namespace'), NULL, 'and the schema');

-- appt_service at work.
SELECT appt.create_application(appt.create_organization('Acme'), 'Sales') AS application \gset
SELECT appt.create_subscription(:'application', 'https://hooks.example/in') \gset
SELECT appt.set_provider(:'application', 'EMAIL', 'SMTP', 'smtp://mail.example', 'sales@example.com') \gset
SET LOCAL ROLE appt_service;
SELECT is(count(*), 1::bigint, 'service reads every application') FROM appt.application;
SELECT lives_ok('SELECT * FROM appt.' || relation, 'service reads ' || relation)
FROM unnest('{notification_log,latest_failure,failures_by_endpoint,uninformed_customers,upcoming,delivery_times,notification_stats,reason,'
	'notification_type,due,identity,change}'::text[]) relation;
SELECT throws_ok('SELECT * FROM appt.secret', '42501', NULL, 'but no secrets');
SELECT throws_ok('SELECT * FROM appt.one_time_code', '42501', NULL, 'and no codes');
SELECT lives_ok($$INSERT INTO appt.rule (application_id, type, channel, time_offset) SELECT id, 'ROOM', 'EMAIL', '5 minutes'
	FROM appt.application$$,
	'service adds a rule');
SELECT lives_ok($$UPDATE appt.rule SET enabled = false WHERE type = 'ROOM'$$, 'changes one');
SELECT lives_ok($$DELETE FROM appt.rule WHERE type = 'ROOM'$$, 'and deletes it');
SELECT lives_ok($$INSERT INTO appt.template (application_id, type, channel, locale, text_body) SELECT id, 'CREATE', 'SMS', 'en',
	'Hi {{firstName}}' FROM appt.application$$,
	'writes a template');
SELECT throws_ok($$UPDATE appt.template SET text_body = '{{#open}}'$$, '22023', NULL, 'that is checked');
SELECT lives_ok($$UPDATE appt.subscription SET enabled = false$$, 'disables a subscription');
SELECT throws_ok($$UPDATE appt.subscription SET headers = '[{"name": "X-Key", "value": "clear", "type": "SECRET"}]'$$,
	'22023', 'a secret header''s value cannot be stored here', 'cannot store a secret where it can be read');
SELECT throws_ok($$UPDATE appt.provider SET settings = '{"startls": "required"}'$$, '22023', 'unknown setting',
	'nor settings that do not exist');
SELECT throws_ok($$UPDATE appt.provider SET verified_at = now()$$, '42501', NULL, 'cannot verify a sender by hand');
SELECT throws_ok($$UPDATE appt.application SET id = gen_random_uuid()$$, '42501', NULL, 'cannot change keys');
SELECT throws_ok($$UPDATE appt.application SET auto_activate = false$$, 'PT409',
	'automatic activation cannot be switched off again', 'nor switch automatic activation off');
SELECT throws_ok($$UPDATE appt.notification SET state = 'SENT'$$, '42501', NULL, 'nor rewrite the log');
SELECT throws_ok($$UPDATE appt.change SET changed_by = 'somebody else'$$, '42501', NULL, 'nor who changed what');
SELECT throws_ok($$DELETE FROM appt.change$$, '42501', NULL, 'nor delete it');
SELECT throws_ok('SELECT appt.adopt_database()', '42501', NULL, 'nor adopt the database');
RESET ROLE;

-- The server's monitors see how the worker does, and nothing of what it sends.
CREATE ROLE appt_test_monitor IN ROLE pg_monitor;
SET LOCAL ROLE appt_test_monitor;
SELECT lives_ok('SELECT * FROM appt.worker_status', 'a monitor asks how the worker does');
SELECT lives_ok('SELECT * FROM appt.circuit', 'and whom it sends little');
SELECT throws_ok('SELECT * FROM appt.notification', '42501', NULL, 'and reads no messages');
RESET ROLE;

-- Roles without any access.
CREATE ROLE appt_test_stranger;
SET LOCAL ROLE appt_test_stranger;
SELECT throws_ok('SELECT * FROM appt.reason', '42501', NULL, 'strangers do not get in');
RESET ROLE;

-- Verification belongs to the sender.
UPDATE appt.provider SET verified_at = now();
UPDATE appt.provider SET sender = sender, url = 'smtp://other.example';
SELECT isnt(verified_at, NULL, 'a verified sender stays so') FROM appt.provider;
UPDATE appt.provider SET sender = 'other@example.com';
SELECT is(verified_at, NULL, 'another one is not') FROM appt.provider;

SELECT * FROM finish();
ROLLBACK;
