# Limits of concurrency and rate: by application and provider, for all workers of a database together, from the next message on.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Rounds;
use Appt::Tenant;
use Test::More;
use Time::HiRes qw(sleep time);

my $workers = 2;
my $node = Appt::Cluster->create('main', conf => "appt.workers = $workers\nfsync = off\nappt.request_timeout = '10min'");
my $hook = Appt::Peers->webhook;
my $mail = Appt::Peers->smtp('--delay', 0.4);
$node->query('CREATE DATABASE watch');
$node->wait_for_workers($workers);

# Messages per second, of an application with several lanes.
{
	my $rate = 20;
	my $tenant = in_rounds(
		sub {
			my $tenant = limited(max_per_second => $rate);
			$tenant->subscribe($hook->url("/ok/$_")) foreach 1 .. 4;
			$tenant->schedule_many(15);
			ok($tenant->settled, 'all are sent');
			is(scalar $hook->entries, 60, 'and arrived');
			cmp_ok(excess($tenant, $rate), '<=', $workers + 0.1 * $rate + 1e-3, "never more than $rate a second and a small burst");
			cmp_ok(per_second($tenant), '<=', $rate * 1.1, "$rate a second in the long run");
			return $tenant;
		},
		sub { per_second($_[0]) >= $rate * 0.5 });
	slow_machine(sub { cmp_ok(per_second($tenant), '>=', $rate * 0.5, 'and not much less') });
}

# A provider's limit applies to its lane only. The worker does not poll messages that may not be sent.
{
	my $rate = 4;
	my $tenant = limited();
	my $quick = Appt::Peers->smtp;
	$hook->forget;
	$tenant->rule('CREATE', 'EMAIL');
	$tenant->subscribe($hook->url('/ok'));
	$tenant->provider('EMAIL', 'SMTP', $quick->url, sender => 'a@example.org', settings => "{\"max_per_second\": $rate}");
	$tenant->schedule_many(14);
	$hook->wait_for(14);
	my ($before, $since) = (transactions(), time);
	sleep 2;
	my ($used, $seconds) = (transactions() - $before, time - $since);
	cmp_ok($used, '<', $seconds * $workers * (3 * $rate + 12), sprintf "few transactions while it is limited: $used in %.1f s", $seconds);
	ok($tenant->settled, 'all are sent');
	is( $tenant->query(
			"SELECT count(*) FILTER (WHERE channel = 'EMAIL' AND started_at < last) < 12 FROM appt.notification_log,
		LATERAL (SELECT max(started_at) AS last FROM appt.notification_log WHERE application_id = '@{[ $tenant->application ]}'
			AND channel = 'WEBHOOK') webhook
		WHERE application_id = '@{[ $tenant->application ]}'"),
		't',
		'webhooks do not wait for the mail');
	cmp_ok(excess($tenant, $rate, 'EMAIL'), '<=', $workers + 0.1 * $rate + 1e-3, "never more than $rate a second and a small burst");
}

# Transfers under way: of an application, and of a provider.
{
	my $tenant = limited(max_concurrency => 3);
	$tenant->subscribe($hook->url("/hold/three/$_")) foreach 200, 201;
	$tenant->schedule_many(9);
	is(held(3), 3, 'an application\'s 3 are under way, no more');
	$tenant->query("UPDATE appt.subscription SET url = replace(url, '/hold/three', '/delay/0.3')");
	$hook->release('three');
	ok($tenant->settled, 'all are sent');
	cmp_ok(most_at_once([ map { $_->{wall_us} } grep { $_->{path} =~ /delay/ } $hook->entries ], 300_000), '<=', 3, 'never more');

	$tenant = limited();
	$tenant->only('CREATE', 'EMAIL');
	$tenant->provider('EMAIL', 'SMTP', $mail->url, sender => 'a@example.org', settings => '{"max_concurrency": 1}');
	$tenant->schedule_many(5);
	ok($tenant->settled, 'all are sent');
	is(most_at_once([ map { $_->{wall_us} } $mail->entries ], 400_000), 1, 'a provider\'s 1, of one worker alone');
}

# Another limit holds from the next message on, however long the old one would have made it wait.
{
	my $tenant = limited(max_per_second => 0.01);
	$hook->forget;
	$tenant->subscribe($hook->url('/ok'));
	$tenant->schedule_many(10);
	$hook->wait_for($workers);
	sleep 0.3;
	is(scalar $hook->entries, $workers, 'one, of each worker, and then a long wait');
	$tenant->query("UPDATE appt.application SET max_per_second = 1000 WHERE id = '@{[ $tenant->application ]}'");
	is(scalar $hook->wait_for(10, undef, 60), 10, 'until the limit is raised');

	$tenant->query("UPDATE appt.application SET max_per_second = 0.01 WHERE id = '@{[ $tenant->application ]}'");
	$tenant->schedule_many(50);
	sleep 0.5;
	cmp_ok(scalar $hook->entries, '<', 60, 'lowered it holds');
	$tenant->query("UPDATE appt.application SET max_per_second = NULL WHERE id = '@{[ $tenant->application ]}'");
	is(scalar $hook->wait_for(60, undef, 60), 60, 'and taken away it holds no more');

	ok($tenant->settled, 'all are sent');
	$tenant->query(
		"UPDATE appt.application SET max_concurrency = 1 WHERE id = '@{[ $tenant->application ]}'; UPDATE appt.subscription
			SET url = '@{[ $hook->url('/hold/raised') ]}'"
	);
	$hook->forget;
	$tenant->schedule_many(20);
	is(held(1), 1, 'one at a time');
	$tenant->query("UPDATE appt.application SET max_concurrency = 100 WHERE id = '@{[ $tenant->application ]}'");
	is(held(20), 20, 'all at once when the limit is raised');
	$hook->release('raised');
	ok($tenant->settled, 'all are sent');
}

# A provider's, by replacing it and by changing it. A rollback changes nothing.
{
	my $quick = Appt::Peers->smtp;
	my $tenant = limited();
	$tenant->only('CREATE', 'EMAIL');
	$tenant->provider('EMAIL', 'SMTP', $quick->url, sender => 'a@example.org', settings => '{"max_per_second": 0.01}');
	$tenant->schedule_many(10);
	$quick->wait_for($workers);
	$tenant->query("BEGIN; UPDATE appt.provider SET settings = '{}'; ROLLBACK");
	sleep 0.3;
	is(scalar $quick->entries, $workers, 'limited');
	$tenant->query("UPDATE appt.provider SET settings = '{\"max_per_second\": 5}' WHERE application_id = '@{[ $tenant->application ]}'");
	$quick->wait_for($workers + 2);
	$tenant->provider('EMAIL', 'SMTP', $quick->url, sender => 'a@example.org', settings => '{}');
	is(scalar $quick->wait_for(10, undef, 60), 10, 'the new limit, then none');
	ok($tenant->settled, 'all are sent');
}

$node->stop;
done_testing();

# A tenant with CREATE by webhook alone.
sub limited
{
	my (%settings) = @_;
	my $tenant = Appt::Tenant->create($node, %settings);

	$hook->forget;
	$tenant->only('CREATE', 'WEBHOOK');
	return $tenant;
}

# By how much any interval exceeded $rate per second, by the times in the log, which the token bucket uses.
sub excess
{
	my ($tenant, $rate, $channel) = @_;
	my @starts = starts($tenant, $channel // 'WEBHOOK');
	my ($lowest, $excess) = (0, 0);

	foreach my $i (0 .. $#starts)
	{
		my $behind = $i - $rate * $starts[$i];
		$lowest = $behind if $behind < $lowest;
		$excess = $behind + 1 - $lowest if $behind + 1 - $lowest > $excess;
	}
	return $excess;
}

sub per_second
{
	my ($tenant) = @_;
	my @starts = starts($tenant, 'WEBHOOK');

	# The burst at the start does not count.
	my @later = grep { $_ >= $starts[0] + 0.2 } @starts;
	return $#later / ($later[-1] - $later[0]);
}

# Seconds from the first attempt on.
sub starts
{
	my ($tenant, $channel) = @_;

	return split /\n/, $tenant->query(
		"SELECT extract(epoch FROM a.started_at - min(a.started_at) OVER ()) FROM appt.attempt a
		JOIN appt.notification n ON n.id = a.notification_id
		WHERE n.application_id = '@{[ $tenant->application ]}' AND n.channel = '$channel' ORDER BY a.started_at, a.id");
}

# How many requests are in flight and stay so; waits for at least $count.
sub held
{
	my ($count) = @_;

	$hook->wait_for($count);
	sleep 0.3;
	return scalar $hook->entries;
}

# For events of this duration: how many were in progress when one began.
sub most_at_once
{
	my ($begins, $microseconds) = @_;
	my $most = 0;

	foreach my $now (@$begins)
	{
		my $count = grep { $_ <= $now && $now < $_ + $microseconds } @$begins;
		$most = $count if $count > $most;
	}
	return $most;
}

# Of this database, so far, without this query itself.
sub transactions
{
	return $node->query("SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = 'postgres'", 'watch');
}

sub slow_machine
{
	my ($test) = @_;

SKIP:
	{
		skip 'times under a sanitizer', 1 if $ENV{APPT_SANITIZE};
		$test->();
	}
	return;
}
