# Every way to copy a database carries all of appt's data, and no copy sends until adopt_database(); what stays the same
# database goes on sending.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Filled;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Appt::Cluster->create('main', preload => 0, streaming => 1);
my $dump = "$ENV{TESTDIR}/appt.dump";
$node->query('CREATE EXTENSION appt_test');
$node->query('SELECT appt.set_node(7)');

is(why(), 'The database has no identity yet; create_organization writes it.', 'nothing sends before there is an organization');

# Several first organizations at once, in a transaction that cannot see the others', leave one identity.
my @creators = map {
	my ($level) = @$_;
	my %session = (in => '', out => '');
	$session{handle} = IPC::Run::start([ 'psql', '-X', '-q', '-A', '-t', '-d', $node->connstr('postgres') ],
		'<', \$session{in}, '>', \$session{out}, '2>', \$session{out});
	$session{in} .= "BEGIN ISOLATION LEVEL $level; SELECT 'begun' FROM pg_class LIMIT 1;\n";
	$session{handle}->pump until $session{out} =~ /begun/;
	\%session;
} (['READ COMMITTED'], ['REPEATABLE READ'], ['SERIALIZABLE']);
$creators[0]{in} .= "SELECT 'created' FROM appt.create_organization('first');\n";
$creators[0]{handle}->pump until $creators[0]{out} =~ /created/;
foreach my $late (@creators[ 1, 2 ])
{
	$late->{in} .= "SELECT 'created' FROM appt.create_organization('late'); COMMIT;\n\\q\n";
	$late->{handle}->pump_nb;
}
ok($node->wait_for_query("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'appt.identity'::regclass", 2),
	'who comes second waits for the first');
$creators[0]{in} .= "COMMIT;\n\\q\n";
$_->{handle}->finish foreach @creators;
is(scalar(grep { $_->{out} =~ /created/ && $_->{out} !~ /ERROR/ } @creators), 3, 'all are created');
is($node->query('SELECT count(*) FROM appt.identity'), 1, 'with one identity');
is(why(), '', 'the original sends');

# A savepoint's transaction has an id of its own, and that one is the row's xmin.
$node->query(q{BEGIN; DELETE FROM appt.identity; SAVEPOINT one; SELECT appt.create_organization('nested'); RELEASE one; COMMIT});
is(why(), '', 'also where a subtransaction wrote it');

Appt::Filled::fill($node);
my @tables = Appt::Filled::tables($node);
my @sequences = split /\n/,
	$node->query(q{SELECT relname FROM pg_class WHERE relnamespace = 'appt'::regnamespace AND relkind = 'S' ORDER BY 1});
is( join(' ', @tables),
	'application appointment attempt change daily_figure due follower hour_count hourly_figure idempotency_key identity'
		. ' inbound_message invitation line line_number'
		. ' line_ring_group line_subscription meeting_template notification one_time_code organization page_text participant provider'
		. ' provider_message report_day report_schedule response ring_group ring_group_member room_access rule secret'
		. ' subscription suppression template'
		. ' user_event user_preference user_profile',
	'all tables are known to this test');
is( $node->query(
		q{SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class
			WHERE relnamespace = 'appt'::regnamespace AND relkind IN ('r', 'S')
				AND oid <> ALL ((SELECT extconfig FROM pg_extension WHERE extname = 'appt')::oid[])}),
	'',
	'and every table and sequence is registered for dumps');
is(join(' ', grep { $node->query("SELECT count(*) FROM appt.$_") == 0 } @tables), '', 'and has rows');

# Dump and restore.
my %original = contents('postgres');
run_ok('dump', 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('postgres'));
$node->query('CREATE DATABASE restored');
run_ok('restore into a new database', 'pg_restore', '--exit-on-error', '-d', $node->connstr('restored'), $dump);
is_copy('restored', 'The data was restored or replicated from elsewhere; adopt_database() lets this database send.');
run_ok('dump as text', 'pg_dump', '-f', "$dump.sql", '-d', $node->connstr('postgres'));
$node->query('CREATE DATABASE replayed');
run_ok('restore with psql', 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('replayed'), '-f', "$dump.sql");
is_copy('replayed', 'The data was restored or replicated from elsewhere; adopt_database() lets this database send.');

# A template's copy has the very same pages.
$node->query('CREATE DATABASE templated TEMPLATE postgres');
is_copy('templated', 'The database is a copy made with CREATE DATABASE; adopt_database() lets it send.');
$node->query('CREATE DATABASE copied TEMPLATE postgres STRATEGY file_copy');
is_copy('copied', 'The database is a copy made with CREATE DATABASE; adopt_database() lets it send.');

# Operations that keep the database's identity.
is(why(), '', 'all that leaves the original sending');
$node->query('VACUUM (FREEZE) appt.identity');
is(why(), '', 'freezing its row too');
$node->query('VACUUM (FULL, FREEZE) appt.identity');
is(why(), '', 'and rewriting it');
$node->restart;
is(why(), '', 'a restart goes on sending');
$node->query('ALTER DATABASE postgres RENAME TO renamed', 'template1');
is(why('renamed'), '', 'a new name too');
$node->query('ALTER DATABASE renamed RENAME TO postgres', 'template1');

my $standby = Appt::Cluster->new('standby');
$node->backup('base');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$standby->promote;
is($standby->query('SELECT appt_test.why_not_sending()'), '', 'a promoted standby goes on sending');
$standby->stop;

# Restoring over live data.
run_ok('restore into the same database',
	'pg_restore', '--clean', '--if-exists', '--exit-on-error', '-d', $node->connstr('postgres'), $dump);
is_copy('postgres', 'The data was restored or replicated from elsewhere; adopt_database() lets this database send.');
$node->query('INSERT INTO appt.identity (database_oid, transaction_id) SELECT database_oid, transaction_id FROM appt.identity');
is( why(),
	'The database has several identities, as after a restore on top of live data; adopt_database() settles it.',
	'two identities are nobody\'s');
$node->query('SELECT appt.adopt_database()');
is(why(), '', 'until one is made of them');

done_testing();

sub why
{
	my ($database) = @_;

	return $node->query('SELECT appt_test.why_not_sending()', $database // 'postgres');
}

sub run_ok
{
	my ($name, @command) = @_;
	my $output = '';

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok(IPC::Run::run(\@command, '>', \$output, '2>&1'), $name) or diag($output);
	return;
}

# A digest of every table and the state of every sequence.
sub contents
{
	my ($database) = @_;
	my %digest;

	foreach my $table (@tables)
	{
		$digest{$table} =
			$node->query("SELECT count(*) || ' ' || md5(string_agg(t::text, E'\\n' ORDER BY t::text)) FROM appt.$table t", $database);
	}
	foreach my $sequence (@sequences)
	{
		$digest{$sequence} = $node->query("SELECT last_value || ' ' || is_called FROM appt.$sequence", $database);
	}
	return %digest;
}

# Several tests: the same contents, the same node, silent, and able to send once adopted.
sub is_copy
{
	my ($database, $why) = @_;
	my %copy = contents($database);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is_deeply(\%copy, \%original, "$database has all data");
	is($node->query("SELECT string_agg(DISTINCT appt.node_of(last_value)::text, ' ') FROM pg_sequences WHERE schemaname = 'appt'", $database),
		7, 'and goes on as the same node');
	is(why($database), $why, 'and does not send');
	$node->query(q{SELECT appt.create_organization('another')}, $database);
	is(why($database), $why, 'nor after another organization was created');
	return if $database eq 'postgres';
	$node->query('SELECT appt.adopt_database()', $database);
	is(why($database), '', 'until it is adopted');
	return;
}
