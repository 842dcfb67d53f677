# The transfer engine against real webhook receivers, good and bad, driven from a backend.

use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Rounds;
use MIME::Base64 qw(encode_base64url);
use Test::More;

# A proxy in the server's environment must have no effect: all requests below bypass it.
$ENV{http_proxy} = $ENV{https_proxy} = $ENV{ALL_PROXY} = 'http://127.0.0.1:1';

my $node = Appt::Cluster->create('main', preload => 0);
$node->query('CREATE EXTENSION appt_test');

my $settings = "SELECT appt_test.set('appt.allowed_addresses', '127.0.0.0/8, ::1/128'),
	appt_test.set('appt.request_timeout', '60000'), appt_test.set('appt.connect_timeout', '60000');";

# One backend's exchanges; rows as hashes, ordered by number.
sub exchange
{
	my ($before, @messages) = @_;
	my $array = join ', ', map { "'$_'::jsonb" } @messages;
	my @rows = split /\n/, $node->query(
		"\\o /dev/null\n$settings $before\n\\o\nSELECT number, kind, status_code, error, replace(response, E'\\n', ' '),
			retry_after_us, milliseconds
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

	my %final = map { $_ => 1 } 400, 401, 403, 404;
	my @statuses = (200 .. 208, 226, 299, 300 .. 308, 400 .. 418, 421 .. 429, 431, 451, 499 .. 511, 520, 599, 600, 999);
	my @rows = exchange('', map { message($hook->url("/status/$_")) } @statuses);
	is( join(' ', map { "$_->{kind} $_->{status}" } @rows),
		join(' ', map { ($_ < 300 ? 'DELIVERED' : $final{$_} ? 'REJECTED' : 'FAILED') . " $_" } @statuses),
		'every status');

	# A redirect is a failure and is never followed.
	my $other = Appt::Peers->webhook;
	my $before = $hook->entries;
	@rows = exchange('', map { message($hook->url("/redirect/ok/$_")) } 300 .. 308);
	is(join(' ', map { "$_->{kind} $_->{status}" } @rows), join(' ', map { "FAILED $_" } 300 .. 308), 'redirects are failures');
	is(scalar($hook->entries), $before + 9, 'and not followed');
	my $elsewhere = $other->url('/ok');
	@rows = exchange(
		'',
		map { message(raw("HTTP/1.1 $_\r\nLocation: $elsewhere\r\nRefresh: 0; url=$elsewhere\r\nContent-Length: 0\r\n\r\n")) } '200 OK',
		'302 Found', '305 Use Proxy',
		'307 Again');
	is(join(' ', map { "$_->{kind} $_->{status}" } @rows), 'DELIVERED 200 FAILED 302 FAILED 305 FAILED 307', 'to another host neither');
	is(scalar($other->entries), 0, 'who hears nothing of it');

	# Headers arrive unchanged, and no others.
	exchange('', message($hook->url('/ok'), '"message_headers": {"X-Odd": "\u00fc \u2028X-Evil: 1 \u0085X-Evil: 2 \u00ff"}'));
	my $headers = ($hook->entries)[-1]{headers};
	is($headers->{'x-odd'}, "\xc3\xbc \xe2\x80\xa8X-Evil: 1 \xc2\x85X-Evil: 2 \xc3\xbf", 'a header arrives byte by byte');
	ok(!exists $headers->{'x-evil'}, 'and stays one');

	# Retry-After in all its forms.
	foreach my $case (
		[ '7', 7_000_000 ],
		[ '0', 0 ],
		[ '-5', -1 ],
		[ '1.5', -1 ],
		[ 'soon', -1 ],
		[ '', -1 ],
		[ '9' x 40, 100_000_000_000_000 ],
		[ 'x' x 1000, -1 ],
		[ 'Wed, 01 Jan 2020 00:00:00 GMT', 0 ],
		[ 'Wed, 99 Jan 2020 00:00:00 GMT', -1 ])
	{
		($row) = exchange('', message($hook->url('/retry-value/' . $case->[0] =~ s/([ ,])/sprintf '%%%02x', ord $1/egr)));
		is("$row->{status} $row->{retry_after}", "503 $case->[1]", 'Retry-After: ' . substr $case->[0], 0, 40);
	}
	($row) = exchange('', message($hook->url('/retry-date/700')));
	ok($row->{retry_after} > 600_000_000 && $row->{retry_after} <= 700_000_000, 'Retry-After as a date') or diag($row->{retry_after});
	($row) = exchange('', message(raw("HTTP/1.1 103 Early\r\nRetry-After: 7\r\n\r\nHTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")));
	is("$row->{status} $row->{retry_after}", '503 -1', 'none out of a 1xx');

	# State that an answer asks to keep (cookies and the like) is not kept.
	my $memory =
		"Set-Cookie: a=b; Path=/\r\nAlt-Svc: h2=\"127.0.0.1:1\"\r\nStrict-Transport-Security: max-age=9\r\nWWW-Authenticate: Basic realm=x";
	exchange('', message(raw("HTTP/1.1 200 OK\r\n$memory\r\nContent-Length: 0\r\n\r\n")));
	$before = $hook->entries;
	@rows = exchange('', (message($hook->url('/ok'))) x 2);
	is(scalar(grep { exists $_->{headers}{cookie} || exists $_->{headers}{authorization} } ($hook->entries)[ $before .. $before + 1 ]),
		0, 'no cookies');
	($row) = exchange(
		'',
		message(
			$hook->url('/echo'),
			'"auth": "BASIC", "username": "user", "password": "s3cret-word", "secret_headers": {"X-Secret": "open sesame"}'));
	like($row->{response}, qr/Authorization: Basic \*{8}.*X-Secret: \*{8}/, 'echoed secrets are masked');
	return;
}

# The path that is answered with exactly these bytes; then the connection is closed, reset or stays open.
sub raw
{
	my ($bytes, $then) = @_;
	return $hook->url('/raw/' . encode_base64url($bytes) . ($then ? "/$then" : ''));
}

# Each misbehaviour fails with a readable error, in time, and one attempt is one request.
sub misbehaviours
{
	my @at_once = (
		[ 'reset', 'FAILED 0', qr/reset/i ],
		[ 'unread', 'FAILED 0', qr/reset/i ],
		[ 'close', 'FAILED 0', qr/empty reply|closed/i ],
		[ 'garbage', 'FAILED 0', qr/HTTP\/0\.9|unsupported|invalid/i ],
		[ 'flood-headers', 'FAILED 200', qr/header does not end/ ],
		[ 'flood-continue', 'FAILED 100', qr/header does not end/ ]);
	my @late = (
		[ 'hang', 'FAILED 0', qr/timed out/i ],
		[ 'slow-headers', 'FAILED 200', qr/timed out/i ],
		[ 'slow-body', 'FAILED 200', qr/timed out/i ]);
	my $before = $hook->entries;
	my @rows = exchange('', map { message($hook->url("/$_->[0]")) } @at_once);
	is(scalar($hook->entries), $before + @at_once, 'one request each');
	# A busy receiver may need more time to begin with its answer.
	push @rows, in_rounds(
		sub {
			my ($round, $seconds) = @_;
			$before = $hook->entries;
			return exchange("SELECT appt_test.set('appt.request_timeout', '@{[ $seconds * 1000 ]}');",
				map { message($hook->url("/$_->[0]")) } @late);
		},
		sub {
			return join('', map { $_->{status} } @_) eq '0200200';
		},
		1.5,
		10,
		30);
	is(scalar($hook->wait_for($before + @late)), $before + @late, 'one request each');
	my @cases = (@at_once, @late);
	foreach my $i (0 .. $#cases)
	{
		my ($path, $expected, $error) = @{ $cases[$i] };
		is("$rows[$i]{kind} $rows[$i]{status}", $expected, "/$path fails") or diag($rows[$i]{error});
		like($rows[$i]{error}, $error, "/$path is told");
		cmp_ok($rows[$i]{milliseconds}, '<', 50_000, "/$path in time");
	}

	# Reset with a request under way that fits into no buffer.
	my ($row) = exchange('', message($hook->url('/unread'), '"keys": ["k"], "payload": "' . 'x' x 3_000_000 . '"'));
	is("$row->{kind} $row->{status}", 'FAILED 0', 'reset in the middle of a request') or diag($row->{error});

	# An endless answer is cut, and its status counts. So is one that is small until it is unpacked.
	@rows = exchange('', map { message($hook->url($_)) } '/endless', '/flood-extension', '/bomb', '/bomb/transfer', '/bomb/nested');
	is(join(' ', map { "$_->{kind} $_->{status}" } @rows), join(' ', ('DELIVERED 200') x 5),
		'an endless answer is cut, its status stands');
	is(length $rows[0]{response}, 4096, 'and 4 KB of it are kept');
	my $memory =
		$node->query("\\o /dev/null\n$settings\n\\o\nSELECT delivered, max_rss_kb < 300000 FROM appt_test.exchange_many('"
			. message($hook->url('/bomb/transfer'))
			. "', 20, 10)");
	is($memory, '20|t', 'a bomb does not fill the memory');
	return;
}

# Malformed answers, byte by byte.
sub odd_answers
{
	my $ok = "Content-Length: 2\r\n\r\nok";
	my @cases = (
		[ "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n$ok", 'DELIVERED 200' ],
		[ "HTTP/1.1 102 Wait\r\n\r\nHTTP/1.1 103 Early\r\n\r\nHTTP/1.1 404 No\r\n$ok", 'REJECTED 404' ],
		[ "HTTP/1.1 199 What\r\n\r\nHTTP/1.1 204 OK\r\n\r\n", 'DELIVERED 204' ],
		[ "HTTP/1.1 101 Switch\r\nUpgrade: websocket\r\n\r\n\x81\x01x", 'FAILED 101' ],
		[ "HTTP/1.1 100 Continue\r\n\r\n", 'FAILED 100' ],
		[ "HTTP/1.1 000 X\r\n$ok", 'FAILED 0' ],
		[ "HTTP/1.1 99 X\r\n$ok", 'FAILED 0' ],
		# libcurl 7.88 sees no status in it, 8.14 its first three digits.
		[ "HTTP/1.1 1000 X\r\n$ok", 'FAILED (?:0|100)' ],
		[ "HTTP/1.1 -200 X\r\n$ok", 'FAILED 0' ],
		[ "HTTP/1.1 2e2 X\r\n$ok", 'FAILED 0' ],
		[ "HTTP/1.1 200\r\n$ok", 'DELIVERED 200' ],
		[ "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", 'DELIVERED 200' ],
		[ "HTTP/1.0 200 OK\r\n\r\nuntil the end", 'DELIVERED 200' ],
		[ "HTTP/3 200 OK\r\n$ok", 'FAILED 0' ],
		[ "ICY 200 OK\r\n$ok", 'FAILED 0' ],
		[ '<html>200 OK</html>', 'FAILED 0' ],
		[ '', 'FAILED 0' ],
		[ 'HTTP/1.1', 'FAILED 0' ],
		[ "HTTP/1.1 200 OK\r\nX: y", 'FAILED 200' ],
		[ "HTTP/1.1 200 OK\r\nX: y\r\n", 'FAILED 200' ],
		[ "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", 'FAILED 200' ],
		[ "HTTP/1.1 200 OK\r\nX: a\0b\r\n$ok", 'FAILED 200' ],
		[ "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok", 'FAILED 200' ],
		[ "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nok", 'FAILED 200' ],
		[ "HTTP/1.1 400 No\r\nContent-Length: 100\r\n\r\nno", 'FAILED 400' ],
		[ "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nok", 'FAILED 200', 'reset' ],
		[ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 'FAILED 200' ],
		[ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffffff\r\nok", 'FAILED 200' ],
		[ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", 'FAILED 200' ],
		[ "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nnone", 'DELIVERED 200' ],
		[ "HTTP/1.1 200 OK\r\ntransfer-encoding:\tCHUNKED \r\n\r\n2\r\nok\r\n0\r\n\r\n", 'DELIVERED 200' ],
		[ "HTTP/1.1 503 No\r\nTransfer-Encoding: x\r\n\r\nnone", 'FAILED 503' ],
		[ "HTTP/1.1 100 Continue\r\nTransfer-Encoding: gzip\r\n\r\nHTTP/1.1 200 OK\r\n$ok", 'FAILED 100' ],
		[ "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n$ok", 'DELIVERED 200' ],
		[ "HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n", 'REJECTED 401' ],
		[ "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n", 'FAILED 407' ]);
	my @rows = exchange('', map { message(raw($_->[0], $_->[2])) } @cases);
	foreach my $i (0 .. $#cases)
	{
		my $name = $cases[$i][0] =~ s/([^ -~])/sprintf '\\x%02x', ord $1/egr;
		like("$rows[$i]{kind} $rows[$i]{status}", qr/^$cases[$i][1]$/, "answered: $name") or diag($rows[$i]{error});
		ok($rows[$i]{kind} eq 'DELIVERED' || length $rows[$i]{error}, 'and told');
	}
	my ($row) = exchange('', message(raw("HTTP/1.1 500 No\r\nContent-Length: 3\r\n\r\na\0b")));
	is($row->{response}, 'a?b', 'nothing is lost behind a NUL');
	return;
}

# A kept connection that the server closes while a request is under way: the request is not repeated.
sub kept_connections
{
	my $before = $hook->entries;
	my $rows = $node->query(
		"\\o /dev/null\n$settings
		SELECT * FROM appt_test.exchange(ARRAY['@{[ message($hook->url('/ok')) ]}'::jsonb]);
		\\o\nSELECT kind, error FROM appt_test.exchange(ARRAY['@{[ message($hook->url('/close')) ]}'::jsonb])");
	like($rows, qr/^FAILED\|the connection closed before an answer came$/, 'a dead kept connection is a failure');
	my @new = ($hook->entries)[ $before .. $before + 1 ];
	is(scalar($hook->entries), $before + 2, 'the request was not repeated');
	is($new[0]{connection}, $new[1]{connection}, 'both went over one connection');

	# Data on an idle connection is no answer.
	foreach my $idle (qw(close reset timeout answer))
	{
		my $peer = Appt::Peers->webhook;
		my $one =
			"SELECT kind, status_code, response FROM appt_test.exchange(ARRAY['@{[ message($peer->url(\"/idle/$idle\")) ]}'::jsonb]);";
		# Under another host name, so that it gets its own connection.
		my $later =
			"SELECT count(*) FROM appt_test.exchange(ARRAY['@{[ message($peer->url('/after/1') =~ s/127\.0\.0\.1/localhost/r) ]}'::jsonb]);";
		is( $node->query("\\o /dev/null\n$settings\n\\o\n$one $later $one"),
			"DELIVERED|200|ok\n1\nDELIVERED|200|ok",
			"/idle/$idle: the next request has a new connection");
	}
	return;
}

sub no_connection
{
	my ($port, $bound) = Appt::Peers->nobody;
	my ($row) = exchange('', message("http://127.0.0.1:$port/"));
	is($row->{kind}, 'FAILED', 'connection refused');
	like($row->{error}, qr/connect/i, 'and told');
	($row) = exchange('', message('http://no-such-host.invalid/'));
	is($row->{kind}, 'FAILED', 'unknown host');
	like($row->{error}, qr/looked up|resolve/i, 'and told');

	# A full backlog: connecting gets no answer.
	my ($hole, @sockets) = Appt::Peers->black_hole;
	($row) = exchange("SELECT appt_test.set('appt.connect_timeout', '700');", message("http://127.0.0.1:$hole/"));
	is($row->{kind}, 'FAILED', 'black-holed connect');
	cmp_ok($row->{milliseconds}, '<', 50_000, 'after connect_timeout') or diag($row->{error});
	return;
}

# A hanging endpoint does not delay the others.
sub isolation
{
	my $peer = Appt::Peers->webhook;
	# They hang until all others have got their answers.
	my @rows = exchange('', (map { message($peer->url('/after/40')) } 1 .. 10), map { message($peer->url('/ok')) } 1 .. 40);
	is(scalar(grep { $_->{kind} eq 'DELIVERED' } @rows[ 10 .. 49 ]), 40, 'those that answer wait for nobody');
	is(scalar(grep { $_->{kind} eq 'DELIVERED' } @rows[ 0 .. 9 ]), 10, 'and those that hang are awaited');
	my $took = $node->query("\\o /dev/null\n$settings \\o\nSELECT appt_test.abandon('@{[ message($hook->url('/hang')) ]}', 20)");
	cmp_ok($took, '<', 20_000, 'transfers are abandoned without waiting');
	return;
}

answers();
misbehaviours();
odd_answers();
kept_connections();
no_connection();
isolation();
$node->stop;
done_testing();
