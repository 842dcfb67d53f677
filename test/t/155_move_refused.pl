# scripts/move-tenant: what it refuses, before it has changed anything.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Mover;
use Appt::Router;
use Appt::Session;
use Appt::Tenant;
use Test::More;

my $node = Appt::Cluster->create('main', extension => 0);

Appt::Router->install($node);
$node->install_appt('twin');
my $mover = Appt::Mover->new($node);
my $tenant = Appt::Tenant->create($node, database => 'shard0');
my $application = $tenant->application;
my $state = "SELECT node || state FROM appt.tenant WHERE application_id = '$application'";

$tenant->schedule;
$node->query('SELECT appt.register_tenants(0)', 'router');

sub is_refused
{
	my ($from, $to, $why, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($mover->refusal($application, $from, $to), $why, $name);
	return;
}

is_refused('shard0', 'twin', 'source and target have the same node, so their numbers may collide: see set_node',
	'two databases of one node');
is_refused('shard1', 'shard0', 'the target has this application already', 'from where it is not');
is($mover->refusal('00000000-0000-4000-8000-000000000000', 'shard0', 'shard1'),
	'there is no application 00000000-0000-4000-8000-000000000000 at the source', 'an unknown application');

# Versions and columns.
$node->query("UPDATE pg_extension SET extversion = '0.0' WHERE extname = 'appt'", 'shard1');
like($mover->refusal($application, 'shard0', 'shard1'), qr/^the source has appt \S+, the target 0\.0$/, 'another version');
$node->query(
	"UPDATE pg_extension SET extversion = (SELECT default_version FROM pg_available_extensions WHERE name = 'appt')
	WHERE extname = 'appt'", 'shard1');
$node->query('ALTER TABLE appt.rule ADD COLUMN own text', 'shard1');
is_refused('shard0', 'shard1', 'the tables of the target have other columns than those of the source', 'a column that somebody has added');
$node->query('ALTER TABLE appt.rule DROP COLUMN own', 'shard1');

# Another application with the same tag.
$node->query("INSERT INTO appt.organization (id, name) VALUES ('00000000-0000-4000-8000-000000000001', 'other');
	INSERT INTO appt.application (id, organization_id, name)
	SELECT (substr('$application', 1, 9) || '0000-4000-8000-000000000000')::uuid, '00000000-0000-4000-8000-000000000001', 'other'", 'shard1');
is_refused('shard0', 'shard1', 'another application of the target has the same tag', 'a tag that is taken');
$node->query("DELETE FROM appt.application WHERE name = 'other'", 'shard1');

# Two at once.
{
	my $session = Appt::Session->open($node, database => 'shard1');

	$session->run("SELECT pg_advisory_lock(hashtextextended('$application', 0))");
	is_refused('shard0', 'shard1', 'another move of this application is running', 'a second move');
	$session->run("SELECT pg_advisory_unlock_all()");
}

is($node->query($state, 'router'), '0ACTIVE', 'callers have noticed nothing');
is($node->query("SELECT is_held FROM appt.application WHERE id = '$application'", 'shard0'), 'f', 'nor the worker');
is($node->query("SELECT count(*) FROM appt.appointment WHERE application_id = '$application'", 'shard1'), 0, 'nothing was copied');
$mover->move($application, 'shard0', 'shard1');
is($node->query($state, 'router'), '1ACTIVE', 'without an obstacle it moves');

# A function of somebody else, whose arguments fit better than those of PostgreSQL's own.
$node->query(
	q{CREATE FUNCTION public.hashtextextended(text, integer) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint / 0'}, $_)
	foreach qw(shard0 shard1);
like($mover->move($application, 'shard1', 'shard0'), qr/^done/m,
	'nothing that a user of the databases has created is executed by a superuser');

done_testing();
