# A standby is quiet until it is promoted, and then goes on where the primary stopped.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Tenant;
use Test::More;

my $primary = Appt::Cluster->create('primary', streaming => 1);
$primary->wait_for_workers(1);
$primary->query("SELECT appt.create_organization('x')");
ok($primary->wait_for_query('SELECT why_quiet IS NULL FROM appt.worker_status'), 'the primary sends');

# A webhook that fails on the primary waits for its retry when the standby takes over.
my $hook = Appt::Peers->webhook;
my $tenant = Appt::Tenant->create($primary, retry_base => '6 s');
$tenant->subscribe($hook->url('/fail-first/1'));
$tenant->only('CREATE', 'WEBHOOK');

$primary->backup('base');
my $standby = Appt::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby);

is($standby->query('SELECT slot, pid, why_quiet FROM appt.worker_status'), '1||STANDBY', 'the standby does not, and says why');
is($standby->query("SELECT count(*) FROM pg_stat_activity WHERE backend_type IN ('appt worker', 'appt launcher')"),
	0, 'it has neither worker nor launcher');

# What the primary does with databases and extension meanwhile.
$primary->install_appt('later');
$primary->query("SELECT appt.create_organization('x')", 'later');
$primary->wait_for_workers(1, 'later');
$tenant->schedule;
ok($primary->wait_for_query('SELECT state FROM appt.notification', 'RETRYING'), 'a message waits for its retry');
$primary->wait_for_catchup($standby);
$primary->stop('immediate');
is(scalar($hook->entries), 1, 'while the standby stands by it sends nothing');
$standby->promote;
foreach my $database (qw(postgres later))
{
	ok($standby->wait_for_query('SELECT why_quiet IS NULL FROM appt.worker_status', 't', database => $database),
		"promoted, it sends: $database");
}
ok($standby->wait_for_query('SELECT state FROM appt.notification', 'SENT'), 'also what the primary could not');
my ($first, $second) = $hook->wait_for(2);
is($second->{headers}{'webhook-id'}, $first->{headers}{'webhook-id'}, 'as the same message');
$standby->restart;
ok($standby->wait_for_query('SELECT why_quiet IS NULL FROM appt.worker_status'), 'and after a restart');
$standby->stop;

done_testing();
