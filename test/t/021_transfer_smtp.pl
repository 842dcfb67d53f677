# The transfer engine against real mail servers, good and bad, driven from a backend.

use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use IO::Socket::INET;
use POSIX ();
use Test::More;

my $node = Appt::Cluster->create('main', preload => 0);
$node->query('CREATE EXTENSION appt_test');

my $settings = "SELECT appt_test.set('appt.allowed_addresses', '127.0.0.0/8'),
	appt_test.set('appt.request_timeout', '2000'), appt_test.set('appt.connect_timeout', '700');";

# One backend's exchanges; rows as hashes, ordered by number.
sub exchange
{
	my ($before, @messages) = @_;
	my $array = join ', ', map { "'$_'::jsonb" } @messages;
	my @rows = split /\n/, $node->query(
		"\\o /dev/null\n$settings $before\n\\o\nSELECT number, kind, status_code, error, response, milliseconds
		FROM appt_test.exchange(ARRAY[$array]) ORDER BY number");
	return map {
		my %row;
		@row{qw(number kind status error response milliseconds)} = split /\|/, $_, -1;
		\%row
	} @rows;
}

sub mail
{
	my ($peer, $more) = @_;
	my $url = ref $peer ? $peer->url : $peer;
	return sprintf '{"channel": "EMAIL", "url": "%s", "sender": "Clinic <clinic@example.com>", "recipient": "ann@example.org",
		"subject": "Hi", "text": "one\n.\n..two\n.three"%s}', $url, $more ? ", $more" : '';
}

sub delivery
{
	my $peer = Appt::Peers->smtp;
	my ($row) = exchange('', mail($peer));
	is("$row->{kind} $row->{status} $row->{response} $row->{error}", 'DELIVERED 250 250 2.0.0 accepted ', 'delivered');
	my ($entry) = $peer->wait_for(1);
	is("$entry->{mail_from} @{$entry->{rcpt_to}}", 'clinic@example.com ann@example.org', 'envelope');
	like($entry->{message}, qr/^From: Clinic <clinic\@example.com>\r\n/, 'headers');
	like($entry->{message}, qr/\r\n\r\none\r\n\.\r\n\.\.two\r\n\.three\r\n\z/, 'lines that start with a dot survive');

	my @rows = exchange('', (mail($peer)) x 25);
	is(scalar(grep { $_->{kind} eq 'DELIVERED' } @rows), 25, 'many mails at once');
	my $long = join '', map { sprintf '%05d .\\n.', $_ } 1 .. 20000;
	($row) = exchange('', mail($peer, qq("text": "$long")));
	is($row->{kind}, 'DELIVERED', 'a long mail');
	my ($body) = ($peer->wait_for(27))[-1]{message} =~ /\r\n\r\n(.*)\z/s;
	ok($body eq join('', map { sprintf "%05d .\r\n.", $_ } 1 .. 20000) . "\r\n", 'whole');
	return;
}

sub kept_sessions
{
	my $peer = Appt::Peers->smtp;
	my $one = "SELECT kind FROM appt_test.exchange(ARRAY['@{[ mail($peer) ]}'::jsonb]);";
	is($node->query("\\o /dev/null\n$settings \\o\n$one $one $one"), "DELIVERED\nDELIVERED\nDELIVERED", 'one after the other');
	my %sessions = map { $_->{session} => 1 } $peer->wait_for(3);
	is(scalar(keys %sessions), 1, 'over one connection');

	my $choosy = Appt::Peers->smtp('--reply', '550 5.1.1 unknown', '--at', 'RCPT', '--times', 1);
	$one =~ s/smtp:[^"]*/$choosy->url/e;
	is($node->query("\\o /dev/null\n$settings \\o\n$one $one"), "REJECTED\nDELIVERED", 'a refusal spares the connection');
	my @entries = $choosy->wait_for(2);
	is($entries[0]{session}, $entries[1]{session}, 'for the next mail');

	my $lost = Appt::Peers->smtp;
	$one =~ s/smtp:[^"]*/$lost->url/e;
	my $port = $lost->port;
	my $tired = $node->query("\\o /dev/null\n$settings
		SELECT * FROM appt_test.exchange(ARRAY['@{[ mail($lost) ]}'::jsonb]); SELECT appt_test.set('appt.allowed_addresses', '');
		\\o\n$one");
	is($tired, 'REJECTED', 'a kept session does not outlive the list of allowed addresses');
	return;
}

# A mail server that takes one mail a connection and at the next MAIL hangs up, with a word or without.
sub tired_server
{
	my ($farewell) = @_;
	my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5) or die $!;
	my $pid = fork // die $!;

	return ($pid, $listener->sockport) if $pid;
	while (my $client = $listener->accept)
	{
		my $mails = 0;
		print $client "220 hi\r\n";
		while (my $line = <$client>)
		{
			if ($line =~ /^MAIL/ && $mails++) { print $client $farewell; last; }
			if ($line =~ /^DATA/) { print $client "354 go\r\n"; 1 while ($line = <$client>) ne ".\r\n"; }
			print $client "250 ok\r\n";
		}
		close $client;
	}
	POSIX::_exit(0);
}

sub tired_sessions
{
	foreach my $farewell ('', "421 4.4.2 bye\r\n")
	{
		my ($pid, $port) = tired_server($farewell);
		my $mail = mail("smtp://127.0.0.1:$port");
		my $one = "SELECT kind FROM appt_test.exchange(ARRAY['$mail'::jsonb]);";
		is($node->query("\\o /dev/null\n$settings \\o\n$one $one $one"), "DELIVERED\nDELIVERED\nDELIVERED",
			$farewell ? 'a kept session that ends with 421 is replaced' : 'a kept session that just ends is replaced');
		kill 'KILL', $pid;
		waitpid $pid, 0;
	}
	return;
}

# SMTP 4xx is retried, 5xx is final, at every stage.
sub refusals
{
	foreach my $stage (qw(EHLO AUTH MAIL RCPT DATA MESSAGE))
	{
		foreach my $case ([ 451, 'FAILED' ], [ 550, 'REJECTED' ])
		{
			my ($code, $kind) = @$case;
			# libcurl says HELO when EHLO is refused, as it should; that succeeds.
			($code, $kind) = (250, 'DELIVERED') if $stage eq 'EHLO';
			my @login = $stage eq 'AUTH' ? ('--username', 'me', '--password', 'right-one') : ();
			my $peer = Appt::Peers->smtp('--reply', "$case->[0] 4.3.0 no", '--at', $stage, @login);
			my ($row) = exchange('', mail($peer, @login ? '"username": "me", "password": "right-one"' : undef));
			is("$row->{kind} $row->{status}", "$kind $code", "$case->[0] at $stage") or diag($row->{error});
			like($row->{error}, qr/refused|denied/i, "$case->[0] at $stage is told") if $kind ne 'DELIVERED';
			unlike($row->{error}, qr/right-one/, 'without the password');
			$peer->stop;
		}
	}
	return;
}

sub misbehaviours
{
	my $dropping = Appt::Peers->smtp('--drop-after-data');
	my ($row) = exchange('', mail($dropping));
	is("$row->{kind} $row->{status}", 'FAILED 0', 'dropped after DATA') or diag($row->{status});
	like($row->{error}, qr/broke before the mail server answered the message/, 'and told');
	is(scalar($dropping->wait_for(1)), 1, 'not sent twice');

	my $silent = Appt::Peers->silent;
	($row) = exchange('', mail('smtp://127.0.0.1:' . $silent->port));
	is("$row->{kind} $row->{status}", 'FAILED 0', 'a server without a greeting');
	cmp_ok($row->{milliseconds}, '<', 2500, 'costs request_timeout');

	my $hook = Appt::Peers->webhook;
	($row) = exchange('', mail('smtp://127.0.0.1:' . $hook->port));
	is($row->{kind}, 'FAILED', 'not a mail server');

	my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) or die $!;
	my $port = $listener->sockport;
	my @crowd = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Blocking => 0) } 1 .. 8;
	($row) = exchange('', mail("smtp://127.0.0.1:$port"));
	is($row->{kind}, 'FAILED', 'black-holed connect');
	cmp_ok($row->{milliseconds}, '<', 1300, 'after connect_timeout');
	close $listener;
	($row) = exchange('', mail("smtp://127.0.0.1:$port"));
	is($row->{kind}, 'FAILED', 'connection refused');
	return;
}

# Servers that are slow to answer a message, to say goodbye, or to say anything, take nothing from others.
sub isolation
{
	my $slow   = Appt::Peers->smtp('--delay', 1);
	my $quit   = Appt::Peers->smtp('--silent-on-quit', '--reply', '550 no', '--at', 'RCPT');
	my $silent = Appt::Peers->silent;
	my $hook   = Appt::Peers->webhook;
	my $fast   = Appt::Peers->smtp;
	my @rows   = exchange('',
		(map { mail($slow) } 1 .. 3), (map { mail($quit) } 1 .. 3), (map { mail('smtp://127.0.0.1:' . $silent->port) } 1 .. 3),
		(map { mail($fast) } 1 .. 5), map { sprintf '{"url": "%s", "payload": "{}"}', $hook->url('/ok') } 1 .. 20);
	is(scalar(grep { $_->{kind} eq 'DELIVERED' && $_->{milliseconds} >= 1000 } @rows[ 0 .. 2 ]), 3, 'a slow answer is awaited');
	is(scalar(grep { $_->{kind} eq 'REJECTED' && $_->{milliseconds} < 900 } @rows[ 3 .. 5 ]), 3, 'a silent QUIT is not');
	is(scalar(grep { $_->{kind} eq 'FAILED' } @rows[ 6 .. 8 ]), 3, 'silence fails');
	is(scalar(grep { $_->{kind} eq 'DELIVERED' && $_->{milliseconds} < 900 } @rows[ 9 .. 33 ]), 25, 'nobody else waits');
	return;
}

sub tls
{
	my $certificate = Appt::Peers->certificate;
	my @certificate = ('--certificate', $certificate->{certificate}, '--key', $certificate->{key});
	my $trust = "SELECT appt_test.set('appt.ca_file', '$certificate->{ca}');";

	my $starttls = Appt::Peers->smtp(@certificate, '--require-starttls', '--username', 'me', '--password', 'right-one');
	my $login = '"username": "me", "password": "right-one"';
	my ($row) = exchange($trust, mail($starttls, $login));
	is("$row->{kind} $row->{error}", 'DELIVERED ', 'STARTTLS if offered');
	my ($entry) = $starttls->wait_for(1);
	ok($entry->{tls}, 'over TLS');
	is($entry->{login}, 'me', 'logged in');
	($row) = exchange($trust, mail($starttls, '"username": "me", "password": "wrong-one"'));
	is("$row->{kind} $row->{status}", 'REJECTED 535', 'a wrong password is final');
	unlike("$row->{error} $row->{response}", qr/wrong-one/, 'and not told');
	($row) = exchange('', mail($starttls, $login));
	is($row->{kind}, 'FAILED', 'an unknown authority is refused, though TLS is optional');

	my $plain = Appt::Peers->smtp;
	($row) = exchange('', mail($plain, '"settings": {"starttls": "required"}'));
	is("$row->{kind} $row->{status}", 'FAILED 0', 'no STARTTLS where it is required') or diag($row->{error});
	is(scalar($plain->entries), 0, 'nothing was sent');
	($row) = exchange('', mail(Appt::Peers->smtp(@certificate), '"settings": {"starttls": "never"}'));
	is($row->{kind}, 'DELIVERED', 'STARTTLS never');

	my $implicit = Appt::Peers->smtp(@certificate, '--implicit-tls');
	($row) = exchange($trust, mail($implicit));
	is("$row->{kind} $row->{error}", 'DELIVERED ', 'implicit TLS');
	my $long = join '', map { sprintf '%05d .\\n.', $_ } 1 .. 20000;
	my @rows = exchange($trust, (mail($implicit, qq("text": "$long"))) x 3);
	is(scalar(grep { $_->{kind} eq 'DELIVERED' } @rows), 3, 'long mails over TLS');
	return;
}

delivery();
kept_sessions();
tired_sessions();
refusals();
misbehaviours();
isolation();
tls();
$node->stop;
done_testing();
