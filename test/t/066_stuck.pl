# A worker that is stuck in a transaction blocks neither the server's shutdown nor database DDL.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Tenant;
use Test::More;
use Time::HiRes qw(time);

my $node = Appt::Cluster->create('main', streaming => 1, conf => "appt.max_concurrency = 1000\nappt.max_per_host = 1000");
my $hook = Appt::Peers->webhook;
my $mail = Appt::Peers->smtp;

$node->install_appt('busy');
my $tenant = Appt::Tenant->create($node, database => 'busy');
$tenant->subscribe($hook->url('/ok'));
$tenant->only('CREATE', 'WEBHOOK');

# Sending these activates their appointments, each by a transaction of its own.
my $rooms = Appt::Tenant->create($node, database => 'busy', auto_activate => 'false', room_activates => 'true');
$rooms->email($mail->url);
$rooms->only('ROOM', 'EMAIL', '15 minutes');

# Its commit waits for a synchronous standby that does not exist.
sub get_stuck
{
	$node->append_conf('postgresql.conf', "synchronous_standby_names = 'nobody'");
	$node->reload;
	$node->wait_for_query('SHOW synchronous_standby_names', 'nobody');
	local $ENV{PGOPTIONS} = '-c synchronous_commit=local';
	$tenant->schedule;
	$rooms->schedule_many(500, start_at => "now() + interval '14 minutes 30 seconds'");
	ok($node->wait_for_query("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'appt worker' AND wait_event = 'SyncRep'", 1),
		'the worker waits for a standby that does not answer');
	return;
}

get_stuck();
my $start = time;
{
	local $ENV{PGOPTIONS} = '-c synchronous_commit=local';
	$node->query('ALTER DATABASE busy RENAME TO renamed');
	cmp_ok(time - $start, '<', 60, 'which does not keep DDL waiting for long');
	$node->query('ALTER DATABASE renamed RENAME TO busy');
}
ok($node->wait_for_query("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'appt worker' AND wait_event = 'SyncRep'", 1),
	'its successor is stuck likewise');
$start = time;
$node->stop('fast');
cmp_ok(time - $start, '<', 60, 'nor the shutdown');

$node->append_conf('postgresql.conf', "synchronous_standby_names = ''");
$node->start;
$_->settled foreach $tenant, $rooms;
is($node->query('SELECT DISTINCT state FROM appt.notification', 'busy'), 'SENT', 'and afterwards all is sent');
$node->stop;

done_testing();
