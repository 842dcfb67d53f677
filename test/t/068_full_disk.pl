# A full disk, or a quota that is used up, while the worker claims, settles, and recovers what a crash left: nothing is lost,
# nothing doubled, no message is blamed, and everything continues when there is space again.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Tenant;
use PostgreSQL::Test::Utils;
use Test::More;

# The sanitizers' own library must be loaded first.
plan skip_all => 'replaces a function of libc' if $ENV{APPT_SANITIZE};

my $count = 40;
my $no_space = 'No space left on device';
my $no_quota = 'Disk quota exceeded';
$ENV{FULL_DISK} = PostgreSQL::Test::Utils::tempdir() . '/full';

# Free space on pages, also of dead rows, must not help, and no answer may come before the test asks for it.
my $node = Appt::Cluster->create('main', start => 0, conf => "autovacuum = off\nappt.request_timeout = '10 min'");
start_server();
$node->install_appt;
$node->query("ALTER TABLE appt.$_ SET (fillfactor = 100)") foreach qw(attempt notification);
my $hook = Appt::Peers->webhook;

foreach my $case ([ 'space', $no_space ], [ 'quota', $no_quota ])
{
	my ($what, $error) = @$case;
	# Answers must not find room where versions of rows have died.
	my $path = "/hold/$what/200/3000";
	my $tenant = tenant($path);
	my $application = $tenant->application;
	my $mine = "FROM appt.notification WHERE application_id = '$application'";

	# Claiming.
	enable('off');
	$tenant->schedule_many($count);
	fill_up($what);
	enable('on');
	refused_for($error, "no claim without $what");
	is($tenant->query("SELECT count(*) $mine AND state = 'PENDING' AND attempt_count = 0"), $count, 'all waits as before')
		or diag(states($tenant));
	is(scalar(grep { $_->{path} eq $path } $hook->entries), 0, 'nothing was sent');
	my ($output, $errors);
	$node->psql(
		'postgres',
		"SELECT appt.schedule_appointment('$application', now() + interval '1 day', '1 hour', organizer_id => 'a')
			FROM generate_series(1, $count)",
		stdout => \$output,
		stderr => \$errors);
	like($errors, qr/could not extend file .*$error/, 'callers are told the same');
	make_room();
	ok($node->wait_for_query("SELECT count(*) $mine AND state = 'SENDING'", $count), 'with room again all is claimed');

	# Settling.
	fill_up($what);
	$hook->release($what);
	refused_for($error, "no settling without $what");
	cmp_ok($tenant->query("SELECT count(*) $mine AND state = 'SENDING'"), '>', 0, 'what can\'t be settled is SENDING still')
		or diag(states($tenant));
	make_room();
	ok($tenant->settled, 'with room again all is settled');
	is($tenant->query("SELECT string_agg(DISTINCT state || attempt_count || coalesce(reason, ''), ' '), count(*) $mine"),
		"SENT1|$count", 'as what it was');
	is_deeply([ times_sent($what) ], [ (1) x $count ], 'and each was sent once');
}

# Recovering.
{
	my $tenant = tenant('/hold/crash');

	$tenant->schedule_many($count);
	$node->wait_for_query(
		"SELECT count(*) FROM appt.notification WHERE application_id = '@{[ $tenant->application ]}' AND state = 'SENDING'", $count);
	$node->stop('immediate');
	$hook->release('crash');
	$node->append_conf('postgresql.conf', 'appt.enabled = off');
	start_server();
	fill_up('space');
	enable('on');
	refused_for($no_space, 'no recovering without space');
	is_deeply([ grep { $_ > 1 } times_sent('crash') ], [], 'and nothing goes again that the log does not tell of');
	make_room();
	ok($tenant->settled, 'with room again all is sent');
	is( $tenant->query(
			"SELECT outcomes, count(*) FROM (SELECT string_agg(outcome, ' ' ORDER BY attempt_number) AS outcomes
			FROM appt.attempt WHERE application_id = '@{[ $tenant->application ]}' GROUP BY notification_id) a GROUP BY 1"),
		"INTERRUPTED DELIVERED|$count",
		'and the log tells how');
	is_deeply([ grep { $_ > 2 } times_sent('crash') ], [], 'no more than twice, as it says');
}

is(join(' ', $node->log_since(0, '(PANIC|TRAP|terminated by signal)')), '', 'and nothing crashed');
$node->stop;
done_testing();

sub start_server
{
	local $ENV{LD_PRELOAD} = Appt::Peers->full_disk_library;

	$node->start;
	return;
}

sub tenant
{
	my ($path) = @_;
	my $tenant = Appt::Tenant->create($node);

	$tenant->only('CREATE', 'WEBHOOK');
	$tenant->subscribe($hook->url($path));
	return $tenant;
}

sub fill_up { my ($what) = @_; append_to_file($ENV{FULL_DISK}, $what); return; }
sub make_room { unlink $ENV{FULL_DISK} or die; return; }

sub enable
{
	my ($enabled) = @_;

	$node->append_conf('postgresql.conf', "appt.enabled = $enabled");
	$node->reload;
	$node->wait_for_query("SELECT coalesce(why_quiet, '') FROM appt.worker_status", $enabled eq 'on' ? '' : 'DISABLED');
	return;
}

# A test: the worker says that it can't write.
sub refused_for
{
	my ($error, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok($node->wait_for_query("SELECT last_error LIKE 'could not extend file %: $error' FROM appt.worker_status"), $name);
	return;
}

# How often each message of this path arrived.
sub times_sent
{
	my ($name) = @_;
	my %times;

	$times{ $_->{headers}{'webhook-id'} }++ foreach grep { $_->{path} =~ m{^/hold/$name(/|$)} } $hook->entries;
	return values %times;
}

sub states
{
	my ($tenant) = @_;

	return $tenant->query(
		"SELECT state, reason, detail, attempt_count, count(*) FROM appt.notification
			WHERE application_id = '@{[ $tenant->application ]}' GROUP BY 1, 2, 3, 4"
	);
}
