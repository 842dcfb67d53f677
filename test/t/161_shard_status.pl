# What a router tells of its shards: a row for each, also for one that is down; the log of those that answer; metrics for Prometheus.

use strict;
use warnings;

use Appt::Cluster;
use Appt::Router;
use Appt::Session;
use IO::Socket::INET;
use JSON::PP qw(decode_json);
use Test::More;
use Time::HiRes qw(time);

my $node = Appt::Cluster->create('main', extension => 0);
my $other = Appt::Cluster->create('other', extension => 0);
Appt::Router->install($node, shards => [ $node, $other ]);
my $version = $node->query("SELECT extversion FROM pg_extension WHERE extname = 'appt'", 'shard0');
$node->query('CREATE ROLE monitor LOGIN IN ROLE pg_monitor');
my $monitor = Appt::Session->open($node, database => 'router', user => 'monitor');
my $service = Appt::Session->open($node, database => 'router', user => 'my_app');
my $organization = $service->run("SELECT appt.create_organization('Acme', node => 1)");
my $application = $service->run("SELECT appt.create_application('$organization', 'Bank')");

sub is_status
{
	my ($columns, $expected, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($monitor->run("SELECT node, $columns FROM appt.shard_status()"), join("\n", @$expected), $name);
	return;
}

# ---- both answer ----

ok($node->wait_for_query('SELECT count(*) FROM appt.shard_status() WHERE running = 1', 2, database => 'router'),
	'workers of both shards run');
is_status('answers, problem IS NULL, version, own_node, workers, running',
	[ "0|t|t|$version|0|1|1", "1|t|t|$version|1|1|1" ], 'shards say who they are');
is_status('host', [ '0|' . $node->host, '1|' . $other->host ], 'and where');
is_status('tenants, applications', [ '0|0|0', '1|1|1' ], 'the tenants that they should have, and have');
$service->run("SELECT appt.set_provider('$application', 'EMAIL', 'LOG', sender => 'a\@example.org')");
$service->run("SELECT appt.send_message('$application', 'EMAIL', 'x\@customer.example', 'Hello')") foreach 1 .. 3;
ok($node->wait_for_query('SELECT sent FROM appt.shard_status() WHERE node = 1', 3, database => 'router'), 'what was sent');
$other->query("ALTER SYSTEM SET appt.enabled = off");
$other->reload;
ok($node->wait_for_query('SELECT why_quiet FROM appt.shard_status() WHERE node = 1', 'DISABLED', database => 'router'), 'why a worker is quiet');
$service->run("SELECT appt.send_message('$application', 'EMAIL', 'x\@customer.example', 'Hello')");
is_status('due_now, oldest_due_at < now()', [ '0|0|', '1|1|t' ], 'and what is due');
$node->query('UPDATE appt.shard SET accepts_tenants = false WHERE node = 1', 'router');
is_status('accepts_tenants', [ '0|t', '1|f' ], 'shards that take no tenants');
$node->query("INSERT INTO appt.shard SELECT 7, conninfo FROM appt.shard WHERE node = 1", 'router');
is_status('own_node', [ '0|0', '1|1', '7|1' ], 'a shard that is entered under a wrong number');
$node->query("DELETE FROM appt.shard WHERE node = 7", 'router');

# ---- one does not ----

$node->query('CREATE EXTENSION postgres_fdw', 'router');
$node->query('SELECT appt.link_shards()', 'router');
my $log = 'SELECT DISTINCT node FROM appt.all_worker_status ORDER BY 1';
is($service->run($log =~ s/worker_status/notification_log/r), '1', 'the log of both shards');
$other->stop('immediate');
is_status('answers, version, running, tenants', [ "0|t|$version|1|0", '1|f|||1' ], 'a shard that is down has a row');
like($monitor->run('SELECT problem FROM appt.shard_status() WHERE NOT answers'), qr/connection to server .* failed/, 'which says why');
is($service->try('SELECT count(*) FROM appt.all_notification_log'), '08001', 'the log of all fails');
is($node->query('SELECT appt.link_shards(ARRAY(SELECT node FROM appt.shard_status() WHERE answers))', 'router'), '1', 'one links the others');
is($service->run('SELECT count(*) FROM appt.all_notification_log'), '0', 'and has their log');
is($monitor->run($log), '0', 'and workers');
$other->start;
is($node->query('SELECT appt.link_shards()', 'router'), '2', 'once it is back');
is($monitor->run($log), "0\n1", 'it is there again');
$node->refused_with('22023', 'SELECT appt.link_shards(ARRAY[0, 5])', 'an unknown shard is not linked', database => 'router');

# Many that accept connections and say nothing: one after the other they would need 80 seconds.
my $silent = IO::Socket::INET->new(Listen => 50, LocalAddr => '127.0.0.1') or die $!;
$node->query(
	sprintf(
		q{INSERT INTO appt.shard (node, conninfo) SELECT n, 'host=127.0.0.1 port=%d dbname=x' FROM generate_series(100, 139) n},
		$silent->sockport),
	'router');
$node->query("LOAD 'appt_router'; ALTER SYSTEM SET appt_router.connect_timeout = '2s'", 'router');
$node->reload;
$node->wait_for_query("LOAD 'appt_router'; SHOW appt_router.connect_timeout", '2s', database => 'router');
$monitor = Appt::Session->open($node, database => 'router', user => 'monitor');
my $began = time;
is( $monitor->run(q{SELECT answers, count(*), min(problem) FROM appt.shard_status() GROUP BY 1 ORDER BY 1}),
	"f|40|timeout while connecting\nt|2|", 'shards that are silent are told from those that answer');
cmp_ok(time - $began, '<', 40, 'at the same time');
$node->query('DELETE FROM appt.shard WHERE node >= 100', 'router');
is($monitor->try("SET statement_timeout = '1ms'; SELECT * FROM appt.shard_status()"), '57014', 'it can be cancelled');
$monitor->run('RESET statement_timeout');

# ---- monitoring ----

is($service->try('SELECT appt.shard_status()'), '42501', 'it is for members of pg_monitor');
my $file = "$ENV{REPOSITORY}/doc/monitoring/router_exporter.yaml";
my $metric = decode_json(
	`/usr/bin/python3 -c 'import json, sys, yaml; json.dump(yaml.safe_load(open(sys.argv[1])), sys.stdout)' '$file'`)->{appt_shard};
my $columns = join ', ', sort map { keys %$_ } @{ $metric->{metrics} };
is($monitor->run("SELECT string_agg(k, ', ' ORDER BY k COLLATE \"C\") FROM (SELECT to_jsonb(q) AS r FROM ($metric->{query}) q LIMIT 1) x, jsonb_object_keys(r) k"),
	$columns, 'the columns of the query for Prometheus are its metrics');
is($monitor->run("SELECT node, up, has_other_tenants, is_other_node, quiet, due FROM ($metric->{query}) q ORDER BY 1"),
	"0|1|0|0|0|0\n1|1|0|0|1|1", 'with what there is to tell');

done_testing();
