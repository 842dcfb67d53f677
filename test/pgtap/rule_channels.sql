-- Which messages customers are owed where rules overlap: each channel of rules absent, AUTOMATIC, MANUAL or disabled, for customers
-- of each preferred channel, with and without a meeting template, for the lead alone or all, against a definition of its own.
BEGIN;
SELECT * FROM no_plan();
SET client_min_messages = error;

SELECT appt.create_organization('Acme') AS organization \gset

-- What there is: a situation for each combination; its application, meeting template and appointment.
CREATE TEMPORARY TABLE situation (id integer GENERATED ALWAYS AS IDENTITY, email text, sms text, both_ text, preferred text, webhook text,
	has_template boolean, lead_only boolean, application uuid, template uuid, appointment uuid);
INSERT INTO situation (email, sms, both_, preferred, webhook, has_template, lead_only)
SELECT e, s, b, p, w, l.has_template, l.lead_only
FROM unnest('{ABSENT,AUTOMATIC,MANUAL,DISABLED}'::text[]) e, unnest('{ABSENT,AUTOMATIC,MANUAL,DISABLED}'::text[]) s,
	unnest('{ABSENT,AUTOMATIC,MANUAL,DISABLED}'::text[]) b, unnest('{ABSENT,AUTOMATIC,MANUAL,DISABLED}'::text[]) p,
	-- No rule of webhooks is MANUAL, and none overlaps with theirs: a part of the product has their other states.
	unnest('{ABSENT,AUTOMATIC,DISABLED}'::text[]) w,
	(VALUES (false, false), (true, false), (true, true)) l (has_template, lead_only)
WHERE w = 'AUTOMATIC' OR (e, s) IN (('ABSENT', 'AUTOMATIC'), ('MANUAL', 'DISABLED'));

CREATE TEMPORARY VIEW rule_of_situation AS
SELECT s.id, s.application, r.channel, r.state, CASE WHEN r.channel <> 'WEBHOOK' THEN s.template END AS template
FROM situation s CROSS JOIN LATERAL (VALUES ('EMAIL', s.email), ('SMS', s.sms), ('BOTH', s.both_), ('PREFERRED', s.preferred),
	('WEBHOOK', s.webhook)) r (channel, state) WHERE r.state <> 'ABSENT';

-- An application for each combination without a template; with one they share it, as far as their webhook rules are the same.
DO $$
DECLARE
	organization uuid := (SELECT id FROM appt.organization ORDER BY created_at DESC LIMIT 1);
	s record;
	application uuid;
BEGIN
	FOR s IN SELECT webhook, has_template, CASE WHEN NOT has_template THEN id END AS own FROM situation GROUP BY 1, 2, 3 LOOP
		application := appt.create_application(organization, 'Sales');
		DELETE FROM appt.rule WHERE application_id = application;
		PERFORM appt.create_subscription(application, 'https://hooks.example/');
		UPDATE situation t SET application = application_of.id FROM (SELECT application AS id) application_of
		WHERE t.webhook = s.webhook AND t.has_template = s.has_template AND (s.own IS NULL OR t.id = s.own);
	END LOOP;
END $$;
WITH made AS (
	INSERT INTO appt.meeting_template (application_id, name, lead_only_reminders)
	SELECT application, id::text, lead_only FROM situation WHERE has_template RETURNING id, name
) UPDATE situation s SET template = m.id FROM made m WHERE s.id = m.name::integer;
-- A reminder at another offset overlaps with none of these.
INSERT INTO appt.rule (application_id, meeting_template_id, type, channel, time_offset, enabled, sending)
SELECT DISTINCT r.application, r.template, t.type, r.channel, t.time_offset::interval, r.state <> 'DISABLED',
	CASE r.state WHEN 'MANUAL' THEN 'MANUAL' ELSE 'AUTOMATIC' END
FROM rule_of_situation r CROSS JOIN (VALUES ('CREATE', '0'), ('REMINDER', '1 hour')) t (type, time_offset);
INSERT INTO appt.rule (application_id, meeting_template_id, type, channel, time_offset)
SELECT application, template, 'REMINDER', 'SMS', interval '2 hours' FROM situation;

-- The lead prefers nothing; more customers have each preference.
UPDATE situation s SET appointment = (appt.schedule_appointment(s.application, now() + interval '2 days', '1 hour',
	'{"username": "lead", "contact": {"primaryEmail": "lead@a.example", "primaryPhone": "+306900000001"}}', 'ann',
	meeting_template_id => s.template)).id;
SELECT count(appt.add_customer(s.appointment, jsonb_build_object('username', c.name, 'preferredChannel', c.preferred,
	'contact', jsonb_build_object('primaryEmail', c.name || '@a.example', 'primaryPhone', '+306900000002')))) AS ignored
FROM situation s, (VALUES ('any', NULL), ('mail', 'EMAIL'), ('text', 'SMS')) c (name, preferred) \gset

-- What is owed, told in other words than the product's: of each channel's rules the first that sends decides, and there is one message.
CREATE TEMPORARY TABLE owed AS
SELECT s.id, t.type, t.time_offset::interval AS time_offset, c.name, w.channel, rank.first_of AS by_rule
FROM situation s
CROSS JOIN (VALUES ('CREATE', '0'), ('REMINDER', '1 hour')) t (type, time_offset)
CROSS JOIN (VALUES ('lead', 'EMAIL', true), ('any', 'EMAIL', false), ('mail', 'EMAIL', false), ('text', 'SMS', false)) c (name, preferred, is_lead)
CROSS JOIN unnest('{EMAIL,SMS}'::text[]) w (channel)
CROSS JOIN LATERAL (SELECT CASE
	WHEN CASE w.channel WHEN 'EMAIL' THEN s.email ELSE s.sms END = 'AUTOMATIC' THEN w.channel
	WHEN s.both_ = 'AUTOMATIC' THEN 'BOTH'
	WHEN s.preferred = 'AUTOMATIC' AND c.preferred = w.channel THEN 'PREFERRED' END AS first_of) rank
WHERE rank.first_of IS NOT NULL AND NOT (s.lead_only AND t.type = 'REMINDER' AND NOT c.is_lead)
UNION ALL
SELECT s.id, 'REMINDER', interval '2 hours', c.name, 'SMS', 'SMS' FROM situation s, unnest('{lead,any,mail,text}'::text[]) c (name)
WHERE NOT (s.lead_only AND c.name <> 'lead')
UNION ALL
-- Each subscription once: adding a customer is no CREATE.
SELECT s.id, t.type, t.time_offset::interval, 'hook', 'WEBHOOK', 'WEBHOOK' FROM situation s,
	(VALUES ('CREATE', '0'), ('REMINDER', '1 hour')) t (type, time_offset) WHERE s.webhook = 'AUTOMATIC';

CREATE TEMPORARY VIEW planned AS
SELECT s.id, n.type, n.time_offset, coalesce(p.username, 'hook') AS name, n.channel, r.channel AS by_rule
FROM situation s JOIN appt.notification n ON n.appointment_id = s.appointment
LEFT JOIN appt.participant p ON p.appointment_id = n.appointment_id AND p.id = n.recipient_id
LEFT JOIN appt.rule r ON r.id = n.rule_id AND r.meeting_template_id IS NOT DISTINCT FROM CASE WHEN n.channel <> 'WEBHOOK' THEN s.template END
WHERE n.type IN ('CREATE', 'REMINDER');

SELECT is(count(*), 960::bigint, 'the situations') FROM situation;
SELECT is(count(DISTINCT (s.application, s.template)), count(*), 'have rules of their own each') FROM situation s;
SELECT is_empty('(SELECT ''planned'', p.* FROM planned p EXCEPT ALL SELECT ''planned'', o.* FROM owed o)
	UNION ALL (SELECT ''owed'', o.* FROM owed o EXCEPT ALL SELECT ''owed'', p.* FROM planned p)',
	'each customer is sent one message a channel: by rules of EMAIL and SMS before BOTH, by BOTH before PREFERRED');
SELECT is(count(DISTINCT (type, name, channel, by_rule)), 40::bigint, 'and every way occurs') FROM planned WHERE channel <> 'WEBHOOK' AND time_offset <> '2 hours';

-- By hand MANUAL rules count, too.
CREATE TEMPORARY TABLE sent AS
SELECT s.id, p.username AS name, d.channel
FROM situation s CROSS JOIN LATERAL appt.notification_dialog(s.appointment, 'CREATE') d
JOIN appt.participant p ON p.appointment_id = s.appointment AND p.id = d.participant_id
WHERE s.has_template AND s.webhook = 'AUTOMATIC' AND NOT s.lead_only AND s.email <> 'ABSENT' AND s.sms IN ('MANUAL', 'DISABLED');
SELECT is_empty($$
	WITH expected AS (
		SELECT s.id, c.name, w.channel FROM situation s
		CROSS JOIN (VALUES ('lead', 'EMAIL'), ('any', 'EMAIL'), ('mail', 'EMAIL'), ('text', 'SMS')) c (name, preferred)
		CROSS JOIN unnest('{EMAIL,SMS}'::text[]) w (channel)
		WHERE s.id IN (SELECT id FROM sent)
			AND (CASE w.channel WHEN 'EMAIL' THEN s.email ELSE s.sms END <> 'DISABLED' OR s.both_ IN ('AUTOMATIC', 'MANUAL')
				OR s.preferred IN ('AUTOMATIC', 'MANUAL') AND c.preferred = w.channel))
	(SELECT id, name, channel FROM sent EXCEPT ALL SELECT * FROM expected)
	UNION ALL (SELECT * FROM expected EXCEPT ALL SELECT id, name, channel FROM sent)$$, 'the dialog has one line a customer and channel');

SELECT finish();
ROLLBACK;
