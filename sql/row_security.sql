/*
 * row_security.sql: which role sees and changes which rows.
 *
 * Every table has row level security, so that a grant alone shows nothing. The
 * owner, as which functions and the worker run, is exempt. grants.sql has the
 * grants: a policy without a grant, or a grant without a policy, gives nothing.
 *
 * Each policy is for one role. The caller's application, user and so on are
 * looked up in sub-selects that depend on no row: they run once per query, and
 * their results are index keys. An agent with agent_scope OWN sees the
 * appointments that it organizes, by their rows, and the few that it attends.
 * Whoever sees an appointment sees its participants and room; whoever sees a
 * notification sees its attempts.
 *
 * Agents, supervisors and client services see of users what is their own: profile,
 * preferences, and notifications, whatever appointment these are about. Lines and
 * ring groups are the application's: a supervisor and a client service see all; an
 * agent its ring groups, its subscriptions, and of the lines those that are not
 * personal to another user or that it is subscribed to. What events hold for
 * several users (user_event) is for admins; users read it as their messages.
 */

CREATE FUNCTION appt.caller_application(role text) RETURNS uuid
LANGUAGE C STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'caller_application';
COMMENT ON FUNCTION appt.caller_application(text) IS
'Application that the caller''s token names, for the policies of that role; NULL if the caller has another role. 42501: no valid claim.';

CREATE FUNCTION appt.agent_has_application() RETURNS boolean
LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'agent_has_application';
COMMENT ON FUNCTION appt.agent_has_application() IS
'True if the caller is an agent with agent_scope APPLICATION: it may use every appointment of its application. For policies. 42501: no valid claim.';

CREATE FUNCTION appt.caller_user(role text) RETURNS text
LANGUAGE C STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'caller_user';
COMMENT ON FUNCTION appt.caller_user(text) IS
'User that the caller''s token names, for the policies of that role; NULL if the caller has another role. 42501: no valid claim.';

CREATE FUNCTION appt.caller_conference() RETURNS uuid
LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'caller_conference';
COMMENT ON FUNCTION appt.caller_conference() IS 'Conference that a customer''s token names, for policies. 42501: no valid claim.';

CREATE FUNCTION appt.caller_organization() RETURNS uuid
LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'caller_organization';
COMMENT ON FUNCTION appt.caller_organization() IS 'Organization that an admin''s token names, for policies. 42501: no valid claim.';

CREATE FUNCTION appt.administered_applications() RETURNS uuid[]
LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'administered_applications';
COMMENT ON FUNCTION appt.administered_applications() IS
'Applications of the organization that an admin''s token names, for policies. 42501: no valid claim.';

CREATE FUNCTION appt.attended_appointments() RETURNS uuid[]
LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'attended_appointments';
COMMENT ON FUNCTION appt.attended_appointments() IS
'Appointments that an agent attends but does not organize, for policies; NULL with agent_scope APPLICATION. 42501: no valid claim.';

ALTER TABLE appt.organization ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.application ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.meeting_template ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.page_text ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.appointment ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.participant ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.room_access ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.idempotency_key ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.rule ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.template ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.subscription ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.provider ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.secret ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.notification ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.due ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.attempt ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.provider_message ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.invitation ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.inbound_message ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.follower ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.response ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.suppression ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.one_time_code ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.identity ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.change ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.user_profile ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.user_preference ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.line ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.line_number ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.ring_group ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.ring_group_member ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.line_ring_group ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.line_subscription ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.user_event ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.report_schedule ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.report_day ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.daily_figure ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.hour_count ENABLE ROW LEVEL SECURITY;
ALTER TABLE appt.hourly_figure ENABLE ROW LEVEL SECURITY;

/* ---- appt_service: everything ---- */

CREATE POLICY service ON appt.organization TO appt_service USING (true) WITH CHECK (true);
CREATE POLICY service ON appt.application TO appt_service USING (true) WITH CHECK (true);
CREATE POLICY service ON appt.meeting_template TO appt_service USING (true) WITH CHECK (true);
CREATE POLICY service ON appt.page_text TO appt_service USING (true) WITH CHECK (true);
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
CREATE POLICY service ON appt.provider_message FOR SELECT TO appt_service USING (true);
CREATE POLICY service ON appt.invitation FOR SELECT TO appt_service USING (true);
CREATE POLICY service ON appt.inbound_message FOR SELECT TO appt_service USING (true);
CREATE POLICY service ON appt.follower FOR SELECT TO appt_service USING (true);
CREATE POLICY service ON appt.response FOR SELECT TO appt_service USING (true);
CREATE POLICY service ON appt.suppression FOR SELECT TO appt_service USING (true);
CREATE POLICY service ON appt.identity TO appt_service USING (true) WITH CHECK (true);
CREATE POLICY service ON appt.change FOR SELECT TO appt_service USING (true);
CREATE POLICY service ON appt.user_profile TO appt_service USING (true) WITH CHECK (true);
CREATE POLICY service ON appt.user_preference TO appt_service USING (true) WITH CHECK (true);
CREATE POLICY service ON appt.line TO appt_service USING (true) WITH CHECK (true);
CREATE POLICY service ON appt.line_number TO appt_service USING (true) WITH CHECK (true);
CREATE POLICY service ON appt.ring_group TO appt_service USING (true) WITH CHECK (true);
CREATE POLICY service ON appt.ring_group_member TO appt_service USING (true) WITH CHECK (true);
CREATE POLICY service ON appt.line_ring_group TO appt_service USING (true) WITH CHECK (true);
CREATE POLICY service ON appt.line_subscription TO appt_service USING (true) WITH CHECK (true);
CREATE POLICY service ON appt.user_event TO appt_service USING (true) WITH CHECK (true);

/* ---- appt_supervisor: the application ---- */

CREATE POLICY supervisor ON appt.application FOR SELECT TO appt_supervisor
	USING (id = (SELECT appt.caller_application('appt_supervisor')));
CREATE POLICY supervisor ON appt.appointment FOR SELECT TO appt_supervisor
	USING (application_id = (SELECT appt.caller_application('appt_supervisor')));
CREATE POLICY supervisor ON appt.participant FOR SELECT TO appt_supervisor
	USING (application_id = (SELECT appt.caller_application('appt_supervisor')));
CREATE POLICY supervisor ON appt.room_access FOR SELECT TO appt_supervisor
	USING (application_id = (SELECT appt.caller_application('appt_supervisor')));
CREATE POLICY supervisor ON appt.rule FOR SELECT TO appt_supervisor
	USING (application_id = (SELECT appt.caller_application('appt_supervisor')));
CREATE POLICY supervisor ON appt.template FOR SELECT TO appt_supervisor
	USING (application_id = (SELECT appt.caller_application('appt_supervisor')));
CREATE POLICY supervisor ON appt.provider FOR SELECT TO appt_supervisor
	USING (kind = 'LOG' AND application_id = (SELECT appt.caller_application('appt_supervisor')));
CREATE POLICY supervisor ON appt.notification FOR SELECT TO appt_supervisor
	USING (application_id = (SELECT appt.caller_application('appt_supervisor'))
		AND (recipient_kind <> 'USER' OR recipient_id = (SELECT appt.caller_user('appt_supervisor'))));
CREATE POLICY supervisor ON appt.attempt FOR SELECT TO appt_supervisor
	USING (application_id = (SELECT appt.caller_application('appt_supervisor'))
		AND EXISTS (SELECT FROM appt.notification n WHERE n.id = attempt.notification_id OFFSET 0));
CREATE POLICY supervisor ON appt.due FOR SELECT TO appt_supervisor
	USING (application_id = (SELECT appt.caller_application('appt_supervisor'))
		AND EXISTS (SELECT FROM appt.notification n WHERE n.id = due.notification_id OFFSET 0));
CREATE POLICY supervisor ON appt.meeting_template FOR SELECT TO appt_supervisor
	USING (application_id = (SELECT appt.caller_application('appt_supervisor')));
CREATE POLICY supervisor ON appt.follower FOR SELECT TO appt_supervisor
	USING (application_id = (SELECT appt.caller_application('appt_supervisor')));
CREATE POLICY supervisor ON appt.response FOR SELECT TO appt_supervisor
	USING (application_id = (SELECT appt.caller_application('appt_supervisor')));
CREATE POLICY supervisor ON appt.page_text FOR SELECT TO appt_supervisor
	USING (application_id = (SELECT appt.caller_application('appt_supervisor')));
CREATE POLICY supervisor ON appt.suppression FOR SELECT TO appt_supervisor
	USING (application_id = (SELECT appt.caller_application('appt_supervisor')));
CREATE POLICY supervisor ON appt.user_profile FOR SELECT TO appt_supervisor
	USING (application_id = (SELECT appt.caller_application('appt_supervisor'))
		AND id = (SELECT appt.caller_user('appt_supervisor')));
CREATE POLICY supervisor ON appt.user_preference FOR SELECT TO appt_supervisor
	USING (application_id = (SELECT appt.caller_application('appt_supervisor'))
		AND user_id = (SELECT appt.caller_user('appt_supervisor')));
CREATE POLICY supervisor ON appt.line FOR SELECT TO appt_supervisor
	USING (application_id = (SELECT appt.caller_application('appt_supervisor')));
CREATE POLICY supervisor ON appt.line_number FOR SELECT TO appt_supervisor
	USING (application_id = (SELECT appt.caller_application('appt_supervisor')));
CREATE POLICY supervisor ON appt.ring_group FOR SELECT TO appt_supervisor
	USING (application_id = (SELECT appt.caller_application('appt_supervisor')));
CREATE POLICY supervisor ON appt.ring_group_member FOR SELECT TO appt_supervisor
	USING (application_id = (SELECT appt.caller_application('appt_supervisor')));
CREATE POLICY supervisor ON appt.line_ring_group FOR SELECT TO appt_supervisor
	USING (application_id = (SELECT appt.caller_application('appt_supervisor')));
CREATE POLICY supervisor ON appt.line_subscription FOR SELECT TO appt_supervisor
	USING (application_id = (SELECT appt.caller_application('appt_supervisor')));
CREATE POLICY supervisor ON appt.inbound_message FOR SELECT TO appt_supervisor
	USING (application_id = (SELECT appt.caller_application('appt_supervisor')));

/*
 * ---- appt_agent: every appointment of the application, or with agent_scope OWN those that it organizes or attends ----
 *
 * The planner does not know the scope. With either scope it uses an index by the application and the query's own conditions.
 */

CREATE POLICY agent ON appt.application FOR SELECT TO appt_agent
	USING (id = (SELECT appt.caller_application('appt_agent')));
CREATE POLICY agent ON appt.appointment FOR SELECT TO appt_agent
	USING (application_id = (SELECT appt.caller_application('appt_agent'))
		AND ((SELECT appt.agent_has_application())
			OR organizer_id = (SELECT appt.caller_user('appt_agent')) AND organizer_type = 'AGENT'
			OR id = ANY ((SELECT appt.attended_appointments())::uuid[])));
CREATE POLICY agent ON appt.participant FOR SELECT TO appt_agent
	USING (application_id = (SELECT appt.caller_application('appt_agent'))
		AND ((SELECT appt.agent_has_application())
			OR EXISTS (SELECT FROM appt.appointment a
				WHERE a.application_id = participant.application_id AND a.id = participant.appointment_id)));
CREATE POLICY agent ON appt.room_access FOR SELECT TO appt_agent
	USING (application_id = (SELECT appt.caller_application('appt_agent'))
		AND ((SELECT appt.agent_has_application())
			OR EXISTS (SELECT FROM appt.appointment a
				WHERE a.application_id = room_access.application_id AND a.id = room_access.appointment_id)));
CREATE POLICY agent ON appt.notification FOR SELECT TO appt_agent
	USING (application_id = (SELECT appt.caller_application('appt_agent'))
		AND CASE WHEN recipient_kind = 'USER' THEN recipient_id = (SELECT appt.caller_user('appt_agent'))
			ELSE appointment_id IS NOT NULL
				AND ((SELECT appt.agent_has_application())
					OR organizer_id = (SELECT appt.caller_user('appt_agent'))
					OR appointment_id = ANY ((SELECT appt.attended_appointments())::uuid[])) END);
CREATE POLICY agent ON appt.attempt FOR SELECT TO appt_agent
	USING (application_id = (SELECT appt.caller_application('appt_agent'))
		AND EXISTS (SELECT FROM appt.notification n WHERE n.id = attempt.notification_id OFFSET 0));
CREATE POLICY agent ON appt.due FOR SELECT TO appt_agent
	USING (application_id = (SELECT appt.caller_application('appt_agent'))
		AND EXISTS (SELECT FROM appt.notification n WHERE n.id = due.notification_id OFFSET 0));
CREATE POLICY agent ON appt.meeting_template FOR SELECT TO appt_agent
	USING (application_id = (SELECT appt.caller_application('appt_agent')));
CREATE POLICY agent ON appt.follower FOR SELECT TO appt_agent
	USING (application_id = (SELECT appt.caller_application('appt_agent'))
		AND ((SELECT appt.agent_has_application())
			OR EXISTS (SELECT FROM appt.appointment a
				WHERE a.application_id = follower.application_id AND a.id = follower.appointment_id)));
CREATE POLICY agent ON appt.response FOR SELECT TO appt_agent
	USING (application_id = (SELECT appt.caller_application('appt_agent'))
		AND ((SELECT appt.agent_has_application())
			OR EXISTS (SELECT FROM appt.appointment a
				WHERE a.application_id = response.application_id AND a.id = response.appointment_id)));
CREATE POLICY agent ON appt.user_profile FOR SELECT TO appt_agent
	USING (application_id = (SELECT appt.caller_application('appt_agent'))
		AND id = (SELECT appt.caller_user('appt_agent')));
CREATE POLICY agent ON appt.user_preference FOR SELECT TO appt_agent
	USING (application_id = (SELECT appt.caller_application('appt_agent'))
		AND user_id = (SELECT appt.caller_user('appt_agent')));
CREATE POLICY agent ON appt.line FOR SELECT TO appt_agent
	USING (application_id = (SELECT appt.caller_application('appt_agent'))
		AND (owner_id IS NULL OR owner_id = (SELECT appt.caller_user('appt_agent'))
			OR EXISTS (SELECT FROM appt.line_subscription s WHERE s.application_id = line.application_id AND s.line_id = line.id)));
CREATE POLICY agent ON appt.line_number FOR SELECT TO appt_agent
	USING (application_id = (SELECT appt.caller_application('appt_agent'))
		AND EXISTS (SELECT FROM appt.line l WHERE l.application_id = line_number.application_id AND l.id = line_number.line_id));
CREATE POLICY agent ON appt.ring_group FOR SELECT TO appt_agent
	USING (application_id = (SELECT appt.caller_application('appt_agent'))
		AND EXISTS (SELECT FROM appt.ring_group_member m
			WHERE m.application_id = ring_group.application_id AND m.ring_group_id = ring_group.id));
CREATE POLICY agent ON appt.ring_group_member FOR SELECT TO appt_agent
	USING (application_id = (SELECT appt.caller_application('appt_agent'))
		AND user_id = (SELECT appt.caller_user('appt_agent')));
CREATE POLICY agent ON appt.line_ring_group FOR SELECT TO appt_agent
	USING (application_id = (SELECT appt.caller_application('appt_agent'))
		AND EXISTS (SELECT FROM appt.ring_group_member m
			WHERE m.application_id = line_ring_group.application_id AND m.ring_group_id = line_ring_group.ring_group_id));
CREATE POLICY agent ON appt.line_subscription FOR SELECT TO appt_agent
	USING (application_id = (SELECT appt.caller_application('appt_agent'))
		AND user_id = (SELECT appt.caller_user('appt_agent')));
/* Of the lines that it owns, that it is subscribed to, and that ring a group of its own. */
CREATE POLICY agent ON appt.inbound_message FOR SELECT TO appt_agent
	USING (application_id = (SELECT appt.caller_application('appt_agent'))
		AND line_id = ANY (ARRAY(
			SELECT l.id FROM appt.line l
			WHERE l.application_id = (SELECT appt.caller_application('appt_agent')) AND l.owner_id = (SELECT appt.caller_user('appt_agent'))
			UNION ALL
			SELECT s.line_id FROM appt.line_subscription s
			WHERE s.application_id = (SELECT appt.caller_application('appt_agent')) AND s.user_id = (SELECT appt.caller_user('appt_agent'))
			UNION ALL
			SELECT g.line_id FROM appt.ring_group_member m
				JOIN appt.line_ring_group g ON g.application_id = m.application_id AND g.ring_group_id = m.ring_group_id
			WHERE m.application_id = (SELECT appt.caller_application('appt_agent')) AND m.user_id = (SELECT appt.caller_user('appt_agent')))));

/* ---- appt_client_service: the application ---- */

CREATE POLICY client_service ON appt.application FOR SELECT TO appt_client_service
	USING (id = (SELECT appt.caller_application('appt_client_service')));
CREATE POLICY client_service ON appt.appointment FOR SELECT TO appt_client_service
	USING (application_id = (SELECT appt.caller_application('appt_client_service')));
CREATE POLICY client_service ON appt.participant FOR SELECT TO appt_client_service
	USING (application_id = (SELECT appt.caller_application('appt_client_service')));
CREATE POLICY client_service ON appt.room_access FOR SELECT TO appt_client_service
	USING (application_id = (SELECT appt.caller_application('appt_client_service')));
CREATE POLICY client_service ON appt.notification FOR SELECT TO appt_client_service
	USING (application_id = (SELECT appt.caller_application('appt_client_service'))
		AND (recipient_kind <> 'USER' OR recipient_id = (SELECT appt.caller_user('appt_client_service'))));
CREATE POLICY client_service ON appt.attempt FOR SELECT TO appt_client_service
	USING (application_id = (SELECT appt.caller_application('appt_client_service'))
		AND EXISTS (SELECT FROM appt.notification n WHERE n.id = attempt.notification_id OFFSET 0));
CREATE POLICY client_service ON appt.due FOR SELECT TO appt_client_service
	USING (application_id = (SELECT appt.caller_application('appt_client_service'))
		AND EXISTS (SELECT FROM appt.notification n WHERE n.id = due.notification_id OFFSET 0));
CREATE POLICY client_service ON appt.meeting_template FOR SELECT TO appt_client_service
	USING (application_id = (SELECT appt.caller_application('appt_client_service')));
CREATE POLICY client_service ON appt.follower FOR SELECT TO appt_client_service
	USING (application_id = (SELECT appt.caller_application('appt_client_service')));
CREATE POLICY client_service ON appt.response FOR SELECT TO appt_client_service
	USING (application_id = (SELECT appt.caller_application('appt_client_service')));
CREATE POLICY client_service ON appt.user_profile FOR SELECT TO appt_client_service
	USING (application_id = (SELECT appt.caller_application('appt_client_service'))
		AND id = (SELECT appt.caller_user('appt_client_service')));
CREATE POLICY client_service ON appt.user_preference FOR SELECT TO appt_client_service
	USING (application_id = (SELECT appt.caller_application('appt_client_service'))
		AND user_id = (SELECT appt.caller_user('appt_client_service')));
CREATE POLICY client_service ON appt.line FOR SELECT TO appt_client_service
	USING (application_id = (SELECT appt.caller_application('appt_client_service')));
CREATE POLICY client_service ON appt.line_number FOR SELECT TO appt_client_service
	USING (application_id = (SELECT appt.caller_application('appt_client_service')));
CREATE POLICY client_service ON appt.ring_group FOR SELECT TO appt_client_service
	USING (application_id = (SELECT appt.caller_application('appt_client_service')));
CREATE POLICY client_service ON appt.ring_group_member FOR SELECT TO appt_client_service
	USING (application_id = (SELECT appt.caller_application('appt_client_service')));
CREATE POLICY client_service ON appt.line_ring_group FOR SELECT TO appt_client_service
	USING (application_id = (SELECT appt.caller_application('appt_client_service')));
CREATE POLICY client_service ON appt.line_subscription FOR SELECT TO appt_client_service
	USING (application_id = (SELECT appt.caller_application('appt_client_service')));

/* ---- appt_customer: the appointment of its conference, and its customers until it is over ---- */

CREATE POLICY customer ON appt.appointment FOR SELECT TO appt_customer
	USING (application_id = (SELECT appt.caller_application('appt_customer'))
		AND conference_id = (SELECT appt.caller_conference()));
CREATE POLICY customer ON appt.participant FOR SELECT TO appt_customer
	USING (application_id = (SELECT appt.caller_application('appt_customer'))
		AND appointment_id = (SELECT a.id FROM appt.appointment a
			WHERE a.conference_id = (SELECT appt.caller_conference())
				AND a.state IN ('SCHEDULED', 'ACTIVATED') AND a.end_at > now())
		AND type = 'CUSTOMER');
CREATE POLICY customer ON appt.room_access FOR SELECT TO appt_customer
	USING (application_id = (SELECT appt.caller_application('appt_customer'))
		AND appointment_id = (SELECT a.id FROM appt.appointment a
			WHERE a.conference_id = (SELECT appt.caller_conference())));

/*
 * ---- appt_admin: the configuration and the log of the organization, with the customers whom it names, and no appointments ----
 *
 * The log finds customers and users by their keys, one row each. If a policy has ANY alone, the search of the index takes it as
 * a condition: it sorts all applications of the admin, and tries each. A condition with OR is only checked on the row that was
 * found. So the policies of these tables add the first application with OR, which changes nothing, because ANY has it, too. A
 * query without a key still uses an index, once for each half.
 */

CREATE POLICY admin ON appt.organization TO appt_admin
	USING (id = (SELECT appt.caller_organization()));
CREATE POLICY admin ON appt.application TO appt_admin
	USING (organization_id = (SELECT appt.caller_organization()));
CREATE POLICY admin ON appt.rule TO appt_admin
	USING (application_id = ANY ((SELECT appt.administered_applications())::uuid[]));
CREATE POLICY admin ON appt.template TO appt_admin
	USING (application_id = ANY ((SELECT appt.administered_applications())::uuid[]));
CREATE POLICY admin ON appt.meeting_template TO appt_admin
	USING (application_id = ANY ((SELECT appt.administered_applications())::uuid[]));
CREATE POLICY admin ON appt.page_text TO appt_admin
	USING (application_id = ANY ((SELECT appt.administered_applications())::uuid[]));
CREATE POLICY admin ON appt.subscription TO appt_admin
	USING (application_id = ANY ((SELECT appt.administered_applications())::uuid[]));
CREATE POLICY admin ON appt.provider TO appt_admin
	USING (application_id = ANY ((SELECT appt.administered_applications())::uuid[]));
CREATE POLICY admin ON appt.user_profile TO appt_admin
	USING (application_id = ANY ((SELECT appt.administered_applications())::uuid[])
		OR application_id = (SELECT (appt.administered_applications())[1]));
CREATE POLICY admin ON appt.user_preference TO appt_admin
	USING (application_id = ANY ((SELECT appt.administered_applications())::uuid[]));
CREATE POLICY admin ON appt.line TO appt_admin
	USING (application_id = ANY ((SELECT appt.administered_applications())::uuid[]));
CREATE POLICY admin ON appt.line_number TO appt_admin
	USING (application_id = ANY ((SELECT appt.administered_applications())::uuid[]));
CREATE POLICY admin ON appt.ring_group TO appt_admin
	USING (application_id = ANY ((SELECT appt.administered_applications())::uuid[]));
CREATE POLICY admin ON appt.ring_group_member TO appt_admin
	USING (application_id = ANY ((SELECT appt.administered_applications())::uuid[]));
CREATE POLICY admin ON appt.line_ring_group TO appt_admin
	USING (application_id = ANY ((SELECT appt.administered_applications())::uuid[]));
CREATE POLICY admin ON appt.line_subscription TO appt_admin
	USING (application_id = ANY ((SELECT appt.administered_applications())::uuid[]));
CREATE POLICY admin ON appt.inbound_message FOR SELECT TO appt_admin
	USING (application_id = ANY ((SELECT appt.administered_applications())::uuid[]));
CREATE POLICY admin ON appt.user_event FOR SELECT TO appt_admin
	USING (application_id = ANY ((SELECT appt.administered_applications())::uuid[]));
CREATE POLICY admin ON appt.notification FOR SELECT TO appt_admin
	USING (application_id = ANY ((SELECT appt.administered_applications())::uuid[]));
CREATE POLICY admin ON appt.attempt FOR SELECT TO appt_admin
	USING (application_id = ANY ((SELECT appt.administered_applications())::uuid[]));
CREATE POLICY admin ON appt.due FOR SELECT TO appt_admin
	USING (application_id = ANY ((SELECT appt.administered_applications())::uuid[]));
CREATE POLICY admin ON appt.participant FOR SELECT TO appt_admin
	USING ((application_id = ANY ((SELECT appt.administered_applications())::uuid[])
			OR application_id = (SELECT (appt.administered_applications())[1]))
		AND type = 'CUSTOMER');
CREATE POLICY admin ON appt.response FOR SELECT TO appt_admin
	USING (application_id = ANY ((SELECT appt.administered_applications())::uuid[]));
CREATE POLICY admin ON appt.suppression FOR SELECT TO appt_admin
	USING (application_id = ANY ((SELECT appt.administered_applications())::uuid[]));
CREATE POLICY admin ON appt.change FOR SELECT TO appt_admin
	USING (organization_id = (SELECT appt.caller_organization()));

/* ---- pg_monitor: length of the queue and delivery figures ---- */

CREATE POLICY monitor ON appt.due FOR SELECT TO pg_monitor USING (true);
CREATE POLICY monitor ON appt.application FOR SELECT TO pg_monitor USING (true);
CREATE POLICY monitor ON appt.notification FOR SELECT TO pg_monitor USING (true);
CREATE POLICY monitor ON appt.attempt FOR SELECT TO pg_monitor USING (true);
CREATE POLICY monitor ON appt.provider FOR SELECT TO pg_monitor USING (kind = 'LOG');

/* ---- daily reports: figures of the application for supervisors, all of the organization for admins ---- */

CREATE POLICY service ON appt.report_schedule FOR SELECT TO appt_service USING (true);
CREATE POLICY service ON appt.report_day FOR SELECT TO appt_service USING (true);
CREATE POLICY service ON appt.daily_figure FOR SELECT TO appt_service USING (true);
CREATE POLICY supervisor ON appt.report_day FOR SELECT TO appt_supervisor
	USING (application_id = (SELECT appt.caller_application('appt_supervisor')));
CREATE POLICY supervisor ON appt.daily_figure FOR SELECT TO appt_supervisor
	USING (application_id = (SELECT appt.caller_application('appt_supervisor')));
CREATE POLICY admin ON appt.report_schedule FOR SELECT TO appt_admin
	USING (application_id = ANY ((SELECT appt.administered_applications())::uuid[]));
CREATE POLICY admin ON appt.report_day FOR SELECT TO appt_admin
	USING (application_id = ANY ((SELECT appt.administered_applications())::uuid[]));
CREATE POLICY admin ON appt.daily_figure FOR SELECT TO appt_admin
	USING (application_id = ANY ((SELECT appt.administered_applications())::uuid[]));

/* ---- the charts of the console, likewise ---- */

CREATE POLICY service ON appt.hour_count FOR SELECT TO appt_service USING (true);
CREATE POLICY service ON appt.hourly_figure FOR SELECT TO appt_service USING (true);
CREATE POLICY supervisor ON appt.hourly_figure FOR SELECT TO appt_supervisor
	USING (application_id = (SELECT appt.caller_application('appt_supervisor')));
CREATE POLICY admin ON appt.hourly_figure FOR SELECT TO appt_admin
	USING (application_id = ANY ((SELECT appt.administered_applications())::uuid[]));
