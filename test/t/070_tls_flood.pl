# A server that sends TLS messages without end beside its answers: its connection fails, the message is retried, and the
# worker continues with the others and stops when told to.

use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Tenant;
use PostgreSQL::Test::Utils;
use Test::More;

my $authority = Appt::Peers->authority;
my $certificate = Appt::Peers->issue($authority);
# No timeout ends a flood instead of the bound.
my $node =
	Appt::Cluster->create('main', conf => "appt.ca_file = '$authority->{ca}'\nappt.request_timeout = '1h'\nappt.connect_timeout = '1h'");
my $hook = Appt::Peers->webhook;
my $told = 'the server sent too many TLS messages beside its answer';
my @cases = (
	(map { [ 'https', $_ ] } qw(tickets updates requests hellos)),
	(map { [ 'token', $_ ] } qw(tickets hellos)),
	(map { [ $_, 'tickets' ], [ $_, 'requests' ], [ $_, 'hellos' ] } qw(smtps starttls)),
	(   map {
			my $speech = $_;
			map { [ $speech, 'tickets', $_ ], [ $speech, 'requests', $_ ] } qw(EHLO MAIL)
		} qw(smtps starttls)));

# An application that sends its messages, each at most this many times, to a flooding server.
sub flooded
{
	my ($case, %settings) = @_;
	my ($speech, $kind, $from) = @$case;
	my $peer = Appt::Peers->tls_flood(
		'--certificate' => $certificate->{certificate},
		'--key' => $certificate->{key},
		'--speak' => $speech eq 'token' ? 'https' : $speech,
		'--flood' => $kind,
		defined $from ? ('--from' => $from) : ());
	my $tenant = Appt::Tenant->create($node, %settings);

	if ($speech =~ /^s/)
	{
		$tenant->only('CREATE', 'EMAIL');
		$tenant->provider(
			'EMAIL', 'SMTP', $peer->url,
			sender => 'a@b.example',
			$speech eq 'starttls' ? (settings => '{"starttls": "required"}') : ());
	}
	else
	{
		$tenant->only('CREATE', 'WEBHOOK');
		my ($url, $more) =
			$speech eq 'https'
			? ($peer->url, '')
			: ($hook->url('/ok'), ", auth => 'OAUTH2', username => 'me', secret => 'word', token_url => '" . $peer->url('/token') . "'");
		$tenant->query("SELECT appt.create_subscription('@{[ $tenant->application ]}', '$url'$more)");
	}
	return ($tenant, $peer);
}

my $good = Appt::Tenant->create($node);
$good->only('CREATE', 'WEBHOOK');
$good->subscribe($hook->url('/ok/good'));
$node->wait_for_workers;

# Each kind by each way.
foreach my $case (@cases)
{
	my $name = join ' ', grep { defined } @$case;
	my ($tenant, $peer) = flooded($case, max_attempts => 2, retry_base => '10 ms');
	$tenant->schedule;
	cmp_ok(scalar $peer->wait_for(1, sub { $_->{event} eq 'begun' }), '>=', 1, "$name: begins") or last;
	$good->schedule;
	ok($good->settled, "$name: others are sent") or last;
	ok($tenant->settled, "$name: it ends") or last;
	is( $tenant->query(
			"SELECT string_agg(concat_ws(' ', n.state, n.reason, a.outcome, a.status_code, a.error), ', ' ORDER BY a.id)
			FROM appt.notification n JOIN appt.attempt a ON a.notification_id = n.id
				WHERE n.application_id = '@{[ $tenant->application ]}'"),
		join(', ', ('FAILED RETRIES_EXHAUSTED FAILED ' . ($case->[0] eq 'token' ? 'no token could be fetched: ' : '') . $told) x 2),
		"$name: as a failure that is retried");
	cmp_ok(scalar $peer->wait_for(2, sub { $_->{event} eq 'ended' }), '>=', 2, "$name: its connections are closed");
	$peer->stop;
}
is($good->query("SELECT string_agg(DISTINCT state, ' ') FROM appt.notification WHERE application_id = '@{[ $good->application ]}'"),
	'SENT', 'all others were sent');

# A connection that is used for long may bring a ticket with each answer.
{
	my $peer = Appt::Peers->tls_flood(
		'--certificate' => $certificate->{certificate},
		'--key' => $certificate->{key},
		'--speak' => 'https',
		'--flood' => 'none');
	$node->query('CREATE EXTENSION appt_test');
	is( $node->query(
			"SELECT delivered, others FROM appt_test.exchange_many('{\"url\": \"@{[ $peer->url ]}\", \"payload\": \"{}\"}', 300, 1)"),
		'300|0',
		'a ticket for each message is no flood');
	is(scalar $peer->wait_for(1), 1, 'all went over one connection');
}

# While floods go on: a worker ends when it is told to, another one takes over, and the server stops.
{
	my @floods = map { [ flooded($_, max_attempts => 100, retry_base => '1 s', retry_cap => '1 s') ] }[qw(https tickets)],
		[qw(token tickets)], [qw(smtps tickets)], [qw(starttls tickets MAIL)];
	my $go_on = sub {
		my ($name) = @_;
		foreach my $flood (@floods)
		{
			my ($tenant, $peer) = @$flood;
			my $before = () = $peer->entries;
			cmp_ok(scalar $peer->wait_for($before + 2), '>', $before, $name);
		}
	};
	$_->[0]->schedule_many(5) foreach @floods;
	$go_on->('a flood goes on');
	my ($pid) = $node->wait_for_workers;
	$node->query("SELECT pg_terminate_backend($pid)");
	ok($node->wait_for_query("SELECT count(*) FROM pg_stat_activity WHERE pid = $pid", 0), 'a worker is terminated');
	$go_on->('also to another worker');
	$good->schedule_many(5);
	ok($good->settled, 'which sends the others');
	$node->stop('fast');
	pass('the server stops');
}
done_testing();
