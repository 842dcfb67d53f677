# Standbys: a shard whose primary is lost, and a router whose primary is lost.

use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Router;
use Appt::Session;
use Appt::Tenant;
use IO::Socket::INET;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

my $main = Appt::Cluster->create('main', preload => 0, extension => 0, streaming => 1);
my $first = Appt::Cluster->create('first', extension => 0, streaming => 1, conf => 'appt.enabled = off');
Appt::Router->install($main, shards => [$first]);
my $hook = Appt::Peers->webhook;
my $tenant = Appt::Tenant->create($first, database => 'shard0');
my $application = $tenant->application;
$tenant->only('CREATE', 'WEBHOOK');
$tenant->subscribe($hook->url('/ok'));
$main->query('SELECT appt.register_tenants(0); CREATE EXTENSION postgres_fdw', 'router');

sub standby_of
{
	my ($primary, $name) = @_;

	$primary->backup($name);
	my $standby = Appt::Cluster->new($name);
	$standby->init_from_backup($primary, $name, has_streaming => 1);
	$standby->append_conf('postgresql.conf', "listen_addresses = '127.0.0.1'");
	$standby->start;
	return $standby;
}

# The server is lost with all its sessions, which could go on for a moment.
sub lose
{
	my ($server) = @_;
	my @sessions = split /\n/, $server->query("SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()");

	$server->kill9;
	kill 'KILL', @sessions;
	foreach my $pid (@sessions)
	{
		# One whose parent was killed may remain as a zombie.
		sleep 0.02 while -e "/proc/$pid/stat" && slurp_file("/proc/$pid/stat") !~ /\) Z/;
	}
	return;
}

# The standby has what the primary has committed, always.
my $second = standby_of($first, 'second');
$first->append_conf('postgresql.conf', "synchronous_standby_names = '*'");
$first->reload;
ok($first->wait_for_query('SELECT sync_state FROM pg_stat_replication', 'sync'), 'a shard with a synchronous standby');
my @hosts = (join(',', map { $_->host } $first, $second), join(',', map { $_->port } $first, $second));
my $conninfo = "host=$hosts[0] port=$hosts[1] dbname=shard0 target_session_attrs=read-write";
$main->query("UPDATE appt.shard SET conninfo = '$conninfo'; SELECT appt.link_shards()", 'router');
my $service = Appt::Session->open($main, database => 'router', user => 'my_app');
my $book = "SELECT id FROM appt.schedule_appointment('$application', now() + interval '2 days', '30 minutes',
	'{\"contact\": {\"primaryEmail\": \"ann\@example.org\"}}', organizer_id => 'ann')";

# ---- a shard's primary is lost ----

my @ids = map { $service->run($book) } 1 .. 20;
is($main->query('SELECT host, answers FROM appt.shard_status()', 'router'), $first->host . '|t', 'calls go to the primary');
like($service->run("SELECT appt.shard_of('$application')"), qr/host='[^']+,[^']+' .*target_session_attrs='read-write'/, 'shard_of tells both');
lose($first);
is($service->try($book), 'PT503', 'without a primary calls are refused') for 1 .. 2;
is($main->query('SELECT answers FROM appt.shard_status()', 'router'), 'f', 'which is seen');
$second->adjust_conf('postgresql.conf', 'appt.enabled', 'on');
$second->reload;
$second->promote;
push @ids, $service->run($book);
is(scalar @ids, 21, 'once the standby is promoted they go there');
$tenant->{node} = $second;
ok($tenant->settled, 'and its worker sends');
my %times;
$times{ $_->{headers}{'webhook-id'} }++ foreach $hook->entries;
is(scalar(keys %times), 21, 'every message');
is(scalar(grep { $_ != 1 } values %times), 0, 'once');
is($service->run("SELECT count(*) FROM appt.all_notification_log WHERE state = 'SENT'"), 21, 'as the log of all shards says');

# A host that is gone answers nothing: its kernel takes no more connections.
my $gone = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die $!;
my @waiting = map { connect_without_waiting($gone->sockport) } 1 .. 4;
$main->query(
	sprintf(
		"UPDATE appt.shard SET conninfo = 'host=127.0.0.1,127.0.0.1 port=%d,%d dbname=shard0 target_session_attrs=read-write'",
		$gone->sockport, $second->port),
	'router');
is($service->try($book), '00000', 'a host that is gone does not keep calls from the next one');
is($main->query('SELECT answers FROM appt.shard_status()', 'router'), 't', 'nor the status');

$main->query("UPDATE appt.shard SET conninfo = '$conninfo'", 'router');

sub connect_without_waiting
{
	my ($port) = @_;

	return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Blocking => 0);
}

# ---- the router's primary is lost ----

my $organization = $service->run("SELECT appt.create_organization('Acme')");
my $standby = standby_of($main, 'standby');
my $reader = Appt::Session->open($standby, database => 'router', user => 'my_app');
is($reader->try($book), '00000', 'a standby of the router serves calls');
is($reader->try("SELECT appt.create_application('$organization', 'x')"), '25006', 'but does not create');
like($reader->errors, qr/cannot execute create_application\(\) during recovery/, 'because it is a standby');
is($standby->query('SELECT node, answers, tenants FROM appt.shard_status()', 'router'), '0|t|1', 'it tells the state of the shards');
is($reader->try('SELECT count(*) FROM appt.all_notification_log'), '00000', 'and their log');
$main->wait_for_catchup($standby);
lose($main);
is($reader->try($book), '00000', 'without the primary it goes on');
$standby->promote;
my $new = $reader->run("SELECT appt.create_application('$organization', 'x')");
is($standby->query("SELECT node FROM appt.tenant WHERE application_id = '$new'", 'router'), 0, 'promoted, it creates, too');
is($reader->run("SELECT count(*) FROM appt.count_overlapping('$new', now(), '1 day')"), 1, 'and has what it created');

done_testing();
