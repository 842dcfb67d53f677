# 20,000 deliveries: all arrive once, and the worker's memory does not grow with them.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Tenant;
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

deliver(4000);
my $before = anonymous_kb();
deliver(16000);
my $after = anonymous_kb();
note("RssAnon: $before KB after 4,000, $after KB after 20,000");
# It is small, and what malloc keeps varies by half a megabyte.
cmp_ok($after, '<=', 1.05 * $before + 512, 'its memory stays as it was') if !$ENV{APPT_SANITIZE};
is(join(' ', $node->worker_pids('postgres')), $worker, 'it is the same worker');
is($tenant->query("SELECT string_agg(DISTINCT concat_ws(' ', state, reason), ', ') FROM appt.notification"), 'SENT', 'all are SENT');
is($tenant->query('SELECT count(*) FROM appt.due'), 0, 'the queue is empty');
is($tenant->query("SELECT count(*) || ' ' || count(DISTINCT notification_id) FROM appt.attempt WHERE outcome = 'DELIVERED'"), '20000 20000',
	'each in one attempt');

kill 'TERM', $pid;
close $receiver;
my %times;
$times{ (split ' ')[1] }++ foreach split /\n/, slurp_file("$folder/received");
is(scalar(keys %times), 20000, 'none was lost');
is(scalar(grep { $_ > 1 } values %times), 0, 'none came twice');

$node->stop;
done_testing();

sub deliver
{
	my ($count) = @_;
	my $appointments = $count / $subscriptions;

	$tenant->query("SELECT count(appt.schedule_appointment('@{[ $tenant->application ]}', now() + interval '1 day', '1 hour', organizer_id => 'a')) FROM generate_series(1, $appointments)");
	ok($tenant->settled, "$count deliveries");
	return;
}

# What the process allocated itself: no shared buffers.
sub anonymous_kb
{
	my ($kb) = slurp_file("/proc/$worker/status") =~ /^RssAnon:\s+(\d+)/m;

	return $kb;
}
