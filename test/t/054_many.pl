# Deliveries by the ten thousands: all arrive once, and the worker's memory does not grow with them.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Tenant;
use List::Util qw(max);
use PostgreSQL::Test::Utils;
use Test::More;

my $subscriptions = 20;
my $folder = PostgreSQL::Test::Utils::tempdir();
system_or_bail('cc', '-O2', '-D_GNU_SOURCE', '-o', "$folder/receiver", "$ENV{REPOSITORY}/test/bench/receiver.c");
my $pid = open my $receiver, '-|', "$folder/receiver", "$folder/received" or die "cannot start the receiver: $!";
my ($port) = <$receiver> =~ /^port (\d+)/ or die 'the receiver did not start';

my $node = Appt::Cluster->create('main', conf => "fsync = off\nmax_wal_size = '2GB'");
my $tenant = Appt::Tenant->create($node);
$tenant->only('CREATE', 'WEBHOOK');
$tenant->subscribe("http://127.0.0.1:$port/") foreach 1 .. $subscriptions;
my ($worker) = $node->wait_for_workers;

# What malloc keeps differs from batch to batch, and a batch may well be the first to need some more. A leak shows in that
# new highs never end: 10 bytes a delivery make one every other batch.
my ($batch, $quiet_batches, $most_batches) = (4000, 4, $ENV{APPT_SANITIZE} ? 5 : 25);
my ($delivered, $quiet, @kb) = (0, 0);
while ($quiet < $quiet_batches && @kb < $most_batches)
{
	my $high = max(@kb) // 0;

	deliver($batch);
	$delivered += $batch;
	push @kb, anonymous_kb();
	$quiet = $kb[-1] > 1.01 * $high ? 0 : $quiet + 1;
}
note("RssAnon after every $batch deliveries, in KB: @kb");
ok($quiet == $quiet_batches, 'its memory does not grow with what it delivers') or diag("@kb") if !$ENV{APPT_SANITIZE};
is(join(' ', $node->worker_pids('postgres')), $worker, 'it is the same worker');
is($tenant->query("SELECT string_agg(DISTINCT concat_ws(' ', state, reason), ', ') FROM appt.notification"), 'SENT', 'all are SENT');
is($tenant->query('SELECT count(*) FROM appt.due'), 0, 'the queue is empty');
is( $tenant->query("SELECT count(*) || ' ' || count(DISTINCT notification_id) FROM appt.attempt WHERE outcome = 'DELIVERED'"),
	"$delivered $delivered",
	'each in one attempt');

kill 'TERM', $pid;
close $receiver;
my %times;
$times{ (split ' ')[1] }++ foreach split /\n/, slurp_file("$folder/received");
is(scalar(keys %times), $delivered, 'none was lost');
is(scalar(grep { $_ > 1 } values %times), 0, 'none came twice');

$node->stop;
done_testing();

sub deliver
{
	my ($count) = @_;
	my $appointments = $count / $subscriptions;

	$tenant->query(
		"SELECT count(appt.schedule_appointment('@{[ $tenant->application ]}', now() + interval '1 day', '1 hour',
			organizer_id => 'a')) FROM generate_series(1, $appointments)"
	);
	ok($tenant->settled, "$count deliveries");
	return;
}

# What the process allocated itself: no shared buffers.
sub anonymous_kb
{
	my ($kb) = slurp_file("/proc/$worker/status") =~ /^RssAnon:\s+(\d+)/m;

	return $kb;
}
