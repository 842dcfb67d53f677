# The 41 things that Aloware's notification settings promise, each by its name, to users who are told over real servers.

use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Tenant;
use JSON::PP qw(decode_json);
use Test::More;

my $node = Appt::Cluster->create('main');
my $mail = Appt::Peers->smtp;
my $sms = Appt::Peers->sms;
$node->query('CREATE EXTENSION appt_test');
my $tenant = Appt::Tenant->create($node);
my $app = $tenant->application;
$tenant->email($mail->url);
$tenant->provider(
	'SMS', 'HTTP', $sms->url('/gateway'),
	sender => '+15550100000',
	settings => '{"body": "{\"to\": \"{{to}}\", \"text\": \"{{text}}\"}"}');
$node->wait_for_workers;

# Users: each has an address that tells who it is. Admins: root (of billing too) and ada.
my %phone = (ann => '+306900000001', ben => '+306900000002', cid => '+306900000003', dot => '+306900000004');
user($_) foreach qw(ann ben cid dot);
user('ada', is_admin => 'true');
user('root', is_admin => 'true', is_billing_admin => 'true');
user('off', enabled => 'false');

# Ann's personal line; a line that rings Ben and Cid; one that rings them in Fisher Mode; one that nobody serves.
my $personal = line("Ann's line", owner => 'ann', number => '+15550100001');
my $sales = line('Sales', number => '+15550100002', group => group('Sellers', 'false', 'ben', 'cid'));
my $fisher = line('Support', number => '+15550100003', group => group('Supporters', 'true', 'ben', 'cid', 'dot'));
my $quiet = line('Quiet', number => '+15550100004');

sub user
{
	my ($id, %more) = @_;
	my $columns = join '', map { ", $_" } sort keys %more;
	my $values = join '', map { ", $more{$_}" } sort keys %more;
	my $phone = $phone{$id} ? "'$phone{$id}'" : 'NULL';

	$tenant->query(
		"INSERT INTO appt.user_profile (application_id, id, name, email, backup_phone$columns)
		VALUES ('$app', '$id', initcap('$id'), '$id\@example.org', $phone$values)");
	return;
}

sub group
{
	my ($name, $fisher_mode, @members) = @_;
	my $id = $tenant->query(
		"INSERT INTO appt.ring_group (application_id, name, fisher_mode) VALUES ('$app', '$name', $fisher_mode)
		RETURNING id");

	$tenant->query("INSERT INTO appt.ring_group_member VALUES ('$app', '$id', '$_')") foreach @members;
	return $id;
}

sub line
{
	my ($name, %more) = @_;
	my $owner = $more{owner} ? "'$more{owner}'" : 'NULL';
	my $quoted = $name =~ s/'/''/gr;
	my $id = $tenant->query("INSERT INTO appt.line (application_id, name, owner_id) VALUES ('$app', '$quoted', $owner) RETURNING id");

	$tenant->query("INSERT INTO appt.line_number VALUES ('$app', '$more{number}', '$id')");
	$tenant->query("INSERT INTO appt.line_ring_group VALUES ('$app', '$id', '$more{group}')") if $more{group};
	return $id;
}

# Tells users of something, and waits until all of it is settled: a hash "user CHANNEL" => state and reason.
sub told
{
	my ($type, %arguments) = @_;
	my $arguments = join '', map { ", $_ => $arguments{$_}" } sort keys %arguments;
	my $ids = $tenant->query("SELECT coalesce(string_agg(id::text, ','), '0') FROM appt.notify_users('$app', '$type'$arguments)");

	return outcome("id IN ($ids)");
}

sub outcome
{
	my ($where) = @_;

	ok($node->wait_for_query("SELECT count(*) = 0 FROM appt.notification WHERE $where AND state IN ('PENDING', 'SENDING', 'RETRYING')"),
		'all of it is settled');
	return {
		map { split /=/ } split /\n/,
		$tenant->query(
			"SELECT recipient_id || ' ' || channel || '=' || concat_ws(' ', state, reason)
		FROM appt.notification WHERE $where AND recipient_kind = 'USER'") };
}

# What is sent to each of these users over the default channels.
sub sent
{
	my (@users) = @_;

	return { map { ("$_ EMAIL" => 'SENT', "$_ IN_APP" => 'SENT') } @users };
}

sub prefer
{
	my ($user, $type, $enabled, %more) = @_;
	my $channel = $more{channel} ? "'$more{channel}'" : 'NULL';
	my $offset = $more{time_offset} ? "'$more{time_offset}'" : 'NULL';

	$tenant->query("SELECT appt.set_preference('$type', $enabled, $channel, $offset, '$user', '$app')");
	return;
}

my %caller = (contact => q('{"name": "Bobby Brown", "phone": "+306911111111"}'));

subtest 'call to personal line' => sub {
	is_deeply(told('CALL', line_id => "'$personal'", %caller), sent('ann'), 'its owner is told');
};
subtest 'call to ring groups' => sub {
	is_deeply(told('CALL', line_id => "'$sales'", %caller), sent('ben', 'cid'), 'all members, where nobody says who was rung');
	is_deeply(told('CALL', line_id => "'$sales'", user_ids => "'{cid}'", %caller), sent('cid'), 'else those who were rung');
};
subtest 'Fisher Mode' => sub {
	is_deeply(
		told('CALL', line_id => "'$fisher'", user_ids => "'{cid}'", %caller),
		sent('ben', 'cid', 'dot'),
		'a call is offered to all members, whoever is busy');
};
foreach my $type ([ 'text', 'TEXT_MESSAGE' ], [ 'voicemail', 'VOICEMAIL' ])
{
	subtest "$type->[0] to personal line" => sub {
		is_deeply(told($type->[1], line_id => "'$personal'", %caller), sent('ann'), 'its owner is told');
	};
	subtest "$type->[0] to ring groups" => sub {
		is_deeply(told($type->[1], line_id => "'$sales'", %caller), sent('ben', 'cid'), 'all members are told');
	};
}
subtest 'fax' => sub {
	is_deeply(told('FAX', line_id => "'$personal'", %caller), sent('ann'), 'the owner of the line is told');
	is_deeply(told('FAX', line_id => "'$sales'", %caller), {}, 'ring groups get no faxes');
};
foreach my $type ([ 'mentioned', 'MENTION' ], [ 'contact assigned', 'CONTACT_ASSIGNED' ], [ 'reminder assigned', 'REMINDER_ASSIGNED' ])
{
	subtest $type->[0] => sub {
		is_deeply(told($type->[1], user_ids => "'{dot}'", title => "'A title'", %caller), sent('dot'), 'those are told who are named');
	};
}
subtest 'ownership changed via Sequence' => sub {
	is_deeply(told('CONTACT_ASSIGNED', user_ids => "'{ben}'", payload => q('{"by_sequence": true}'), %caller), sent('ben'), 'told');
	like(
		$tenant->query(
			"SELECT text_body FROM appt.attempt a JOIN appt.notification n ON n.id = a.notification_id
		WHERE n.type = 'CONTACT_ASSIGNED' AND n.recipient_id = 'ben' ORDER BY a.id LIMIT 1"),
		qr/sequence/i,
		'and told that a sequence did it');
};

# Appointments.
sub schedule
{
	my ($agent, $ahead) = @_;

	return $tenant->query(
		"SELECT id FROM appt.schedule_appointment('$app', now() + interval '$ahead', '30 minutes',
		organizer_id => '$agent', title => 'A viewing')");
}
subtest 'appointment assigned' => sub {
	my $id = schedule('cid', '3 days');

	is_deeply(outcome("appointment_id = '$id' AND type = 'APPOINTMENT_ASSIGNED'"), sent('cid'), 'the agent is told');
};
subtest 'event created' => sub {
	prefer('dot', 'APPOINTMENT_CREATED', 'true');
	my $id = schedule('dot', '3 days');

	is_deeply(outcome("appointment_id = '$id' AND type = 'APPOINTMENT_CREATED'"), sent('dot'), 'an agent who asks for it is told');
};
foreach my $offset ([ 'one day', '1 day' ], [ 'one hour', '1 hour' ], [ 'fifteen minutes', '15 minutes' ], [ 'one minute', '1 minute' ])
{
	subtest "$offset->[0] before" => sub {
		my ($default, $asks) = ('ann', 'dot');

		prefer($asks, 'APPOINTMENT_REMINDER', $_ eq $offset->[1] ? 'true' : 'false', time_offset => $_)
			foreach ('1 day', '1 hour', '15 minutes', '1 minute');
		my $id = schedule($asks, "$offset->[1] 2 seconds");
		is_deeply(outcome("appointment_id = '$id' AND type = 'APPOINTMENT_REMINDER'"), sent($asks),
			'an agent who asks for it is reminded');
		is( $tenant->query(
				"SELECT count(*) FROM appt.notification_log WHERE appointment_id = '$id' AND type = 'APPOINTMENT_REMINDER'
			AND started_at < due_at"),
			'0',
			'and not early');
		$id = schedule($default, '3 days');
		is( $tenant->query(
				"SELECT count(*) FROM appt.notification WHERE appointment_id = '$id' AND time_offset = '$offset->[1]'
			AND type = 'APPOINTMENT_REMINDER' AND recipient_kind = 'USER'"),
			$offset->[1] eq '15 minutes' ? '2' : '0',
			'the default');
	};
}

# The account.
subtest 'account level for admins only, by email' => sub {
	prefer('ann', 'INTEGRATION_FAILED', 'true');
	is_deeply(
		told('INTEGRATION_FAILED', title => "'The CRM refuses our key'"),
		{ 'ada EMAIL' => 'SENT', 'root EMAIL' => 'SENT' },
		'whatever others prefer');
};
subtest 'billing warnings, billing admins only' => sub {
	is_deeply(told('BILLING_WARNING', title => "'Your credit is low'"), { 'root EMAIL' => 'SENT' }, 'one of the two admins');
};
foreach my $type (
	[ 'users sync', 'USERS_SYNC' ],
	[ 'contacts sync', 'CONTACTS_SYNC' ],
	[ 'contact dispositions sync', 'CONTACT_DISPOSITIONS_SYNC' ],
	[ 'call disposition sync', 'CALL_DISPOSITIONS_SYNC' ],
	[ 'imports/exports', 'IMPORT_EXPORT' ])
{
	subtest $type->[0] => sub {
		is_deeply(told($type->[1]), {}, 'off by default');
		prefer('ada', $type->[1], 'true');
		is_deeply(told($type->[1], title => "'42 rows'"), { 'ada EMAIL' => 'SENT' }, 'an admin who asks for it is told by email');
	};
}
subtest 'failed integration' => sub {
	prefer('ada', 'INTEGRATION_FAILED', 'false');
	is_deeply(told('INTEGRATION_FAILED'), { 'root EMAIL' => 'SENT' }, 'on by default, until an admin switches it off');
};

# Reports. They were due half an hour ago, about the day before; a webhook had failed on it.
my @reports = (
	[ 'daily activity', 'DAILY_ACTIVITY' ],
	[ 'daily inbound SMS', 'DAILY_INBOUND_SMS' ],
	[ 'daily outbound SMS', 'DAILY_OUTBOUND_SMS' ],
	[ 'daily spending', 'DAILY_SPENDING' ],
	[ 'webhook failure reports', 'WEBHOOK_FAILURES' ]);
my $wanted = join "\n", map {
	"INSERT INTO appt.user_preference (application_id, user_id, type, enabled) VALUES ('$app', 'ada', '$_->[1]', true),
		('$app', 'ann', '$_->[1]', true);"
} @reports;
$tenant->query("UPDATE appt.application SET report_time = date_trunc('minute', now() AT TIME ZONE 'UTC' - interval '30 minutes')::time");
my $hook = $tenant->query(
	"INSERT INTO appt.subscription (application_id, url, types) VALUES ('$app', 'https://hooks.example/', '{FAX}')
	RETURNING id");
$tenant->query(
	"INSERT INTO appt.notification (application_id, recipient_kind, recipient_id, subscription_id, type, channel, due_at, lane,
		state, reason, settled_at)
	SELECT '$app', 'SUBSCRIBER', '$hook', '$hook', 'FAX', 'WEBHOOK', noon, 1, 'FAILED', 'REJECTED', noon
	FROM (SELECT ((now() AT TIME ZONE 'UTC' - interval '30 minutes')::date - 1 + time '12:00') AT TIME ZONE 'UTC' AS noon) d");
# In one transaction, for the worker reviews with a later clock.
$tenant->query("BEGIN; $wanted SELECT appt_test.review_reports(now() - interval '2 hours'); COMMIT");
foreach my $report (@reports)
{
	subtest $report->[0] => sub {
		ok($node->wait_for_query("SELECT count(*) > 0 FROM appt.notification WHERE type = '$report->[1]'"), 'it is planned');
		is_deeply(outcome("type = '$report->[1]'"), { 'ada EMAIL' => 'SENT' }, 'an admin who asks for it gets it by email, others do not');
	};
}

# Lines.
subtest 'line opt-in' => sub {
	is_deeply(told('VOICEMAIL', line_id => "'$quiet'", %caller), {}, 'a line that nobody follows tells nobody');
	$tenant->query("SELECT appt.subscribe_line('$quiet', true, 'dot')");
	is_deeply(told('VOICEMAIL', line_id => "'$quiet'", %caller), sent('dot'), 'a user who follows it is told');
	$tenant->query("SELECT appt.subscribe_line('$quiet', false, 'dot')");
	is_deeply(told('VOICEMAIL', line_id => "'$quiet'", %caller), {}, 'and no longer');
};

# Text messages come in: $count from a contact to a number, a second apart, from $start on.
sub come_in
{
	my ($count, $from, $to, $start) = @_;

	return $tenant->query(
		"SELECT count(*) FROM generate_series(0, $count - 1) i, LATERAL appt.record_inbound_sms('$app', '$from', '$to',
		'Text ' || i, received_at => timestamptz '$start' + i * interval '1 second')");
}

sub alarms
{
	my ($number) = @_;

	return $tenant->query(
		"SELECT count(*) FROM appt.user_event e JOIN appt.line_number l ON l.line_id = e.line_id
		WHERE e.type = 'HIGH_SMS' AND l.number = '$number'");
}
# The alarms alone: each text message would be told, too.
prefer($_, 'TEXT_MESSAGE', 'false') foreach qw(ann ben cid);
subtest 'alarm at more than 15 in 30 s' => sub {
	come_in(15, '+306911111111', '+15550100001', '2026-01-01 12:00');
	is(alarms('+15550100001'), '0', 'no alarm for 15');
	come_in(1, '+306911111111', '+15550100001', '2026-01-01 12:00:15');
	is(alarms('+15550100001'), '1', 'one for the 16th');
	come_in(5, '+306911111111', '+15550100001', '2026-01-01 12:00:16');
	is(alarms('+15550100001'), '1', 'and no other while it goes on');
	is_deeply(outcome("type = 'HIGH_SMS'"), sent('ann'), 'the owner of the line is told');
};
subtest 'counted per line, contact and single incoming number' => sub {
	come_in(10, '+306911111112', '+15550100002', '2026-01-01 13:00');
	come_in(10, '+306911111113', '+15550100002', '2026-01-01 13:00');
	is(alarms('+15550100002'), '0', 'two contacts with 10 messages each to one number: no alarm');
	$tenant->query("INSERT INTO appt.line_number VALUES ('$app', '+15550100005', '$sales')");
	come_in(10, '+306911111114', '+15550100002', '2026-01-01 14:00');
	come_in(10, '+306911111114', '+15550100005', '2026-01-01 14:00');
	is(alarms('+15550100002'), '0', 'nor one contact with 10 messages to each of two numbers of a line');
};
subtest "by the user's preferences" => sub {
	prefer('ben', 'HIGH_SMS', 'false');
	prefer('cid', 'HIGH_SMS', 'false', channel => 'EMAIL');
	come_in(16, '+306911111115', '+15550100002', '2026-01-01 15:00');
	is_deeply(
		outcome("type = 'HIGH_SMS' AND user_event_id = (SELECT max(id) FROM appt.user_event WHERE type = 'HIGH_SMS')"),
		{ 'cid IN_APP' => 'SENT' },
		'who does not want alarms gets none, over no channel or not over one');
};

# What each user chooses.
subtest 'per-user configuration of all' => sub {
	my @wrong = split /\n/, $tenant->query(
		"SELECT t.type FROM appt.notification_type t WHERE t.audience = 'USERS' AND NOT EXISTS (
		SELECT FROM appt.notification_preferences('ann', '$app') p WHERE p.type = t.type)");

	is_deeply(\@wrong, [], 'every type of users is in the matrix');
	prefer('ann', 'VOICEMAIL', 'false');
	is_deeply(told('VOICEMAIL', line_id => "'$personal'", %caller), {}, 'what is switched off is not planned');
	prefer('ann', 'VOICEMAIL', 'true');
};
subtest 'per-user channels' => sub {
	$tenant->query("SELECT appt.set_channel('EMAIL', false, 'ann', '$app')");
	is_deeply(told('FAX', line_id => "'$personal'", %caller), { 'ann IN_APP' => 'SENT' }, 'a channel that is off is not used');
	$tenant->query("SELECT appt.set_channel('EMAIL', true, 'ann', '$app')");
};
subtest 'fallback to the backup number' => sub {
	$tenant->query("SELECT appt.set_channel('SMS', true, 'ann', '$app')");
	is_deeply(told('FAX', line_id => "'$personal'", %caller), { %{ sent('ann') }, 'ann SMS' => 'SENT' }, 'by SMS too');
	is( $tenant->query(
			"SELECT a.recipient FROM appt.attempt a JOIN appt.notification n ON n.id = a.notification_id WHERE n.channel = 'SMS'
		ORDER BY a.id DESC LIMIT 1"),
		'+306900000001',
		'the backup number, as no other is chosen');
};
subtest 'text to a custom number' => sub {
	my $before = () = $sms->entries;

	$tenant->query("SELECT appt.update_profile(custom_phone => '+306922222222', user_id => 'ann', application_id => '$app')");
	my $request = ($sms->wait_for($before + 1))[-1];
	my ($code) = $request->{body} =~ /(\d+) is your code/;
	$tenant->query("SELECT appt.confirm_custom_phone('$code', 'ann', '$app')");
	told('FAX', line_id => "'$personal'", %caller);
	is( $tenant->query(
			"SELECT a.recipient FROM appt.attempt a JOIN appt.notification n ON n.id = a.notification_id
		WHERE n.channel = 'SMS' AND n.type = 'FAX' ORDER BY a.id DESC LIMIT 1"),
		'+306922222222',
		'once it is confirmed');
};
subtest 'disabling text disables it' => sub {
	$tenant->query("SELECT appt.set_channel('SMS', false, 'ann', '$app')");
	is_deeply(told('FAX', line_id => "'$personal'", %caller), sent('ann'), 'no text to the custom number either');
};
subtest 'sample notifications' => sub {
	my $ids = $tenant->query("SELECT string_agg(s::text, ',') FROM appt.send_sample_notification('VOICEMAIL', NULL, 'dot', '$app') s");

	is_deeply(outcome("id IN ($ids)"), sent('dot'), 'a sample goes over every channel that is on');
	like($tenant->query("SELECT text_body FROM appt.attempt WHERE notification_id IN ($ids) ORDER BY id LIMIT 1"),
		qr/voicemail/i, 'in the words of the type');
};

# What the log says was sent has arrived, and nothing else.
ok($tenant->settled, 'all is settled');
foreach my $peer ([ 'EMAIL', $mail ], [ 'SMS', $sms ])
{
	is( $tenant->query("SELECT count(*) FROM appt.notification_log WHERE channel = '$peer->[0]' AND outcome = 'DELIVERED'"),
		scalar($peer->[1]->entries),
		"every message by $peer->[0] arrived");
}

$node->stop;
done_testing();
