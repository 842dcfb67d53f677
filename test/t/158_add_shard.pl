# A shard is added to a cluster while the router serves, and taken out again, as doc/shards-operations.md says.

use strict;
use warnings;

use Appt::Cluster;
use Appt::Document;
use Appt::Mover;
use Appt::Router;
use Appt::Session;
use Test::More;

my $node = Appt::Cluster->create('main', extension => 0);
Appt::Router->install($node);
my $service = Appt::Session->open($node, database => 'router', user => 'my_app');
my $organization = $service->run("SELECT appt.create_organization('Acme', node => 0)");
my $application = $service->run("SELECT appt.create_application('$organization', 'Bank')");
$node->query('CREATE EXTENSION postgres_fdw; SELECT appt.link_shards()', 'router');

# A client that calls as long as the test goes on.
my $client = Appt::Session->open($node, database => 'router', user => 'my_app');
$client->start(
	"DO \$\$ BEGIN LOOP PERFORM appt.count_overlapping('$application', now(), '1 hour'); COMMIT;
		EXIT WHEN EXISTS (SELECT FROM appt.home WHERE organization_id = '00000000-0000-0000-0000-000000000000'); END LOOP; END \$\$");

# ---- added ----

my $server = Appt::Cluster->create('third', extension => 0);
my ($logins, $grants) = map { documented('shards.md', $_) } 'CREATE ROLE router_tokens', 'SELECT appt.set_node(1)';
$server->query('CREATE DATABASE app');
$server->query("CREATE EXTENSION appt; $logins; $grants", 'app');
my ($enter, $use) =
	map { documented('shards-operations.md', $_) } 'INSERT INTO appt.shard', 'UPDATE appt.shard SET accepts_tenants = true';
my $address = 'host=' . $server->host . ' port=' . $server->port;
$enter =~ s/host=10\.0\.0\.12/$address/ or die 'no address';
# Its number is the example's, not the one that the router is told.
like($node->query($enter, 'router'), qr/^2\|t\|\|1\|[\d.]+\|[01]$/m, 'a shard whose number is another one is seen');
$server->query('SELECT appt.set_node(2)', 'app');
ok($node->wait_for_query('SELECT own_node, running, why_quiet FROM appt.shard_status() WHERE node = 2', '2|1|NO_IDENTITY', database => 'router'),
	'one that is as it should be, too');
$service->run("SELECT appt.create_organization('Early')") foreach 1 .. 4;
is($node->query('SELECT count(*) FROM appt.home WHERE node = 2', 'router'), 0, 'it has no tenants at first');
$node->query($use, 'router');
my $new = $service->run("SELECT appt.create_organization('New')");
my $tenant = $service->run("SELECT appt.create_application('$new', 'a')");
is($node->query("SELECT node FROM appt.tenant WHERE application_id = '$tenant'", 'router'), 2, 'then new ones go there');
is($service->run("SELECT node FROM appt.all_application WHERE id = '$tenant'"), 2, 'and the views show it');
ok( $node->wait_for_query(
		'SELECT why_quiet IS NULL FROM appt.shard_status() WHERE node = 2', 't', database => 'router'),
	'its worker sends');
my $moved = $service->run("SELECT appt.create_application('$organization', 'Moved')");

my $mover = Appt::Mover->new($node, app => $server);
$mover->move($moved, 'shard0', 'app');
is($service->run("SELECT count(*) FROM appt.count_overlapping('$moved', now(), '1 day')"), 1, 'a tenant that has moved there is called there');

# ---- taken out ----

$node->query('UPDATE appt.shard SET accepts_tenants = false WHERE node = 2', 'router');
my $delete = 'DELETE FROM appt.shard WHERE node = 2';
$node->refused_with('23503', $delete, 'a shard with tenants is not deleted', database => 'router');
$mover->move($_, 'app', 'shard0') foreach $moved, $tenant;
is($node->query('SELECT appt.link_shards(ARRAY[0, 1])', 'router'), 2, 'the views do without it');
$node->query('UPDATE appt.home SET node = 0 WHERE node = 2', 'router');
$node->query($delete, 'router');
$server->stop;
is($service->run("SELECT count(*) FROM appt.count_overlapping('$_', now(), '1 day')"), 1, 'its tenants are elsewhere') foreach $moved, $tenant;
is($service->run('SELECT count(*) FROM appt.all_application'), 3, 'all of them');
is($service->run("SELECT count(*) FROM appt.find_appointments()"), 1, 'nobody asks it any more');

$node->query("INSERT INTO appt.home VALUES ('00000000-0000-0000-0000-000000000000', 0)", 'router');
is($client->end, '00000', 'the calls of another client went on all the time');

done_testing();
