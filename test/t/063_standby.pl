# A standby is quiet until it is promoted, and then goes on where the primary stopped.
use strict;
use warnings;

use Appt::Cluster;
use Test::More;

my $primary = Appt::Cluster->create('primary', streaming => 1);
$primary->wait_for_workers(1);
$primary->query("SELECT appt.create_organization('x')");
ok($primary->wait_for_query('SELECT why_quiet IS NULL FROM appt.worker_status'), 'the primary sends');

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
$primary->wait_for_catchup($standby);
$primary->stop('immediate');
$standby->promote;
foreach my $database (qw(postgres later))
{
	ok($standby->wait_for_query('SELECT why_quiet IS NULL FROM appt.worker_status', 't', database => $database),
		"promoted, it sends: $database");
}
$standby->restart;
ok($standby->wait_for_query('SELECT why_quiet IS NULL FROM appt.worker_status'), 'and after a restart');
$standby->stop;

done_testing();
