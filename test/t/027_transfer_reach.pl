# What may be reached: no way of spelling an address, no proxy, no redirect and no kept connection leads around
# appt.allowed_addresses, neither for webhooks and mail nor for tokens.

use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Tenant;
use MIME::Base64 qw(encode_base64url);
use PostgreSQL::Test::Utils;
use Test::More;

# Proxies in the server's environment, which libcurl would use by itself.
my $proxy = Appt::Peers->webhook;
my $socks = Appt::Peers->silent;
foreach my $scheme (qw(http https smtp smtps))
{
	$ENV{"${scheme}_proxy"} = $ENV{ uc "${scheme}_proxy" } = $proxy->url;
}
$ENV{all_proxy} = $ENV{ALL_PROXY} = 'socks5h://127.0.0.1:' . $socks->port;
$ENV{no_proxy} = $ENV{NO_PROXY} = 'unrelated.example';

my $node = Appt::Cluster->create('main');
$node->query('CREATE EXTENSION appt_test');
my $hook = Appt::Peers->webhook;
my $mail = Appt::Peers->smtp;

# Calls in one backend, each with the list that holds for it; rows as strings "kind error".
sub exchange
{
	my (@calls) = @_;
	my $sql = "\\o /dev/null\nSELECT appt_test.set('appt.request_timeout', '60000'), appt_test.set('appt.connect_timeout', '60000');\n";

	while (my ($allowed, $messages) = splice @calls, 0, 2)
	{
		$sql .= "\\o /dev/null\nSELECT appt_test.set('appt.allowed_addresses', '$allowed');\n\\o\nSELECT kind, error
				FROM appt_test.exchange(ARRAY["
			. join(', ', map { "'$_'::jsonb" } @$messages) . "]) ORDER BY number;\n";
	}
	return split /\n/, $node->query($sql);
}

sub webhook { my ($url) = @_; return qq({"url": "$url", "payload": "{}"}); }

sub mail
{
	my ($url) = @_;
	return qq({"channel": "EMAIL", "url": "$url", "sender": "a\@b.example", "recipient": "c\@d.example", "subject": "s", "text": "t"});
}

sub with_token
{
	my ($url, $token_url, $client) = @_;
	return sprintf '{"url": "%s", "payload": "{}", "auth": "OAUTH2", "username": "%s", "password": "s3cret", "token_url": "%s"}', $url,
		$client // 'c', $token_url;
}

# Every spelling that leads to the peers, and addresses of every kind that is not public.
sub spellings
{
	my @hosts = (
		'127.0.0.1', 'localhost', 'LocalHost', 'localhost.',
		'any.localhost', '127.1', '127.0.1', '0',
		'0.0.0.0', '0x7f.1', '0x7f000001', '0X7F.0X0.0X0.0X1',
		'2130706433', '017700000001', '0177.0.0.1', '0177.0.0x0.01',
		'%31%32%37.0.0.1', '127.0.0.1%2e', '127.255.255.254', '[::1]',
		'[0:0:0:0:0:0:0:1]', '[::]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]',
		'[::127.0.0.1]', '[64:ff9b::127.0.0.1]', '[2002:7f00:1::]', '[2001:0:7f00:1::]',
		'10.0.0.1', '167772161', '100.64.0.1', '169.254.169.254',
		'0xa9fea9fe', '172.16.0.1', '192.168.0.1', '224.0.0.1',
		'255.255.255.255', '[fe80::1]', '[fe80::1%25lo]', '[fd00:ec2::254]',
		'[ff02::1]', '[::ffff:169.254.169.254]');
	my ($web, $smtp) = ($hook->port, $mail->port);
	my @rows = exchange(
		'',
		[   (map { webhook("http://$_:$web/ok") } @hosts),
			(map { mail("smtp://$_:$smtp") } @hosts),
			map { with_token('http://192.0.2.1/', "http://$_:$web/token", $_) } @hosts ]);
	foreach my $way ('webhook', 'mail', 'token')
	{
		my $prefix = $way eq 'token' ? 'no token could be fetched: ' : '';
		foreach my $host (@hosts)
		{
			my $name = quotemeta "FAILED|${prefix}the host name could not be looked up or may not be contacted";
			my $address = quotemeta "REJECTED|${prefix}the host's address may not be contacted (appt.allowed_addresses)";
			# An address with a dot behind is one for libcurl 8.23.
			like(shift @rows, $host =~ /localhost/i ? qr/^$name$/ : $host =~ /%2e$/ ? qr/^(?:$name|$address)$/ : qr/^$address$/,
				"$way to $host");
		}
	}
	is(scalar(map { $_->entries } $hook, $mail), 0, 'nothing arrived');

	# Exactly the addresses in the list can be reached.
	my @cases = (
		[ '127.0.0.1', 'DELIVERED' ],
		[ '127.0.0.0/8', 'DELIVERED' ],
		[ "127.0.0.1:$web", 'DELIVERED' ],
		[ "10.0.0.0/8, 127.0.0.1/32:$web", 'DELIVERED' ],
		[ '127.0.0.1:1', 'REJECTED' ],
		[ '127.0.0.2', 'REJECTED' ],
		[ '::/0', 'REJECTED' ],
		[ '::ffff:127.0.0.1', 'REJECTED' ],
		[ '10.0.0.0/8', 'REJECTED' ],
		[ '::ffff:0:0/96', 'REJECTED' ]);
	@rows = exchange(map { $_->[0], [ webhook($hook->url('/ok')) ] } @cases);
	like(shift @rows, qr/^$_->[1]\|/, "$_->[1] with '$_->[0]'") foreach @cases;
	@rows = exchange('127.0.0.1', [ map { webhook("http://$_:$web/ok") } '0x7f.1', '2130706433', 'localhost', '[::ffff:127.0.0.1]' ]);
	is( join(' ', map { s/\|.*//r } @rows),
		'DELIVERED DELIVERED DELIVERED REJECTED',
		'an address is what it is, however it is spelt; a mapped one is none of these');
	return;
}

# A connection that was opened under another list.
sub kept_connections
{
	my $one = [ webhook($hook->url('/ok')) ];
	my $letter = [ mail($mail->url) ];
	my @rows = exchange('127.0.0.1', $one, '10.0.0.0/8', $one, '127.0.0.1:1', $one, '127.0.0.1', $one);
	is(join(' ', map { s/\|.*//r } @rows), 'DELIVERED REJECTED REJECTED DELIVERED', 'a kept connection does not outlive the list');
	$mail->forget;
	@rows = exchange('127.0.0.1', $letter, '10.0.0.0/8', $letter, '127.0.0.1:1', $letter, '127.0.0.1', $letter);
	is(join(' ', map { s/\|.*//r } @rows), 'DELIVERED REJECTED REJECTED DELIVERED', 'nor does a kept session');
	is(scalar($mail->wait_for(2)), 2, 'nothing else arrived');

	# The host has another address too, and that one is allowed now.
SKIP:
	{
		skip 'no IPv6', 2 if !-e '/proc/net/if_inet6' || slurp_file('/proc/net/if_inet6') !~ /^0{31}1 /m;
		my $other = Appt::Peers->webhook('--listen', '::1', '--port', $hook->port);
		my $both = [ (webhook("http://localhost:" . $hook->port . '/ok')) x 3 ];
		@rows = exchange('127.0.0.1', $both, '::1', $both);
		is(join(' ', map { s/\|.*//r } @rows), 'DELIVERED ' x 5 . 'DELIVERED', 'where the host is now is found');
		is(scalar($other->entries), 3, 'and reached');
	}
	return;
}

# No redirect leads elsewhere, not even one of a token endpoint.
sub redirects
{
	my $forbidden = Appt::Peers->webhook;
	my $allowed = '127.0.0.1:' . $hook->port;
	my @targets = ($forbidden->url('/token'), 'file:///etc/passwd', 'gopher://127.0.0.1/', 'http://169.254.169.254/latest');
	my @paths = map { '/raw/' . encode_base64url("HTTP/1.1 302 Found\r\nLocation: $_\r\nContent-Length: 0\r\n\r\n") } @targets;
	my @rows = exchange($allowed,
		[ (map { webhook($hook->url($_)) } @paths), map { with_token($hook->url('/ok'), $hook->url($_), substr $_, -20) } @paths ]);
	like($_, qr/^FAILED\|.*302/, 'a redirect is a failure') foreach @rows;
	is(scalar($forbidden->entries), 0, 'and not followed');
	@rows = exchange($allowed, [ with_token($hook->url('/ok'), $forbidden->url('/token')) ]);
	like($rows[0], qr/^REJECTED\|.*may not be contacted/, 'a token is not fetched from who may not be contacted');
	@rows = exchange('127.0.0.1:' . $forbidden->port, [ with_token($hook->url('/ok'), $forbidden->url('/token')) ]);
	like($rows[0], qr/^REJECTED\|.*may not be contacted/, 'nor brought there');
	return;
}

# The worker: the list changes with a reload, also for the connections that it keeps.
sub worker
{
	my $tenant = Appt::Tenant->create($node);
	$tenant->only('CREATE', 'WEBHOOK');
	my $subscription = $tenant->subscribe($hook->url('/ok/worker'));
	my $state =
		"SELECT concat_ws(' ', state, reason) FROM appt.notification WHERE subscription_id = '$subscription' ORDER BY id DESC LIMIT 1";
	foreach my $case ([ '127.0.0.1', 'SENT' ], [ '10.0.0.0/8', 'FAILED ADDRESS_NOT_ALLOWED' ], [ '127.0.0.1', 'SENT' ])
	{
		$node->append_conf('postgresql.conf', "appt.allowed_addresses = '$case->[0]'");
		$node->reload;
		# The worker may not have read the list yet: the first messages may still follow the old list.
		foreach my $try (1 .. 100)
		{
			$tenant->schedule;
			$tenant->settled or last;
			last if $node->query($state) eq $case->[1];
		}
		is($node->query($state), $case->[1], "$case->[1] with '$case->[0]'");
	}
	is( $node->query("SELECT DISTINCT error FROM appt.notification_log WHERE reason = 'ADDRESS_NOT_ALLOWED'"),
		"the host's address may not be contacted (appt.allowed_addresses)",
		'the log says why');
	return;
}

spellings();
kept_connections();
redirects();
worker();
is(scalar(map { $_->entries } $proxy, $socks), 0, 'no proxy was asked');
$node->stop;
done_testing();
