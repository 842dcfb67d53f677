package Appt::Filled;

# A database with an application that has rows in every table, with values that text and binary formats could spoil.
#
#   Appt::Filled::fill($node);                  # or ($node, 'database')
#   Appt::Filled::tables($node)                 # names of all tables of appt

use strict;
use warnings;

sub tables
{
	my ($node, $database) = @_;

	return split /\n/,
		$node->query(q{SELECT relname FROM pg_class WHERE relnamespace = 'appt'::regnamespace AND relkind = 'r' ORDER BY 1}, $database);
}

sub fill
{
	my ($node, $database) = @_;

	$node->query(<<'SQL', $database);
CREATE TEMP TABLE made AS
SELECT appt.create_application(appt.create_organization('Ünï "quoted" \ name'), 'Sales', room_url => 'https://room.example/',
	calling_code => '+49', max_per_second => 12.5, retry_base => '1.5 seconds') AS application;
SELECT appt.create_subscription(application, 'https://hooks.example/in', auth => 'OAUTH2', username => 'client', secret => 's3cret',
	token_url => 'https://id.example/token', headers => '[{"name": "X-Plain", "value": "ä"}, {"name": "X-Secret", "value": "hidden", "type": "SECRET"}]')
FROM made;
SELECT appt.set_provider(application, 'EMAIL', 'SMTP', 'smtp://mail.example', 'Sales <sales@example.com>', 'user', 'pass' || chr(8364),
	'{"starttls": "required", "max_concurrency": 3}') FROM made;
INSERT INTO appt.template (application_id, type, channel, rule_id, locale, subject, text_body, html_body)
SELECT application_id, type, channel, id, 'de-DE', 'Termin {{date}}', E'Zeile 1\nZeile 2\t{{title}}', '<p>{{title}}</p>'
FROM appt.rule WHERE type = 'REMINDER' AND channel = 'EMAIL';
INSERT INTO appt.appointment (application_id, organizer_id, title, start_at, end_at, timezone, locale, notifications_active, metadata,
	notification_headers)
SELECT application, 'agent ' || i, E'Title\\N ' || i, '2030-01-01 10:00+00'::timestamptz + i * interval '1 hour',
	'2030-01-01 10:30:00.123456+00'::timestamptz + i * interval '1 hour', 'Europe/Athens', 'el', i % 2 = 0,
	jsonb_build_object('key', i), '{"X-Trace": "1"}' FROM made, generate_series(1, 20) i;
INSERT INTO appt.participant (application_id, appointment_id, id, type, first_name, email, phone, joined_at)
SELECT application_id, id, 'customer', 'CUSTOMER', 'Ζωή', 'zoe@example.com', '+306900000000', now() FROM appt.appointment;
INSERT INTO appt.participant (application_id, appointment_id, id, type) SELECT application_id, id, organizer_id, 'AGENT'
	FROM appt.appointment;
INSERT INTO appt.room_access (application_id, appointment_id, ticket, url, expires)
SELECT application_id, id, 'ticket ' || id, 'https://room.example/x', end_at + interval '1 hour' FROM appt.appointment;
INSERT INTO appt.idempotency_key (application_id, function_name, caller, key, arguments, appointment_id)
SELECT application_id, 'schedule_appointment', created_by, 'κλειδί ' || id, sha256(id::text::bytea), id FROM appt.appointment;
WITH event AS (INSERT INTO appt.user_event (application_id, type) SELECT application, 'FAX' FROM made RETURNING application_id, id)
INSERT INTO appt.idempotency_key (application_id, function_name, caller, key, arguments, user_event_id)
SELECT application_id, 'notify_users', 'login:me', 'fax', sha256(''), id FROM event;
INSERT INTO appt.notification (application_id, appointment_id, recipient_kind, recipient_id, type, channel, time_offset, due_at, lane,
	context)
SELECT application_id, id, 'CUSTOMER', 'customer', 'REMINDER', 'EMAIL', '1 hour', start_at - interval '1 hour', 42,
	'{"a": null}' FROM appt.appointment;
INSERT INTO appt.due (lane, due_at, notification_id, application_id, first_due_at) SELECT lane, due_at, id, application_id, due_at FROM appt.notification;
INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, finished_at, outcome, status_code, error,
	provider_id, text_body)
SELECT application_id, id, 1, now(), clock_timestamp(), 'FAILED', 503, 'busy', gen_random_uuid(), E'a\r\nb' FROM appt.notification;
INSERT INTO appt.inbound_message (application_id, from_number, to_number, text, user_event_ids, received_at)
SELECT application_id, '+306900000000', '+302100000000', E'Ναι\\N\t' || id, '{1,2}', now() FROM appt.appointment;
INSERT INTO appt.meeting_template (application_id, name, title) SELECT application, 'Ortstermin', '{{title}} ä' FROM made;
INSERT INTO appt.page_text (application_id, locale, key, text) SELECT application, 'el', 'page.title', 'Ναι' FROM made;
INSERT INTO appt.follower (application_id, appointment_id, user_id) SELECT application_id, id, 'ann' FROM appt.appointment;
INSERT INTO appt.response (application_id, appointment_id, participant_id, action, reason, source)
SELECT application_id, id, 'customer', 'DECLINE', E'a\r\nb', 'PAGE' FROM appt.appointment;
INSERT INTO appt.suppression (application_id, channel, address_key, address, reason)
SELECT application, 'EMAIL', sha256('zoe'), 'zoe@example.com', 'OPTED_OUT' FROM made;
INSERT INTO appt.provider_message (application_id, provider_message_id, attempt_id) SELECT application_id, 'SM-' || id, id FROM appt.attempt;
INSERT INTO appt.invitation SELECT id, application_id, appointment_id FROM appt.notification WHERE appointment_id IS NOT NULL;
INSERT INTO appt.one_time_code (application_id, purpose, contact, client_address, requested_at, expires_at)
SELECT application, 'CUSTOMER', 'zoe@example.com', '2001:db8::/64', now(), now() FROM made;
INSERT INTO appt.one_time_code (application_id, purpose, contact, requested_at, expires_at, used_at, appointment_id, participant_id,
	arguments)
SELECT application_id, 'CUSTOMER', 'zoe@example.com', now(), now(), now(), id, 'customer', '\x00ff' FROM appt.appointment;
INSERT INTO appt.user_profile (application_id, id, name, email, backup_phone, custom_phone, custom_phone_verified_at, channels)
SELECT application, 'ann' || i, 'Αnn "A" \', 'ann@example.com', '+306900000001', CASE WHEN i = 1 THEN '+306900000002' END,
	CASE WHEN i = 1 THEN now() END, '{SMS,IN_APP}' FROM made, generate_series(1, 2) i;
INSERT INTO appt.user_preference (application_id, user_id, type, channel, time_offset, enabled)
SELECT application, 'ann1', 'APPOINTMENT_REMINDER', channel, '1 hour', false FROM made, unnest('{SMS,NULL}'::text[]) channel;
INSERT INTO appt.line (application_id, name, owner_id) SELECT application, name, owner
FROM made, (VALUES ('Ann''s', 'ann1'), ('Sales', NULL)) l (name, owner);
INSERT INTO appt.line_number (application_id, number, line_id) SELECT application_id, '+30210000000' || row_number() OVER (), id FROM appt.line;
INSERT INTO appt.ring_group (application_id, name, fisher_mode) SELECT application, 'all', true FROM made;
INSERT INTO appt.ring_group_member (application_id, ring_group_id, user_id) SELECT g.application_id, g.id, u.id
FROM appt.ring_group g JOIN appt.user_profile u USING (application_id);
INSERT INTO appt.line_ring_group (application_id, line_id, ring_group_id) SELECT l.application_id, l.id, g.id
FROM appt.line l JOIN appt.ring_group g USING (application_id) WHERE l.owner_id IS NULL;
INSERT INTO appt.line_subscription (application_id, line_id, user_id) SELECT application_id, id, 'ann2' FROM appt.line;
INSERT INTO appt.user_event (application_id, type, line_id, contact, title, payload)
SELECT application_id, 'FAX', id, '{"name": "Ζωή"}', E'a\tb', '{"a": null}' FROM appt.line;
INSERT INTO appt.report_schedule (application_id, type, last_date, timezone, report_time)
SELECT application, 'DAILY_ACTIVITY', '2026-03-29', 'Europe/Berlin', '07:00' FROM made;
INSERT INTO appt.report_day (application_id, date, timezone, start_at, end_at)
SELECT application, date '2099-03-29', 'Europe/Berlin', '2099-03-29 00:00+01', '2099-03-30 00:00+02' FROM made;
INSERT INTO appt.daily_figure (application_id, date, subject, item, part, total, cost, name)
SELECT application, date '2099-03-29', 'SPENDING', 'SMS', 'EUR', 3, 0.0225, E'a\tb' FROM made;
INSERT INTO appt.hour_count (application_id, hour, count_at) SELECT application, '2099-03-29 01:00+01', '2099-03-29 02:00+01' FROM made;
INSERT INTO appt.hourly_figure (application_id, hour, type, channel, sent, failed, attempted, lateness_sum, lateness_max)
SELECT application, '2099-03-29 01:00+01', 'CREATE', 'EMAIL', 2, 1, 3, '1.5 s', '1 s' FROM made;
SQL
	return;
}

1;
