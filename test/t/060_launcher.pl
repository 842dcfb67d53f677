# Workers run in every database with the extension, and restart whatever process dies.
use strict;
use warnings;

use Appt::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Appt::Cluster->create('main', extension => 0, conf => 'appt.workers = 2');
# Well before workers look at everything, which they do each minute.
my $soon = 45;
my $sends = 'SELECT bool_and(why_quiet IS NULL) FROM appt.worker_status';

# From nothing to sending.
ok($node->wait_for_query("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'appt launcher'", 1), 'a launcher');
is($node->query("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'appt launcher' AND datname IS NOT NULL"),
	0, 'connected to no database');
is(scalar($node->worker_pids), 0, 'no worker without the extension');

my $offset = $node->log_end;
$node->install_appt;
is(scalar($node->wait_for_workers(2)), 2, 'appt.workers workers after CREATE EXTENSION');
ok( $node->wait_for_query(
		"SELECT string_agg(slot || ' ' || why_quiet, ', ' ORDER BY slot) FROM appt.worker_status",
		'1 NO_IDENTITY, 2 NO_IDENTITY'),
	'quiet while there is no organization');
$node->query("SELECT appt.create_organization('first')");
ok($node->wait_for_query($sends, 't', seconds => $soon), 'and told as soon as there is one');
is( $node->query(
		"SELECT string_agg(DISTINCT application_name || ' ' || coalesce(query, ''), ', ') FROM pg_stat_activity
			WHERE backend_type = 'appt worker'"
	),
	'appt worker delivering notifications',
	'by name in pg_stat_activity');
is( $node->query("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid IN (SELECT pid FROM appt.worker_status)"),
	2, 'each holds the lock of its slot');
is($node->query('SELECT count(pg_advisory_lock(24944, 1)), count(pg_advisory_lock(24944::bigint << 32 | 1))'),
	'1|1', 'which no session can take');

# A transaction that is rolled back changes nothing; others do.
$node->query('BEGIN; DROP EXTENSION appt; ROLLBACK');
ok($node->wait_for_query($sends), 'a DROP that is rolled back stops nobody');
$node->query('DROP EXTENSION appt');
ok($node->wait_for_query("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'appt worker'", 0, seconds => $soon),
	'DROP EXTENSION ends them');
$node->query(
	"BEGIN; CREATE EXTENSION appt; SAVEPOINT s; DROP EXTENSION appt; ROLLBACK TO s; SELECT appt.create_organization('x'); COMMIT");
$node->wait_for_workers(2);
ok($node->wait_for_query($sends, 't', seconds => $soon), 'created and used in one transaction');

# Dropping and creating without a pause, in both orders of events.
foreach my $round (1 .. 10)
{
	$node->query('DROP EXTENSION appt');
	$node->query("CREATE EXTENSION appt; SELECT appt.create_organization('x')");
}
ok($node->wait_for_query($sends, 't', seconds => $soon), 'dropped and created again and again');
is(join("\n", $node->log_since($offset, qr/(ERROR|FATAL|PANIC|WARNING):/)), '', 'all that without a complaint in the log');

# Several databases.
foreach my $database (qw(one two))
{
	$node->install_appt($database);
	$node->wait_for_workers(2, $database);
}
$node->query('CREATE DATABASE without');
ok($node->wait_for_query("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'appt worker'", 6),
	'a pair in each of three databases');

# A worker that is told to exit, or fails, is replaced.
my ($pid) = $node->worker_pids('one');
$node->query("SELECT pg_terminate_backend($pid)");
ok( $node->wait_for_query(
		"SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'appt worker' AND datname = 'one' AND pid <> $pid", 2),
	'a terminated worker is replaced');

# The launcher's successor adopts them.
my $workers = join ' ', $node->worker_pids;
my $launcher = launcher_pid();
$node->query("SELECT pg_terminate_backend($launcher)");
ok($node->wait_for_query("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'appt launcher' AND pid <> $launcher", 1),
	'a terminated launcher is replaced');
$node->install_appt('three');
$node->wait_for_workers(2, 'three');
is(join(' ', grep { $workers =~ /\b$_\b/ } $node->worker_pids), $workers, 'by one that keeps the living workers');
is(scalar($node->worker_pids), 8, 'and starts none beside them');
($pid) = $node->worker_pids('two');
$node->query("SELECT pg_terminate_backend($pid)");
ok( $node->wait_for_query(
		"SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'appt worker' AND datname = 'two' AND pid <> $pid", 2),
	'and replaces those that it adopted');

# A crash restarts every session; afterwards all comes up by itself.
foreach my $victim ('a worker', 'the launcher')
{
	$offset = $node->log_end;
	kill 'KILL', $victim eq 'a worker' ? ($node->worker_pids)[0] : launcher_pid();
	$node->wait_for_log(qr/all server processes terminated; reinitializing/, $offset);
	ok($node->wait_for_query("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'appt worker'", 8),
		"after $victim was killed all workers return");
}

# A restart finds the databases by trying them.
$node->restart;
ok($node->wait_for_query("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'appt worker'", 8), 'a restart brings all back');
ok($node->wait_for_query($sends), 'sending');

# The first check fails: the launcher learns that the extension is there all the same.
$node->query('ALTER TABLE appt.identity RENAME TO hidden; CREATE VIEW appt.identity AS TABLE appt.hidden');
$node->restart;
ok($node->wait_for_query('SELECT why_quiet FROM appt.worker_status WHERE slot = 1', 'FAILING'), 'a check that fails at the start');
$node->query('DROP VIEW appt.identity; ALTER TABLE appt.hidden RENAME TO identity');
ok($node->wait_for_query($sends, 't', seconds => $soon), 'keeps no worker from starting');

# Connections disallowed and allowed.
$node->query('ALTER DATABASE one ALLOW_CONNECTIONS false');
$node->query('ALTER DATABASE two IS_TEMPLATE true');
ok( $node->wait_for_query(
		"SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'appt worker' AND datname IN ('one', 'two')",
		0, seconds => $soon),
	'no worker where nobody may connect, or in a template');
ok($node->wait_for_query('SELECT DISTINCT why_quiet FROM appt.worker_status', 'EXCLUDED', database => 'two'), 'and the latter says why');
$node->query('ALTER DATABASE one ALLOW_CONNECTIONS true');
$node->query('ALTER DATABASE two IS_TEMPLATE false');
ok( $node->wait_for_query(
		"SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'appt worker' AND datname IN ('one', 'two')",
		4, seconds => $soon),
	'until they are open again');

# The switch for all.
$node->append_conf('postgresql.conf', 'appt.enabled = off');
$node->reload;
ok($node->wait_for_query('SELECT DISTINCT why_quiet FROM appt.worker_status', 'DISABLED', seconds => $soon), 'appt.enabled = off is told');
$node->append_conf('postgresql.conf', 'appt.enabled = on');
$node->reload;
ok($node->wait_for_query($sends, 't', seconds => $soon), 'and on');

# An unknown version.
$node->query("UPDATE pg_extension SET extversion = '0.1' WHERE extname = 'appt'");
$node->reload;
$node->query("SELECT appt.create_organization('anything that wakes it')");
ok($node->wait_for_query('SELECT DISTINCT why_quiet FROM appt.worker_status', 'VERSION_MISMATCH'), 'a version that it does not serve');
like($node->query('SELECT explanation FROM appt.worker_status LIMIT 1'), qr/version is 0\.1; this library serves 1\.0/, 'by name');
$node->query("UPDATE pg_extension SET extversion = '1.0' WHERE extname = 'appt'");
$node->reload;
$node->query("SELECT appt.adopt_database()");
ok($node->wait_for_query($sends), 'until it is one that it serves');

# For operators.
$node->query('CREATE ROLE watcher LOGIN IN ROLE pg_monitor; CREATE ROLE stranger LOGIN');
is($node->query("SET ROLE watcher; SELECT count(*), min(due_now) FROM appt.worker_status"), '2|0', 'pg_monitor sees worker_status');
$node->refused_with('42501', 'SET ROLE stranger; SELECT * FROM appt.worker_status', 'others do not');

# Shutdown is fast, also with workers of many databases.
my $start = time;
$node->stop('fast');
cmp_ok(time - $start, '<', $soon, 'a fast shutdown is fast');

done_testing();

sub launcher_pid
{
	return $node->query("SELECT pid FROM pg_stat_activity WHERE backend_type = 'appt launcher'");
}
