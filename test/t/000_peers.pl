# The tests' own peers behave as their heads promise.
use strict;
use warnings;

use Appt::Peers;
use HTTP::Tiny;
use IO::Socket::INET;
use Net::SMTP;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $tls = Appt::Peers->certificate;

sub webhooks
{
	my $hook = Appt::Peers->webhook;
	my $http = HTTP::Tiny->new(keep_alive => 1, max_redirect => 0);
	my $post = sub {
		my ($path, %headers) = @_;
		$http->timeout($path eq '/hang' ? 1 : 180);
		return $http->post($hook->url($path), { content => "caf\xc3\xa9", headers => \%headers });
	};

	my $before = time;
	is($post->('/ok/a?b', 'X-Name' => 'v')->{status}, 200, '/ok');
	my ($entry) = $hook->wait_for(1);
	is($entry->{path}, '/ok/a?b', 'path is recorded');
	is($entry->{method}, 'POST', 'method is recorded');
	is($entry->{headers}{'x-name'}, 'v', 'headers are recorded');
	is($entry->{body}, "caf\xc3\xa9", 'body is recorded byte by byte');
	my $now = time;
	ok($before <= $entry->{wall_us} / 1e6 && $entry->{wall_us} / 1e6 <= $now, 'time is recorded');

	is($post->('/status/404')->{status}, 404, '/status');
	my $keep_alive = ($hook->entries)[-1];
	is($keep_alive->{connection}, 1, 'the connection was kept');
	is($post->('/fail-first/2', 'webhook-id' => $_->[0])->{status}, $_->[1], "/fail-first: $_->[0] gets $_->[1]")
		foreach [ 'a', 503 ], [ 'b', 503 ], [ 'a', 503 ], [ 'a', 200 ], [ 'b', 503 ], [ 'b', 200 ];
	my $later = $post->('/retry-after/7', 'webhook-id' => 'a');
	is("$later->{status} $later->{headers}{'retry-after'}", '503 7', '/retry-after at first');
	is($post->('/retry-after/7', 'webhook-id' => 'a')->{status}, 200, '/retry-after again');
	like($post->('/retry-date/7')->{headers}{'retry-after'}, qr/^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/, '/retry-date');
	is($post->('/redirect/ok')->{headers}{location}, '/ok', '/redirect');
	my $start = time;
	is($post->('/delay/0.3')->{status}, 200, '/delay');
	cmp_ok(time - $start, '>=', 0.3, '/delay takes its time');
	is($post->($_)->{status}, 599, "$_ is no answer") foreach qw(/reset /close /hang /garbage);
	like($post->('/token')->{content}, qr/"access_token": "token-1"/, '/token');
	is($post->('/nowhere')->{status}, 404, 'unknown path');
	my $endless = HTTP::Tiny->new(max_size => 1_000_000)->post($hook->url('/endless'));
	like($endless->{content}, qr/exceeds the maximum/, '/endless');
	is(scalar($hook->wait_for(20)), 20, 'every request was recorded');
	$hook->stop;
	return;
}

sub webhooks_over_tls
{
	my $hook = Appt::Peers->webhook('--certificate', $tls->{certificate}, '--key', $tls->{key});
	my $answer =
		`printf 'GET /ok HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n' | openssl s_client -quiet -verify_return_error -CAfile '$tls->{ca}' -connect 127.0.0.1:@{[ $hook->port ]} 2>/dev/null`;

	like($answer, qr/^HTTP\/1.1 200/, 'webhooks over TLS, certificate verified');
	return;
}

# A request that waits for a condition is answered when the condition holds.
sub waiting_webhooks
{
	my $hook = Appt::Peers->webhook;
	my @clients = map {
		my $path = $_;
		my $pid = open my $output, '-|', '/usr/bin/python3', '-c', 'import sys, urllib.error, urllib.request
try: print(urllib.request.urlopen(sys.argv[1]).status)
except urllib.error.HTTPError as e: print(e.code)', $hook->url($path);
		{ path => $path, output => $output }
	} qw(/hold/a /hold/a/503 /hold/b /after/2);
	my $answers = sub {
		my ($count) = @_;
		return join ' ', map { my $line = readline $_->{output}; chomp $line; "$_->{path} $line" } splice @clients, 0, $count;
	};

	$hook->wait_for(4);
	$hook->release('a');
	is($answers->(2), '/hold/a 200 /hold/a/503 503', '/hold, until its release');
	$hook->release('b');
	is($answers->(2), '/hold/b 200 /after/2 200', '/after so many others');
	is(scalar($hook->entries), 4, 'releases are not recorded');
	$hook->stop;
	return;
}

sub ports
{
	my ($nobody, $bound) = Appt::Peers->nobody;
	ok(!IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $nobody), 'a port where nobody listens');
	my $hook = Appt::Peers->webhook('--port', $nobody);
	is(HTTP::Tiny->new->get($hook->url('/ok'))->{status}, 200, 'until a peer does');
	my ($hole, @sockets) = Appt::Peers->black_hole;
	ok(!IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $hole, Timeout => 0.3), 'one that gives no answer');
	return;
}

# One message; returns the code of the last reply, 0 for a lost connection.
sub mail
{
	my ($peer, $to, %how) = @_;
	my $smtp = Net::SMTP->new('127.0.0.1', Port => $peer->port, Timeout => 180) or return 0;

	$smtp->auth($how{login}, $how{password}) or return $smtp->code if $how{login};
	$smtp->mail('from@example.com')
		&& $smtp->to($to)
		&& $smtp->data("Subject: x\n", "\n", ".dot\n", "text\n");
	my $code = $smtp->code;
	$smtp->quit if !$how{no_quit};
	return $code;
}

sub mails
{
	my $plain = Appt::Peers->smtp;
	is(mail($plain, 'to@example.com'), 250, 'a message is accepted');
	my ($entry) = $plain->wait_for(1);
	is("$entry->{mail_from} @{$entry->{rcpt_to}}", 'from@example.com to@example.com', 'envelope is recorded');
	is($entry->{message}, "Subject: x\r\n\r\n.dot\r\ntext\r\n", 'message is recorded');
	ok(!$entry->{tls}, 'and that it came without TLS');
	cmp_ok($entry->{mail_wall_us}, '<=', $entry->{wall_us}, 'times are recorded');

	foreach my $stage (qw(MAIL RCPT DATA MESSAGE))
	{
		my $refusing = Appt::Peers->smtp('--reply', '451 4.3.0 later', '--at', $stage, '--times', 1);
		is(mail($refusing, 'to@example.com'), 451, "refused at $stage");
		is(mail($refusing, 'to@example.com'), 250, "only once at $stage");
		is( join(' ', map { $_->{reply} } $refusing->wait_for(2)),
			'451 4.3.0 later 250 2.0.0 Ok: queued as 0000000002',
			'both are recorded');
		$refusing->stop;
	}
	my $file = PostgreSQL::Test::Utils::tempdir() . '/busy';
	append_to_file($file, '');
	my $busy = Appt::Peers->smtp('--reply', '421 busy', '--at', 'MAIL', '--while', $file);
	is(mail($busy, 'to@example.com'), 421, 'refused while there is a file');
	unlink $file;
	is(mail($busy, 'to@example.com'), 250, 'and no longer');
	my $hook = Appt::Peers->webhook;
	my $asking = Appt::Peers->smtp('--ask', $hook->url('/delay/0.3'));
	is(mail($asking, 'to@example.com'), 250, 'one that asks');
	is(scalar($hook->entries), 1, 'before it answers');
	my $choosy = Appt::Peers->smtp('--reply', '550 5.1.1 unknown', '--at', 'RCPT', '--only', 'nobody');
	is(mail($choosy, 'nobody@example.com'), 550, 'one address is refused');
	is(mail($choosy, 'to@example.com'), 250, 'another is not');

	my $closed = Appt::Peers->smtp('--username', 'me', '--password', 'secret');
	is(mail($closed, 'to@example.com'), 530, 'AUTH is required');
	my $login = sub {
		my ($password) = @_;
		# Net::SMTP's auth wants Authen::SASL, which is no part of perl.
		return `/usr/bin/python3 -c 'import smtplib, sys
s = smtplib.SMTP("127.0.0.1", int(sys.argv[1]))
try: print(s.login("me", sys.argv[2])[0], s.sendmail("a\@x.test", "b\@x.test", "x"))
except smtplib.SMTPAuthenticationError as e: print(e.smtp_code)' @{[ $closed->port ]} $password`;
	};
	is($login->('wrong'), "535\n", 'wrong password');
	is($login->('secret'), "235 {}\n", 'right password');
	is(($closed->entries)[-1]->{login}, 'me', 'login is recorded');

	my $dropping = Appt::Peers->smtp('--drop-after-data');
	isnt(mail($dropping, 'to@example.com', no_quit => 1), 250, 'dropped after DATA');
	is(scalar($dropping->wait_for(1)), 1, 'though the message had come');

	my $slow = Appt::Peers->smtp('--delay', 0.3, '--silent-on-quit');
	my $start = time;
	is(mail($slow, 'to@example.com', no_quit => 1), 250, 'a slow one');
	cmp_ok(time - $start, '>=', 0.3, 'takes its time');
	my $smtp = Net::SMTP->new('127.0.0.1', Port => $slow->port, Timeout => 1);
	$smtp->command('QUIT')->response;
	isnt($smtp->code, 221, 'silent on QUIT');
	return;
}

sub mails_over_tls
{
	my @certificate = ('--certificate', $tls->{certificate}, '--key', $tls->{key});
	my $send = sub {
		my ($peer, $class, $starttls) = @_;
		return `/usr/bin/python3 -c 'import smtplib, ssl, sys
c = ssl.create_default_context(cafile="$tls->{ca}")
s = $class
$starttls
print(s.sendmail("a\@x.test", "b\@x.test", "x"))' @{[ $peer->port ]} 2>&1`;
	};
	my $starttls = Appt::Peers->smtp(@certificate, '--require-starttls');
	like($send->($starttls, 'smtplib.SMTP("127.0.0.1", int(sys.argv[1]))', ''), qr/530/, 'STARTTLS is required');
	is($send->($starttls, 'smtplib.SMTP("127.0.0.1", int(sys.argv[1]))', 's.starttls(context=c)'), "{}\n", 'STARTTLS');
	my $implicit = Appt::Peers->smtp(@certificate, '--implicit-tls');
	is($send->($implicit, 'smtplib.SMTP_SSL("127.0.0.1", int(sys.argv[1]), context=c)', ''), "{}\n", 'implicit TLS');
	ok($_->{tls}, 'TLS is recorded') foreach map { ($_->wait_for(1))[0] } $starttls, $implicit;
	return;
}

sub silence
{
	my $hole = Appt::Peers->silent;
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $hole->port) or die $!;
	print $socket "HELO\r\n";
	$socket->flush;
	is(scalar($hole->wait_for(1)), 1, 'the silent peer notes the connection');
	my $readable = '';
	vec($readable, fileno($socket), 1) = 1;
	is(select($readable, undef, undef, 0.3), 0, 'and says nothing');
	$hole->stop;
	return;
}

webhooks();
waiting_webhooks();
webhooks_over_tls();
ports();
mails();
mails_over_tls();
silence();
done_testing();
