# scripts/move-tenant: a tenant moves from one shard to another with everything it has, while it works, and however often the move
# is killed.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Filled;
use Appt::Mover;
use Appt::Peers;
use Appt::Router;
use Appt::Tenant;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Appt::Cluster->create('main', extension => 0, conf => "max_connections = 80");

Appt::Router->install($node);
my $mover = Appt::Mover->new($node);

# ---------- everything that a tenant has ----------

# Of each table the rows of an application, without what holding it and waking it leaves behind.
sub contents
{
	my ($application, $shard) = @_;
	my %digest;

	foreach my $table (tenant_tables($shard))
	{
		my $key = $table eq 'application' ? 'id' : 'application_id';

		$digest{$table} = $node->query(
			"SELECT count(*) || ' ' || coalesce(md5(string_agg((to_jsonb(t) - 'is_held')::text, E'\\n' ORDER BY to_jsonb(t)::text)), '')
			 FROM appt.$table t WHERE $key = '$application'" . ($table eq 'change' ? " AND operation <> 'UPDATE'" : ''), $shard);
	}
	return \%digest;
}

sub tenant_tables
{
	my ($shard) = @_;

	return grep {
		$_ eq 'application' || $node->query("SELECT count(*) FROM pg_attribute WHERE attrelid = 'appt.$_'::regclass AND attname = 'application_id'", $shard)
	} Appt::Filled::tables($node, $shard);
}

$node->append_conf('postgresql.conf', 'appt.enabled = off');
$node->reload;
Appt::Filled::fill($node, 'shard0');
my $moved = $node->query('SELECT id FROM appt.application', 'shard0');
$node->query('UPDATE appt.notification SET next_attempt_at = due_at', 'shard0');
my $other = Appt::Tenant->create($node, database => 'shard0');
$node->query('SELECT appt.register_tenants(0)', 'router');
my $stayer = $other->application;
$other->schedule_many(10);
my ($before, $bystander) = (contents($moved, 'shard0'), contents($stayer, 'shard0'));
is(join(' ', grep { $before->{$_} =~ /^0 / } sort keys %$before), '', 'a tenant with rows in every table');
$mover->move($moved, 'shard0', 'shard1');
is_deeply(contents($moved, 'shard1'), $before, 'has all of them where it moved to');
my $left = contents($moved, 'shard0');
is(join(' ', grep { $left->{$_} !~ /^0 / } sort keys %$left), '', 'and none where it was');
is_deeply(contents($stayer, 'shard0'), $bystander, 'another tenant stays as it is');
is($node->query("SELECT count(*) FROM appt.organization o JOIN appt.application a ON a.organization_id = o.id WHERE a.id = '$moved'", 'shard1'),
	1, 'its organization is there');
# The row of its organization that has stayed behind knows nothing of this.
my $organization = $node->query("SELECT organization_id FROM appt.application WHERE id = '$moved'", 'shard1');
$node->query("SELECT appt.set_notifications_enabled('$organization', false)", 'shard1');
$mover->move($moved, 'shard1', 'shard0');
is_deeply(contents($moved, 'shard0'), $before, 'it moves back');
is($node->query("SELECT notifications_enabled FROM appt.organization WHERE id = '$organization'", 'shard0'), 'f', 'with the switch that has gone off');
$node->query("DELETE FROM appt.due; UPDATE appt.notification SET settled_at = now(), state = 'CANCELLED', reason = 'ENDED', next_attempt_at = NULL", $_)
	foreach qw(shard0 shard1);
$node->append_conf('postgresql.conf', 'appt.enabled = on');
$node->reload;

# ---------- while it works ----------

my $hook = Appt::Peers->webhook;

# A tenant at shard0 that has sent messages, plans some, tries one again, and has one in flight.
sub busy_tenant
{
	my $tenant = Appt::Tenant->create($node, database => 'shard0', retry_base => '1 second');

	$hook->forget;
	$tenant->only('CREATE', 'WEBHOOK');
	$tenant->rule('REMINDER', 'WEBHOOK', '1 hour');
	$tenant->subscribe($hook->url('/ok'));
	$tenant->schedule_many(200);
	$node->query('SELECT appt.register_tenants(0)', 'router');
	return $tenant;
}

sub until_is { return "DO \$\$ BEGIN WHILE NOT ($_[0]) LOOP PERFORM pg_sleep(0.01); COMMIT; END LOOP; END \$\$;\n"; }

my $files = 0;

# Clients that book so many appointments each, by a database; if that is a shard, and refuses, by the other one once it has the tenant.
# What they print are appointments. The last call of each comes when the tenant has moved.
sub callers
{
	my ($application, $database, $count, $calls) = @_;
	my $call = "SELECT id FROM appt.schedule_appointment('$application', now() + interval '2 days', '30 minutes',
		customer => '{\"contact\": {\"primaryEmail\": \"ann\@example.org\"}}', organizer_id => 'agent-1');\n";
	my $is_here = $database eq 'router' ? "(SELECT node FROM appt.tenant WHERE application_id = '$application') = 0"
		: "EXISTS (SELECT FROM appt.application WHERE id = '$application') AND current_database() = 'shard0'";
	my $is_there = "EXISTS (SELECT FROM appt.application WHERE id = '$application')";
	my $try = $call . ($database eq 'router' ? '' : "\\if :ERROR\n\\connect shard1\n@{[ until_is($is_there) ]}$call\\endif\n");
	my $lines = $try x ($calls - 1) . until_is("NOT $is_here") . $try;
	my $file = "$ENV{TESTDIR}/calls-@{[ ++$files ]}.sql";

	append_to_file($file, $lines);
	return map {
		my %client = (out => '', err => '');

		$client{handle} = IPC::Run::start([ 'psql', '-X', '-q', '-A', '-t', '-d', $node->connstr($database), '-f', $file ],
			'>', \$client{out}, '2>', \$client{err});
		\%client;
	} 1 .. $count;
}

sub ids_of
{
	my (@clients) = @_;

	$_->{handle}->finish foreach @clients;
	return map { $_->{out} =~ /^([0-9a-f-]{36})$/mg } @clients;
}

# Each appointment is at the target, its message was sent once, and its reminder waits.
sub is_whole
{
	my ($tenant, $name, @ids) = @_;
	my $application = $tenant->application;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok( $node->wait_for_query(
			"SELECT count(*) FROM appt.notification WHERE application_id = '$application' AND type = 'CREATE' AND settled_at IS NULL", 0,
			database => 'shard1'),
		"$name: all is sent");
	my %there = map { $_ => 1 } split /\n/, $node->query("SELECT id FROM appt.appointment WHERE application_id = '$application'", 'shard1');
	is(scalar(grep { !$there{$_} } @ids), 0, "$name: every appointment that was booked is there");
	is($node->query("SELECT count(*) FROM appt.appointment WHERE application_id = '$application'", 'shard0'), 0, "$name: none is where it was");
	my %times;
	$times{ $_->{headers}{'webhook-id'} }++ foreach grep { $_->{path} eq '/ok' } $hook->entries;
	is(scalar(grep { $_ != 1 } values %times), 0, "$name: no message was sent twice");
	is(scalar(keys %times), scalar(keys %there), "$name: none was lost");
	is( $node->query("SELECT count(*) FROM appt.due d WHERE d.application_id = '$application'", 'shard1'),
		$node->query("SELECT count(*) FROM appt.appointment WHERE application_id = '$application'", 'shard1'),
		"$name: each reminder waits in the queue");
	is( $node->query("SELECT count(*) FROM appt.notification n WHERE application_id = '$application' AND type = 'CREATE'
			AND (SELECT count(*) FROM appt.attempt a WHERE a.notification_id = n.id AND outcome = 'DELIVERED') <> 1", 'shard1'),
		0, "$name: the log has one delivery of each");
	is($node->query("SELECT count(*) FROM appt.notification WHERE application_id = '$application'", 'shard0'), 0, "$name: and nothing is left there");
	return;
}

foreach my $database (qw(shard0 router))
{
	my $tenant = busy_tenant();
	my $application = $tenant->application;
	my @clients = callers($application, $database, 4, 150);

	ok($node->wait_for_query("SELECT count(*) > 250 FROM appt.appointment WHERE application_id = '$application'", 't', database => 'shard0'),
		'clients book');
	note($mover->move($application, 'shard0', 'shard1'));
	my @ids = ids_of(@clients);
	is(scalar @ids, 600, "by $database: every call succeeds" . ($database eq 'router' ? '' : ', here or there'));
	is(join('', map { $_->{err} } @clients), '', "by $database: none was refused") if $database eq 'router';
	ok($node->query("SELECT count(*) FROM appt.appointment a WHERE application_id = '$application' AND appt.node_of((SELECT max(id) FROM appt.notification n
		WHERE n.appointment_id = a.id)) = 1", 'shard1') >= 4, "by $database: some were booked where it moved to");
	is_whole($tenant, "by $database", @ids);
	is($node->query("SELECT h.node FROM appt.home h JOIN appt.tenant t USING (organization_id) WHERE t.application_id = '$application'", 'router'),
		1, "by $database: its organization, which has no other, is at home there");
}

# ---------- killed ----------

# Starts a move, and kills it once it prints what matches.
sub kill_at
{
	my ($application, $where) = @_;
	my $move = $mover->start($application, 'shard0', 'shard1');

	$move->reach($where);
	return $move->kill;
}

foreach my $where (qr/^copy .* tables/m, qr/^copy .* changed/m, qr/^hold/m, qr/^switch .* wait/m, qr/^switch .* copied/m, qr/^wake/m, qr/^clear/m)
{
	my $tenant = busy_tenant();
	my @clients = callers($tenant->application, 'router', 2, 50);
	my $name = "killed at $where";

	like(kill_at($tenant->application, $where), $where, $name);
	$mover->move($tenant->application, 'shard0', 'shard1');
	my @ids = ids_of(@clients);
	is(scalar @ids, 100, "$name: every call succeeds");
	is_whole($tenant, $name, @ids);
}

# ---------- cancelled ----------

{
	my $tenant = busy_tenant();
	my $application = $tenant->application;
	my $seen = "$ENV{TESTDIR}/seen";
	my $announce = "psql -XAtc \"SELECT node, state FROM appt.tenant WHERE application_id = '$application'\" -d '@{[ $node->connstr('router') ]}' >> $seen";

	ok($tenant->settled, 'its messages are sent');
	my $before = contents($application, 'shard0');
	kill_at($application, qr/^switch .* wait/m);
	like($mover->move($application, 'shard0', 'shard1', '--cancel'), qr/^cancel/m, 'a move that was killed is cancelled');
	my $after = contents($application, 'shard0');
	# Hours that the worker counts.
	delete @{$_}{qw(hour_count hourly_figure)} foreach $before, $after;
	is_deeply($after, $before, 'the tenant is where it was');
	is($node->query("SELECT is_held FROM appt.application WHERE id = '$application'", 'shard0'), 'f', 'and not held');
	my $left = contents($application, 'shard1');
	is(join(' ', grep { $left->{$_} !~ /^0 / } sort keys %$left), '', 'nothing of it is where it was going');
	is($node->query("SELECT node || state FROM appt.tenant WHERE application_id = '$application'", 'router'), '0ACTIVE', 'callers do not wait');
	like($mover->move($application, 'shard0', 'shard1', '--announce', $announce), qr/^done/m, 'it may move later');
	is(slurp_file($seen), "0|ACTIVE\n0|MOVING\n1|ACTIVE\n", 'what has changed in the directory is announced');
	is($mover->refusal($application, 'shard0', 'shard1', '--cancel'), 'the target has this application already', 'what has moved is not cancelled');
}

done_testing();
