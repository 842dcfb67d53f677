# Mail to servers that take commands in one go (PIPELINING): fewer round trips, and the same outcomes.

use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use IO::Socket::INET;
use POSIX ();
use Test::More;

my $node = Appt::Cluster->create('main', preload => 0);
$node->query('CREATE EXTENSION appt_test');

# The outcomes of mails that one backend sends, one after the other.
sub one_by_one
{
	my ($url, $count, %more) = @_;
	my $mail =
		sprintf
		'{"channel": "EMAIL", "url": "%s", "sender": "clinic@example.com", "recipient": "ann@example.org", "subject": "Hi", "text": "one\n.\n..two"%s}',
		$url, $more{mail} // '';
	my $one = "SELECT kind, status_code FROM appt_test.exchange(ARRAY['$mail'::jsonb]);";
	return $node->query(
		"\\o /dev/null
		SELECT appt_test.set('appt.allowed_addresses', '127.0.0.0/8'), appt_test.set('appt.request_timeout', '60000'),
			appt_test.set('appt.ca_file', '@{[ $more{ca} // '' ]}');
		\\o\n" . "$one\n" x $count) =~ tr/|\n/ ,/r;
}

# Whether more commands came with MAIL, mail by mail.
sub pipelined
{
	return join ' ', map { $_->{pipelined} ? 'together' : 'apart' } $_[0]->wait_for($_[1]);
}

my $peer = Appt::Peers->smtp('--pipelining', 'always');
is(one_by_one($peer->url, 3), 'DELIVERED 250,DELIVERED 250,DELIVERED 250', 'mails are delivered');
is(pipelined($peer, 3), 'together together together', 'by commands that come together');
is(scalar(keys %{ { map { $_->{session} => 1 } $peer->entries } }), 1, 'over one connection');
like($_->{message}, qr/\r\n\r\none\r\n\.\r\n\.\.two\r\n\z/, 'whole') foreach $peer->entries;

$peer = Appt::Peers->smtp;
one_by_one($peer->url, 1);
is(pipelined($peer, 1), 'apart', 'one after the other where it is not offered');

# Capabilities offered in clear text may have been injected.
my $tls = Appt::Peers->certificate;
foreach my $case ([ 'always', 'together' ], [ 'before-tls', 'apart' ])
{
	my ($when, $expected) = @$case;
	my $server = Appt::Peers->smtp('--certificate', $tls->{certificate}, '--key', $tls->{key}, '--pipelining', $when);
	is(one_by_one($server->url, 1, ca => $tls->{ca}), 'DELIVERED 250', "STARTTLS, offered $when");
	is(pipelined($server, 1), $expected, "commands come $expected");
	ok(($server->entries)[0]{tls}, 'over TLS');
}

# The refusal is the outcome, whatever the replies to the commands after it, and the connection stays usable.
foreach my $stage (qw(MAIL RCPT DATA MESSAGE))
{
	foreach my $case ([ '451 4.3.0 later', 'FAILED 451' ], [ '550 5.1.1 no', 'REJECTED 550' ])
	{
		my ($reply, $outcome) = @$case;
		my $server = Appt::Peers->smtp('--pipelining', 'always', '--reply', $reply, '--at', $stage, '--times', 1);
		is(one_by_one($server->url, 2), "$outcome,DELIVERED 250", "$reply at $stage");
		my @entries = $server->wait_for(2);
		is($entries[0]{session}, $entries[1]{session}, 'the next mail takes the same connection');
	}
}
foreach my $case ([ 'drop', 'FAILED 0,DELIVERED 250' ], [ '421 4.3.2 closing', 'FAILED 421,DELIVERED 250' ])
{
	my ($reply, $outcome) = @$case;
	my $server = Appt::Peers->smtp('--pipelining', 'always', '--reply', $reply, '--at', 'RCPT', '--times', 1);
	is(one_by_one($server->url, 2), $outcome, "$reply at RCPT");
}

# A server with scripted replies to the commands, and the point at which it hangs up.
sub server
{
	my (@answers) = @_;
	my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5) or die $!;
	pipe my $reader, my $writer or die $!;
	my $pid = fork // die $!;

	return { pid => $pid, url => 'smtp://127.0.0.1:' . $listener->sockport, reader => $reader } if $pid;
	$writer->autoflush(1);
	while (my $client = $listener->accept)
	{
		print $client "220 hi\r\n";
		<$client>;
		print $client "250-server\r\n250 PIPELINING\r\n";
		while (@answers)
		{
			my $answer = shift @answers;
			my $line;
			do { $line = <$client> // last } until $line =~ /^DATA/;
			print $client $answer;
			last if $answer !~ /354 go\r\n\z/;
			# The next data is the message, unless the client noticed the refusal.
			while (($line = <$client> // '') ne '') { print $writer "message\n" if $line eq ".\r\n"; last if $line eq ".\r\n"; }
			last if $line eq '';
			print $client "250 taken\r\n";
		}
		close $client;
		print $writer "closed\n";
	}
	POSIX::_exit(0);
}

sub stop { my ($server) = @_; kill 'KILL', $server->{pid}; waitpid $server->{pid}, 0; return; }

foreach my $case (
	[ 'a message asked for after a refusal', "250 ok\r\n550 5.1.1 no\r\n354 go\r\n", 'REJECTED 550', 'closed' ],
	[ 'a farewell after a refusal', "250 ok\r\n550 5.1.1 no\r\n421 bye\r\n", 'REJECTED 550', 'closed' ],
	[ 'a connection closed after a refusal', "250 ok\r\n550 5.1.1 no\r\n", 'REJECTED 550', 'closed' ],
	[ 'one closed before any answer', '', 'FAILED 0', 'closed' ],
	[ 'nonsense', "250 ok\r\nhello\r\n", 'FAILED 0', 'closed' ],
	[ 'lines of many', "250-more\r\n250 ok\r\n250-more\r\n250 ok\r\n354-go\r\n354 go\r\n", 'DELIVERED 250', 'message' ])
{
	my ($name, $answer, $outcome, $first) = @$case;
	my $server = server($answer, "250 ok\r\n250 ok\r\n354 go\r\n");
	is(one_by_one($server->{url}, 2), "$outcome,DELIVERED 250", "$name: its outcome, and the next mail's");
	is(readline($server->{reader}), "$first\n", '... and nothing goes out as the message that is none');
	stop($server);
}

$node->stop;
done_testing();
