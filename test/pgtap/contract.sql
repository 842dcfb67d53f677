-- The public API: functions with the names and defaults of their arguments, their result types,
-- and the columns that are promised.
BEGIN;
SELECT * FROM no_plan();

CREATE TEMP TABLE contract (name text, arguments text);
INSERT INTO contract VALUES
	('create_organization', 'name text -> uuid'),
	('create_application', 'organization_id uuid, name text, platform text DEFAULT ''STANDALONE''::text, auto_activate boolean '
		'DEFAULT true,
		room_activates boolean DEFAULT false, room_url text DEFAULT NULL::text, room_code_length integer DEFAULT NULL::integer,
		public_url text DEFAULT NULL::text, locale text DEFAULT ''en''::text, timezone text DEFAULT ''UTC''::text, calling_code '
			'text DEFAULT NULL::text,
		max_duration interval DEFAULT ''24:00:00''::interval, end_grace interval DEFAULT ''00:15:00''::interval, max_overlap '
			'integer DEFAULT NULL::integer,
		organizer_exclusive boolean DEFAULT false, max_attempts integer DEFAULT 4, retry_base interval DEFAULT ''00:00:10''::interval,
		retry_cap interval DEFAULT ''00:10:00''::interval, max_concurrency integer DEFAULT NULL::integer, max_per_second numeric '
			'DEFAULT NULL::numeric,
		agent_scope text DEFAULT ''APPLICATION''::text, report_time time without time zone DEFAULT ''07:00:00''::time without time zone, '
			'short_url text DEFAULT NULL::text, contact jsonb DEFAULT NULL::jsonb, one_click boolean DEFAULT true,
		suppress_undeliverable boolean DEFAULT true, sender_image bytea DEFAULT NULL::bytea, branding jsonb DEFAULT NULL::jsonb -> uuid'),
	('create_meeting_template', 'application_id uuid, name text, sequence integer DEFAULT 10, active boolean DEFAULT true,
		duration interval DEFAULT NULL::interval, meeting_type text DEFAULT ''TBD''::text, location text DEFAULT NULL::text,
		video_platform text DEFAULT NULL::text, title text DEFAULT NULL::text,
		significant_fields text[] DEFAULT ''{start_at,duration,timezone,location}''::text[], require_location boolean DEFAULT false,
		lead_only_reminders boolean DEFAULT false, reminders_need_confirmation boolean DEFAULT false,
		notify_followers boolean DEFAULT true -> uuid'),
	('create_subscription', 'application_id uuid, url text, hmac_key text DEFAULT NULL::text, auth text DEFAULT ''NONE''::text, '
		'username text DEFAULT NULL::text,
		secret text DEFAULT NULL::text, token_url text DEFAULT NULL::text, headers jsonb DEFAULT NULL::jsonb,
		scope text DEFAULT NULL::text, audience text DEFAULT NULL::text, token_auth text DEFAULT ''BASIC''::text, types text[] '
			'DEFAULT NULL::text[], OUT id uuid, OUT hmac_key text -> record'),
	('set_provider', 'application_id uuid, channel text, kind text, url text DEFAULT NULL::text, sender text DEFAULT NULL::text, '
		'username text '
		'DEFAULT NULL::text,
		secret text DEFAULT NULL::text, settings jsonb DEFAULT NULL::jsonb, inbound_secret text DEFAULT NULL::text -> uuid'),
	('rotate_subscription_key', 'id uuid, overlap interval DEFAULT ''1 day''::interval, OUT id uuid, OUT hmac_key text -> record'),
	('rotate_token_key', 'application_id uuid, overlap interval DEFAULT ''30 days''::interval -> void'),
	('set_notifications_enabled', 'organization_id uuid, enabled boolean -> void'),
	('schedule_appointment', 'application_id uuid, start_at timestamp with time zone, duration interval, customer jsonb DEFAULT '
		'NULL::jsonb,
		organizer_id text DEFAULT NULL::text, title text DEFAULT NULL::text, notes text DEFAULT NULL::text, location text DEFAULT '
			'NULL::text,
		timezone text DEFAULT NULL::text, locale text DEFAULT NULL::text, metadata jsonb DEFAULT NULL::jsonb, interaction jsonb '
			'DEFAULT NULL::jsonb,
		notification_headers jsonb DEFAULT NULL::jsonb, idempotency_key text DEFAULT NULL::text, meeting_template_id uuid DEFAULT NULL::uuid '
			'-> appt.appointment_details'),
	('apply_meeting_template', 'id uuid, meeting_template_id uuid DEFAULT NULL::uuid -> appt.appointment_details'),
	('update_customer', 'id uuid, participant_id text, customer jsonb -> appt.appointment_details'),
	('archive_appointment', 'id uuid -> appt.appointment_details'),
	('reopen_appointment', 'id uuid, start_at timestamp with time zone, duration interval DEFAULT NULL::interval, timezone text '
		'DEFAULT NULL::text -> appt.appointment_details'),
	('follow_appointment', 'id uuid, user_id text DEFAULT NULL::text, following boolean DEFAULT true -> appt.appointment_details'),
	('update_appointment', 'id uuid, title text DEFAULT NULL::text, notes text DEFAULT NULL::text, location text DEFAULT NULL::text,
		metadata jsonb DEFAULT NULL::jsonb -> appt.appointment_details'),
	('reschedule_appointment', 'id uuid, start_at timestamp with time zone DEFAULT NULL::timestamp with time zone, duration '
		'interval DEFAULT NULL::interval, timezone text DEFAULT NULL::text,
		locale text DEFAULT NULL::text -> appt.appointment_details'),
	('cancel_appointment', 'id uuid, reason text DEFAULT NULL::text -> appt.appointment_details'),
	('delete_appointment', 'id uuid -> void'),
	('find_appointments', 'application_id uuid DEFAULT NULL::uuid, organizer_id text[] DEFAULT NULL::text[], duration interval[] '
		'DEFAULT NULL::interval[],
		range tstzrange DEFAULT NULL::tstzrange, page_size integer DEFAULT 25, page_number integer DEFAULT 1, sort_order text '
			'DEFAULT ''asc''::text,
		sort_field text DEFAULT ''start_at''::text, archived boolean DEFAULT false -> appt.appointment_page'),
	('get_appointment', 'id uuid -> appt.appointment_details'),
	('get_participant', 'id uuid, participant_id text -> appt.participant_details'),
	('appointments_eligible_for_activation', 'time_frame interval DEFAULT NULL::interval -> SETOF appt.appointment_details'),
	('count_appointments', 'application_id uuid, start_at timestamp with time zone, time_frame interval -> SETOF appt.appointment_count'),
	('resolve_room', 'ticket text -> appt.appointment_details'),
	('activate_appointment', 'id uuid -> appt.room_access_details'),
	('end_appointment', 'id uuid -> appt.appointment_details'),
	('record_join', 'id uuid, participant_id text -> void'),
	('record_inbound_sms', 'application_id uuid, from_number text, to_number text, text text, provider_message_id text DEFAULT NULL::text,
		received_at timestamp with time zone DEFAULT NULL::timestamp with time zone -> appt.inbound_details'),
	('record_receipt', 'application_id uuid, provider_message_id text, receipt text, code text DEFAULT NULL::text -> void'),
	('record_leave', 'id uuid, participant_id text -> void'),
	('add_agent', 'id uuid, user_id text -> appt.appointment_details'),
	('add_customer', 'id uuid, customer jsonb -> appt.appointment_details'),
	('remove_participant', 'id uuid, participant_id text -> appt.appointment_details'),
	('reassign_appointment', 'id uuid, user_id text -> appt.appointment_details'),
	('google_calendar_url', 'id uuid -> text'),
	('google_calendar_event', 'id uuid -> void'),
	('outlook_calendar_event', 'id uuid -> void'),
	('ical_event', 'id uuid -> appt."*/*"'),
	('ical_text', 'id uuid -> text'),
	('available_slots', 'application_id uuid, range tstzrange, duration interval, step interval, organizer_id text DEFAULT NULL::text ->
		TABLE(start_at timestamp with time zone, end_at timestamp with time zone, remaining integer)'),
	('count_overlapping', 'application_id uuid, start_at timestamp with time zone, duration interval, OUT count bigint -> bigint'),
	('landing_page', 'token text DEFAULT NULL::text, action text DEFAULT NULL::text -> appt."*/*"'),
	('submit_response', 'token text DEFAULT NULL::text, action text DEFAULT NULL::text, reason text DEFAULT NULL::text,
		proposed_start_at text DEFAULT NULL::text, seen text DEFAULT NULL::text -> appt."*/*"'),
	('respond', 'token text, action text, reason text DEFAULT NULL::text,
		proposed_start_at timestamp with time zone DEFAULT NULL::timestamp with time zone -> appt.response_details'),
	('request_customer_code', 'application_id uuid, contact text -> void'),
	('schedule_appointment_as_customer', 'application_id uuid, contact text, code text, start_at timestamp with time zone, '
		'duration interval,
		customer jsonb DEFAULT NULL::jsonb, title text DEFAULT NULL::text, notes text DEFAULT NULL::text, location text DEFAULT NULL::text,
		timezone text DEFAULT NULL::text, locale text DEFAULT NULL::text, metadata jsonb DEFAULT NULL::jsonb -> appt.appointment_details'),
	('initiate_email_verification', 'application_id uuid, email text -> void'),
	('confirm_email_verification', 'application_id uuid, code text -> boolean'),
	('send_test_email', 'application_id uuid, to_email text, type text DEFAULT ''REMINDER''::text, channel text DEFAULT ''EMAIL''::text,
		locale text DEFAULT NULL::text, timezone text DEFAULT NULL::text, period interval DEFAULT NULL::interval, subject text '
			'DEFAULT NULL::text,
		text_body text DEFAULT NULL::text, html_body text DEFAULT NULL::text -> bigint'),
	('send_test_sms', 'application_id uuid, to_phone text, type text DEFAULT ''REMINDER''::text, channel text DEFAULT ''SMS''::text,
		locale text DEFAULT NULL::text, timezone text DEFAULT NULL::text, period interval DEFAULT NULL::interval, text_body text '
			'DEFAULT NULL::text -> bigint'),
	('export_person', 'application_id uuid, address text -> jsonb'),
	('forget_person', 'application_id uuid, address text, confirmed boolean DEFAULT false -> jsonb'),
	('messages_to', 'address text -> SETOF appt.notification_log'),
	('suppress', 'application_id uuid, channel text, address text, reason text DEFAULT ''BLOCKED''::text -> void'),
	('unsuppress', 'application_id uuid, channel text, address text -> void'),
	('unsubscribe', 'token text DEFAULT NULL::text -> void'),
	('notification_eligibility', 'notification_id bigint, at timestamp with time zone DEFAULT now(), OUT eligible boolean, OUT '
		'reason text, OUT explanation text -> record'),
	('forecast', 'application_id uuid, until timestamp with time zone DEFAULT NULL::timestamp with time zone, at timestamp with time zone '
		'DEFAULT now(), max integer DEFAULT 10000 -> TABLE(due_at timestamp with time zone, notification_id bigint, appointment_id uuid, '
		'type text, channel text, recipient_kind text, recipient_id text, address text, judged_at timestamp with time zone, '
		'verdict text, reason text, '
		'explanation text, waits_until timestamp with time zone)'),
	('send_notification', 'id uuid, type text, channel text DEFAULT NULL::text, participant_ids text[] DEFAULT NULL::text[], '
		'confirmed boolean DEFAULT false -> SETOF appt.notification_details'),
	('notification_dialog', 'id uuid, type text, channel text DEFAULT NULL::text -> TABLE(participant_id text, recipient_name text, '
		'email text, phone text, channel text, can_send boolean, reason text, explanation text, subject text, text_body text, html_body text)'),
	('retry_notification', 'notification_id bigint -> appt.notification_details'),
	('retry_notifications', 'application_id uuid, since timestamp with time zone DEFAULT NULL::timestamp with time zone, until '
		'timestamp with time zone DEFAULT NULL::timestamp with time zone,
		type text DEFAULT NULL::text, channel text DEFAULT NULL::text, recipient text DEFAULT NULL::text, subscription_id uuid '
			'DEFAULT NULL::uuid,
		reason text DEFAULT NULL::text, max integer DEFAULT 1000 -> TABLE(notification_id bigint, retried boolean, explanation text)'),
	('cancel_message', 'notification_id bigint -> appt.notification_details'),
	('send_message', 'application_id uuid, channel text, recipient text, text_body text DEFAULT NULL::text, subject text DEFAULT '
		'NULL::text, html_body text DEFAULT NULL::text, due_at timestamp with time zone DEFAULT NULL::timestamp with time zone,
		expires_at timestamp with time zone DEFAULT NULL::timestamp with time zone, data jsonb DEFAULT NULL::jsonb, '
			'idempotency_key text DEFAULT NULL::text -> appt.notification_details'),
	('notify_users', 'application_id uuid, type text, user_ids text[] DEFAULT NULL::text[], line_id uuid DEFAULT NULL::uuid, contact '
		'jsonb DEFAULT NULL::jsonb,
		title text DEFAULT NULL::text, payload jsonb DEFAULT NULL::jsonb, idempotency_key text DEFAULT NULL::text -> SETOF '
			'appt.notification_details'),
	('resend_notification', 'notification_id bigint -> appt.notification_details'),
	('send_sample_notification', 'type text, channel text DEFAULT NULL::text, user_id text DEFAULT NULL::text, application_id uuid '
		'DEFAULT NULL::uuid -> SETOF bigint'),
	('resend_notifications', 'subscription_id uuid, since timestamp with time zone, until timestamp with time zone '
		'DEFAULT NULL::timestamp with time zone, types text[] DEFAULT NULL::text[], failed_only boolean DEFAULT false, max integer '
		'DEFAULT 1000 -> TABLE(notification_id bigint, resent boolean, explanation text)'),
	('inbox', 'unread boolean DEFAULT NULL::boolean, page_size integer DEFAULT 25, before bigint DEFAULT NULL::bigint,
		user_id text DEFAULT NULL::text, application_id uuid DEFAULT NULL::uuid -> appt.inbox_page'),
	('mark_read', 'notification_ids bigint[] DEFAULT NULL::bigint[], user_id text DEFAULT NULL::text, application_id uuid '
		'DEFAULT NULL::uuid -> integer'),
	('not_retriable_because', 'notification_id bigint -> text'),
	('console', ' -> appt."*/*"'),
	('console_state', ' -> text'),
	('notification_series', 'since timestamp with time zone DEFAULT NULL::timestamp with time zone, until timestamp with time zone '
		'DEFAULT NULL::timestamp with time zone, step interval DEFAULT NULL::interval, application_id uuid DEFAULT NULL::uuid, '
		'OUT at timestamp with time zone, OUT type text, OUT channel text, OUT sent bigint, OUT failed bigint, OUT lateness_avg interval, '
		'OUT lateness_max interval -> SETOF record'),
	('user_names', 'application_id uuid DEFAULT NULL::uuid -> TABLE(id text, name text)'),
	('notification_preferences', 'user_id text DEFAULT NULL::text, application_id uuid DEFAULT NULL::uuid -> SETOF appt.preference_details'),
	('set_preference', 'type text, enabled boolean, channel text DEFAULT NULL::text, time_offset interval DEFAULT NULL::interval, '
		'user_id text DEFAULT NULL::text, application_id uuid DEFAULT NULL::uuid -> SETOF appt.preference_details'),
	('set_channel', 'channel text, enabled boolean, user_id text DEFAULT NULL::text, application_id uuid DEFAULT NULL::uuid -> '
		'appt.profile_details'),
	('subscribe_line', 'line_id uuid, subscribed boolean DEFAULT true, user_id text DEFAULT NULL::text -> void'),
	('update_profile', 'email text DEFAULT NULL::text, backup_phone text DEFAULT NULL::text, custom_phone text DEFAULT NULL::text,
		locale text DEFAULT NULL::text, timezone text DEFAULT NULL::text, user_id text DEFAULT NULL::text, application_id uuid '
		'DEFAULT NULL::uuid -> appt.profile_details'),
	('confirm_custom_phone', 'code text, user_id text DEFAULT NULL::text, application_id uuid DEFAULT NULL::uuid -> appt.profile_details'),
	('preview_notification', 'appointment_id uuid, participant_id text, type text, channel text, time_offset interval DEFAULT '
		'NULL::interval,
		rule_id bigint DEFAULT NULL::bigint, OUT recipient text, OUT subject text, OUT text_body text, OUT html_body text -> record'),
	('render_template', 'template text, data jsonb, html boolean DEFAULT false, timezone text DEFAULT ''UTC''::text, locale text '
		'DEFAULT ''en''::text -> text'),
	('set_node', 'node integer -> void'),
	('hold_application', 'application_id uuid -> void'),
	('wake_application', 'application_id uuid -> void'),
	('count_sending', 'application_id uuid -> bigint'),
	('act_as', 'role text, claims text DEFAULT NULL::text, headers text DEFAULT NULL::text, method text DEFAULT NULL::text -> void'),
	('adopt_database', ' -> void');
-- An argument without a default above is required. It has one all the same, so that PostgREST finds the function without it.
CREATE TEMP TABLE argument AS
SELECT name, position, text, split_part(text, ' ', 1) AS argument, text !~ '^(OUT|TABLE) | DEFAULT ' AS is_required
  FROM contract, regexp_split_to_table(split_part(regexp_replace(arguments, '\s+', ' ', 'g'), ' -> ', 1),
  	', ') WITH ORDINALITY a (text, position) WHERE text <> '';
SELECT is(pg_get_function_arguments(p.oid) || ' -> ' || pg_get_function_result(p.oid),
	coalesce(string_agg(text || CASE WHEN is_required THEN ' DEFAULT NULL::' || substr(text, length(argument) + 2) ELSE '' END, ', '
		ORDER BY position), '')
		|| ' -> ' || split_part(regexp_replace(arguments, '\s+', ' ', 'g'), ' -> ', 2), c.name)
  FROM contract c LEFT JOIN argument USING (name) LEFT JOIN pg_proc p ON p.proname = c.name AND p.pronamespace = 'appt'::regnamespace
  GROUP BY p.oid, c.name, arguments;

CREATE FUNCTION pg_temp.refusal(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	EXECUTE call;
	RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN concat_ws(' ', SQLSTATE, SQLERRM || ':', detail);
END $$;
SELECT is(pg_temp.refusal(format('SELECT appt.%I()', name)),
	format('22023 a required argument is missing: These are null or were left out: %s.',
		string_agg('"' || argument || '"', ', ' ORDER BY position)), name || ' names what is missing')
  FROM argument WHERE is_required GROUP BY name;
SELECT is(pg_temp.refusal('SELECT appt.schedule_appointment(start_at => now(), application_id => gen_random_uuid())'),
	'22023 a required argument is missing: These are null or were left out: "duration".', 'and nothing else');

SELECT is_empty($$SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_roles r ON has_function_privilege(r.oid, p.oid, 'EXECUTE')
	WHERE pronamespace = 'appt'::regnamespace AND r.rolname IN ('appt_service', 'appt_anonymous') AND proname NOT IN (SELECT name
		FROM contract)
		AND proname !~ '^(due_notifications|notification_types|duration_class|reasons|receive_sms|node_of|tagged_uuid|tag_of(_application|_token)?|.*_(is|are)_valid)$'$$,
			'nothing that applications call is left out');
-- PostgREST answers GET for what is STABLE.
SELECT is(string_agg(proname, ' ' ORDER BY proname),
	'appointments_eligible_for_activation available_slots console console_state count_appointments count_overlapping find_appointments '
	'forecast get_appointment '
	'get_participant google_calendar_event google_calendar_url ical_event ical_text inbox landing_page messages_to not_retriable_because notification_dialog notification_eligibility '
	'notification_preferences notification_series outlook_calendar_event preview_notification render_template resolve_room user_names',
	'what only reads is STABLE')
  FROM pg_proc WHERE pronamespace = 'appt'::regnamespace AND provolatile = 's'
  	AND prolang = (SELECT oid FROM pg_language WHERE lanname = 'c')
	AND proname !~ '^(caller_|agent_|administered_|attended_|due_)';    -- for policies and views

SELECT is(string_agg(format('%s %s', attname, format_type(atttypid, atttypmod)), ', ' ORDER BY attnum),
	regexp_replace(columns, '\s+', ' ', 'g'), type)
  FROM (VALUES
	('appointment_details', 'id uuid, application_id uuid, state text, title text, notes text, location text, start_at timestamp '
		'with time zone,
		end_at timestamp with time zone, duration interval, timezone text, locale text, organizer jsonb, participant_ids jsonb, '
			'interaction jsonb,
		metadata jsonb, notifications_active boolean, room_access jsonb, conference_id uuid, created_at timestamp with time zone, '
			'updated_at timestamp with time zone,
		cancel_reason text, meeting_template_id uuid, booking_state text, notification_state text, changed_fields text[],
		archived_at timestamp with time zone'),
	('appointment_page', 'content appt.appointment_details[], page_count integer, page_number integer, page_size integer, '
		'sort_field text, sort_order text, total bigint'),
	('appointment_count', 'start_at timestamp with time zone, end_at timestamp with time zone, duration interval, timezone text, '
		'count bigint'),
	('participant_details', 'id text, type text, username text, name jsonb, contact jsonb, metadata jsonb'),
	('room_access_details', 'ticket text, type text, url text, expires timestamp with time zone'),
	('response_details', 'id bigint, appointment_id uuid, participant_id text, notification_id bigint, action text, reason text,
		proposed_start_at timestamp with time zone, source text, created_at timestamp with time zone'),
	('notification_details', 'id bigint, uid uuid, application_id uuid, appointment_id uuid, recipient_kind text, recipient_id '
		'text, subscription_id uuid,
		rule_id bigint, type text, channel text, time_offset interval, due_at timestamp with time zone, state text, reason text, '
			'attempt_count integer,
		next_attempt_at timestamp with time zone, context jsonb, created_at timestamp with time zone, settled_at timestamp with '
			'time zone')) contract (type, columns)
	JOIN pg_class c ON c.relname = type AND c.relnamespace = 'appt'::regnamespace JOIN pg_attribute ON attrelid = c.oid
		AND attnum > 0 GROUP BY type, columns;

SELECT is_empty(format($$SELECT unnest(string_to_array(%L, ' ')) EXCEPT SELECT attname FROM pg_attribute
	WHERE attrelid = %L::regclass AND attnum > 0$$, columns, 'appt.' || relation),
	relation || ' has its promised columns')
  FROM (VALUES
	('organization', 'id name notifications_enabled require_verified_sender'),
	('application', 'id organization_id name platform auto_activate room_activates room_url room_code_length public_url locale '
		'timezone calling_code
		max_duration end_grace max_overlap organizer_exclusive max_attempts retry_base retry_cap max_concurrency max_per_second '
			'agent_scope'),
	('appointment', 'id application_id conference_id organizer_id organizer_type state title notes location start_at end_at '
		'ended_at timezone locale
		notifications_active metadata interaction'),
	('participant', 'application_id appointment_id id type username first_name last_name email phone locale preferred_channel '
		'metadata joined_at left_at'),
	('rule', 'id application_id type channel time_offset enabled'),
	('template', 'id application_id type channel rule_id locale subject text_body html_body'),
	('provider', 'id application_id channel kind url username sender settings enabled verified_at'),
	('subscription', 'id application_id url auth username token_url scope audience token_auth headers enabled'),
	('notification', 'id uid application_id appointment_id recipient_kind recipient_id subscription_id rule_id type channel '
		'time_offset due_at state reason
		attempt_count next_attempt_at context created_at settled_at'),
	('attempt', 'id application_id notification_id attempt_number manual started_at finished_at outcome status_code error response '
		'recipient provider_id
		provider_message_id subject text_body html_body'),
	('change', 'organization_id application_id id table_name row_key operation changed_by at old_values new_values'),
	('notification_log', 'application title start_at lateness')) contract (relation, spaced),
		regexp_replace(spaced, '\s+', ' ', 'g') columns;

SELECT * FROM finish();
ROLLBACK;
