# A router when something is wrong or on its way: shards that are down or hang up, cancelled calls, what a pooled connection keeps,
# tenants that are being moved, tags that are taken, and what create_ functions leave in the directory.

use strict;
use warnings;

use Appt::Cluster;
use Appt::Router;
use Appt::Session;
use IO::Socket::INET;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $node = Appt::Cluster->create('main', preload => 0, streaming => 1);
my $other = Appt::Cluster->create('other', preload => 0);
Appt::Router->install($node, shards => [ $node, $other ]);
my %server = (shard0 => $node, shard1 => $other);

my $service = Appt::Router->service($node);
my ($organization, $here, $there) = Appt::Router->tenants($service);
my ($mine, $yours) = map { schedule($_) } $here, $there;

sub schedule
{
	my ($application, $start) = @_;
	$start //= '2030-05-01 10:00+00';
	return $service->run("SELECT id FROM appt.schedule_appointment('$application', '$start', '1 hour', organizer_id => 'ann')");
}

# ---- where things are created ----

is($node->query('SELECT string_agg(node::text, \',\' ORDER BY node) FROM appt.tenant', 'router'),
	'0,1', 'applications are where the call says');
is( $node->query("SELECT count(*) FROM appt.application WHERE id = '$here'", 'shard0')
		. $other->query("SELECT count(*) FROM appt.application WHERE id = '$there'", 'shard1'),
	'11',
	'on the shards too');
is( $service->run("SELECT appt.create_application('$organization', 'at home')") =~ /-/
		&& $node->query('SELECT count(*) FROM appt.tenant WHERE node = 0', 'router'),
	2,
	'and at home of the organization otherwise');
is($service->try("SELECT appt.create_application('$organization', 'nowhere', node => 7)"), '22023', 'an unknown node is refused');
is($service->try('SELECT appt.create_application(gen_random_uuid(), \'x\')'), 'PT404', 'an unknown organization by the shard');
my $new = $service->run("SELECT appt.create_organization('New')");
is($node->query("SELECT node FROM appt.home WHERE organization_id = '$new'", 'router'),
	'1', 'a new organization goes to the emptiest shard');
is( $service->run("SELECT appt.shard_of('$there')"),
	sprintf("dbname='shard1' host='%s' port='%d'", $other->host, $other->port),
	'shard_of tells where');
$node->query("UPDATE appt.shard SET conninfo = conninfo || ' password=secret passfile=/x user=me' WHERE node = 1", 'router');
unlike($service->run("SELECT appt.shard_of('$there')"), qr/secret|user|passfile/, 'without a password and a user');
is($service->run("SELECT appt.shard_of(gen_random_uuid()) IS NULL"), 't', 'null for an unknown application');
$node->refused_with(
	'22023',
	"UPDATE appt.shard SET conninfo = 'host=x nonsense=y'",
	'a connection string must be one',
	database => 'router');

# The first id that the shard draws has a tag that another application has.
$node->query(
	q{CREATE SEQUENCE drawn;
	CREATE FUNCTION draw() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$BEGIN
		IF nextval('public.drawn') = 1 THEN NEW.id := '12345678-0000-4000-8000-000000000002'; END IF; RETURN NEW; END$$;
	CREATE TRIGGER draw BEFORE INSERT ON appt.application FOR EACH ROW EXECUTE FUNCTION draw()}, 'shard0');
$node->query("INSERT INTO appt.tenant (application_id, organization_id, node) VALUES ('12345678-0000-4000-8000-000000000001', '$new', 1)",
	'router');
my $drawn = $service->run("SELECT appt.create_application('$organization', 'drawn again')");
unlike($drawn, qr/^12345678/, 'a tag that is taken in the cluster is drawn again');
is($node->query("SELECT count(*) || ' ' || bool_or(id = '$drawn') FROM appt.application WHERE name = 'drawn again'", 'shard0'),
	'1 true', 'and the first draw is gone');
$node->query('DROP TRIGGER draw ON appt.application', 'shard0');

is($service->try("BEGIN; SELECT appt.create_application('$organization', 'undone'); ROLLBACK"), '00000', 'a call is undone on the router');
is($node->query("SELECT count(*) FROM appt.application WHERE name = 'undone'", 'shard0'), '1', 'and not on the shard');
is($node->query('SELECT appt.register_tenants(0)', 'router'), '1', 'which register_tenants finds');
is($node->query('SELECT appt.register_tenants(0)', 'router'), '0', 'once');

# ---- pages of all shards ----

my @starts = map { sprintf '2031-01-%02d 10:00+00', $_ } 1 .. 6;
schedule($_ % 2 ? $here : $there, $starts[ $_ - 1 ]) foreach 1 .. 6;
my $page =
	"SELECT (SELECT string_agg(to_char(start_at, 'DD'), ' ' ORDER BY n) FROM unnest(content) WITH ORDINALITY c (%s, n)), total, page_count
	FROM appt.find_appointments(range => '[2031-01-01,2031-02-01)', page_size => 4, page_number => %d, sort_order => '%s')";
my $columns = $node->query(
	"SELECT string_agg(attname, ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'appt.appointment_details'::regclass AND attnum > 0",
	'router');
is($service->run(sprintf $page, $columns, 1, 'asc'), '01 02 03 04|6|2', 'the first page of all shards');
is($service->run(sprintf $page, $columns, 2, 'asc'), '05 06|6|2', 'the last one');
is($service->run(sprintf $page, $columns, 1, 'desc'), '06 05 04 03|6|2', 'and backwards');
is($service->run(sprintf $page, $columns, 3, 'asc'), '|6|2', 'past the last it is empty');
is($service->try("SELECT appt.find_appointments(page_size => 501)"), '22023', 'its arguments are judged');

# ---- the log of all shards ----

$node->refused_with('42704', 'SELECT appt.link_shards()', 'the log of all shards needs postgres_fdw', database => 'router');
$node->query('CREATE EXTENSION postgres_fdw', 'router');
is($node->query('SELECT appt.link_shards()', 'router'), '2', 'both shards are linked') foreach 1, 2;
$service->run("SELECT appt.send_message('$_', 'EMAIL', 'x\@customer.example', 'Hello')") foreach $here, $there;
my $log = "FROM appt.all_notification_log WHERE type = 'MESSAGE' AND application_id IN ('$here', '$there')";
is( $service->run(
		"SELECT string_agg(concat_ws(' ', node, application_id = CASE node WHEN 0 THEN '$here' ELSE '$there' END::uuid, state), ', '
			ORDER BY node) $log"
	),
	'0 t PENDING, 1 t PENDING',
	'the log has the messages of both');
my $plan = $node->query("EXPLAIN (VERBOSE) SELECT state $log", 'router');
is(scalar(() = $plan =~ /Async Foreign Scan/g), 2, 'shards search at the same time');
is(scalar(() = $plan =~ /Remote SQL: .* WHERE .*'MESSAGE'/g), 2, 'for what is asked');
is($service->run('SELECT string_agg(node::text, \',\' ORDER BY node) FROM appt.all_worker_status'), '0,1', 'workers of both are seen');
is($service->run('SELECT count(*) FROM appt.all_attempt'), '0', 'and attempts');
$node->query('CREATE ROLE an_agent LOGIN IN ROLE appt_agent');
is(Appt::Session->open($node, database => 'router', user => 'an_agent')->try('SELECT FROM appt.all_notification_log'),
	'42501', 'but by nobody who is of one tenant');

# ---- what a connection keeps ----

# Tells what the session of a shard has when a call comes.
$_->query(
	"CREATE FUNCTION public.told() RETURNS text LANGUAGE sql AS \$\$SELECT concat_ws('|', current_user, session_user,
		current_setting('request.jwt.claims', true), current_setting('request.headers', true), current_setting('request.method', true),
		current_setting('transaction_read_only'), current_setting('TimeZone'), pg_backend_pid())\$\$", $_ == $node ? 'shard0' : 'shard1'
) foreach $node, $other;
$node->query("CREATE FUNCTION public.told() RETURNS text LANGUAGE appt_router AS 'any'", 'router');
my $token = Appt::Session->open($node, database => 'router', user => 'postgrest');

sub become
{
	my ($role, $claims, %more) = @_;
	my %request = (headers => '', method => '', %more);

	$token->run(
		"RESET ROLE; SET ROLE $role; SELECT set_config('request.jwt.claims', '$claims', false),
		set_config('request.headers', '$request{headers}', false), set_config('request.method', '$request{method}', false)");
	return;
}

my $agents = qq({"sub": "ann", "application_id": "$here"});
my @more = (headers => '{"x": "y"}', method => 'POST');
become('appt_agent', $agents, @more);
$token->run("SET TimeZone = 'Asia/Tokyo'");
my $told = $token->run('SELECT told()');
like($told, qr/^appt_agent\|router_tokens\|\Q$agents\E\|{"x": "y"}\|POST\|off\|Asia\/Tokyo\|\d+$/, 'a shard is told who calls');
my ($backend) = $told =~ /(\d+)$/;
my $nobodys = qr/^appt_anonymous\|router_tokens\|\|\|\|off\|UTC\|$backend$/;
my %what = (
	'a call' => sub { is($token->try("SELECT appt.get_appointment('$mine')"), '00000', 'a call') },
	'an error' => sub { is($token->try("SELECT appt.get_appointment('$yours')"), 'PT404', 'an error') },
	'a call that reads only' =>
		sub { is($token->try("BEGIN READ ONLY; SELECT appt.get_appointment('$mine'); COMMIT"), '00000', 'a call that reads only') });

foreach my $what (sort keys %what)
{
	become('appt_agent', $agents, @more);
	$token->run("SET TimeZone = 'Asia/Tokyo'");
	$what{$what}->();
	$token->run("SET TimeZone = 'UTC'");
	become('appt_anonymous', '');
	like($token->run('SELECT told()'), $nobodys, "$what leaves nothing in the connection, which stays");
}

# A cancelled call is cancelled on the shard too.
my $holder = Appt::Session->open($node, database => 'shard0');
$holder->run("BEGIN; SELECT FROM appt.appointment WHERE id = '$mine' FOR UPDATE");
become('appt_agent', $agents, @more);
is($token->try("SET statement_timeout = '300ms'; SELECT appt.cancel_appointment('$mine')"), '57014', 'a call is cancelled');
$token->run('RESET statement_timeout');
ok($node->wait_for_query("SELECT count(*) FROM pg_stat_activity WHERE usename = 'router_tokens' AND state <> 'idle'", 0),
	'on the shard too');
$holder->run('ROLLBACK');
become('appt_anonymous', '');
like($token->run('SELECT told()'), qr/^appt_anonymous\|router_tokens\|\|\|\|off\|UTC\|\d+$/, 'and leaves nothing');
is($node->query("SELECT state FROM appt.appointment WHERE id = '$mine'", 'shard0'), 'ACTIVATED', 'it did nothing');

# Claims of a session that is not believed do not go on.
$node->query('CREATE ROLE forger LOGIN IN ROLE appt_agent');
my $forger = Appt::Session->open($node, database => 'router', user => 'forger');
$forger->run("SELECT set_config('request.jwt.claims', '$agents', false)");
is($forger->try("SELECT appt.get_appointment('$mine')"),
	'42501', 'claims of a login that is no member of appt_authenticator are not believed');
like($forger->errors, qr/no valid tenant claim/, 'as without a router');
like($forger->run('SELECT told()'), qr/^appt_agent\|router_tokens\|\|\|\|/, 'the shard is not told them');

# ---- reading only ----

is($service->try("BEGIN READ ONLY; SELECT appt.cancel_appointment('$mine')"),
	'25006', 'a transaction that reads only writes nothing on a shard');
$service->run('ROLLBACK');
become('appt_agent', $agents, method => 'GET');
is($token->try("SELECT appt.cancel_appointment('$mine')"), '25006', 'nor does a GET');
like($token->errors, qr/ERROR:  25006: cannot execute [A-Z ]+ in a read-only transaction/, 'with the words of the server');
is($token->try("SELECT appt.get_appointment('$mine')"), '00000', 'which reads');

# A standby executes everything read only, and yet its clients write on shards.
$node->backup('router');
my $standby = Appt::Cluster->new('standby');
$standby->init_from_backup($node, 'router', has_streaming => 1);
$standby->start;
my $reader = Appt::Router->service($standby);
is($reader->run("SELECT state FROM appt.reschedule_appointment('$mine', '2030-06-01 10:00+00')"),
	'ACTIVATED', 'a call on a standby of the router');
is($reader->try("SELECT appt.create_application('$organization', 'x')"), '25006', 'which creates no application');
is($node->query("SELECT count(*) FROM appt.application WHERE name = 'x'", 'shard0'), '0', 'on a shard neither');
$reader = Appt::Session->open($standby, database => 'router', user => 'postgrest');
$reader->run("SET ROLE appt_agent; SELECT set_config('request.jwt.claims', '$agents', false), set_config('request.method', 'GET', false)");
is($reader->try("SELECT appt.cancel_appointment('$mine')"), '25006', 'a GET reads there, too');

# ---- tenants on their way ----

my $count = "SELECT appt.count_overlapping('$here', now(), '1 hour')";
become('appt_agent', $agents);
$node->query("UPDATE appt.tenant SET state = 'MOVING' WHERE application_id = '$here'", 'router');
$token->start($count);
$service->run("SELECT appt.get_appointment('$yours')");
ok($token->is_running, 'a call waits for a tenant that is being moved, and others do not');
$node->query("UPDATE appt.tenant SET state = 'ACTIVE' WHERE application_id = '$here'", 'router');
is($token->end, '00000', 'until it is there');
$node->query("LOAD 'appt_router'; ALTER SYSTEM SET appt_router.move_timeout = '100ms'", 'router');
$node->reload;
$node->query("UPDATE appt.tenant SET state = 'MOVING' WHERE application_id = '$here'", 'router');
my $impatient = Appt::Session->open($node, database => 'router', user => 'my_app');
is($impatient->try($count), 'PT503', 'but not for ever');
become('appt_agent', $agents, method => 'POST');
ok($node->wait_for_query('SHOW appt_router.move_timeout', '100ms', database => 'router'), 'the setting has changed');
is($token->try($count), 'PGRST', 'a REST request gets');
like($token->errors, qr/"code": "PT503".*DETAIL:  \{"status": 503, "headers": \{"Retry-After": "\d+"\}\}/s, '503 and when to try again');
$node->query("UPDATE appt.tenant SET state = 'ACTIVE' WHERE application_id = '$here'", 'router');

# ---- shards that are down ----

sub of_shard1 { return $service->try("SELECT appt.get_appointment('$yours')"); }
is(of_shard1(), '00000', 'a call to the other shard');
$other->query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'router_services'");
ok($other->wait_for_query("SELECT count(*) FROM pg_stat_activity WHERE usename = 'router_services'", 0), 'its session is ended');
is(of_shard1(), '00000', 'which the next call does not notice');
$other->restart;
is(of_shard1(), '00000', 'nor a restart');

$holder = Appt::Session->open($other, database => 'shard1');
$holder->run("BEGIN; SELECT FROM appt.appointment WHERE id = '$yours' FOR UPDATE");
$service->start("SELECT appt.cancel_appointment('$yours')");
ok($other->wait_for_query("SELECT count(*) FROM pg_stat_activity WHERE usename = 'router_services' AND wait_event_type = 'Lock'", 1),
	'a call waits');
$other->query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'router_services'");
is($service->end, 'PT503', 'whose session is ended');
like($service->errors, qr/ERROR:  PT503: shard not available\nDETAIL:  [^\n]*may have been executed/, 'is told so');
$holder->run('ROLLBACK');

$other->stop('immediate');
is(of_shard1(), 'PT503', 'a shard that is down');
like($service->errors, qr/ERROR:  PT503: shard not available\nDETAIL:  [^\n]*was not executed/, 'executes nothing');
unlike($service->errors, qr/socket|shard1|secret/, 'and nobody is told where it is');
is($service->try("SELECT appt.get_appointment('$mine')"), '00000', 'the others answer');
is($service->try("SELECT appt.get_appointment(gen_random_uuid())"), 'PT503', 'who asks all does not get half an answer');
$other->start;
is(of_shard1(), '00000', 'it is back');

# Something else in its place, which begins to copy.
my $impostor = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die $!;
$node->query(sprintf("UPDATE appt.shard SET conninfo = 'host=127.0.0.1 port=%d sslmode=disable gssencmode=disable' WHERE node = 1",
		$impostor->sockport), 'router');
$service->start("SELECT appt.get_appointment('$yours')");
ok($service->is_running, 'a call to something that is no shard');
my $client = $impostor->accept;
sysread $client, my $startup, 10000;
syswrite $client, pack('a N N', 'R', 8, 0) . pack('a N a', 'Z', 5, 'I');
sysread $client, my $call, 10000;
syswrite $client, pack('a N C n', 'H', 7, 0, 0) . pack('a N a', 'Z', 5, 'I');
is($service->end, 'PT503', 'ends');

# One that accepts connections and says nothing.
$node->query("LOAD 'appt_router'; ALTER SYSTEM SET appt_router.connect_timeout = '500ms'", 'router');
$node->reload;
my $silent = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die $!;
$node->query(sprintf("UPDATE appt.shard SET conninfo = 'host=127.0.0.1 port=%d dbname=shard1' WHERE node = 1", $silent->sockport),
	'router');
my $began = time;
my $late = Appt::Session->open($node, database => 'router', user => 'my_app');
is($late->try("SELECT appt.get_appointment('$yours')"), 'PT503', 'a shard that does not answer');
cmp_ok(time - $began, '<', 60, 'is not waited for');
$node->query(sprintf("UPDATE appt.shard SET conninfo = 'host=%s port=%d dbname=shard1' WHERE node = 1", $other->host, $other->port),
	'router');
is($late->try("SELECT appt.get_appointment('$yours')"), '00000', 'a changed connection string counts at once');

# ---- an organization on two shards ----

$service->run('RESET client_min_messages');
is($service->try("SELECT appt.set_notifications_enabled('$organization', false)"), '00000', 'a switch');
like($service->errors, qr/NOTICE:  00000: organization is on 2 shards/, 'says that it is thrown on both shards');
is( join(' ',
		map { $server{$_}->query("SELECT notifications_enabled FROM appt.organization WHERE id = '$organization'", $_) }
		sort keys %server),
	'f f', 'and is');

# ---- routes ----

$node->refused_with('42P13', "CREATE FUNCTION public.lost() RETURNS text LANGUAGE appt_router AS '$_'",
	"no route: $_", database => 'router')
	foreach 'nonsense', 'id', 'id x', 'any response x', '';
$node->query(
	'CREATE FUNCTION appt.new_one(id uuid) RETURNS text LANGUAGE sql AS $$SELECT NULL$$;
		GRANT EXECUTE ON FUNCTION appt.new_one TO appt_service',
	'shard0');
my ($output, $errors);
my $failed =
	!IPC::Run::run([ "$ENV{REPOSITORY}/scripts/generate-router", '--dsn', $node->connstr('shard0') ], '>', \$output, '2>', \$errors);
ok($failed, 'a function without a route fails the generation');
like($errors, qr/^generate-router: appt\.new_one has no route in router\/routes\.txt$/m, 'with its name');
is($output, '', 'which prints nothing');

done_testing();
