# Name look-ups that hang, fail, or change their answer; getaddrinfo is replaced in the server by one that does.

use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
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
	return "SELECT number, kind, milliseconds, error FROM appt_test.exchange(ARRAY[$array]) ORDER BY number;";
}

sub run
{
	my (@calls) = @_;
	my $output = $node->query(
		"\\o /dev/null\nSELECT appt_test.set('appt.allowed_addresses', '127.0.0.1'), appt_test.set('appt.request_timeout', '1500'),
		appt_test.set('appt.connect_timeout', '1000');\n\\o\n" . join "\n", @calls);
	my @rows;

	foreach my $line (split /\n/, $output)
	{
		my %row;
		@row{qw(number kind milliseconds error)} = split /\|/, $line, -1;
		push @rows, \%row;
	}
	return @rows;
}

my @rows = run(exchange((("a.hang.test:$port") x 20), (("127.0.0.1:$port") x 20), (("a.good.test:$port") x 20)), exchange("a.hang.test:$port", "b.good.test:$port"));
is(scalar(grep { $_->{kind} eq 'FAILED' && $_->{milliseconds} < 1700 && $_->{error} =~ /looked up/ } @rows[ 0 .. 19 ]), 20, 'what hangs fails in time');
is(scalar(grep { $_->{kind} eq 'DELIVERED' && $_->{milliseconds} < 900 } @rows[ 20 .. 59 ]), 40, 'and delays nobody');
is(scalar(lookups(qr/a\.hang\.test/)), 1, 'one look-up serves all to one host');
is(scalar(lookups(qr/a\.good\.test/)), 1, 'also where it succeeds');
is("$rows[60]{kind} " . ($rows[60]{milliseconds} < 300), 'FAILED 1', 'while a look-up hangs its host fails at once') or diag($rows[60]{error});
is($rows[61]{kind}, 'DELIVERED', 'another does not');
is(scalar(lookups(qr/^open/)), 0, 'the threads of look-ups take no signals');

@rows = run(exchange((map { "x$_.hang.test:$port" } 1 .. 60), map { "y$_.good.test:$port" } 1 .. 60));
is(scalar(grep { $_->{kind} eq 'DELIVERED' && $_->{milliseconds} < 900 } @rows[ 60 .. 119 ]), 60, 'many hanging hosts delay nobody either');

# Where hanging look-ups take all the places there are, the others had no turn, which is no failure of theirs; nor is that
# of a message whose token could not be fetched for want of a place.
my $many = "SELECT appt_test.set('appt.max_concurrency', '1000');";
my $innocent = qq('{"url": "http://127.0.0.1:$port/ok", "payload": "{}", "auth": "OAUTH2", "username": "me", "password": "word", "token_url": "http://i.good.test:$port/token"}'::jsonb);
@rows = run("\\o /dev/null\n$many\n\\o\n", exchange((map { "h$_.hang.test:$port" } 1 .. 256), map { "j$_.good.test:$port" } 1 .. 5) =~ s/\]/, $innocent]/r);
my @innocents = grep { $_->{number} > 256 } @rows;
is(scalar(grep { $_->{kind} eq 'UNTRIED' && $_->{error} =~ /turn to look up/ } @innocents), 6, 'who gets no place to look up was not tried')
	or diag(join "\n", map { "$_->{kind} $_->{error}" } @innocents);
is(scalar(grep { $_->{kind} eq 'FAILED' } @rows), 256, 'and what hangs has failed');

# So is a token endpoint looked up: once for all who wait for its token, and not again while that hangs.
my $with_token = join ', ', map { qq('{"url": "http://127.0.0.1:$port/ok", "payload": "{}", "auth": "OAUTH2", "username": "me", "password": "word", "token_url": "http://$_.hang.test:$port/token"}'::jsonb) } qw(t t t u u u);
my $fetching = "SELECT number, kind, milliseconds, error FROM appt_test.exchange(ARRAY[$with_token]) ORDER BY number;";
@rows = run($fetching, $fetching, $fetching);
is(scalar(grep { $_->{kind} eq 'FAILED' && $_->{error} =~ /^no token could be fetched: the host name could not be looked up in time/ } @rows[ 0 .. 5 ]), 6, 'a token endpoint whose look-up hangs');
is(scalar(grep { $_->{kind} eq 'FAILED' && $_->{error} =~ /^no token could be fetched: .*an earlier look-up of it hangs/ } @rows[ 6 .. 17 ]), 12, 'fails all at once afterwards')
	or diag(join "\n", map { $_->{error} } @rows[ 6 .. 17 ]);
is(scalar(lookups(qr/[tu]\.hang\.test/)), 2, 'without being looked up again');

# One that fails: for all at once, and it is tried again at the next.
@rows = run(exchange(("a.fail.test:$port") x 20), exchange("a.fail.test:$port", "d.good.test:$port"));
is(scalar(grep { $_->{kind} eq 'FAILED' && $_->{error} eq 'the host name could not be looked up' } @rows[ 0 .. 20 ]), 21, 'a look-up that fails is told');
is($rows[21]{kind}, 'DELIVERED', 'another name is found');
cmp_ok(scalar(lookups(qr/a\.fail\.test/)), '<=', 4, 'few look-ups for many messages');

# What is checked is the very address that is connected to.
@rows = run(exchange("change.test:$port"), exchange("again.change.test:$port"));
is($rows[0]{kind}, 'DELIVERED', 'an allowed address');
is($rows[-1]{kind}, 'REJECTED', 'a name that changes its address gains nothing');

# A backend ends at once though threads still hang.
my $started = time;
run(exchange("z.hang.test:$port"));
cmp_ok(time - $started, '<', 5, 'a process with hanging look-ups exits at once');
$node->stop('fast');
# The worker itself: who is looked up in vain delays nobody.
my $server = Appt::Cluster->create('worker', start => 0, conf => "appt.request_timeout = '3s'");
{
	local $ENV{LD_PRELOAD} = $library;
	$server->start;
}
$server->install_appt;
my $tenant = Appt::Tenant->create($server, max_attempts => 1);
$tenant->only('CREATE', 'WEBHOOK');
my $fast = $tenant->subscribe($hook->url('/ok'));
my $hanging = $tenant->subscribe("http://z.hang.test:$port/ok");
$server->wait_for_workers;
$tenant->schedule foreach 1 .. 20;
ok($tenant->settled, 'all settles while look-ups hang');
is($tenant->query("SELECT count(*) || ' ' || (max(lateness) < '1 s') FROM appt.notification_log l JOIN appt.notification n ON n.id = l.notification_id
	WHERE n.subscription_id = '$fast' AND l.outcome = 'DELIVERED'"), '20 true', 'the others are sent at once');
is($tenant->query("SELECT string_agg(DISTINCT concat_ws(' ', state, reason), ',') FROM appt.notification WHERE subscription_id = '$hanging'"),
	'FAILED RETRIES_EXHAUSTED', 'what was looked up in vain has FAILED');
$server->stop('immediate');

done_testing();
