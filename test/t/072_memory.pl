# Whatever a tenant has stored, the worker stays small, and the others' messages go out.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Tenant;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'a sanitizer needs memory of its own' if $ENV{APPT_SANITIZE};

# Shared memory does not count: the worker has already touched all shared buffers.
my $limit_kb = 128 * 1024;
my $node = Appt::Cluster->create('main', conf => "appt.request_timeout = '10min'\nappt.enabled = off");
my $hook = Appt::Peers->webhook;
my $mail = Appt::Peers->smtp;
my $sms = Appt::Peers->sms;
my ($worker) = $node->wait_for_workers;
my $quiet = Appt::Tenant->create($node);
my $filler = q{repeat('x', 255000)};

$quiet->only('CREATE', 'WEBHOOK');
$quiet->rule('CREATE', 'EMAIL');
$quiet->subscribe($hook->url('/ok/quiet'));
$quiet->email($mail->url);

# Peak memory of the worker, in kB.
sub peak_kb
{
	my ($peak) = slurp_file("/proc/$worker/status") =~ /^VmHWM:\s+(\d+) kB/m;
	return $peak;
}

# All due messages are sent at once, also the small tenant's; the worker is not restarted and stays small.
sub is_survived
{
	my ($tenant, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $before = peak_kb();
	$quiet->schedule_many(50);
	set_enabled('on');
	ok($quiet->settled, "$name: the others' messages are settled");
	is( $node->query("SELECT string_agg(DISTINCT state, ' ') FROM appt.notification WHERE application_id = '@{[ $quiet->application ]}'"),
		'SENT', "$name: sent");
	ok($tenant->settled, "$name: so is all of that tenant") if defined $tenant;
	cmp_ok(peak_kb(), '<', $limit_kb, "$name: the worker stays small");
	note("$name: from $before to " . peak_kb() . ' kB');
	is(join(' ', $node->worker_pids('postgres')), $worker, "$name: it is the same worker");
	set_enabled('off');
	return;
}

sub set_enabled
{
	my ($value) = @_;

	$node->append_conf('postgresql.conf', "appt.enabled = $value");
	$node->reload;
	$node->wait_for_query("SELECT current_setting('appt.enabled')", $value);
	return;
}

# Only SENT, or the given states.
sub states
{
	my ($tenant) = @_;

	return $tenant->query(
		"SELECT string_agg(DISTINCT concat_ws(' ', type, channel, state, reason), ', '
			ORDER BY concat_ws(' ', type, channel, state, reason))
		FROM appt.notification WHERE application_id = '@{[ $tenant->application ]}'");
}

# An appointment with so many customers whose metadata is as large as it may be.
sub crowd
{
	my ($tenant, $customers) = @_;
	my $application = $tenant->application;
	my $id = $tenant->query(
		"SELECT id FROM appt.schedule_appointment('$application', now() + interval '1 day', '1 hour', organizer_id => 'a',
		title => repeat('t', 65536), notes => repeat('n', 65536), location => repeat('l', 65536),
			metadata => jsonb_build_object('a', $filler),
			interaction => jsonb_build_object('customFields', jsonb_build_object('a', $filler)))"
	);

	$tenant->query(
		"INSERT INTO appt.participant (application_id, appointment_id, id, type, email, first_name, last_name, metadata)
		SELECT '$application', '$id', 'customer ' || n, 'CUSTOMER', 'c' || n || '\@example.org', repeat('f', 8000), repeat('l', 8000),
			jsonb_build_object('a', $filler) FROM generate_series(1, $customers) n"
	);
	return $id;
}

# The minimum of a worker, for comparison.
is_survived(undef, 'nothing of note');

# 1,000 live keys, which an earlier version allowed.
{
	my $tenant = Appt::Tenant->create($node);
	my $application = $tenant->application;
	$tenant->only('CREATE', 'WEBHOOK');
	my $subscription = $tenant->subscribe($hook->url('/ok/keys'));
	$tenant->query(
		"INSERT INTO appt.secret (application_id, subscription_id, name, value, expires_at)
		SELECT '$application', '$subscription', 'HMAC_KEY', repeat('k', 8000) || n, now() + n * interval '1 hour'
			FROM generate_series(1, 1000) n"
	);
	$tenant->schedule_many(20);
	is_survived($tenant, '1,000 live keys');
	my ($request) = grep { $_->{path} eq '/ok/keys' } $hook->entries;
	is(scalar(split ' ', $request->{headers}{'webhook-signature'}), 4, 'four of them sign');
}

# 500 customers with 255 kB of metadata each, which the template names; and a webhook with as much.
{
	my $tenant = Appt::Tenant->create($node);
	my $application = $tenant->application;
	$tenant->only('UPDATE', 'WEBHOOK');
	my $rule = $tenant->rule('CREATE', 'EMAIL');
	$tenant->subscribe($hook->url('/ok/crowd'));
	$tenant->email($mail->url);
	$tenant->query(
		"INSERT INTO appt.template (application_id, type, channel, locale, subject, text_body, html_body)
		VALUES ('$application', 'CREATE', 'EMAIL', 'en', '{{title}}', '{{participant.metadata.a}}{{metadata.a}}', '{{notes}}')");
	my $id = crowd($tenant, 300);
	$tenant->query(
		"INSERT INTO appt.notification (application_id, appointment_id, recipient_kind, recipient_id, rule_id, type, channel, due_at,
			next_attempt_at, lane)
		SELECT '$application', '$id', 'CUSTOMER', p.id, $rule, 'CREATE', 'EMAIL', now(), now(),
			appt.lane('$application', 'EMAIL', NULL) FROM appt.participant p WHERE appointment_id = '$id' AND type = 'CUSTOMER'"
	);
	$tenant->query(
		"INSERT INTO appt.due SELECT lane, next_attempt_at, id, application_id, due_at FROM appt.notification
			WHERE application_id = '$application' AND settled_at IS NULL"
	);
	$tenant->query("SELECT count(appt.update_appointment('$id', location => n::text)) FROM generate_series(1, 100) n");
	is_survived($tenant, '300 customers with much metadata');
	is(states($tenant), 'CREATE EMAIL SENT, UPDATE WEBHOOK SENT', 'all of theirs are sent');
}

# 1,000 templates of 768 kB each.
{
	my $tenant = Appt::Tenant->create($node);
	my $application = $tenant->application;
	$tenant->only('CREATE', 'EMAIL');
	$tenant->email($mail->url);
	$tenant->query(
		"INSERT INTO appt.template (application_id, type, channel, locale, subject, text_body, html_body)
		SELECT '$application', 'CREATE', 'EMAIL', locale, locale, $filler, $filler FROM (
		 SELECT language || '-' || country AS locale FROM string_to_table('bg cs da de el en es fi fr hu it nl pl pt ro ru sk sv tr uk', ' ') language,
		  string_to_table('AD AE AF AG AL AM AO AR AT AU AZ BA BB BD BE BF BG BH BI BJ BN BO BR BS BT BW BY BZ CA CH CL CM CN CO CR CU CY CZ DE DJ DK DM DO DZ EC EE EG ER ES ET', ' ') country) t"
	);
	is($tenant->query("SELECT count(*) FROM appt.template WHERE application_id = '$application'"), 1000, '1,000 templates');
	$tenant->schedule_many(50);
	is_survived($tenant, '1,000 templates');
	is(states($tenant), 'CREATE EMAIL SENT', 'all of theirs are sent');
}

# 200 meeting templates, each with the largest texts of its rules, for email and text messages.
{
	my $tenant = Appt::Tenant->create($node, public_url => 'https://meet.example');
	my $application = $tenant->application;
	$tenant->email($mail->url);
	$tenant->provider('SMS', 'HTTP', $sms->url('/gateway'));
	$tenant->query(
		"INSERT INTO appt.meeting_template (application_id, name, location, video_platform, title)
		SELECT '$application', 'Visit ' || n, repeat('l', 65536), repeat('v', 8192), repeat('t', 8192) FROM generate_series(1, 200) n;
		INSERT INTO appt.rule (application_id, meeting_template_id, type, channel, buttons, reply_codes, auto_replies)
		SELECT application_id, id, 'CREATE', channel, '{ACCEPT,DECLINE,RESCHEDULE,VIEW_DETAILS,ADD_TO_CALENDAR}',
			(SELECT jsonb_object_agg(repeat('c', 30) || n, 'ACCEPT') FROM generate_series(10, 29) n),
			jsonb_build_object('ACCEPT', repeat('r', 65000)) FROM appt.meeting_template, unnest('{EMAIL,SMS}'::text[]) channel
		WHERE application_id = '$application';
		INSERT INTO appt.template (application_id, rule_id, type, channel, locale, subject, text_body, html_body)
		SELECT application_id, id, type, channel, 'en', CASE channel WHEN 'EMAIL' THEN 'A visit' END,
			CASE channel WHEN 'EMAIL' THEN $filler ELSE '{{!' || $filler || '}}x' END, CASE channel WHEN 'EMAIL' THEN $filler END
		FROM appt.rule WHERE application_id = '$application' AND meeting_template_id IS NOT NULL"
	);
	$tenant->query(
		"SELECT count(appt.schedule_appointment('$application', now() + interval '1 day', '1 hour',
			jsonb_build_object('contact', jsonb_build_object('primaryEmail', 'ann\@example.org', 'primaryPhone', '+306900000001')),
			organizer_id => 'a', meeting_template_id => id)) FROM appt.meeting_template WHERE application_id = '$application'"
	);
	is_survived($tenant, '200 meeting templates');
	is(states($tenant), 'CREATE EMAIL SENT, CREATE SMS SENT', 'all of theirs are sent');
}

# Messages of a deleted appointment, for each of its customers.
{
	my $tenant = Appt::Tenant->create($node);
	$tenant->only('CANCELLED', 'EMAIL');
	$tenant->rule('CANCELLED', 'WEBHOOK');
	$tenant->subscribe($hook->url('/ok/deleted'));
	$tenant->email($mail->url);
	$tenant->query("SELECT appt.delete_appointment('" . crowd($tenant, 150) . "')");
	is_survived($tenant, 'contexts of a deleted appointment');
	is(states($tenant), 'CANCELLED EMAIL SENT, CANCELLED WEBHOOK SENT', 'all of theirs are sent');
}

# Text that interrupted attempts stored.
{
	my $tenant = Appt::Tenant->create($node);
	my $application = $tenant->application;
	$tenant->only('CREATE', 'EMAIL');
	$tenant->email($mail->url);
	$tenant->schedule_many(300);
	$tenant->query(
		"UPDATE appt.notification SET state = 'RETRYING', reason = 'INTERRUPTED', attempt_count = 1 WHERE application_id = '$application'"
	);
	$tenant->query(
		"INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, finished_at, outcome, recipient,
			subject, text_body, html_body)
		SELECT application_id, id, 1, now(), now(), 'INTERRUPTED', 'ann\@example.org', 'a subject', $filler, $filler
			FROM appt.notification WHERE application_id = '$application'"
	);
	is_survived($tenant, 'stored bodies');
	is(states($tenant), 'CREATE EMAIL SENT', 'all of theirs are sent');
}

# Messages that their endpoint holds: memory in flight is bounded, too.
{
	my $tenant = Appt::Tenant->create($node);
	my $application = $tenant->application;
	$tenant->only('CREATE', 'WEBHOOK');
	$tenant->subscribe($hook->url('/hold/large'));
	$tenant->query(
		"SELECT count(appt.schedule_appointment('$application', now() + interval '1 day', '1 hour', organizer_id => 'a',
			metadata => jsonb_build_object('a', repeat('\"', 127000)))) FROM generate_series(1, 300)"
	);
	is_survived(undef, 'what endpoints hold');
	set_enabled('on');
	$hook->release('large');
	ok($tenant->settled, 'and goes on when they let go');
	is(states($tenant), 'CREATE WEBHOOK SENT', 'all of theirs are sent');
	cmp_ok(peak_kb(), '<', $limit_kb, 'the worker is small still');
	set_enabled('off');
}

# Rows that bypassed the checks of the tables: only that message is TOO_LARGE, whichever part is too large.
{
	my ($metadata, $name) = map { Appt::Tenant->create($node) } 1 .. 2;

	$node->query(
		'ALTER TABLE appt.appointment DROP CONSTRAINT appointment_check; ALTER TABLE appt.application DROP CONSTRAINT application_name_check'
	);
	foreach my $tenant ($metadata, $name)
	{
		$tenant->only('CREATE', 'WEBHOOK');
		$tenant->subscribe($hook->url('/ok/large'));
		$tenant->schedule;
	}
	$node->query(
		"UPDATE appt.appointment SET metadata = jsonb_build_object('a', repeat('x', 3000000))
			WHERE application_id = '@{[ $metadata->application ]}'"
	);
	$node->query("UPDATE appt.application SET name = repeat('x', 200000000) WHERE id = '@{[ $name->application ]}'");
	is_survived($metadata, 'what is too large');
	is_survived($name, 'a name of 200 MB');
	is(states($_), 'CREATE WEBHOOK SKIPPED TOO_LARGE', 'it is SKIPPED') foreach $metadata, $name;
	is( $node->query("SELECT detail FROM appt.notification WHERE application_id = '@{[ $metadata->application ]}'"),
		'It would be made of more than 2097152 bytes.',
		'and says what is too much');
	is( $node->query(
			"SELECT (appt.notification_eligibility(retried.id)).reason
				FROM (SELECT max(id) AS id FROM appt.notification WHERE application_id = '@{[ $name->application ]}') AS retried"
		),
		'TOO_LARGE',
		'as notification_eligibility does');
}

$node->stop;
done_testing();
