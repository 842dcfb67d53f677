# PgBouncer in transaction mode between a router and a shard: many sessions of the router share few connections, and nothing of a call
# is left in them.

use strict;
use warnings;

use Appt::Cluster;
use Appt::Document;
use Appt::Router;
use Appt::Session;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

my $program = (grep { -x $_ } '/usr/sbin/pgbouncer', '/usr/bin/pgbouncer')[0] or die "pgbouncer is not installed\n";
my $node = Appt::Cluster->create('main', extension => 0, conf => 'max_connections = 60');
Appt::Router->install($node);

# ---- PgBouncer before shard 0 ----

my $folder = PostgreSQL::Test::Utils::tempdir_short();
my $port = PostgreSQL::Test::Cluster::get_free_port();
append_to_file("$folder/users", join '', map { "\"$_\" \"\"\n" } qw(router_tokens router_services));
append_to_file(
	"$folder/pgbouncer.ini", sprintf <<'END', $node->host, $node->port, $port, $folder, $folder, $folder);
[databases]
shard0 = host=%s port=%d
[pgbouncer]
listen_addr =
listen_port = %d
unix_socket_dir = %s
auth_type = trust
auth_file = %s/users
logfile = %s/log
pool_mode = transaction
default_pool_size = 2
END
my $pid = fork // die "cannot fork: $!";
if ($pid == 0)
{
	exec $program, '-q', "$folder/pgbouncer.ini";
	exit 127;
}

END
{
	local $?;
	kill 'KILL', $pid if $pid;
}

my $until = time + $PostgreSQL::Test::Utils::timeout_default;
sleep 0.05 until -S "$folder/.s.PGSQL.$port" || time > $until;
$node->query(
	"UPDATE appt.shard SET conninfo = 'host=$folder port=$port dbname=shard0' WHERE node = 0;"
		. documented('shards-operations.md', 'UPDATE appt.shard SET named_statements'), 'router');

# ---- calls ----

my $service = Appt::Session->open($node, database => 'router', user => 'my_app');
my $organization = $service->run("SELECT appt.create_organization('Acme', node => 0)");
my $application = $service->run("SELECT appt.create_application('$organization', 'Bank')");
my $claims = "{\"sub\": \"ann\", \"application_id\": \"$application\"}";

sub agent
{
	my $session = Appt::Session->open($node, database => 'router', user => 'postgrest');

	$session->run("SET ROLE appt_agent; SELECT set_config('request.jwt.claims', '$claims', false)");
	return $session;
}

my @sessions = map { ($_ % 2 ? Appt::Session->open($node, database => 'router', user => 'my_app') : agent()) } 1 .. 12;
my $call = "SELECT state FROM appt.schedule_appointment('$application', '2030-05-%02d 10:00+00', '1 hour', organizer_id => 'ann')";
$sessions[$_]->start(sprintf $call, $_ + 1) foreach 0 .. $#sessions;
is(join(' ', map { $_->end } @sessions), join(' ', ('00000') x @sessions), 'many sessions call at the same time');
$sessions[0]->run(sprintf $call, 20) foreach 1 .. 3;
is( $node->query(
		"SELECT string_agg(usename || ': ' || (n <= 2), ', ' ORDER BY usename) FROM (SELECT usename, count(*) AS n FROM pg_stat_activity
			WHERE datname = 'shard0' AND usename LIKE 'router%' GROUP BY 1) s"),
	'router_services: true, router_tokens: true',
	'over two connections of each login');

# What a call was told is gone when the next one comes, over whichever connection.
$node->query(
	"CREATE FUNCTION public.told() RETURNS text LANGUAGE sql AS \$\$SELECT concat_ws('|', current_user,
		current_setting('request.jwt.claims', true), current_setting('transaction_read_only'), current_setting('TimeZone'))\$\$", 'shard0');
$node->query("CREATE FUNCTION public.told() RETURNS text LANGUAGE appt_router AS 'any'", 'router');
my $nobody = Appt::Session->open($node, database => 'router', user => 'postgrest');
$nobody->run("SET ROLE appt_anonymous; SET TimeZone = 'UTC'");
my $agent = agent();
$agent->run("SET TimeZone = 'Asia/Tokyo'");
for (1 .. 4)
{
	is($agent->run('BEGIN READ ONLY; SELECT public.told(); COMMIT'), "appt_agent|$claims|on|Asia/Tokyo", 'a shard is told who calls');
	is($nobody->run('SELECT public.told()'), 'appt_anonymous||off|UTC', 'and then is not');
	is($agent->try("SELECT appt.get_appointment(gen_random_uuid())"), 'PT404', 'an error');
}

# ---- the log of all shards ----

$node->query('CREATE EXTENSION postgres_fdw; SELECT appt.link_shards()', 'router');
is($service->run('SELECT DISTINCT node FROM appt.all_application'), '0', 'the views of all shards');
is($node->query('SELECT answers FROM appt.shard_status() WHERE node = 0', 'router'), 't', 'and their status');
is($service->run(sprintf $call, 25), 'ACTIVATED', 'and calls after that');

# ---- a call that is cancelled ----

my $id = $service->run('SELECT id FROM appt.find_appointments() p, unnest(p.content) LIMIT 1');
my $holder = Appt::Session->open($node, database => 'shard0');
$holder->run("BEGIN; SELECT FROM appt.appointment WHERE id = '$id' FOR UPDATE");
is($service->try("SET statement_timeout = '300ms'; SELECT appt.cancel_appointment('$id')"), '57014', 'a call is cancelled');
ok( $node->wait_for_query(
		"SELECT count(*) FROM pg_stat_activity WHERE usename = 'router_services' AND wait_event_type = 'Lock'", 0),
	'on the shard, too');
$holder->run('ROLLBACK');

done_testing();
