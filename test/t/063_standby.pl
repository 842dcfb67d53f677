# A standby sends nothing until it is promoted, and then continues where the primary stopped. Read-only functions work there.
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
my $tenant = Appt::Tenant->create($primary, retry_base => '1 s', retry_cap => '1 s', max_attempts => 100);
$tenant->subscribe($hook->url('/broken/down'));
$tenant->only('CREATE', 'WEBHOOK');

$primary->backup('base');
my $standby = Appt::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby);

is($standby->query('SELECT slot, pid, why_quiet FROM appt.worker_status'), '1||STANDBY', 'the standby does not, and says why');
is($standby->query("SELECT count(*) FROM pg_stat_activity WHERE backend_type IN ('appt worker', 'appt launcher')"),
	0, 'it has neither worker nor launcher');

# Another tenant's appointment, of which nothing can be sent.
my $reader = Appt::Tenant->create($primary);
$reader->only('CREATE', 'EMAIL');
my $application = $reader->application;
my $appointment = $reader->schedule;
ok($primary->wait_for_query('SELECT state FROM appt.notification', 'SKIPPED'), 'a message that is settled');
my ($ticket, $customer, $notification) = split /\|/, $primary->query("
	SELECT ticket, (SELECT id FROM appt.participant WHERE type = 'CUSTOMER'), (SELECT id FROM appt.notification) FROM appt.room_access");
$primary->wait_for_catchup($standby);

my @reading = (
	'find_appointments()',
	"get_appointment('$appointment')",
	"get_participant('$appointment', '$customer')",
	"count_appointments('$application', '2026-01-01', '36500 days')",
	'appointments_eligible_for_activation()',
	"count_overlapping('$application', '2026-01-01', '36000 days')",
	"available_slots('$application', '[2090-01-01,2090-01-02)', '1 hour', '1 hour')",
	"google_calendar_url('$appointment')",
	"google_calendar_event('$appointment')",
	"outlook_calendar_event('$appointment')",
	"ical_event('$appointment')",
	"ical_text('$appointment')",
	"resolve_room('$ticket')",
	"notification_eligibility($notification, '2090-01-01')",
	"forecast('$application', '2090-01-02', '2090-01-01')",
	"preview_notification('$appointment', '$customer', 'CREATE', 'EMAIL')",
	"render_template('{{a}}', '{\"a\": 1}')");
is( $standby->query("SELECT * FROM appt.$_"),
	$primary->query("SELECT * FROM appt.$_"),
	"the standby answers as the primary does: $_" =~ s/\(.*//r) foreach @reading;
$standby->refused_with('25006', $_, "it refuses to write: $_" =~ s/\(.*//r)
	foreach "SELECT appt.cancel_appointment('$appointment')", "SELECT appt.request_customer_code('$application', 'ann\@example.org')";

# What the primary does with databases and extension meanwhile.
$primary->install_appt('later');
$primary->query("SELECT appt.create_organization('x')", 'later');
$primary->wait_for_workers(1, 'later');
$tenant->schedule;
ok($primary->wait_for_query(q(SELECT state FROM appt.notification WHERE channel = 'WEBHOOK'), 'RETRYING'),
	'a message waits for its retry');
# Then no attempt is lost with the primary.
$primary->append_conf('postgresql.conf', 'appt.enabled = off');
$primary->reload;
$primary->wait_for_query("SELECT why_quiet || ' ' || in_flight FROM appt.worker_status", 'DISABLED 0');
$primary->wait_for_catchup($standby);
$primary->stop('immediate');
is($standby->query('SELECT count(*) FROM appt.attempt'), scalar($hook->entries), 'while the standby stands by it sends nothing');
$hook->ask('/mend/down');
$standby->promote;

foreach my $database (qw(postgres later))
{
	ok($standby->wait_for_query('SELECT why_quiet IS NULL FROM appt.worker_status', 't', database => $database),
		"promoted, it sends: $database");
}
ok($standby->wait_for_query(q(SELECT state FROM appt.notification WHERE channel = 'WEBHOOK'), 'SENT'), 'also what the primary could not');
is(scalar(keys %{ { map { $_->{headers}{'webhook-id'} => 1 } grep { $_->{path} eq '/broken/down' } $hook->entries } }),
	1, 'as the same message');
$standby->restart;
ok($standby->wait_for_query('SELECT why_quiet IS NULL FROM appt.worker_status'), 'and after a restart');
$standby->stop;

done_testing();
