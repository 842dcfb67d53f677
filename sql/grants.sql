/*
 * grants.sql: who may do what. PUBLIC may do nothing: every function that is
 * added to this schema is granted here, to those whom it is for.
 */

REVOKE ALL ON SCHEMA appt FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA appt FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA appt FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA appt FROM PUBLIC;

GRANT USAGE ON SCHEMA appt TO appt_agent, appt_supervisor, appt_client_service,
	appt_customer, appt_admin, appt_anonymous, appt_service;

/*
 * Functions for applications, each to the roles that it is for; appt_service
 * may call them all. No name is overloaded, so the name alone will do.
 */
GRANT EXECUTE ON FUNCTION appt.create_organization TO appt_service;
GRANT EXECUTE ON FUNCTION
	appt.create_application,
	appt.create_subscription,
	appt.rotate_subscription_key,
	appt.set_notifications_enabled,
	appt.set_provider
	TO appt_admin, appt_service;
GRANT EXECUTE ON FUNCTION
	appt.notification_eligibility,
	appt.render_template
	TO appt_agent, appt_supervisor, appt_client_service, appt_admin, appt_service;
GRANT EXECUTE ON FUNCTION
	appt.preview_notification,
	appt.retry_notification
	TO appt_agent, appt_supervisor, appt_admin, appt_service;
GRANT EXECUTE ON FUNCTION
	appt.schedule_appointment
	TO appt_agent, appt_client_service, appt_service;
GRANT EXECUTE ON FUNCTION
	appt.cancel_appointment,
	appt.delete_appointment,
	appt.find_appointments,
	appt.reschedule_appointment,
	appt.update_appointment
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
	appt.end_appointment
	TO appt_agent, appt_service;
GRANT EXECUTE ON FUNCTION
	appt.activate_appointment
	TO appt_client_service, appt_service;
GRANT EXECUTE ON FUNCTION
	appt.record_join,
	appt.record_leave
	TO appt_client_service, appt_customer, appt_service;
GRANT EXECUTE ON FUNCTION
	appt.count_overlapping
	TO appt_agent, appt_supervisor, appt_client_service, appt_customer, appt_admin, appt_anonymous, appt_service;

/* What CHECK constraints ask, for who writes the tables. */
GRANT EXECUTE ON FUNCTION
	appt.headers_are_valid,
	appt.locale_is_valid,
	appt.sender_is_valid,
	appt.settings_are_valid,
	appt.template_is_valid,
	appt.timezone_is_valid,
	appt.url_is_valid
	TO appt_admin, appt_service;

/* What views ask, for who reads them. */
GRANT EXECUTE ON FUNCTION appt.reasons, appt.notification_types
	TO appt_agent, appt_supervisor, appt_client_service, appt_admin, appt_service;
GRANT SELECT ON appt.reason, appt.notification_type
	TO appt_agent, appt_supervisor, appt_client_service, appt_admin, appt_service;

/*
 * Row level security stands on every table, so that a grant alone shows
 * nothing. The owner, as whom the functions and the worker read, is exempt.
 */
ALTER TABLE appt.organization ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.application ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.appointment ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.participant ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.room_access ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.rule ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.template ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.subscription ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.provider ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.secret ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.notification ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.due ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.attempt ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.one_time_code ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.identity ENABLE ROW LEVEL SECURITY;

/*
 * appt_service reads everything but secrets and codes, and writes the
 * configuration as an admin does: all columns but keys, what was verified, and
 * what only functions know how to keep consistent.
 */
CREATE POLICY service ON appt.organization TO appt_service USING (true) WITH CHECK (true);
CREATE POLICY service ON appt.application TO appt_service USING (true) WITH CHECK (true);
CREATE POLICY service ON appt.appointment TO appt_service USING (true) WITH CHECK (true);
CREATE POLICY service ON appt.participant TO appt_service USING (true) WITH CHECK (true);
CREATE POLICY service ON appt.room_access TO appt_service USING (true) WITH CHECK (true);
CREATE POLICY service ON appt.rule TO appt_service USING (true) WITH CHECK (true);
CREATE POLICY service ON appt.template TO appt_service USING (true) WITH CHECK (true);
CREATE POLICY service ON appt.subscription TO appt_service USING (true) WITH CHECK (true);
CREATE POLICY service ON appt.provider TO appt_service USING (true) WITH CHECK (true);
CREATE POLICY service ON appt.notification TO appt_service USING (true) WITH CHECK (true);
CREATE POLICY service ON appt.due TO appt_service USING (true) WITH CHECK (true);
CREATE POLICY service ON appt.attempt TO appt_service USING (true) WITH CHECK (true);
CREATE POLICY service ON appt.identity TO appt_service USING (true) WITH CHECK (true);

GRANT SELECT ON appt.organization, appt.application, appt.appointment, appt.participant,
	appt.room_access, appt.rule, appt.template, appt.subscription, appt.provider,
	appt.notification, appt.due, appt.attempt, appt.identity,
	appt.notification_log, appt.latest_failure, appt.notification_stats
	TO appt_service;

GRANT UPDATE (name, notifications_enabled, require_verified_sender) ON appt.organization TO appt_service;
GRANT UPDATE (name, platform, auto_activate, room_activates, room_url, room_code_length,
		public_url, locale, timezone, calling_code, max_duration, end_grace, max_overlap,
		organizer_exclusive, max_attempts, retry_base, retry_cap, max_concurrency, max_per_second),
	DELETE ON appt.application TO appt_service;
GRANT INSERT (organization_id, name, platform, auto_activate, room_activates, room_url, room_code_length,
		public_url, locale, timezone, calling_code, max_duration, end_grace, max_overlap,
		organizer_exclusive, max_attempts, retry_base, retry_cap, max_concurrency, max_per_second)
	ON appt.application TO appt_service;
GRANT INSERT (application_id, type, channel, time_offset, enabled),
	UPDATE (type, channel, time_offset, enabled), DELETE ON appt.rule TO appt_service;
GRANT INSERT (application_id, type, channel, rule_id, locale, subject, text_body, html_body),
	UPDATE (type, channel, rule_id, locale, subject, text_body, html_body),
	DELETE ON appt.template TO appt_service;
GRANT INSERT (application_id, url, auth, username, token_url, headers, enabled),
	UPDATE (url, auth, username, token_url, headers, enabled),
	DELETE ON appt.subscription TO appt_service;
GRANT INSERT (application_id, channel, kind, url, username, sender, settings, enabled),
	UPDATE (channel, kind, url, username, sender, settings, enabled),
	DELETE ON appt.provider TO appt_service;

/* Operators see how the worker does, and of the queue how long it is. */
GRANT USAGE ON SCHEMA appt TO pg_monitor;
GRANT EXECUTE ON FUNCTION appt.worker_status() TO pg_monitor;
GRANT SELECT ON appt.worker_status TO pg_monitor;
GRANT SELECT (lane, due_at) ON appt.due TO pg_monitor;
CREATE POLICY monitor ON appt.due FOR SELECT TO pg_monitor USING (true);
