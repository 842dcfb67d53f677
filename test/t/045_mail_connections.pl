# Many mails share a connection, up to the usual limit of mail servers; different logins share none.

use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Rounds;
use Appt::Tenant;
use List::Util qw(max sum);
use Test::More;

my $node = Appt::Cluster->create('main', conf => 'fsync = off');
$node->wait_for_workers;

# This many appointments at once, each with a mail to its customer, through this provider.
sub send_many
{
	my ($peer, $count, %provider) = @_;
	my $tenant = Appt::Tenant->create($node);
	my $login = join '', map { ", $_ => '$provider{$_}'" } sort keys %provider;

	$tenant->only('CREATE', 'EMAIL');
	$tenant->query(
		"SELECT appt.set_provider('@{[ $tenant->application ]}', 'EMAIL', 'SMTP', '@{[ $peer->url ]}',
			sender => 'clinic\@example.com'$login)"
	);
	$tenant->query(
		"SELECT count(appt.schedule_appointment('@{[ $tenant->application ]}', now() + interval '1 day', '1 hour',
		customer => format('{\"contact\": {\"primaryEmail\": \"c%s\@example.org\"}}', i)::jsonb, organizer_id => 'a'))
			FROM generate_series(1, $count) i"
	);
	ok($tenant->settled, "$count mails are settled");
	is( $tenant->query(
			"SELECT string_agg(DISTINCT state, ' ') || ' ' || count(*) FROM appt.notification
				WHERE application_id = '@{[ $tenant->application ]}'"
		),
		"SENT $count",
		'as SENT');
	is($tenant->query("SELECT max(attempt_count) FROM appt.notification WHERE application_id = '@{[ $tenant->application ]}'"),
		1, 'at the first attempt');
	return $tenant;
}

# How many mails came over each connection, by the order of the connections.
sub mails_by_session
{
	my (@entries) = @_;
	my (%mails, @order);

	$mails{ $_->{session} }++ or push @order, $_->{session} foreach @entries;
	return map { $mails{$_} } @order;
}

# One at a time: one connection, until it has had its hundred.
my $peer = Appt::Peers->smtp('--pipelining', 'always');
send_many($peer, 230, settings => '{"max_concurrency": 1}');
is(join(' ', mails_by_session($peer->entries)), '100 100 30', 'a hundred mails a connection');

# Many at a time: no more connections than a host gets, each for many mails; every mail once.
$peer = Appt::Peers->smtp;
send_many($peer, 400);
my @mails = mails_by_session($peer->entries);
cmp_ok(scalar @mails, '<=', 64, 'no more connections than appt.max_per_host');
cmp_ok(max(@mails), '>', 1, 'for more than a mail each');
is(sum(@mails), 400, 'each mail');
is(scalar(keys %{ { map { $_->{rcpt_to}[0] => 1 } $peer->entries } }), 400, 'once');

# A connection is used only by the login that opened it. (On a busy machine it may be idle long enough to be closed.)
my $by_session = in_rounds(
	sub {
		$peer = Appt::Peers->smtp('--username', 'me', '--password', 'one');
		send_many($peer, 5, username => 'me', secret => 'one', settings => '{"max_concurrency": 1}');
		my $other = Appt::Tenant->create($node);
		$other->only('CREATE', 'EMAIL');
		$other->query(
			"SELECT appt.set_provider('@{[ $other->application ]}', 'EMAIL', 'SMTP', '@{[ $peer->url ]}',
				sender => 'clinic\@example.com', username => 'me', secret => 'another')"
		);
		$other->schedule;
		ok($other->settled, 'a mail by a wrong password');
		is_deeply($other->states, { 'CREATE EMAIL' => 'FAILED REJECTED' }, 'does not go over it');
		send_many($peer, 5, username => 'me', secret => 'one', settings => '{"max_concurrency": 1}');
		return join ' ', mails_by_session(grep { defined $_->{message} } $peer->entries);
	},
	sub { $_[0] eq '10' });
is($by_session, '10', 'mails by the same login do, whoever sends them');

$node->stop;
done_testing();
