# The transfer engine against real mail servers, good and bad, driven from a backend.

use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Rounds;
use IO::Socket::INET;
use POSIX ();
use Test::More;

my $node = Appt::Cluster->create('main', preload => 0);
$node->query('CREATE EXTENSION appt_test');

my $settings = "SELECT appt_test.set('appt.allowed_addresses', '127.0.0.0/8'),
	appt_test.set('appt.request_timeout', '60000'), appt_test.set('appt.connect_timeout', '60000');";
# For transfers that fail anyway.
my $hasty = "SELECT appt_test.set('appt.request_timeout', '2000');";

# One backend's exchanges; rows as hashes, ordered by number, with the order in which they ended.
sub exchange
{
	my ($before, @messages) = @_;
	my $array = join ', ', map { "'$_'::jsonb" } @messages;
	my @rows = split /\n/, $node->query(
		"\\o /dev/null\n$settings $before\n\\o\nSELECT number, kind, status_code, error, response, milliseconds, place
		FROM (SELECT *, row_number() OVER () AS place FROM appt_test.exchange(ARRAY[$array])) ended ORDER BY number");
	return map {
		my %row;
		@row{qw(number kind status error response milliseconds place)} = split /\|/, $_, -1;
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
	is("$row->{kind} $row->{status} $row->{response} $row->{error}", 'DELIVERED 250 250 2.0.0 Ok: queued as 0000000001 ', 'delivered');
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

	my $busy = Appt::Peers->smtp;
	is($node->query("\\o /dev/null\n$settings\n\\o\nSELECT delivered FROM appt_test.exchange_many('@{[ mail($busy) ]}', 250, 1)"),
		250, 'many mails one after the other');
	my %mails;
	$mails{ $_->{session} }++ foreach $busy->wait_for(250);
	is(join(' ', sort values %mails), '100 100 50', 'a hundred over each connection');

	my $choosy = Appt::Peers->smtp('--reply', '550 5.1.1 unknown', '--at', 'RCPT', '--times', 1);
	$one =~ s/smtp:[^"]*/$choosy->url/e;
	is($node->query("\\o /dev/null\n$settings \\o\n$one $one"), "REJECTED\nDELIVERED", 'a refusal spares the connection');
	my @entries = $choosy->wait_for(2);
	is($entries[0]{session}, $entries[1]{session}, 'for the next mail');

	my $lost = Appt::Peers->smtp;
	$one =~ s/smtp:[^"]*/$lost->url/e;
	my $port = $lost->port;
	my $tired = $node->query(
		"\\o /dev/null\n$settings
		SELECT * FROM appt_test.exchange(ARRAY['@{[ mail($lost) ]}'::jsonb]); SELECT appt_test.set('appt.allowed_addresses', '');
		\\o\n$one");
	is($tired, 'REJECTED', 'a kept session does not outlive the list of allowed addresses');
	return;
}

# A mail server that takes one mail per connection and hangs up at the next MAIL, with or without a reply.
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
		is( $node->query("\\o /dev/null\n$settings \\o\n$one $one $one"),
			"DELIVERED\nDELIVERED\nDELIVERED",
			$farewell ? 'a kept session that ends with 421 is replaced' : 'a kept session that just ends is replaced');
		kill 'KILL', $pid;
		waitpid $pid, 0;
	}
	return;
}

# One peer for all that can go wrong at a stage: the name after the host in its URL says what.
my @raw = (
	"hello\r\n", "25\r\n", "2500 ok\r\n", "250x\r\n", "250\tok\r\n", "\r\n", "99 ok\r\n", "199 ok\r\n", "699 ok\r\n", "-250 ok\r\n",
	"\xff\xfe\r\n",
	"<html>250 ok</html>\r\n",
	"250-one\r\n451 two\r\n",
	"250-one\r\ntwo\r\n250 three\r\n",
	'250 ' . 'x' x 70_000 . "\r\n");
my %raw_index = map { $raw[$_] => "r$_" } 0 .. $#raw;
my @login = ('--username', 'me', '--password', 'right-one', '--auth-in-clear');
my $login = '"username": "me", "password": "right-one"';
my $wretch = Appt::Peers->smtp(
	'--by-name', @login,
	(map { ('--reply', 'raw:' . s/([^ -~]|\\)/sprintf '\\x%02x', ord $1/egr) } @raw), '--reply',
	'repeat:250-more\r\n', '--reply',
	'repeat:x', '--reply',
	'raw:250-one by one\r\n*', '--reply',
	'raw:250-one\r\n250-two\r\n250 three\r\n', '--reply',
	'raw:250 only LF\n');
my ($endless, $no_line, $slow, $many, $only_lf) = map { 'r' . ($#raw + $_) } 1 .. 5;

sub at { my ($stage, $what) = @_; return mail($wretch->url . '/' . lc($stage) . ".$what", $login); }

# SMTP 4xx is retried, 5xx is final, at every stage.
sub refusals
{
	my @codes = (
		[ 421, 'FAILED' ],
		[ 450, 'FAILED' ],
		[ 451, 'FAILED' ],
		[ 452, 'FAILED' ],
		[ 454, 'FAILED' ],
		[ 499, 'FAILED' ],
		[ 500, 'REJECTED' ],
		[ 530, 'REJECTED' ],
		[ 535, 'REJECTED' ],
		[ 550, 'REJECTED' ],
		[ 552, 'REJECTED' ],
		[ 554, 'REJECTED' ],
		[ 599, 'REJECTED' ]);
	foreach my $stage (qw(AUTH MAIL RCPT DATA MESSAGE))
	{
		my @rows = exchange('', map { at($stage, $_->[0]) } @codes);
		is(join(' ', map { "$_->{kind} $_->{status}" } @rows), join(' ', map { "$_->[1] $_->[0]" } @codes), "4xx and 5xx at $stage");
		is(scalar(grep { $_->{error} =~ /refused|denied/i } @rows), scalar(@rows), 'and told');
		unlike(join(' ', map { "$_->{error} $_->{response}" } @rows), qr/right-one/, 'without the password');
	}
	# A positive reply at the wrong time is a failure; so is 3xx in place of 2xx.
	my @rows = exchange('', map { at(@$_) }[ 'MAIL', 354 ], [ 'RCPT', 354 ], [ 'DATA', 250 ], [ 'MESSAGE', 354 ], [ 'AUTH', 250 ]);
	is(scalar(grep { $_->{kind} eq 'FAILED' } @rows), 5, 'answers that fit another command')
		or diag(join ' ', map { "$_->{kind} $_->{status} $_->{error}" } @rows);

	# libcurl sends HELO when EHLO is refused, as it should; without EHLO there is no login.
	my $plain = Appt::Peers->smtp('--by-name');
	my $greeted = sub { return mail($plain->url . "/$_[0]"); };
	@rows = exchange('', map { $greeted->($_) } 'ehlo.451', 'ehlo.550', 'ehlo.502');
	is(join(' ', map { "$_->{kind} $_->{status}" } @rows), 'DELIVERED 250 DELIVERED 250 DELIVERED 250', 'EHLO refused, HELO taken');
	foreach my $case ([ '421 4.3.2 busy', 'FAILED 421' ], [ '451 no', 'FAILED 451' ], [ '554 no', 'REJECTED 554' ])
	{
		my $closed = Appt::Peers->smtp('--at', 'CONNECT', '--reply', $case->[0]);
		my $rude = Appt::Peers->smtp('--at', 'EHLO,HELO', '--reply', $case->[0]);
		@rows = exchange('', mail($closed), mail($rude));
		is("$rows[0]{kind} $rows[0]{status}", $case->[1], "$case->[0] as a greeting") or diag($rows[0]{error});
		is("$rows[1]{kind} $rows[1]{status}", $case->[1], "$case->[0] to EHLO and HELO") or diag($rows[1]{error});
		$_->stop foreach $closed, $rude;
	}
	return;
}

# A server that drops the connection, is silent, never ends, or does not speak SMTP, at any stage: a failure, in time.
sub misbehaviours
{
	my @stages = qw(EHLO AUTH MAIL RCPT DATA MESSAGE);
	my @quiet = map {
		my $stage = $_;
		map { [ $stage, $_ ] } 'drop', 'hang', $slow
	} @stages;
	my @loud = map {
		my $stage = $_;
		map { [ $stage, $_ ] } $endless, $no_line
	} @stages;
	my @cases = (@quiet, @loud);
	my $last = 'the connection broke before the mail server answered the message';
	my $of_last = sub {
		return join(' ', map { $_[$_]{error} } grep { "@{ $cases[$_] }" eq 'MESSAGE drop' } 0 .. $#cases);
	};
	my $before;
	# A busy server may need more time to get as far as that.
	my @rows = in_rounds(
		sub {
			my ($round, $seconds) = @_;
			my $patience = "SELECT appt_test.set('appt.request_timeout', '@{[ $seconds * 1000 ]}');";
			$before = $wretch->entries;
			return (exchange($patience, map { at(@$_) } @quiet), exchange($patience, map { at(@$_) } @loud));
		},
		sub { return $of_last->(@_) eq $last; },
		4,
		15,
		30);
	is( join(' ',
			map { "@{ $cases[$_] }" } grep { "$rows[$_]{kind} $rows[$_]{status}" ne 'FAILED 0' || !length $rows[$_]{error} } 0 .. $#cases),
		'',
		'dropped, silent, endless or slow at any stage');
	cmp_ok((sort { $a <=> $b } map { $_->{milliseconds} } @rows)[-1], '<', 50_000, 'in time');
	cmp_ok(scalar($wretch->entries), '<=', $before + @cases, 'each is tried once');
	is($of_last->(@rows), $last, 'what was dropped before the last answer may have arrived');

	@cases = map {
		my $stage = $_;
		map { [ $stage, $_ ] } @raw
	} @stages;
	@rows = exchange($hasty, map { at($_->[0], $raw_index{ $_->[1] }) } @cases);
	# libcurl reads EHLO's reply, and is not strict: each of these may be accepted, and MAIL decides.
	is( join(' ',
			map { "$cases[$_][0] " . substr($cases[$_][1], 0, 20) =~ s/[^ -~]/./gr . " $rows[$_]{kind} $rows[$_]{status}" }
			grep { $rows[$_]{kind} eq 'DELIVERED' && $cases[$_][0] ne 'EHLO' } 0 .. $#cases),
		'',
		'what is not SMTP is no success');
	is(scalar(grep { $_->{kind} ne 'DELIVERED' && !length $_->{error} } @rows), 0, 'and told');

	# Answers in more than one line, and with other line ends.
	@rows = exchange('', map { at($_, $many) } qw(MAIL RCPT MESSAGE));
	is(scalar(grep { $_->{kind} eq 'FAILED' } @rows[ 0, 1 ]), 0, 'an answer of many lines') or diag(join ' ', map { $_->{error} } @rows);
	is("$rows[2]{kind} $rows[2]{status} $rows[2]{response}", 'DELIVERED 250 250 three', 'also to the message');
	@rows = exchange('', map { at($_, $only_lf) } qw(MESSAGE));
	is($rows[0]{kind}, 'DELIVERED', 'and of a line that ends with LF alone');

	my $silent = Appt::Peers->silent;
	my ($row) = exchange($hasty, mail('smtp://127.0.0.1:' . $silent->port));
	is("$row->{kind} $row->{status}", 'FAILED 0', 'a server without a greeting');
	cmp_ok($row->{milliseconds}, '<', 50_000, 'costs request_timeout');

	my $hook = Appt::Peers->webhook;
	($row) = exchange($hasty, mail('smtp://127.0.0.1:' . $hook->port));
	is($row->{kind}, 'FAILED', 'not a mail server');

	my ($hole, @sockets) = Appt::Peers->black_hole;
	($row) = exchange("SELECT appt_test.set('appt.connect_timeout', '700');", mail("smtp://127.0.0.1:$hole"));
	is($row->{kind}, 'FAILED', 'black-holed connect');
	cmp_ok($row->{milliseconds}, '<', 50_000, 'after connect_timeout');
	my ($port, $bound) = Appt::Peers->nobody;
	($row) = exchange('', mail("smtp://127.0.0.1:$port"));
	is($row->{kind}, 'FAILED', 'connection refused');
	return;
}

# A text cannot end its own mail and begin another, whichever line ends a server believes in.
sub smuggling
{
	my $peer = Appt::Peers->smtp;
	my @ends = ('\r\n', '\n', '\r', '\n\r', '\r\r\n');
	my @texts = map {
		my $before = $_;
		map {
			"one${before}.${_}MAIL FROM:<evil\@example.com>${_}RCPT TO:<victim\@example.org>${_}DATA${_}Subject: evil${_}${_}evil${_}.${_}two"
		} @ends
	} @ends;
	my @rows = exchange('', map { mail($peer, qq("text": "$_", "html": "<p>$_</p>")) } @texts);
	is(scalar(grep { $_->{kind} eq 'DELIVERED' } @rows), scalar(@texts), 'texts that look like commands are delivered');
	my @entries = $peer->wait_for(scalar @texts);
	is(scalar(@entries), scalar(@texts), 'each as one mail');
	is( scalar(
			grep { $_->{mail_from} ne 'clinic@example.com' || "@{$_->{rcpt_to}}" ne 'ann@example.org' || $_->{message} !~ /two/ } @entries
		),
		0,
		'to its recipient, whole');
	return;
}

# Servers that are slow to answer a message, to say goodbye, or to say anything, do not delay others.
sub isolation
{
	my $quit = Appt::Peers->smtp('--silent-on-quit', '--reply', '550 no', '--at', 'RCPT');
	my $silent = Appt::Peers->silent;
	my $fast = Appt::Peers->smtp;

	# The exchange ends with the silent ones. The slow ones answer when the webhooks have finished.
	my $count_before_silence = sub {
		my ($silence) = sort { $a <=> $b } map { $_->{place} } @_[ 6 .. 8 ];
		return scalar grep { $_->{place} < $silence } @_;
	};
	my @rows = in_rounds(
		sub {
			my ($round, $seconds) = @_;
			my $hook = Appt::Peers->webhook;
			my $slow = Appt::Peers->smtp('--ask', $hook->url('/after/20'));
			return exchange(
				"SELECT appt_test.set('appt.request_timeout', '@{[ $seconds * 1000 ]}');",
				(map { mail($slow) } 1 .. 3),
				(map { mail($quit) } 1 .. 3),
				(map { mail('smtp://127.0.0.1:' . $silent->port) } 1 .. 3),
				(map { mail($fast) } 1 .. 5),
				map { sprintf '{"url": "%s", "payload": "{}"}', $hook->url('/ok') } 1 .. 20);
		},
		sub { return $count_before_silence->(@_) == 31; },
		5,
		30,
		60);
	is($count_before_silence->(@rows), 31, 'nobody waits for them');
	is(scalar(grep { $_->{kind} eq 'DELIVERED' } @rows[ 0 .. 2 ]), 3, 'a slow answer is awaited');
	is(scalar(grep { $_->{kind} eq 'REJECTED' } @rows[ 3 .. 5 ]), 3, 'an answer to QUIT is not');
	is(scalar(grep { $_->{kind} eq 'FAILED' } @rows[ 6 .. 8 ]), 3, 'silence fails');
	is(scalar(grep { $_->{kind} eq 'DELIVERED' } @rows[ 9 .. 33 ]), 25, 'and all others are delivered');
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
smuggling();
isolation();
tls();
$node->stop;
done_testing();
