# Name look-ups that hang, fail, or change their answer; getaddrinfo is replaced in the server by one that does.

use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Rounds;
use Appt::Tenant;
use PostgreSQL::Test::Utils;
use Test::More;

# The sanitizers' own library must be loaded first.
plan skip_all => 'replaces a function of libc' if $ENV{APPT_SANITIZE};

my $folder = PostgreSQL::Test::Utils::tempdir();
my $library = Appt::Peers->lookup_library;
$ENV{LOOKUP_LOG} = "$folder/lookups";

my $node = Appt::Cluster->create('main', preload => 0, start => 0);
{
	local $ENV{LD_PRELOAD} = $library;
	$node->start;
}
$node->query('CREATE EXTENSION appt; CREATE EXTENSION appt_test');
my $hook = Appt::Peers->webhook;
my $port = $hook->port;

sub lookups
{
	my ($pattern) = @_;
	return grep { /$pattern/ } split /\n/, -e "$folder/lookups" ? slurp_file("$folder/lookups") : '';
}

sub exchange
{
	my (@hosts) = @_;
	my $array = join ', ', map { "'{\"url\": \"http://$_/ok\", \"payload\": \"{}\"}'::jsonb" } @hosts;
	return "SELECT number, kind, milliseconds, error, place
			FROM (SELECT *, row_number() OVER () AS place FROM appt_test.exchange(ARRAY[$array])) ended ORDER BY number;";
}

# Calls in one backend, with a time limit in seconds for each message; rows as hashes, with the order in which they ended.
sub run
{
	my ($seconds, @calls) = @_;
	my $milliseconds = $seconds * 1000;
	my $output = $node->query(
		"\\o /dev/null\nSELECT appt_test.set('appt.allowed_addresses', '127.0.0.1'),
			appt_test.set('appt.request_timeout', '$milliseconds'),
		appt_test.set('appt.connect_timeout', '@{[ int $milliseconds * 2 / 3 ]}');\n\\o\n" . join "\n", @calls);
	my @rows;

	foreach my $line (split /\n/, $output)
	{
		my %row;
		@row{qw(number kind milliseconds error place)} = split /\|/, $line, -1;
		push @rows, \%row;
	}
	return @rows;
}

# How many were delivered before the first of those failed.
sub delivered_before
{
	my (@failing) = @_;
	my ($first) = sort { $a <=> $b } map { $_->{place} } @failing;
	return sub {
		return scalar grep { $_->{kind} eq 'DELIVERED' && $_->{place} < $first } @_;
	};
}

my ($rounds, $patience);
my @rows = in_rounds(
	sub {
		($rounds, $patience) = @_;
		return run(
			$patience,
			exchange((("a$rounds.hang.test:$port") x 20), (("127.0.0.1:$port") x 20), (("a$rounds.good.test:$port") x 20)),
			exchange("a$rounds.hang.test:$port", "b.good.test:$port"));
	},
	sub { return delivered_before(@_[ 0 .. 19 ])->(@_[ 20 .. 59 ]) == 40 && $_[60]{milliseconds} < $patience * 300; },
	1.5,
	8,
	20);
is(scalar(grep { $_->{kind} eq 'FAILED' && $_->{error} =~ /looked up/ } @rows[ 0 .. 19 ]), 20, 'what hangs fails in time');
is(delivered_before(@rows[ 0 .. 19 ])->(@rows[ 20 .. 59 ]), 40, 'and delays nobody');
is(scalar(lookups(qr/a\d\.hang\.test/)), $rounds, 'one look-up serves all to one host');
is(scalar(lookups(qr/a\d\.good\.test/)), $rounds, 'also where it succeeds');
is($rows[60]{kind}, 'FAILED', 'while a look-up hangs its host fails') or diag($rows[60]{error});
cmp_ok($rows[60]{milliseconds}, '<', $patience * 300, 'at once');
is($rows[61]{kind}, 'DELIVERED', 'another does not');
is(scalar(lookups(qr/^open/)), 0, 'the threads of look-ups take no signals');

@rows = in_rounds(
	sub {
		my ($round, $seconds) = @_;
		return run($seconds, exchange((map { "x$round-$_.hang.test:$port" } 1 .. 60), map { "y$round-$_.good.test:$port" } 1 .. 60));
	},
	sub { return delivered_before(@_[ 0 .. 59 ])->(@_[ 60 .. 119 ]) == 60; },
	1.5,
	8,
	20);
is(delivered_before(@rows[ 0 .. 59 ])->(@rows[ 60 .. 119 ]), 60, 'many hanging hosts delay nobody either');

# If hanging look-ups use all threads, the others get no turn, which is no failure; nor is it a failure
# of a message if its token could not be fetched because all threads were busy.
my $many = "SELECT appt_test.set('appt.max_concurrency', '1000');";
my $innocent =
	qq('{"url": "http://127.0.0.1:$port/ok", "payload": "{}", "auth": "OAUTH2", "username": "me", "password": "word", "token_url": "http://i.good.test:$port/token"}'::jsonb);
@rows = run(
	1.5,
	"\\o /dev/null\n$many\n\\o\n",
	exchange((map { "h$_.hang.test:$port" } 1 .. 256), map { "j$_.good.test:$port" } 1 .. 5) =~ s/\]/, $innocent]/r);
my @innocents = grep { $_->{number} > 256 } @rows;
is(scalar(grep { $_->{kind} eq 'UNTRIED' && $_->{error} =~ /turn to look up/ } @innocents),
	6, 'who gets no place to look up was not tried')
	or diag(join "\n", map { "$_->{kind} $_->{error}" } @innocents);
is(scalar(grep { $_->{kind} eq 'FAILED' } @rows), 256, 'and what hangs has failed');

# A token endpoint is looked up likewise: once for all messages that wait for its token, and not again while that hangs.
my $with_token = join ', ', map {
	qq('{"url": "http://127.0.0.1:$port/ok", "payload": "{}", "auth": "OAUTH2", "username": "me", "password": "word", "token_url": "http://$_.hang.test:$port/token"}'::jsonb)
} qw(t t t u u u);
my $fetching = "SELECT number, kind, milliseconds, error FROM appt_test.exchange(ARRAY[$with_token]) ORDER BY number;";
@rows = run(1.5, $fetching, $fetching, $fetching);
is( scalar(
		grep { $_->{kind} eq 'FAILED' && $_->{error} =~ /^no token could be fetched: the host name could not be looked up in time/ }
			@rows[ 0 .. 5 ]),
	6,
	'a token endpoint whose look-up hangs');
is( scalar(
		grep { $_->{kind} eq 'FAILED' && $_->{error} =~ /^no token could be fetched: .*an earlier look-up of it hangs/ } @rows[ 6 .. 17 ]),
	12,
	'fails all at once afterwards') or diag(join "\n", map { $_->{error} } @rows[ 6 .. 17 ]);
# On a busy machine a thread may start too late to log its look-up.
cmp_ok(scalar(lookups(qr/$_\.hang\.test/)), '<=', 1, "$_ is not looked up again") foreach qw(t u);

# A look-up that fails: it fails for all at once, and the next message looks up again.
@rows = run(20, exchange(("a.fail.test:$port") x 20), exchange("a.fail.test:$port", "d.good.test:$port"));
is( scalar(
		grep { $_->{kind} eq 'FAILED' && $_->{error} eq 'the host name could not be looked up or may not be contacted' } @rows[ 0 .. 20 ]),
	21,
	'a look-up that fails is told');
is($rows[21]{kind}, 'DELIVERED', 'another name is found');
cmp_ok(scalar(lookups(qr/a\.fail\.test/)), '<=', 4, 'few look-ups for many messages');

# The look-ups of withdrawn transfers go on, but the number of their threads stays bounded.
{
	my $calls = '';

	foreach my $round (1 .. 4)
	{
		my $messages = join ', ', map { qq('{"url": "http://w$round-$_.hang.test:$port/ok", "payload": "{}"}'::jsonb) } 1 .. 100;
		$calls .= "SELECT appt_test.withdraw(ARRAY[$messages]);\n";
	}
	my @withdrawn = split /\n/, $node->query($calls);
	is($withdrawn[0], 100, 'what is being looked up can be withdrawn');
	is($withdrawn[1] + $withdrawn[2] + $withdrawn[3], 28, 'but no more than may go on for nobody');
}

# What is checked is the very address that is connected to.
@rows = run(20, exchange("change.test:$port"), exchange("again.change.test:$port"));
is($rows[0]{kind}, 'DELIVERED', 'an allowed address');
is( "$rows[-1]{kind} $rows[-1]{error}",
	'FAILED the host name could not be looked up or may not be contacted',
	'a name that changes its address gains nothing');

# A backend ends at once though threads still hang.
my $started = time;
run(1.5, exchange("z.hang.test:$port"));
cmp_ok(time - $started, '<', 25, 'a process with hanging look-ups exits at once');
$node->stop('fast');
# The worker itself: a look-up that hangs delays no other message.
my $server = Appt::Cluster->create('worker', start => 0, conf => "appt.request_timeout = '3s'");
{
	local $ENV{LD_PRELOAD} = $library;
	$server->start;
}
$server->install_appt;
my ($fast, $slow) = map { Appt::Tenant->create($server, max_attempts => 1) } 1 .. 2;
$_->only('CREATE', 'WEBHOOK') foreach $fast, $slow;
$fast->subscribe($hook->url('/ok'));
$server->wait_for_workers;
my $names = 0;
$fast->is_prompt(
	sub {
		$names++;
		$slow->query("UPDATE appt.subscription SET enabled = false WHERE application_id = '@{[ $slow->application ]}'");
		$slow->subscribe("http://z$names.hang.test:$port/ok");
		foreach (1 .. 20)
		{
			$slow->schedule;
			$fast->schedule;
		}
	},
	'while look-ups hang the others are sent at once');
ok($fast->settled, 'and settle');
is($fast->query("SELECT string_agg(DISTINCT state, ' ') FROM appt.notification WHERE application_id = '@{[ $fast->application ]}'"),
	'SENT', 'as SENT');
ok( $server->wait_for_query(
		"SELECT DISTINCT concat_ws(' ', state, reason) FROM appt.notification WHERE application_id = '@{[ $slow->application ]}'
			AND state NOT IN ('PENDING', 'SENDING', 'SUPPRESSED')",
		'FAILED RETRIES_EXHAUSTED'),
	'what was looked up in vain has FAILED');
$server->stop('immediate');

done_testing();
