# Backups of a cluster: a shard that is restored to a time before a tenant left it, and a router that is lost, or replaced by the next
# version. What is done about it is what doc/shards-operations.md says.

use strict;
use warnings;

use Appt::Cluster;
use Appt::Document;
use Appt::Mover;
use Appt::Peers;
use Appt::Router;
use Appt::Session;
use Appt::Tenant;
use IPC::Run;
use Test::More;

my $node = Appt::Cluster->create('main', extension => 0, conf => "max_connections = 80");
Appt::Router->install($node);
$node->query('CREATE EXTENSION postgres_fdw; SELECT appt.link_shards()', 'router');
my $hook = Appt::Peers->webhook;
my $mover = Appt::Mover->new($node);
my ($goer, $stayer) = map { tenant() } 1 .. 2;
$node->query('SELECT appt.register_tenants(0)', 'router');
my $misplaced = 'SELECT application_id, node, state, found_on FROM appt.misplaced_tenant ORDER BY 1, 4';
is($node->query($misplaced, 'router'), '', 'every tenant is where the directory says');

sub tenant
{
	my $tenant = Appt::Tenant->create($node, database => 'shard0');

	$tenant->only('CREATE', 'WEBHOOK');
	$tenant->subscribe($hook->url('/ok/' . $tenant->application));
	return $tenant;
}

# How often the application's messages arrived.
sub received
{
	my ($tenant) = @_;
	my $path = '/ok/' . $tenant->application;

	return scalar grep { $_->{path} eq $path } $hook->entries;
}

sub run
{
	my (@command) = @_;
	my $output = '';

	IPC::Run::run(\@command, '>', \$output, '2>&1') or die "@command: $output";
	return;
}

sub book
{
	my ($tenant, $database) = @_;

	return $node->query(
		"SELECT id FROM appt.schedule_appointment('@{[ $tenant->application ]}', now() + interval '2 days', '30 minutes',
			customer => '{\"contact\": {\"primaryEmail\": \"ann\@example.org\"}}', organizer_id => 'agent-1')", $database // 'router');
}

# ---- a shard is restored ----

# The backup has a message that is due.
$node->append_conf('postgresql.conf', 'appt.enabled = off');
$node->reload;
ok($node->wait_for_query('SELECT why_quiet FROM appt.worker_status', 'DISABLED', database => 'shard0'), 'the worker pauses');
book($goer);
my $dump = "$ENV{TESTDIR}/shard0.dump";
run('pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('shard0'));
$node->append_conf('postgresql.conf', 'appt.enabled = on');
$node->reload;
ok($goer->settled, 'it is sent after the backup');
$mover->move($goer->application, 'shard0', 'shard1');
book($goer);
ok($node->wait_for_query("SELECT count(*) FROM appt.notification WHERE state = 'SENT'", 2, database => 'shard1'),
	'the tenant has moved, and has sent another message');

$node->query('DROP DATABASE shard0 WITH (FORCE)');
$node->query('CREATE DATABASE shard0');
run('pg_restore', '--exit-on-error', '-d', $node->connstr('shard0'), $dump);
my $application = $goer->application;
is($node->query($misplaced, 'router'), "$application|1|ACTIVE|0", 'the restored shard has the tenant that has left it');
ok($node->wait_for_query('SELECT why_quiet FROM appt.shard_status() WHERE node = 0', 'RESTORED_COPY', database => 'router'),
	'and sends nothing');
my $late = book($goer);
is($node->query("SELECT count(*) FROM appt.appointment WHERE id = '$late'", 'shard1'), 1, 'calls go where it is');

# What the page says: hold it, adopt the database, delete what has moved.
my ($hold, $adopt, $delete) =
	map { documented('shards-operations.md', $_) } 'SELECT appt.hold_application', 'SELECT appt.adopt_database', 'BEGIN;';
$node->query("\\set application $application\n$hold\n$adopt", 'shard0');
ok($node->wait_for_query('SELECT coalesce(why_quiet, $$$$) FROM appt.shard_status() WHERE node = 0', '', database => 'router'),
	'once it is adopted, the shard sends');
book($stayer);
ok($stayer->settled, 'for the tenant that is there');
ok($node->wait_for_query("SELECT count(*) FROM appt.notification WHERE state = 'SENT'", 3, database => 'shard1'), 'as the other one does');
is(received($stayer), 1, 'each message of the one');
is(received($goer), 3, 'and of the other, once');
$node->query("\\set application $application\n$delete", 'shard0');
is($node->query($misplaced, 'router'), '', 'what is left of the tenant can be deleted');
$mover->move($goer->application, 'shard1', 'shard0');
is($node->query("SELECT count(*) FROM appt.appointment WHERE application_id = '$application'", 'shard0'), 3, 'so it may come back');

# A backup of a shard from before a tenant came has it not.
$node->query("INSERT INTO appt.tenant (application_id, organization_id, node) SELECT gen_random_uuid(), gen_random_uuid(), 1", 'router');
is($node->query('SELECT node, state, found_on FROM appt.misplaced_tenant', 'router'), '1|ACTIVE|', 'a tenant that is on no shard is seen');
$node->query('DELETE FROM appt.tenant WHERE application_id IN (SELECT application_id FROM appt.misplaced_tenant)', 'router');

# ---- the router is lost ----

my $directory = 'SELECT application_id, organization_id, node, state FROM appt.tenant ORDER BY 1';
my $homes = 'SELECT * FROM appt.home ORDER BY 1';
$mover->move($goer->application, 'shard0', 'shard1');
my @before = map { $node->query($_, 'router') } $directory, $homes;
my $shards = $node->query("SELECT string_agg(format('(%s, %L)', node, conninfo), ', ') FROM appt.shard", 'router');
$node->query('DROP DATABASE router');
$node->query('CREATE DATABASE router');
$node->query("CREATE EXTENSION appt_router; INSERT INTO appt.shard (node, conninfo) VALUES $shards", 'router');
$node->query('SELECT appt.register_tenants(node) FROM appt.shard ORDER BY node DESC', 'router');
is($node->query($directory, 'router'), $before[0], 'a new router learns from the shards where the tenants are');
is($node->query($homes, 'router'), $before[1], 'and the organizations');
$node->query('CREATE EXTENSION postgres_fdw; SELECT appt.link_shards()', 'router');
is($node->query($misplaced, 'router'), '', 'no tenant is missing');
book($goer);

# A copy that is held is no tenant.
$node->query("SELECT appt.hold_application('$application')", 'shard1');
$node->query('DELETE FROM appt.tenant', 'router');
is($node->query('SELECT appt.register_tenants(1)', 'router'), 0, 'a tenant that is held is not registered');
is($node->query("SELECT node, found_on FROM appt.misplaced_tenant WHERE application_id = '$application'", 'router'), '|1', 'but seen');
$node->query("SELECT appt.wake_application('$application')", 'shard1');
is($node->query('SELECT sum(appt.register_tenants(node)) FROM appt.shard', 'router'), 2, 'before it is woken');

# ---- the router is replaced ----

$node->query('CREATE DATABASE router2');
$node->query('CREATE EXTENSION appt_router', 'router2');
my $tables = "$ENV{TESTDIR}/directory.sql";
run('pg_dump', '--data-only', '-f', $tables, (map { "--table=appt.$_" } qw(shard home tenant)), '-d', $node->connstr('router'));
run('psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $tables, '-d', $node->connstr('router2'));
is($node->query($directory, 'router2'), $node->query($directory, 'router'), 'another router gets its directory by pg_dump');
ok(book($goer, $_), "$_ serves") foreach qw(router router2);
$node->query("SELECT appt.create_application('@{[ $goer->organization ]}', 'late')", 'router');
is($node->query('SELECT sum(appt.register_tenants(node)) FROM appt.shard', 'router2'), 1, 'what the old one creates is registered');
is($node->query($directory, 'router2'), $node->query($directory, 'router'), 'so both know the same');

done_testing();
