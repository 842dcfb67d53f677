# If even the launcher gets no background worker slot, worker_status says so.
use strict;
use warnings;

use Appt::Cluster;
use Test::More;

my $status = 'SELECT slot, pid IS NULL, why_quiet, explanation FROM appt.worker_status';
my $no_slot = 'No background worker slot is free; consider increasing max_worker_processes.';

# The server's logical replication launcher takes the only one, and with none nobody has any.
my $node = Appt::Cluster->create('main', conf => "appt.workers = 2\nmax_worker_processes = 1");
foreach my $slots (1, 0)
{
	$node->adjust_conf('postgresql.conf', 'max_worker_processes', $slots);
	$node->restart;
	is( $node->query("$status ORDER BY slot"),
		"1|t|NO_SLOT|$no_slot\n2|t|NO_SLOT|$no_slot",
		"with $slots slots there is no launcher, and each worker says why");
}

# After a crash of another session nothing is different.
my $session = $node->background_psql('postgres');
my $offset = $node->log_end;
kill 'KILL', $session->query_safe('SELECT pg_backend_pid()');
$node->wait_for_log(qr/all server processes terminated; reinitializing/, $offset);
ok($node->wait_for_query('SELECT string_agg(DISTINCT why_quiet, $$,$$) FROM appt.worker_status', 'NO_SLOT'), 'nor after a crash');

# A launcher alone, which finds no slot for a worker; one worker of two; both.
my %tells = (2 => '1 NO_SLOT, 2 NO_SLOT', 3 => '1 NO_IDENTITY, 2 NO_SLOT', 4 => '1 NO_IDENTITY, 2 NO_IDENTITY');
foreach my $slots (sort keys %tells)
{
	$node->adjust_conf('postgresql.conf', 'max_worker_processes', $slots);
	$node->restart;
	ok($node->wait_for_query("SELECT string_agg(slot || ' ' || why_quiet, ', ' ORDER BY slot) FROM appt.worker_status", $tells{$slots}),
		"with $slots slots: $tells{$slots}");
}

# A worker whose launcher died is STARTING, not NO_SLOT.
$node->query('SELECT pg_terminate_backend(pid) FROM appt.worker_status');
$node->query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'appt launcher'");
ok($node->wait_for_query("SELECT count(*) FROM appt.worker_status WHERE why_quiet = 'NO_IDENTITY'", 2),
	'workers return with the launcher that is started anew');

# Without preloading no slots are counted.
$node->adjust_conf('postgresql.conf', 'max_worker_processes', 1);
$node->adjust_conf('postgresql.conf', 'shared_preload_libraries', "''");
$node->adjust_conf('postgresql.conf', 'appt.workers', undef);
$node->restart;
is($node->query('SELECT why_quiet FROM appt.worker_status'), 'NOT_PRELOADED', 'not preloaded');
$node->stop;

done_testing();
