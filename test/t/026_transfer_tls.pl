# Invalid certificates: no byte of a message goes to a server that shows one, by HTTPS, SMTPS or STARTTLS.

use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Appt::Cluster->create('main', preload => 0);
$node->query('CREATE EXTENSION appt_test');
my $settings = "SELECT appt_test.set('appt.allowed_addresses', '127.0.0.0/8'), appt_test.set('appt.request_timeout', '60000'),
		appt_test.set('appt.connect_timeout', '60000');";
my $authority = Appt::Peers->authority;

# Calls in one backend, each with its appt.ca_file, after another setting perhaps; rows as strings "kind error".
sub exchange
{
	my (@calls) = @_;
	my $sql = "\\o /dev/null\n$settings\n";

	$sql .= shift(@calls) . "\n" if $calls[0] =~ /^SELECT/;
	while (my ($ca_file, $messages) = splice @calls, 0, 2)
	{
		$sql .=
			  "\\o /dev/null\nSELECT appt_test.set('appt.ca_file', '$ca_file');\n\\o\nSELECT kind, error FROM appt_test.exchange(ARRAY["
			. join(', ', map { "'$_'::jsonb" } @$messages)
			. "]) ORDER BY number;\n";
	}
	return split /\n/, $node->query($sql);
}

sub webhook { my ($url) = @_; return qq({"url": "$url", "payload": "{}"}); }

sub mail
{
	my ($url, $starttls) = @_;
	my $setting = $starttls ? qq(, "settings": {"starttls": "$starttls"}) : '';
	return qq({"channel": "EMAIL", "url": "$url", "sender": "a\@b.example", "recipient": "c\@d.example", "subject": "s",
			"text": "t"$setting});
}

# One peer of each kind that shows this certificate.
sub peers
{
	my ($certificate) = @_;
	my @options = ('--certificate', $certificate->{certificate}, '--key', $certificate->{key});
	return (Appt::Peers->webhook(@options), Appt::Peers->smtp(@options, '--implicit-tls'), Appt::Peers->smtp(@options));
}

# All four ways to them, each as the host of that name.
sub messages
{
	my ($host, $web, $implicit, $starttls) = @_;
	my @urls = map { $_->url =~ s/127\.0\.0\.1/$host/r } $web, $implicit, $starttls;
	return [ webhook("$urls[0]/ok"), mail($urls[1]), mail($urls[2]), mail($urls[2], 'required') ];
}

sub good
{
	my @peers = peers(Appt::Peers->issue($authority));
	is($_, 'DELIVERED|', 'a certificate that is good')
		foreach exchange($authority->{ca}, messages('127.0.0.1', @peers), $authority->{ca}, messages('localhost', @peers));
	ok($_->{tls}, 'the mail was encrypted') foreach map { $_->entries } @peers[ 1, 2 ];
	return;
}

sub bad
{
	my $other = Appt::Peers->authority;
	my $leaf = Appt::Peers->issue($authority);
	my %bad = (
		'expired' => [ Appt::Peers->issue($authority, until => '20200102000000Z'), $authority ],
		'not valid yet' => [ Appt::Peers->issue($authority, from => '20980101000000Z'), $authority ],
		'self-signed' => [ Appt::Peers->self_signed, $authority ],
		'for another name' =>
			[ Appt::Peers->issue($authority, names => 'DNS:other.example,DNS:localhost.other.example,IP:127.0.0.2'), $authority ],
		'for a wildcard of no domain' => [ Appt::Peers->issue($authority, names => 'DNS:*'), $authority ],
		'by an unknown authority' => [ Appt::Peers->issue($other), $authority ],
		'by who is no authority' => [ Appt::Peers->issue({ ca => $leaf->{certificate}, key => $leaf->{key} }), $authority ],
		'with only the system to trust' => [ Appt::Peers->issue($authority), { ca => '' } ],
		'with nobody to trust' => [ Appt::Peers->issue($authority), { ca => PostgreSQL::Test::Utils::tempdir() . '/missing.pem' } ],
		'with a list of trust that is none' => [ Appt::Peers->issue($authority), { ca => $authority->{key} } ]);
	foreach my $name (sort keys %bad)
	{
		my ($certificate, $trusted) = @{ $bad{$name} };
		my @peers = peers($certificate);
		my @ways = ('HTTPS', 'SMTPS', 'STARTTLS', 'STARTTLS required');
		like($_, qr/^FAILED\|.*(certificate|SSL|subject name|trust anchors)/i, "$name, by " . shift @ways)
			foreach exchange($trusted->{ca}, messages('localhost', @peers));
		is(scalar(map { $_->entries } @peers), 0, "$name: nothing was sent");
		$_->stop foreach @peers;
	}
	return;
}

# A change of trusted authorities invalidates earlier verification: neither kept connections nor TLS sessions survive it.
sub changed_trust
{
	my @peers = peers(Appt::Peers->issue($authority));
	my $messages = messages('127.0.0.1', @peers);
	my @rows = exchange($authority->{ca}, $messages, '', $messages, $authority->{ca}, $messages);
	is(scalar(grep { /^DELIVERED/ } @rows[ 0 .. 3, 8 .. 11 ]), 8, 'while the authority is trusted');
	is(scalar(grep { /^FAILED\|.*(certificate|SSL)/i } @rows[ 4 .. 7 ]), 4, 'not when it no longer is');
	return;
}

# Servers that fail before they show a certificate.
sub no_handshake
{
	my $silent = Appt::Peers->silent;
	my $dribble = Appt::Peers->silent('--dribble');
	my $web = Appt::Peers->webhook;
	my $mail = Appt::Peers->smtp;
	my @urls = map { '127.0.0.1:' . $_->port } $silent, $dribble, $web, $mail;
	my $started = time;
	like($_, qr/^FAILED\|\w/, 'no TLS')
		foreach exchange("SELECT appt_test.set('appt.request_timeout', '2000');",
		'', [ (map { webhook("https://$_/ok") } @urls), map { mail("smtps://$_") } @urls ]);
	cmp_ok(time - $started, '<', 50, 'in time');
	is(scalar($web->entries) + $mail->entries, 0, 'nothing was sent');
	return;
}

# The answer of an OpenSSL server that offers only this, to a GET: the cipher.
sub answer_of
{
	my ($certificate, @options) = @_;
	my $server = IPC::Run::start(
		[   'openssl', 's_server', '-accept', '127.0.0.1:0',
			'-www', '-cert', $certificate->{certificate}, '-key',
			$certificate->{key}, @options ],
		'<',
		\my $in,
		'>',
		\my $out,
		'2>',
		\my $errors,
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	$server->pump until $out =~ /^ACCEPT 127\.0\.0\.1:(\d+)$/m;
	my $answer = $node->query(
		"\\o /dev/null\n$settings\nSELECT appt_test.set('appt.ca_file', '$certificate->{ca}');\n\\o\nSELECT kind, error, response
			FROM appt_test.exchange(ARRAY['"
			. qq({"channel": "SMS", "kind": "HTTP", "url": "https://127.0.0.1:$1/", "sender": "a", "recipient": "+306900000001",
				"text": "t", "settings": {"method": "GET"}})
			. "'::jsonb])");
	$server->kill_kill;
	return $answer;
}

# A server may choose how much work a key exchange in a finite field is: none is offered.
sub key_exchange
{
	my $certificate = Appt::Peers->self_signed(rsa => 1);
	my ($finite, $curve) = ('DHE-RSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES128-GCM-SHA256');
	like(
		answer_of($certificate, '-tls1_2', '-cipher', $finite),
		qr/^FAILED\|.*handshake failure/,
		'TLS 1.2: Diffie-Hellman in a finite field alone');
	like(
		answer_of($certificate, '-tls1_2', '-serverpref', '-cipher', "$finite:$curve"),
		qr/^DELIVERED\|.*Cipher is $curve/s,
		'TLS 1.2: rather than on a curve');
	like(answer_of($certificate, '-tls1_3', '-groups', 'ffdhe8192'), qr/^FAILED\|.*handshake failure/, 'TLS 1.3: in a finite field alone');
	like(
		answer_of($certificate, '-tls1_3', '-serverpref', '-groups', 'ffdhe2048:P-256'),
		qr/^DELIVERED\|.*s_server/s,
		'TLS 1.3: rather than on a curve');
	return;
}

good();
bad();
changed_trust();
no_handshake();
key_exchange();
$node->stop;
done_testing();
