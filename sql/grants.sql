/*
 * grants.sql: privileges of the roles. PUBLIC has none: each function of the
 * schema is granted here to the roles that it is for.
 */

REVOKE ALL ON SCHEMA appt FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA appt FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA appt FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA appt FROM PUBLIC;

GRANT USAGE ON SCHEMA appt TO appt_agent, appt_supervisor, appt_client_service,
	appt_customer, appt_admin, appt_anonymous, appt_service;

/*
 * Functions for applications, each to the roles that it is for; appt_service
 * may call all of them. No name but receive_sms is overloaded, so the name alone is enough.
 */
GRANT EXECUTE ON FUNCTION appt.create_organization TO appt_service;
/* What an id tells. */
GRANT EXECUTE ON FUNCTION
	appt.node_of,
	appt.tag_of,
	appt.tag_of_application,
	appt.tag_of_token,
	appt.tagged_uuid
	TO appt_service;
GRANT EXECUTE ON FUNCTION
	appt.create_application,
	appt.create_meeting_template,
	appt.create_subscription,
	appt.resend_notifications,
	appt.rotate_subscription_key,
	appt.rotate_token_key,
	appt.set_notifications_enabled,
	appt.set_provider
	TO appt_admin, appt_service;
GRANT EXECUTE ON FUNCTION
	appt.inbox,
	appt.mark_read,
	appt.send_sample_notification
	TO appt_agent, appt_supervisor, appt_client_service, appt_admin, appt_service;
GRANT EXECUTE ON FUNCTION
	appt.forecast,
	appt.not_retriable_because,
	appt.notification_eligibility,
	appt.render_template
	TO appt_agent, appt_supervisor, appt_client_service, appt_admin, appt_service;
GRANT EXECUTE ON FUNCTION appt.notification_series TO appt_supervisor, appt_admin, appt_service;
GRANT EXECUTE ON FUNCTION appt.console_state TO appt_agent, appt_supervisor, appt_client_service, appt_admin, appt_service;
GRANT EXECUTE ON FUNCTION
	appt.preview_notification,
	appt.resend_notification,
	appt.retry_notification,
	appt.retry_notifications
	TO appt_agent, appt_supervisor, appt_admin, appt_service;
GRANT EXECUTE ON FUNCTION
	appt.messages_to
	TO appt_supervisor, appt_admin, appt_service;
GRANT EXECUTE ON FUNCTION
	appt.schedule_appointment
	TO appt_agent, appt_client_service, appt_service;
GRANT EXECUTE ON FUNCTION
	appt.apply_meeting_template,
	appt.archive_appointment,
	appt.cancel_appointment,
	appt.delete_appointment,
	appt.find_appointments,
	appt.follow_appointment,
	appt.notification_dialog,
	appt.reopen_appointment,
	appt.reschedule_appointment,
	appt.send_notification,
	appt.update_appointment,
	appt.update_customer
	TO appt_agent, appt_supervisor, appt_client_service, appt_service;
GRANT EXECUTE ON FUNCTION
	appt.get_appointment
	TO appt_agent, appt_supervisor, appt_client_service, appt_customer, appt_service;
GRANT EXECUTE ON FUNCTION
	appt.add_agent,
	appt.add_customer,
	appt.reassign_appointment,
	appt.remove_participant
	TO appt_agent, appt_supervisor, appt_service;
GRANT EXECUTE ON FUNCTION
	appt.get_participant
	TO appt_agent, appt_supervisor, appt_customer, appt_service;
GRANT EXECUTE ON FUNCTION
	appt.end_appointment
	TO appt_agent, appt_service;
GRANT EXECUTE ON FUNCTION
	appt.activate_appointment,
	appt.appointments_eligible_for_activation,
	appt.resolve_room
	TO appt_client_service, appt_service;
GRANT EXECUTE ON FUNCTION
	appt.cancel_message,
	appt.notify_users,
	appt.record_inbound_sms,
	appt.record_receipt,
	appt.send_message
	TO appt_client_service, appt_service;
GRANT EXECUTE ON FUNCTION
	appt.record_join,
	appt.record_leave
	TO appt_client_service, appt_customer, appt_service;
GRANT EXECUTE ON FUNCTION
	appt.confirm_email_verification,
	appt.export_person,
	appt.forget_person,
	appt.initiate_email_verification,
	appt.send_test_email,
	appt.send_test_sms,
	appt.suppress,
	appt.unsuppress
	TO appt_admin, appt_service;
GRANT EXECUTE ON FUNCTION
	appt.available_slots,
	appt.console,
	appt.count_appointments,
	appt.count_overlapping,
	appt.google_calendar_event,
	appt.outlook_calendar_event,
	appt.google_calendar_url,
	appt.ical_event,
	appt.ical_text,
	appt.receive_sms(json),
	appt.receive_sms(text),
	appt.request_customer_code,
	appt.landing_page,
	appt.respond,
	appt.schedule_appointment_as_customer,
	appt.submit_response,
	appt.unsubscribe
	TO appt_agent, appt_supervisor, appt_client_service, appt_customer, appt_admin, appt_anonymous, appt_service;

GRANT EXECUTE ON FUNCTION
	appt.confirm_custom_phone,
	appt.notification_preferences,
	appt.set_channel,
	appt.set_preference,
	appt.subscribe_line,
	appt.update_profile,
	appt.user_names
	TO appt_agent, appt_supervisor, appt_client_service, appt_admin, appt_service;

/*
 * The compatible API: each function to the roles of the function of appt that it calls, whatever its values are made of to all of them.
 */
REVOKE ALL ON SCHEMA appt_rest FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA appt_rest FROM PUBLIC;
GRANT USAGE ON SCHEMA appt_rest TO appt_agent, appt_supervisor, appt_client_service,
	appt_customer, appt_admin, appt_anonymous, appt_service;
GRANT EXECUTE ON FUNCTION appt_rest.schedule_appointment TO appt_agent, appt_client_service, appt_service;
GRANT EXECUTE ON FUNCTION
	appt_rest.delete_appointment,
	appt_rest.find_appointments,
	appt_rest.nothing_found,
	appt_rest.reschedule_appointment,
	appt_rest.update_appointment
	TO appt_agent, appt_supervisor, appt_client_service, appt_service;
GRANT EXECUTE ON FUNCTION appt_rest.get_appointment
	TO appt_agent, appt_supervisor, appt_client_service, appt_customer, appt_service;
GRANT EXECUTE ON FUNCTION
	appt_rest.add_agent,
	appt_rest.add_customer,
	appt_rest.reassign_appointment,
	appt_rest.remove_participant
	TO appt_agent, appt_supervisor, appt_service;
GRANT EXECUTE ON FUNCTION appt_rest.get_participant TO appt_agent, appt_supervisor, appt_customer, appt_service;
GRANT EXECUTE ON FUNCTION appt_rest.end_appointment TO appt_agent, appt_service;
GRANT EXECUTE ON FUNCTION
	appt_rest.activate_appointment,
	appt_rest.appointments_eligible_for_activation
	TO appt_client_service, appt_service;
GRANT EXECUTE ON FUNCTION
	appt_rest.confirm_email_verification,
	appt_rest.send_test_email
	TO appt_admin, appt_service;
GRANT EXECUTE ON FUNCTION
	appt_rest.appointment,
	appt_rest.claims,
	appt_rest.count_appointments,
	appt_rest.count_overlapping,
	appt_rest.duration_text,
	appt_rest.given,
	appt_rest.google_calendar_event,
	appt_rest.ical_event,
	appt_rest.instant,
	appt_rest.listed_appointment,
	appt_rest.plain,
	appt_rest.room_access,
	appt_rest.schedule_appointment_as_customer,
	appt_rest.schedule_by_basic,
	appt_rest.time_text
	TO appt_agent, appt_supervisor, appt_client_service, appt_customer, appt_admin, appt_anonymous, appt_service;

/* Functions in CHECK constraints, for roles that write the tables. */
GRANT EXECUTE ON FUNCTION
	appt.auto_replies_are_valid,
	appt.branding_is_valid,
	appt.contact_is_valid,
	appt.appearance_is_valid,
	appt.headers_are_valid,
	appt.length_is_valid,
	appt.appointment_is_valid,
	appt.participant_is_valid,
	appt.room_access_is_valid,
	appt.notification_is_valid,
	appt.duration_class,
	appt.address_is_valid,
	appt.preference_is_valid,
	appt.subscription_types_are_valid,
	appt.locale_is_valid,
	appt.page_key_is_valid,
	appt.provider_is_valid,
	appt.reply_codes_are_valid,
	appt.template_is_valid,
	appt.timezone_is_valid,
	appt.url_is_valid
	TO appt_admin, appt_service;

/* The function in domains, for roles that may store their values in variables and tables of their own. */
GRANT EXECUTE ON FUNCTION appt.code_is_valid
	TO appt_agent, appt_supervisor, appt_client_service, appt_customer, appt_admin, appt_service, pg_monitor;

/* Functions in policies, for the roles of the policies. */
GRANT EXECUTE ON FUNCTION appt.caller_application
	TO appt_agent, appt_supervisor, appt_client_service, appt_customer;
GRANT EXECUTE ON FUNCTION appt.caller_user TO appt_agent, appt_supervisor, appt_client_service;
GRANT EXECUTE ON FUNCTION appt.agent_has_application, appt.attended_appointments TO appt_agent;
GRANT EXECUTE ON FUNCTION appt.caller_conference TO appt_customer;
GRANT EXECUTE ON FUNCTION appt.caller_organization, appt.administered_applications TO appt_admin;

/* Functions in views, for the readers of the views. */
GRANT EXECUTE ON FUNCTION appt.due_notifications, appt.reasons, appt.notification_types
	TO appt_agent, appt_supervisor, appt_client_service, appt_admin, appt_service;
GRANT SELECT ON appt.reason, appt.notification_type
	TO appt_agent, appt_supervisor, appt_client_service, appt_admin, appt_service;

/*
 * Tables; row_security.sql limits the rows. appt_service reads everything but
 * secrets, codes and idempotency keys, which no role may read. A table is
 * readable as a whole or not at all, because PostgREST's "select=*" fails if one
 * column is not readable. For the views that join it, agents, supervisors and
 * client services may read provider; they see none of its rows, except that
 * supervisors see that messages go to the log alone.
 */
GRANT SELECT ON appt.organization, appt.application, appt.appointment, appt.participant,
	appt.room_access, appt.rule, appt.template, appt.subscription, appt.provider,
	appt.notification, appt.due, appt.attempt, appt.provider_message, appt.invitation, appt.identity, appt.change, appt.user_event,
	appt.inbound_message, appt.meeting_template, appt.page_text, appt.follower, appt.response, appt.suppression,
	appt.notification_log, appt.latest_failure, appt.notification_stats,
	appt.failures_by_endpoint, appt.uninformed_customers, appt.upcoming, appt.delivery_times
	TO appt_service;
GRANT SELECT ON appt.application, appt.appointment, appt.participant, appt.room_access,
	appt.provider, appt.notification, appt.due, appt.attempt,
	appt.notification_log, appt.latest_failure, appt.notification_stats,
	appt.failures_by_endpoint, appt.uninformed_customers, appt.upcoming, appt.delivery_times
	TO appt_agent, appt_supervisor, appt_client_service;
GRANT SELECT ON appt.meeting_template, appt.follower, appt.response TO appt_agent, appt_supervisor, appt_client_service;
GRANT SELECT ON appt.rule, appt.template, appt.page_text, appt.suppression TO appt_supervisor;
GRANT SELECT ON appt.inbound_message TO appt_agent, appt_supervisor, appt_admin;
GRANT SELECT ON appt.user_profile, appt.user_preference, appt.line, appt.line_number, appt.ring_group,
	appt.ring_group_member, appt.line_ring_group, appt.line_subscription
	TO appt_agent, appt_supervisor, appt_client_service, appt_admin, appt_service;
GRANT SELECT ON appt.report_day, appt.daily_figure, appt.hourly_figure TO appt_supervisor, appt_admin, appt_service;
GRANT SELECT ON appt.hour_count TO appt_service;
GRANT SELECT ON appt.report_schedule TO appt_admin, appt_service;
GRANT SELECT ON appt.appointment, appt.participant, appt.room_access TO appt_customer;
GRANT SELECT ON appt.organization, appt.application, appt.rule, appt.template,
	appt.subscription, appt.provider, appt.notification, appt.due, appt.attempt, appt.change, appt.user_event,
	appt.meeting_template, appt.page_text, appt.response, appt.suppression, appt.participant,
	appt.notification_log, appt.latest_failure, appt.notification_stats,
	appt.failures_by_endpoint, appt.upcoming, appt.delivery_times
	TO appt_admin;

/*
 * The configuration: all columns but keys that appt makes, what only a code may
 * verify, and notifications_enabled. Only a function may change the latter,
 * because it must also mark the messages that were held back meanwhile as
 * SUPPRESSED. Applications choose the ids of their users.
 */
GRANT UPDATE (name, require_verified_sender) ON appt.organization
	TO appt_admin, appt_service;
GRANT INSERT (organization_id, name, platform, auto_activate, room_activates, room_url, room_code_length,
		public_url, locale, timezone, calling_code, max_duration, end_grace, max_overlap,
		organizer_exclusive, max_attempts, retry_base, retry_cap, max_concurrency, max_per_second, agent_scope,
		report_time, short_url, contact, branding, sender_image, one_click, suppress_undeliverable),
	UPDATE (name, platform, auto_activate, room_activates, room_url, room_code_length,
		public_url, locale, timezone, calling_code, max_duration, end_grace, max_overlap,
		organizer_exclusive, max_attempts, retry_base, retry_cap, max_concurrency, max_per_second, agent_scope,
		report_time, short_url, contact, branding, sender_image, one_click, suppress_undeliverable),
	DELETE ON appt.application TO appt_admin, appt_service;
GRANT INSERT (application_id, name, sequence, active, duration, meeting_type, location, video_platform, title,
		significant_fields, require_location, lead_only_reminders, reminders_need_confirmation, notify_followers),
	UPDATE (name, sequence, active, duration, meeting_type, location, video_platform, title,
		significant_fields, require_location, lead_only_reminders, reminders_need_confirmation, notify_followers),
	DELETE ON appt.meeting_template TO appt_admin, appt_service;
GRANT INSERT (application_id, meeting_template_id, type, channel, time_offset, enabled, sending, even_if_never_told,
		ignores_opt_out, buttons, appearance, ask_reason, reply_codes, auto_replies),
	UPDATE (meeting_template_id, type, channel, time_offset, enabled, sending, even_if_never_told,
		ignores_opt_out, buttons, appearance, ask_reason, reply_codes, auto_replies),
	DELETE ON appt.rule TO appt_admin, appt_service;
GRANT INSERT (application_id, locale, key, text), UPDATE (locale, key, text), DELETE ON appt.page_text
	TO appt_admin, appt_service;
GRANT INSERT (application_id, type, channel, rule_id, meeting_template_id, locale, subject, text_body, html_body),
	UPDATE (type, channel, rule_id, meeting_template_id, locale, subject, text_body, html_body),
	DELETE ON appt.template TO appt_admin, appt_service;
GRANT INSERT (application_id, url, auth, username, token_url, scope, audience, token_auth, headers, types, enabled),
	UPDATE (url, auth, username, token_url, scope, audience, token_auth, headers, types, enabled),
	DELETE ON appt.subscription TO appt_admin, appt_service;
GRANT INSERT (application_id, channel, kind, url, username, sender, settings, enabled),
	UPDATE (channel, kind, url, username, sender, settings, enabled),
	DELETE ON appt.provider TO appt_admin, appt_service;

GRANT INSERT (application_id, id, name, email, backup_phone, custom_phone, channels, locale, timezone,
		is_admin, is_billing_admin, enabled),
	UPDATE (name, email, backup_phone, custom_phone, channels, locale, timezone,
		is_admin, is_billing_admin, enabled),
	DELETE ON appt.user_profile TO appt_admin, appt_service;
GRANT INSERT (application_id, user_id, type, channel, time_offset, enabled),
	UPDATE (user_id, type, channel, time_offset, enabled), DELETE ON appt.user_preference TO appt_admin, appt_service;
GRANT INSERT (application_id, name, owner_id, enabled),
	UPDATE (name, owner_id, enabled), DELETE ON appt.line TO appt_admin, appt_service;
GRANT INSERT (application_id, number, line_id),
	UPDATE (number, line_id), DELETE ON appt.line_number TO appt_admin, appt_service;
GRANT INSERT (application_id, name, fisher_mode),
	UPDATE (name, fisher_mode), DELETE ON appt.ring_group TO appt_admin, appt_service;
GRANT INSERT (application_id, ring_group_id, user_id), DELETE ON appt.ring_group_member TO appt_admin, appt_service;
GRANT INSERT (application_id, line_id, ring_group_id), DELETE ON appt.line_ring_group TO appt_admin, appt_service;
GRANT INSERT (application_id, line_id, user_id), DELETE ON appt.line_subscription TO appt_admin, appt_service;

/* Monitoring sees the state of the workers, and of the queue its length. */
GRANT USAGE ON SCHEMA appt TO pg_monitor;
GRANT EXECUTE ON FUNCTION appt.worker_status(), appt.open_circuits() TO pg_monitor;
GRANT SELECT ON appt.worker_status, appt.circuit TO pg_monitor;
GRANT SELECT (lane, due_at) ON appt.due TO pg_monitor;
GRANT SELECT (kind, enabled) ON appt.provider TO pg_monitor;
/* Delivery figures per application, without recipients. */
GRANT EXECUTE ON FUNCTION appt.due_notifications TO pg_monitor;
GRANT SELECT ON appt.notification_stats TO pg_monitor;
GRANT SELECT (id, name) ON appt.application TO pg_monitor;
GRANT SELECT (id, application_id, type, channel, state, due_at, settled_at) ON appt.notification TO pg_monitor;
GRANT SELECT (notification_id, attempt_number, started_at) ON appt.attempt TO pg_monitor;
