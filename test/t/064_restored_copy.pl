# The workers of a restored copy are quiet until adopt_database(); without preloading all works but sending.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Tenant;
use IPC::Run;
use Test::More;

my $node = Appt::Cluster->create('main');
my $dump = "$ENV{TESTDIR}/appt.dump";
my $is_copy = 'RESTORED_COPY';

$node->wait_for_workers(1);
$node->query("SELECT appt.create_organization('x')");
becomes('postgres', '', 'the original sends');

# One message that is due in all of them.
my $hook = Appt::Peers->webhook;
my $tenant = Appt::Tenant->create($node);
$tenant->subscribe($hook->url('/ok'));
$tenant->only('CREATE', 'WEBHOOK');
switch ('off');
$tenant->schedule;

run('pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('postgres'));
$node->query('CREATE DATABASE restored');
run('pg_restore', '--exit-on-error', '-d', $node->connstr('restored'), $dump);
becomes('restored', $is_copy, 'a restored dump is quiet');
$node->query("SELECT appt.create_organization('y')", 'restored');
is($node->query('SELECT why_quiet FROM appt.worker_status', 'restored'), $is_copy, 'also once it gets more organizations');
$node->query('CREATE DATABASE copied TEMPLATE postgres');
becomes('copied', $is_copy, 'a copy by TEMPLATE is quiet');
like(
	$node->query('SELECT explanation FROM appt.worker_status', 'copied'),
	qr/copy made with CREATE DATABASE; adopt_database\(\) lets it send/,
	'and says what to do');

switch ('on');
$hook->wait_for(1);
$tenant->settled;
is(scalar($hook->entries), 1, 'so a message that is due in all three is sent once');

# Adopting takes effect when it commits.
$node->query('BEGIN; SELECT appt.adopt_database(); ROLLBACK', 'copied');
is($node->query('SELECT why_quiet FROM appt.worker_status', 'copied'), $is_copy, 'not if it is rolled back');
foreach my $database (qw(restored copied))
{
	$node->query('SELECT appt.adopt_database()', $database);
	becomes($database, '', "adopt_database() in $database");
}
is(scalar($hook->wait_for(3)), 3, 'and sent by those that were adopted');
becomes('postgres', '', 'and the original still sends');

run('pg_restore', '--clean', '--if-exists', '--exit-on-error', '-d', $node->connstr('postgres'), $dump);
becomes('postgres', $is_copy, 'restoring over the original makes it a copy');
$node->query('SELECT appt.adopt_database()');
becomes('postgres', '', 'until it is adopted');

# Two identities belong to no database: data restored on top of data.
run('pg_restore', '--data-only', '--table=identity', '--exit-on-error', '-d', $node->connstr('copied'), $dump);
# COPY wakes nobody; without this an idle worker would notice within a minute.
$node->reload;
$node->query("SELECT appt.create_organization('wakes it')", 'copied');
becomes('copied', $is_copy, 'data restored on top of data makes it quiet');

$node->restart;
becomes('restored', '', 'a restart changes nothing: one that sends');
becomes('copied', $is_copy, 'and one that does not');
$node->stop;

# Not preloaded.
$node->adjust_conf('postgresql.conf', 'shared_preload_libraries', "''");
$node->start;
is($node->query('SELECT slot, pid, why_quiet FROM appt.worker_status', 'restored'), '1||NOT_PRELOADED', 'not preloaded, nothing is sent');
$node->refused_with('42704', 'SHOW appt.workers', 'appt.workers is not defined then');
my $schedule = q{SELECT appt.schedule_appointment(id, now() + interval '1 day', '30 minutes', organizer_id => 'a',
	customer => '{"contact": {"primaryEmail": "a@example.org"}}') FROM appt.application};
my $errors;
$node->psql('restored', "SELECT appt.create_application(id, 'x') FROM appt.organization LIMIT 1; $schedule; $schedule",
	stderr => \$errors);
is(scalar(() = $errors =~ /WARNING:  appt is not preloaded, so nothing will be sent/g),
	1, 'the first call that plans something warns, once');
like($errors, qr/HINT:  Add appt to shared_preload_libraries and restart the server\./, 'with what to do');
unlike($errors, qr/ERROR/, 'and everything works');
$node->stop;

done_testing();

sub switch
{
	my ($enabled) = @_;

	$node->append_conf('postgresql.conf', "appt.enabled = $enabled");
	$node->reload;
	my $why = $enabled eq 'on' ? '' : 'DISABLED';
	$node->wait_for_query("SELECT coalesce(why_quiet, '') FROM appt.worker_status", $why);
	return;
}

# A test: the worker of the database has this reason to be quiet.
sub becomes
{
	my ($database, $why, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok($node->wait_for_query("SELECT coalesce(why_quiet, '') FROM appt.worker_status", $why, database => $database), $name);
	return;
}

sub run
{
	my (@command) = @_;
	my $output = '';

	IPC::Run::run(\@command, '>', \$output, '2>&1') or die "@command: $output";
	return;
}
