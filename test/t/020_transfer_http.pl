# The transfer engine against real webhook receivers, good and bad, driven from a backend.

use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(time);

# A proxy in the server's environment must change nothing: all that follows goes past it.
$ENV{http_proxy} = $ENV{https_proxy} = $ENV{ALL_PROXY} = 'http://127.0.0.1:1';

my $node = Appt::Cluster->create('main', preload => 0);
$node->query('CREATE EXTENSION appt_test');

my $settings = "SELECT appt_test.set('appt.allowed_addresses', '127.0.0.0/8, ::1/128'),
	appt_test.set('appt.request_timeout', '1500'), appt_test.set('appt.connect_timeout', '700');";

# One backend's exchanges; rows as hashes, ordered by number.
sub exchange
{
	my ($before, @messages) = @_;
	my $array = join ', ', map { "'$_'::jsonb" } @messages;
	my @rows = split /\n/, $node->query(
		"\\o /dev/null\n$settings $before\n\\o\nSELECT number, kind, status_code, error, replace(response, E'\\n', ' '), retry_after_us, milliseconds
		FROM appt_test.exchange(ARRAY[$array]) ORDER BY number");
	return map {
		my %row;
		@row{qw(number kind status error response retry_after milliseconds)} = split /\|/, $_, -1;
		\%row
	} @rows;
}

sub message
{
	my ($url, $more) = @_;
	return sprintf '{"url": "%s", "payload": "{}"%s}', $url, $more ? ", $more" : '';
}

my $hook = Appt::Peers->webhook;

sub answers
{
	my ($row) = exchange('', message($hook->url('/ok'), '"keys": ["a key"]'));
	is("$row->{kind} $row->{status} $row->{response} $row->{error}", 'DELIVERED 200 ok ', 'delivered');
	my ($entry) = $hook->wait_for(1);
	is($entry->{method}, 'POST', 'by POST');
	is($entry->{headers}{'content-type'}, 'application/json', 'as JSON');
	ok(!exists $entry->{headers}{expect}, 'without Expect');
	ok($entry->{headers}{'x-signature'}, 'signed');
	is($entry->{headers}{'user-agent'}, 'appt/1.0', 'by appt');

	foreach my $case (
		[ 204, 'DELIVERED' ], [ 299, 'DELIVERED' ], [ 302, 'FAILED' ],   [ 304, 'FAILED' ],   [ 400, 'REJECTED' ], [ 401, 'REJECTED' ],
		[ 402, 'FAILED' ],    [ 403, 'REJECTED' ],  [ 404, 'REJECTED' ], [ 405, 'FAILED' ],   [ 410, 'FAILED' ],   [ 418, 'FAILED' ],
		[ 429, 'FAILED' ],    [ 500, 'FAILED' ],    [ 502, 'FAILED' ],   [ 503, 'FAILED' ],   [ 599, 'FAILED' ])
	{
		($row) = exchange('', message($hook->url("/status/$case->[0]")));
		is("$row->{kind} $row->{status}", "$case->[1] $case->[0]", "status $case->[0]");
	}
	my $before = $hook->entries;
	($row) = exchange('', message($hook->url('/redirect/ok')));
	is("$row->{kind} $row->{status}", 'FAILED 302', 'a redirect is a failure');
	is(scalar($hook->entries), $before + 1, 'and not followed');
	($row) = exchange('', message($hook->url('/retry-after/7')));
	is($row->{retry_after}, 7_000_000, 'Retry-After in seconds');
	($row) = exchange('', message($hook->url('/retry-date/7')));
	ok($row->{retry_after} > 4_000_000 && $row->{retry_after} <= 7_000_000, 'Retry-After as a date') or diag($row->{retry_after});
	($row) = exchange('', message($hook->url('/echo'), '"auth": "BASIC", "username": "user", "password": "s3cret-word", "secret_headers": {"X-Secret": "open sesame"}'));
	like($row->{response}, qr/Authorization: Basic \*{8}.*X-Secret: \*{8}/, 'echoed secrets are masked');
	return;
}

# Each misbehaviour fails with a text for people, in time, and one attempt is one request.
sub misbehaviours
{
	foreach my $case (
		[ 'reset',   qr/reset/i,                         500 ],
		[ 'close',   qr/empty reply|closed/i,            500 ],
		[ 'garbage', qr/HTTP\/0\.9|unsupported|invalid/i, 500 ],
		[ 'hang',    qr/timed out/i,                     1800 ])
	{
		my ($path, $error, $limit) = @$case;
		my $before = $hook->entries;
		my ($row) = exchange('', message($hook->url("/$path")));
		is("$row->{kind} $row->{status}", 'FAILED 0', "/$path fails") or diag($row->{error});
		like($row->{error}, $error, "/$path is told");
		cmp_ok($row->{milliseconds}, '<', $limit, "/$path in time");
		is(scalar($hook->entries), $before + 1, "/$path got one request");
	}
	my ($row) = exchange('', message($hook->url('/endless')));
	is("$row->{kind} $row->{status}", 'DELIVERED 200', 'an endless answer is cut, its status stands');
	is(length $row->{response}, 4096, 'and 4 KB of it are kept');
	return;
}

# A kept connection that the server closes while a request is under way: the request is not repeated.
sub kept_connections
{
	my $before = $hook->entries;
	my $rows = $node->query("\\o /dev/null\n$settings
		SELECT * FROM appt_test.exchange(ARRAY['@{[ message($hook->url('/ok')) ]}'::jsonb]);
		\\o\nSELECT kind, error FROM appt_test.exchange(ARRAY['@{[ message($hook->url('/close')) ]}'::jsonb])");
	like($rows, qr/^FAILED\|the connection closed before an answer came$/, 'a dead kept connection is a failure');
	my @new = ($hook->entries)[ $before .. $before + 1 ];
	is(scalar($hook->entries), $before + 2, 'the request was not repeated');
	is($new[0]{connection}, $new[1]{connection}, 'both went over one connection');

	$rows = $node->query("\\o /dev/null\n$settings
		SELECT * FROM appt_test.exchange(ARRAY['@{[ message($hook->url('/ok')) ]}'::jsonb]);
		SELECT appt_test.set('appt.allowed_addresses', '10.0.0.0/8');
		\\o\nSELECT kind, error FROM appt_test.exchange(ARRAY['@{[ message($hook->url('/ok')) ]}'::jsonb])");
	like($rows, qr/^REJECTED\|.*may not be contacted/, 'a kept connection does not outlive the list of allowed addresses');
	return;
}

sub refused_addresses
{
	my $port = $hook->port;
	my $before = $hook->entries;
	foreach my $host ('127.0.0.1', 'localhost', '[::1]', '[::ffff:127.0.0.1]', '0x7f.1', '2130706433', '0')
	{
		my ($row) = exchange("SELECT appt_test.set('appt.allowed_addresses', '');", message("http://$host:$port/ok"));
		is($row->{kind}, 'REJECTED', "$host is refused") or diag($row->{error});
	}
	my ($row) = exchange("SELECT appt_test.set('appt.allowed_addresses', '127.0.0.1/32:1');", message($hook->url('/ok')));
	is($row->{kind}, 'REJECTED', 'another port is refused');
	($row) = exchange("SELECT appt_test.set('appt.allowed_addresses', '127.0.0.1/32:$port');", message($hook->url('/ok')));
	is($row->{kind}, 'DELIVERED', 'the port in the list is not');
	is(scalar($hook->entries), $before + 1, 'nothing else arrived');
	return;
}

sub no_connection
{
	my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) or die $!;
	my $port = $listener->sockport;
	close $listener;
	my ($row) = exchange('', message("http://127.0.0.1:$port/"));
	is($row->{kind}, 'FAILED', 'connection refused');
	like($row->{error}, qr/connect/i, 'and told');
	($row) = exchange('', message('http://no-such-host.invalid/'));
	is($row->{kind}, 'FAILED', 'unknown host');
	like($row->{error}, qr/looked up|resolve/i, 'and told');

	# A full backlog: connecting gets no answer.
	my $full = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) or die $!;
	my @crowd = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $full->sockport, Blocking => 0) } 1 .. 8;
	($row) = exchange('', message('http://127.0.0.1:' . $full->sockport . '/'));
	is($row->{kind}, 'FAILED', 'black-holed connect');
	cmp_ok($row->{milliseconds}, '<', 1200, 'after connect_timeout') or diag($row->{error});
	return;
}

# A hanging endpoint takes nothing from the others.
sub isolation
{
	my @rows = exchange('', (map { message($hook->url('/hang')) } 1 .. 10), map { message($hook->url('/ok')) } 1 .. 40);
	is(scalar(grep { $_->{kind} eq 'DELIVERED' && $_->{milliseconds} < 1000 } @rows), 40, 'those that answer are not delayed');
	is(scalar(grep { $_->{kind} eq 'FAILED' } @rows), 10, 'those that hang fail');
	my $took = $node->query("\\o /dev/null\n$settings \\o\nSELECT appt_test.abandon('@{[ message($hook->url('/hang')) ]}', 20)");
	cmp_ok($took, '<', 100, 'transfers are abandoned without waiting');
	is($node->query("\\o /dev/null\n$settings SELECT appt_test.set('appt.max_per_host', '7');\n\\o\nSELECT appt_test.host_room('http://a.example:80/x')"),
		7, 'room at an idle host');
	return;
}

sub tls
{
	my $certificate = Appt::Peers->certificate;
	my $secure = Appt::Peers->webhook('--certificate', $certificate->{certificate}, '--key', $certificate->{key});
	my ($row) = exchange('', message($secure->url('/ok')));
	is($row->{kind}, 'FAILED', 'an unknown authority is refused');
	like($row->{error}, qr/certificate/i, 'and told');
	is(scalar($secure->entries), 0, 'nothing was sent');
	($row) = exchange("SELECT appt_test.set('appt.ca_file', '$certificate->{ca}');", message($secure->url('/ok')));
	is("$row->{kind} $row->{error}", 'DELIVERED ', 'appt.ca_file makes it known');
	my $wrong = $secure->url('/ok');
	$wrong =~ s/127\.0\.0\.1|localhost/127.0.0.2/;
	($row) = exchange("SELECT appt_test.set('appt.ca_file', '$certificate->{ca}');", message($wrong));
	is($row->{kind}, 'FAILED', 'a certificate for another host is refused');
	return;
}

answers();
misbehaviours();
kept_connections();
refused_addresses();
no_connection();
isolation();
tls();
$node->stop;
done_testing();
