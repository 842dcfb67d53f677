# Every setting but appt.workers by a reload; configuration from the next message on.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Tenant;
use Test::More;
use Time::HiRes qw(sleep);

my $node = Appt::Cluster->create('main', conf => "fsync = off\nappt.request_timeout = '10min'");
my $hook = Appt::Peers->webhook;
my $allowed = "127.0.0.0/8, ::1/128";

$node->wait_for_workers;

# Off: what is under way finishes, nothing starts. On again: the rest goes out.
{
	my $tenant = tenant();
	$tenant->subscribe($hook->url('/hold/off'));
	$tenant->schedule_many(2);
	$hook->wait_for(2);
	switch ('off');
	is(count($tenant, 'SENDING'), 2, 'appt.enabled: off, while two are under way');
	$tenant->schedule_many(3);
	$hook->release('off');
	ok($node->wait_for_query("SELECT count(*) FROM appt.notification WHERE state = 'SENT'", 2), 'they finish');
	sleep 0.3;
	is(count($tenant, 'PENDING') . ' ' . $node->query('SELECT count(*) FROM appt.attempt'), '3 2', 'and none starts');
	$tenant->query("UPDATE appt.subscription SET url = '@{[ $hook->url('/ok') ]}'");
	switch ('on');
	ok($tenant->settled, 'on again');
	is(count($tenant, 'SENT'), 5, 'all are sent');
}

# Concurrency: overall, and per host.
{
	my $tenant = tenant();
	$tenant->subscribe($hook->url('/hold/at_once'));
	set(max_concurrency => 1);
	$tenant->schedule_many(20);
	is(held(1), 1, 'appt.max_concurrency: one');
	set(max_concurrency => 256, max_per_host => 5);
	is(held(5), 5, 'appt.max_per_host: five');
	set(max_per_host => 64);
	is(held(20), 20, 'and many');
	$hook->release('at_once');
	ok($tenant->settled, 'all are sent');
}

# Timeouts: of connecting, and of the whole attempt.
{
	my $tenant = tenant(max_attempts => 1);
	my ($hole, @sockets) = Appt::Peers->black_hole;
	my $black_hole = $tenant->subscribe("http://127.0.0.1:$hole");
	my $silent = $tenant->subscribe($hook->url('/hold/silent/503'));
	set(connect_timeout => "'300ms'", request_timeout => "'1min'");
	$tenant->schedule;
	ok($node->wait_for_query("SELECT state FROM appt.notification WHERE subscription_id = '$black_hole'", 'FAILED'),
		'appt.connect_timeout ends a connection that gets no answer');
	is($node->query("SELECT state FROM appt.notification WHERE subscription_id = '$silent'"),
		'SENDING', 'and no request that waits for one');
	cmp_ok(took($black_hole), '<', 30, 'in time');
	set(connect_timeout => "'1min'", request_timeout => "'400ms'");
	my $id = $tenant->schedule;
	ok($node->wait_for_query("SELECT count(*) FROM appt.notification WHERE appointment_id = '$id' AND state = 'FAILED'", 2),
		'appt.request_timeout ends both');
	cmp_ok(took($_), '<', 30, 'in time') foreach $black_hole, $silent;
	set(request_timeout => "'10min'");
	$hook->release('silent');
	ok($tenant->settled, 'all is settled');
}

# Allowed addresses.
{
	my $tenant = tenant(max_attempts => 1);
	$tenant->subscribe($hook->url('/ok'));
	$tenant->schedule;
	ok($tenant->settled, 'over a connection that is kept');
	set(allowed_addresses => "'10.0.0.0/8'");
	$tenant->schedule;
	ok($tenant->settled, 'appt.allowed_addresses');
	like(last_error($tenant), qr/may not be contacted/, 'no longer');
	set(allowed_addresses => "'$allowed'");
	$tenant->schedule;
	ok($tenant->settled, 'and again');
	is(count($tenant, 'SENT'), 2, 'two of three were sent');
}

# Trusted authorities.
{
	my $files = Appt::Peers->certificate;
	my $tls = Appt::Peers->webhook('--certificate', $files->{certificate}, '--key', $files->{key});
	my $tenant = tenant(max_attempts => 1);
	$tenant->subscribe($tls->url('/ok'));
	$tenant->schedule;
	ok($tenant->settled, 'appt.ca_file');
	like(last_error($tenant), qr/certificate/i, 'an authority that is not known');
	set(ca_file => "'$files->{ca}'");
	$tenant->schedule;
	ok($tenant->settled, 'and known');
	is(count($tenant, 'SENT'), 1, 'is trusted');
	set(ca_file => "''");
	$tenant->schedule;
	ok($tenant->settled, 'and known no more');
	is(count($tenant, 'SENT'), 1, 'the connection that is kept is not used');
}

# How long the log is kept.
{
	my $tenant = tenant();
	$tenant->subscribe($hook->url('/ok'));
	$tenant->schedule;
	ok($tenant->settled, 'appt.log_retention');
	$tenant->query(
		"UPDATE appt.notification SET created_at = created_at - interval '10 minutes', settled_at = settled_at - interval '10 minutes'
			WHERE application_id = '@{[ $tenant->application ]}'"
	);
	set(log_retention => "'1h'");
	sleep 0.5;
	is(count($tenant, 'SENT'), 1, 'ten minutes old: kept for an hour');
	set(log_retention => "'1min'");
	ok($node->wait_for_query("SELECT count(*) FROM appt.notification WHERE application_id = '@{[ $tenant->application ]}'", 0),
		'for a minute: gone');
	set(log_retention => "'90d'");
}

# Text messages that were interrupted.
{
	foreach my $setting (qw(off on))
	{
		my $tenant = tenant();
		$tenant->only('CREATE', 'SMS');
		$tenant->provider(
			'SMS', 'TWILIO', $hook->url('/hang'),
			sender => '+15550100000',
			username => 'AC0123456789abcdef0123456789abcdef',
			secret => 'secret');
		set(resend_interrupted_sms => $setting);
		my $id = $tenant->schedule(phone => '+306900000000');
		$hook->wait_for(1);
		$node->query("SELECT pg_terminate_backend(pid) FROM appt.worker_status");
		my $expected = $setting eq 'off' ? 'FAILED INTERRUPTED 1' : 'SENDING 2';
		ok( $node->wait_for_query(
				"SELECT concat_ws(' ', state, reason, attempt_count) FROM appt.notification WHERE appointment_id = '$id'", $expected),
			"appt.resend_interrupted_sms = $setting: $expected");
		$tenant->query("SELECT appt.cancel_appointment('$id')");
	}
}

# Provider, rule, template, subscription.
{
	my ($first, $second) = map { Appt::Peers->smtp } 1 .. 2;
	my $tenant = tenant();
	$tenant->rule('CREATE', 'EMAIL');
	$tenant->email($first->url);
	my $subscription = $tenant->subscribe($hook->url('/ok/first'));
	send_one($tenant, 'all');
	$tenant->email($second->url);
	$tenant->query("UPDATE appt.subscription SET url = '@{[ $hook->url('/ok/second') ]}' WHERE id = '$subscription'");
	$tenant->query(
		"INSERT INTO appt.template (application_id, type, channel, locale, subject, text_body)
			VALUES ('@{[ $tenant->application ]}', 'CREATE', 'EMAIL', 'en', 'Words of my own', 'x')"
	);
	send_one($tenant, 'another provider, endpoint and template');
	$tenant->query("UPDATE appt.template SET subject = 'Other words'");
	$tenant->query("UPDATE appt.rule SET enabled = false WHERE channel = 'WEBHOOK'");
	send_one($tenant, 'a rule that is off');
	is(scalar $first->entries, 1, 'the first provider had one');
	is( join(', ', map { $_->{message} =~ /^Subject: (.*?)\r/m } $second->entries),
		'Words of my own, Other words',
		'the second the others, in the words of the time');
	is(join(', ', map { $_->{path} } $hook->entries), '/ok/first, /ok/second', 'and each endpoint one');
}

# A tenant that changes its configuration all the time has only its own lanes refreshed, not hundreds of others.
{
	my $wide = tenant(max_concurrency => 1);
	my $busy = tenant();
	my $learned = "SELECT sum(seq_scan + idx_scan) FROM pg_stat_user_tables WHERE relname = 'notification'";

	$wide->subscribe($hook->url('/hang'));
	$wide->schedule;
	$hook->wait_for(1);
	$wide->query(
		"SELECT count(appt.create_subscription('@{[ $wide->application ]}', '@{[ $hook->url('/ok') ]}')) FROM generate_series(1, 200)");
	$wide->schedule;
	my $subscription = $busy->subscribe($hook->url('/ok'));
	send_one($busy, 'a change of configuration, once');
	my $before = $node->query($learned);
	$node->query(
		"DO \$\$ BEGIN FOR i IN 1 .. 500 LOOP UPDATE appt.subscription SET url = '@{[ $hook->url('/ok/') ]}' || i
			WHERE id = '$subscription'; COMMIT; PERFORM pg_sleep(0.002); END LOOP; END \$\$"
	);
	$hook->forget;
	send_one($busy, 'and all the time');
	is(($hook->wait_for(1))[0]{path}, '/ok/500', 'holds from the next message on');
	# The worker reports its statistics within a second.
	sleep 1.5;
	cmp_ok($node->query($learned) - $before, '<', 3000, 'nobody else\'s lanes are learned anew for it');
	is(count($wide, 'PENDING'), 201, 'which have something due');
}

$node->stop('immediate');
done_testing();

sub tenant
{
	my (%settings) = @_;
	my $tenant = Appt::Tenant->create($node, %settings);

	$hook->forget;
	$tenant->only('CREATE', 'WEBHOOK');
	return $tenant;
}

# With a reload that the worker has read: it shows appt.enabled, and reads all settings at once.
sub set
{
	my (%settings) = @_;

	$node->append_conf('postgresql.conf', "appt.$_ = $settings{$_}") foreach sort keys %settings;
	switch ($_) foreach qw(off on);
	return;
}

sub switch
{
	my ($enabled) = @_;

	$node->append_conf('postgresql.conf', "appt.enabled = $enabled");
	$node->reload;
	$node->wait_for_query("SELECT coalesce(why_quiet, '') FROM appt.worker_status", $enabled eq 'on' ? '' : 'DISABLED')
		or die "not switched $enabled";
	return;
}

sub send_one
{
	my ($tenant, $name) = @_;

	$tenant->schedule;
	ok($tenant->settled, $name);
	return;
}

sub count
{
	my ($tenant, $state) = @_;

	return $node->query(
		"SELECT count(*) FROM appt.notification WHERE application_id = '@{[ $tenant->application ]}' AND state = '$state'");
}

sub last_error
{
	my ($tenant) = @_;

	return $node->query("SELECT error FROM appt.attempt WHERE application_id = '@{[ $tenant->application ]}' ORDER BY id DESC LIMIT 1");
}

sub took
{
	my ($subscription) = @_;

	return $node->query(
		"SELECT extract(epoch FROM finished_at - started_at) FROM appt.attempt a JOIN appt.notification n ON n.id = a.notification_id
			WHERE subscription_id = '$subscription' ORDER BY a.id DESC LIMIT 1"
	);
}

# How many requests are in flight and stay so; waits for at least $count.
sub held
{
	my ($count) = @_;

	$hook->wait_for($count);
	sleep 0.3;
	return scalar $hook->entries;
}
