# Daily reports: to admins who want them, once a day whatever is killed, about the day before, in English with the recipient's numbers.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Tenant;
use Test::More;

my $node = Appt::Cluster->create('main');
$node->query('CREATE EXTENSION appt_test');
my $mail = Appt::Peers->smtp;
my $tenant = Appt::Tenant->create($node);
my $application = $tenant->application;
$tenant->email($mail->url);

# Reports are due half an hour ago, and are about the day before that.
$node->query(
	qq{UPDATE appt.application SET report_time = date_trunc('minute', now() AT TIME ZONE 'UTC' - interval '30 minutes')::time
		WHERE id = '$application'});
my $day = $node->query(q{SELECT (now() AT TIME ZONE 'UTC' - interval '30 minutes')::date - 1});
my $noon = "timestamptz '$day 12:00+00'";
my $hook = $node->query(
	qq{INSERT INTO appt.subscription (application_id, url, types)
		VALUES ('$application', 'https://hooks.example/in?token=SECRET', '{FAX}') RETURNING id});
$node->query(
	qq{
	INSERT INTO appt.user_event (application_id, type, created_at) SELECT '$application', 'CALL', $noon FROM generate_series(1, 1234);
	INSERT INTO appt.notification (application_id, recipient_kind, recipient_id, subscription_id, type, channel, due_at, lane,
		state, reason, settled_at, address)
	SELECT '$application', 'SUBSCRIBER', '$hook', '$hook', 'FAX', 'WEBHOOK', $noon, 1, 'FAILED', 'REJECTED', $noon,
		'https://hooks.example/in?********' FROM generate_series(1, 7);
	INSERT INTO appt.notification (application_id, recipient_kind, recipient_id, type, channel, due_at, lane, state, settled_at)
	SELECT '$application', 'ADDRESS', '+49301234567', 'MESSAGE', 'SMS', $noon, 1, 'SENT', $noon FROM generate_series(1, 1500);
	INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, finished_at, outcome, error, segments, cost,
		currency)
	SELECT application_id, id, 1, due_at, due_at, CASE state WHEN 'SENT' THEN 'DELIVERED' ELSE 'FAILED' END,
		CASE state WHEN 'FAILED' THEN 'HTTP 404 <b>' END, CASE state WHEN 'SENT' THEN 2 END, CASE state WHEN 'SENT' THEN 0.0075 END,
		CASE state WHEN 'SENT' THEN 'EUR' END FROM appt.notification WHERE application_id = '$application'});

# Who wants reports, from two hours ago on; in one transaction, for the worker reviews with a later clock.
my $types = q{'{DAILY_ACTIVITY,DAILY_INBOUND_SMS,DAILY_OUTBOUND_SMS,DAILY_SPENDING,WEBHOOK_FAILURES}'::text[]};
$node->query(
	qq{
	BEGIN;
	INSERT INTO appt.user_profile (application_id, id, name, email, is_admin, enabled, channels, locale) VALUES
		('$application', 'ann', 'Ann', 'ann\@example.org', true, true, '{EMAIL,IN_APP}', 'de'),
		('$application', 'bob', 'Bob', 'bob\@example.org', true, true, '{EMAIL,IN_APP}', NULL),
		('$application', 'cat', 'Cat', 'cat\@example.org', false, true, '{EMAIL,IN_APP}', NULL),
		('$application', 'eve', 'Eve', 'eve\@example.org', true, true, '{IN_APP}', NULL);
	INSERT INTO appt.user_preference (application_id, user_id, type, enabled)
	SELECT '$application', u, t, true FROM unnest('{ann,cat,eve}'::text[]) u, unnest($types) t;
	INSERT INTO appt.user_preference (application_id, user_id, type, channel, enabled)
	VALUES ('$application', 'bob', 'DAILY_SPENDING', 'EMAIL', true);
	SELECT appt_test.review_reports(now() - interval '2 hours');
	COMMIT});
is($node->query(q{SELECT count(*) FROM appt.report_schedule WHERE next_at < now()}), 5, 'five reports are due');
my @mails = $mail->wait_for(6);
ok($node->wait_for_query('SELECT count(*) = 0 FROM appt.due'), 'and are sent');
is( $node->query(
		q{SELECT string_agg(recipient_id || ' ' || type || ' ' || channel || ' ' || state, ', ' ORDER BY recipient_id, type)
			FROM appt.notification WHERE user_event_id IS NOT NULL}),
	'ann DAILY_ACTIVITY EMAIL SENT, ann DAILY_INBOUND_SMS EMAIL SENT, ann DAILY_OUTBOUND_SMS EMAIL SENT, ann DAILY_SPENDING EMAIL SENT, '
		. 'ann WEBHOOK_FAILURES EMAIL SENT, bob DAILY_SPENDING EMAIL SENT',
	'to admins who want them, by email alone');
is( $node->query(
		q{SELECT string_agg(DISTINCT (s.last_date - payload->>'date'::date) || ' ' || (n.due_at <= now())
			|| ' ' || (s.next_at > now()), ', ')
			FROM appt.user_event e JOIN appt.notification n ON n.user_event_id = e.id JOIN appt.report_schedule s ON s.type = e.type}
			=~ s/payload->>'date'::date/(payload->>'date')::date/r),
	'0 true true',
	'about the last day, and the next are due later');

# What they say.
my %text = map { split /\|/, $_, 2 } split /\x01/, $node->query(
	q{SELECT string_agg(n.recipient_id || ' ' || n.type || '|' || a.subject || E'\n' || a.text_body, E'\x01')
		FROM appt.attempt a JOIN appt.notification n ON n.id = a.notification_id WHERE n.user_event_id IS NOT NULL});
my %html = map { split /\|/, $_, 2 } split /\x01/, $node->query(
	q{SELECT string_agg(n.recipient_id || ' ' || n.type || '|' || a.html_body, E'\x01')
		FROM appt.attempt a JOIN appt.notification n ON n.id = a.notification_id WHERE n.user_event_id IS NOT NULL});
if (my $directory = $ENV{REPORTS_TO})
{
	foreach my $report (keys %html)
	{
		open my $file, '>', "$directory/$report.html" or die $!;
		print $file $html{$report};
		close $file;
	}
}
my $label = $node->query(qq{SELECT to_char(date '$day', 'Dy, Mon FMDD')});
# For Ann, who reads German, days and months have German names.
my ($year) = $day =~ /^(\d+)/;
my $german_date = qr/\d+\. \S+ $year/;
my $german_label = qr/\S+, \d+\. \S+/;
like($text{'ann DAILY_ACTIVITY'}, qr/\AAktivit\S+t des Tages, $german_date\n/, 'the subject names the day');
like(
	$text{'ann DAILY_ACTIVITY'},
	qr/^Anrufe und Nachrichten\n- $german_label: Anrufe 1\.234, Sprachnachrichten 0, SMS 0, Faxe 0$/m,
	'what users were told of, in the numbers of a German');
like($text{'ann DAILY_ACTIVITY'}, qr/^SMS\n- $german_label: Gesendet 1\.500, Fehlgeschlagen 0, Nicht gesendet 0$/m, 'messages by channel');
is(scalar(() = $text{'ann DAILY_ACTIVITY'} =~ /^- /mg), 4 * 8, 'each with eight days');
like($text{'ann DAILY_INBOUND_SMS'}, qr/^Alle\n- $german_label: Nachrichten 0$/m, 'a day without text messages says so');
like(
	$text{'ann DAILY_OUTBOUND_SMS'},
	qr/^Nachricht\n- $german_label: Gesendet 1\.500, Segmente 3\.000, Fehlgeschlagen 0, Nicht zugestellt 0$/m,
	'text messages by type');
like($text{'ann DAILY_SPENDING'}, qr/^SMS, EUR\n- $german_label: Nachrichten 1\.500, Kosten 11,25\W+$/m, 'what they cost, for a German');
like($text{'bob DAILY_SPENDING'}, qr/^Text messages, EUR\n- \Q$label\E: Messages 1,500, Cost \W+11\.25$/m,
	'and for one who reads English');
like(
	$text{'ann WEBHOOK_FAILURES'},
	qr{^https://hooks\.example/in\?\*+\n- $german_label: Gesendet 0, Fehlgeschlagen 7$}m,
	'an endpoint without its query');
like($text{'ann WEBHOOK_FAILURES'}, qr/^Letzter Fehler: HTTP 404 <b>$/m, 'with its last error');
unlike(join('', values %text, values %html), qr/SECRET/, 'and nothing secret');
like($html{'ann WEBHOOK_FAILURES'}, qr{Letzter Fehler: HTTP 404 &lt;b&gt;}, 'escaped in HTML');
is(scalar(() = $html{'ann DAILY_ACTIVITY'} =~ /<caption /g), 4, 'a table for each subject');
is(scalar(() = $html{'ann DAILY_ACTIVITY'} =~ /font-weight:bold;background/g), 4, 'the latest day of each stands out');
unlike(join('', values %html), qr/<img|<link|src=|url\(|\@import/, 'nothing that a mail program would have to fetch');

# Whatever is killed, no day is reported twice.
foreach my $time (1 .. 2)
{
	$node->kill_processes($node->worker_pids);
	$node->wait_for_workers;
	is($node->query('SELECT appt_test.plan_reports(now())'), 0, 'after a crash nothing is due');
}

# Neither if report_time or the timezone changes, nor if a preference goes off and on again.
my $planned = q{SELECT count(*) FROM appt.user_event WHERE type LIKE 'DAILY%'};
my $before = $node->query($planned);
$node->query(
	qq{
	UPDATE appt.application SET report_time = date_trunc('minute', now() AT TIME ZONE 'UTC' - interval '10 minutes')::time
		WHERE id = '$application';
	SELECT appt_test.review_reports(now()); SELECT appt_test.plan_reports(now());
	DELETE FROM appt.user_preference WHERE user_id = 'ann';
	SELECT appt_test.review_reports(now())});
is($node->query(q{SELECT string_agg(type, ' ') FROM appt.report_schedule WHERE next_at IS NOT NULL}),
	'DAILY_SPENDING', 'what nobody wants any more is not due any more');
$node->query(
	qq{
	INSERT INTO appt.user_preference (application_id, user_id, type, enabled) SELECT '$application', 'ann', t, true FROM unnest($types) t;
	SELECT appt_test.review_reports(now()); SELECT appt_test.plan_reports(now())});
is($node->query($planned), $before, 'a day is reported once, whatever is changed');
is($node->query(q{SELECT count(*) FROM appt.report_schedule WHERE next_at > now()}), 5, 'and the next ones are due');

# After an outage of days the latest report alone is planned; what is late by more than 12 hours is MISSED.
$node->query(
	qq{
	UPDATE appt.report_schedule SET next_at = now() - interval '5 days', next_date = '$day'::date - 4, last_date = '$day'::date - 5;
	UPDATE appt.application SET report_time = date_trunc('minute', now() AT TIME ZONE 'UTC' - interval '13 hours')::time
		WHERE id = '$application';
	DELETE FROM appt.user_preference WHERE user_id <> 'bob'});
ok( $node->wait_for_query(
		q{SELECT count(*) = 1 FROM appt.notification WHERE type = 'DAILY_SPENDING' AND recipient_id = 'bob' AND state = 'MISSED'}),
	'a report that is too late is MISSED, and says so');
is( $node->query(
		q{SELECT string_agg(reason || ' ' || (due_at < now() - interval '13 hours' AND due_at > now() - interval '14 hours'), ', ')
			FROM appt.notification WHERE state = 'MISSED'}),
	'WINDOW_PASSED true',
	'one for all days of the outage');
# Rows whose application is gone, as after a DELETE.
$node->query("INSERT INTO appt.report_schedule (application_id, type, last_date, timezone, report_time)
	VALUES ('00000000-0000-4000-8000-00000000dead', 'DAILY_ACTIVITY', current_date, 'UTC', '07:00')");
$node->query('SELECT appt_test.review_reports(now())');
is($node->query("SELECT count(*) FROM appt.report_schedule WHERE application_id = '00000000-0000-4000-8000-00000000dead'"), 0,
	'the schedule of an application that is gone is deleted');
$node->stop;
done_testing();
