# Too few background worker slots: logged once, shown in worker_status, and resolved without a restart.
use strict;
use warnings;

use Appt::Cluster;
use Test::More;

# The logical replication launcher takes one, appt's launcher another.
my $node = Appt::Cluster->create('main', conf => "max_worker_processes = 3");
my $complaint = qr/no background worker slot is free for appt/;

$node->wait_for_workers(1);
$node->query("SELECT appt.create_organization('x')");
my $offset = $node->log_end;
$node->install_appt('second');
$node->query("SELECT appt.create_organization('x')", 'second');
ok($node->wait_for_query('SELECT why_quiet FROM appt.worker_status', 'NO_SLOT', database => 'second'), 'no slot is left');
is( $node->query('SELECT slot, pid IS NULL, explanation FROM appt.worker_status', 'second'),
	'1|t|No background worker slot is free; consider increasing max_worker_processes.',
	'and says so');
$node->install_appt('third');
ok($node->wait_for_query('SELECT why_quiet FROM appt.worker_status', 'NO_SLOT', database => 'third'), 'nor for a third');
is(scalar($node->log_since($offset, $complaint)), 1, 'with one line in the log');
is($node->query('SELECT why_quiet IS NULL FROM appt.worker_status'), 't', 'the first goes on');

$node->query('DROP DATABASE third');
$node->query('DROP EXTENSION appt');
ok($node->wait_for_query('SELECT why_quiet IS NULL FROM appt.worker_status', 't', database => 'second'),
	'a slot that becomes free is taken');
is(scalar($node->log_since($offset, $complaint)), 1, 'with no more lines');

# The same at a start.
$node->install_appt;
$node->query("SELECT appt.create_organization('x')");
$node->restart;
foreach my $more (3 .. 4)
{
	ok($node->wait_for_query("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'appt worker'", $more - 2),
		"with $more slots " . ($more - 2) . ' worker(s)');
	$node->append_conf('postgresql.conf', 'max_worker_processes = ' . ($more + 1));
	$node->restart;
}
ok($node->wait_for_query('SELECT why_quiet IS NULL FROM appt.worker_status', 't', database => $_), "all are served: $_")
	foreach qw(postgres second);
$node->stop;

done_testing();
