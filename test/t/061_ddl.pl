# DDL on a database neither hangs nor fails because of the workers in it.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Tenant;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $node = Appt::Cluster->create('main', conf => "appt.workers = 2\nappt.request_timeout = '10min'");
my %seconds = (idle => [], sending => []);
my $load = 'idle';
my $folder = PostgreSQL::Test::Utils::tempdir();

$node->wait_for_workers(2);
serve('busy');

# From another database, and with the workers' own as the template while connected to it.
prompt('CREATE DATABASE copy1 TEMPLATE busy');
prompt('CREATE DATABASE copy2 TEMPLATE = busy STRATEGY file_copy');
prompt('CREATE DATABASE copy3 TEMPLATE busy', database => 'busy');
foreach my $copy (qw(copy1 copy2 copy3))
{
	$node->wait_for_workers(2, $copy);
	ok($node->wait_for_query('SELECT DISTINCT why_quiet FROM appt.worker_status', 'RESTORED_COPY', database => $copy),
		"workers find $copy and send nothing");
}
back('busy', 'copying');

prompt('ALTER DATABASE busy RENAME TO renamed');
back('renamed', 'renaming');
is($node->query("SELECT DISTINCT datname FROM pg_stat_activity WHERE backend_type = 'appt worker' AND datname IN ('busy', 'renamed')"),
	'renamed', 'under the new name');
prompt('ALTER DATABASE renamed RENAME TO busy');
back('busy', 'renaming once more');

$node->query("CREATE TABLESPACE elsewhere LOCATION '$folder'");
prompt('ALTER DATABASE busy SET TABLESPACE elsewhere');
back('busy', 'moving');

prompt('DROP DATABASE copy1');
prompt('DROP DATABASE IF EXISTS copy2 WITH (FORCE)');
prompt('DROP DATABASE IF EXISTS copy2');
is($node->query("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'appt worker' AND datname ~ '^copy[12]'"),
	0, 'no workers of what was dropped');

# The same while messages are in flight to an endpoint that never answers.
my $hook = Appt::Peers->webhook;
my $tenant = Appt::Tenant->create($node, database => 'busy');
$tenant->subscribe($hook->url('/hang'));
$tenant->only('CREATE', 'WEBHOOK');
sending();
prompt('CREATE DATABASE copy4 TEMPLATE busy');
sending();
prompt('ALTER DATABASE busy RENAME TO renamed');
prompt('ALTER DATABASE renamed RENAME TO busy');
sending();
prompt('ALTER DATABASE busy SET TABLESPACE pg_default');
sending();
ok($node->wait_for_query("SELECT count(*) > 0 FROM appt.attempt WHERE outcome = 'INTERRUPTED'", 't', database => 'busy'),
	'what was on its way is logged as interrupted');
$node->query("DELETE FROM appt.rule; UPDATE appt.subscription SET enabled = false", 'busy');

# What fails, or is rolled back, leaves all as it was.
prompt('CREATE DATABASE busy TEMPLATE busy', fails => qr/already exists/);
back('busy', 'a CREATE that failed');
prompt('ALTER DATABASE busy RENAME TO postgres', fails => qr/already exists/);
back('busy', 'an ALTER that failed');
prompt('BEGIN; ALTER DATABASE busy RENAME TO renamed; ROLLBACK');
back('busy', 'an ALTER that was rolled back');

# Workers stay disconnected while the transaction is open; a rollback to a savepoint lets them connect again.
my $session = $node->background_psql('postgres');
$session->query_safe('BEGIN; ALTER DATABASE busy RENAME TO renamed; ALTER DATABASE renamed RENAME TO again');
$node->query('SELECT pg_sleep(1.5)');
is(scalar(pids_of($node->query("SELECT oid FROM pg_database WHERE datname = 'busy'"))), 0, 'kept out until the transaction ends');
$session->query_safe('ROLLBACK');
back('busy', 'the transaction');
$session->query_safe('BEGIN; SAVEPOINT s; ALTER DATABASE busy RENAME TO renamed; ROLLBACK TO s');
back('busy', 'a rollback to a savepoint');
$session->query_safe('COMMIT');

# A session that dies while it holds a database.
$session->query_safe('BEGIN; ALTER DATABASE busy RENAME TO renamed');
$node->query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction'");
back('busy', 'the death of who held it');

# A statement that is not permitted stops no worker.
$node->query('CREATE ROLE stranger LOGIN CREATEDB');
my $before = join ' ', pids('busy');
foreach my $statement ('DROP DATABASE busy', 'ALTER DATABASE busy RENAME TO mine', 'CREATE DATABASE mine TEMPLATE busy')
{
	$node->refused_with('42501', "SET ROLE stranger; $statement", "$statement, by a stranger");
}
is(join(' ', pids('busy')), $before, 'no worker was stopped');

# DDL on the extension itself, beside its workers, in whatever order it locks.
foreach my $round (1 .. 5)
{
	my $offset = $node->log_end;
	prompt('DROP EXTENSION appt', database => 'copy3');
	prompt("CREATE EXTENSION appt; SELECT appt.create_organization('x')", database => 'copy3');
	back('copy3', "dropping and creating the extension, round $round");
	is(join("\n", $node->log_since($offset, qr/(ERROR|FATAL|deadlock)/)), '', 'and nothing to complain of');
}
$session = $node->background_psql('copy3');
$session->query_safe('BEGIN; DROP EXTENSION appt');
ok( $node->wait_for_query(
		"SELECT count(*) FROM pg_locks WHERE NOT granted AND pid IN (SELECT pid FROM pg_stat_activity WHERE backend_type = 'appt worker')",
		0),
	'workers stand aside for a DROP that is not committed yet');
$session->query_safe('ROLLBACK');
$session->quit;
back('copy3', 'a DROP rolled back late');

# Dropping the busy one while it sends.
$tenant->rule('CREATE', 'WEBHOOK');
$node->query('UPDATE appt.subscription SET enabled = true', 'busy');
sending();
prompt('DROP DATABASE busy');

# At most half may take two seconds; single ones may, on a busy machine.
foreach my $name (sort keys %seconds)
{
	my @sorted = sort { $a <=> $b } @{ $seconds{$name} };
	cmp_ok($sorted[ $#sorted / 2 ], '<', 2, @sorted . " times at once: $name") if !$ENV{APPT_SANITIZE};
}
done_testing();

# A database with the extension, and workers that send.
sub serve
{
	my ($database) = @_;

	$node->install_appt($database);
	$node->query("SELECT appt.create_organization('x')", $database);
	back($database, 'creating it');
	return;
}

# A test: a message is in flight.
sub sending
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$load = 'sending';
	$tenant->schedule;
	ok($node->wait_for_query('SELECT sum(in_flight) > 0 FROM appt.worker_status', 't', database => 'busy'), 'while it sends');
	return;
}

# A test: the statement succeeds (or fails as expected), and does not wait for messages in flight.
sub prompt
{
	my ($statement, %options) = @_;
	my ($errors, $start) = ('', time);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$node->psql($options{database} // 'postgres', $statement, stderr => \$errors);
	my $seconds = time - $start;
	my ($error) = $errors =~ /ERROR:  (.*)/;
	if ($options{fails}) { like($error // '', $options{fails}, "$statement: refused"); }
	else { is($error, undef, $statement); }
	cmp_ok($seconds, '<', 60, 'before long');
	push @{ $seconds{$load} }, $seconds;
	$load = 'idle';
	return;
}

# A test: both workers are there and send.
sub back
{
	my ($database, $after) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok($node->wait_for_query('SELECT bool_and(why_quiet IS NULL) FROM appt.worker_status', 't', database => $database),
		"$database is served after $after")
		or diag($node->query('SELECT slot, pid, started_at, next_wake, why_quiet, last_error FROM appt.worker_status', $database));
	return;
}

sub pids
{
	my ($database) = @_;

	return pids_of($node->query("SELECT oid FROM pg_database WHERE datname = '$database'"));
}

sub pids_of
{
	my ($oid) = @_;

	return split /\n/, $node->query("SELECT pid FROM pg_stat_activity WHERE backend_type = 'appt worker' AND datid = $oid ORDER BY 1");
}
