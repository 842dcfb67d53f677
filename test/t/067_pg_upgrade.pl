# pg_upgrade moves appt with all its data into a new cluster, sends nothing on the way, and the databases go on as they were:
# the original sends, the copy does not.  From 15 to 15, which takes the way of any upgrade.
use strict;
use warnings;

use Appt::Catalog;
use Appt::Cluster;
use Appt::Peers;
use Appt::Tenant;
use IPC::Run;
use Test::More;

my $old = Appt::Cluster->create('old');
my $hook = Appt::Peers->webhook;

# The messages that wait: one due, one for later, one in flight.
$old->install_appt('clinic');
my $tenant = Appt::Tenant->create($old, database => 'clinic', retry_base => '200 ms');
$tenant->only('CREATE', 'WEBHOOK');
my $subscription = $tenant->subscribe($hook->url('/ok'));
$tenant->schedule;
ok($tenant->settled, 'the old cluster sends');
$old->query('CREATE ROLE robot LOGIN; GRANT appt_service TO robot');
$tenant->query("UPDATE appt.subscription SET url = '" . $hook->url('/hang') . "'");
$tenant->schedule;
$hook->wait_for(2);
$old->append_conf('postgresql.conf', 'appt.enabled = off');
$old->reload;
$old->wait_for_query('SELECT why_quiet FROM appt.worker_status', 'DISABLED', database => 'clinic');
$tenant->rule('REMINDER', 'WEBHOOK', '1 hour');
$tenant->schedule;
$old->query('CREATE DATABASE copied TEMPLATE clinic');
my $seen = everything($old, 'clinic');
my $objects = Appt::Catalog::objects($old, 'clinic');
$old->stop;
$old->append_conf('postgresql.conf', 'appt.enabled = on');

my $new = Appt::Cluster->create('new', start => 0);
$hook->forget;
upgrade('--check');
upgrade();
is(scalar($hook->entries), 0, 'nothing is sent while it upgrades, though the old server is started for that');

$tenant = bless { %$tenant, node => $new }, ref $tenant;
$new->append_conf('postgresql.conf', 'appt.enabled = off');
$new->start;
$new->wait_for_query('SELECT why_quiet FROM appt.worker_status', 'DISABLED', database => 'clinic');
is(everything($new, 'clinic'), $seen, 'all data is there');
cmp_ok(scalar keys %$objects, '>', 1000, 'appt has many objects');
# The server writes down a view's query once more when it reads it from a dump.
is_deeply([ grep { !/^view / } Appt::Catalog::differences($objects, Appt::Catalog::objects($new, 'clinic')) ], [], 'each is what it was');
$tenant->query("UPDATE appt.subscription SET url = '" . $hook->url('/ok') . "'");
$new->append_conf('postgresql.conf', 'appt.enabled = on');
$new->reload;
becomes('clinic', '', 'the identity holds: it sends');
becomes('copied', 'RESTORED_COPY', 'and the copy is a copy still');

$hook->wait_for(2);
ok($tenant->settled, 'what was due is settled');
is( $tenant->query(
		"SELECT string_agg(outcomes, '; ' ORDER BY outcomes) FROM (
		   SELECT string_agg(outcome, ' ' ORDER BY attempt_number) AS outcomes FROM appt.attempt GROUP BY notification_id) a"),
	'DELIVERED; DELIVERED; INTERRUPTED DELIVERED',
	'what was under way goes again, and the log tells');
is(scalar($hook->entries), 2, 'nothing of it twice');
is( $tenant->query(
		"SELECT count(*) FROM appt.notification n JOIN appt.due d ON d.notification_id = n.id WHERE type = 'REMINDER'
			AND state = 'PENDING'"
	),
	1,
	'what is for later waits');
is($new->query("SELECT pg_has_role('robot', 'appt_service', 'MEMBER')"), 't', 'members of roles are members');

# State that is not copied but computed from catalogs and files.
my $id = $tenant->schedule;
$hook->wait_for(3);
ok($tenant->settled, 'new appointments are sent');
is($tenant->query("SELECT state FROM appt.cancel_appointment('$id')"), 'CANCELLED', 'and functions work');
$new->query('DROP EXTENSION appt; CREATE EXTENSION appt', 'copied');
$new->query("SELECT appt.create_organization('anew')", 'copied');
$objects = Appt::Catalog::objects($new, 'copied');
$new->query("COMMENT ON COLUMN appt.appointment.title IS 'Another'; REVOKE SELECT ON appt.reason FROM appt_agent", 'copied');
is(join(', ', map { /(.*):/ } Appt::Catalog::differences($objects, Appt::Catalog::objects($new, 'copied'))),
	'column title of table appt.appointment, view appt.reason', 'a changed comment and a revoked privilege are differences');
becomes('copied', '', 'the extension can be dropped and created anew');
$new->stop;

done_testing();

sub upgrade
{
	my @more = @_;
	my $output = '';

	# It writes into its current directory.
	chdir $ENV{TESTDIR} or die;
	IPC::Run::run(
		[   'pg_upgrade', '--no-sync', '-d', $old->data_dir, '-D', $new->data_dir,
			'-b', bindir(), '-B', bindir(), '-s', $new->host,
			'-p', $old->port, '-P', $new->port, @more ],
		'>',
		\$output,
		'2>&1') or die "pg_upgrade @more: $output";
	pass("pg_upgrade @more");
	return;
}

sub bindir
{
	my $bindir = `pg_config --bindir`;

	chomp $bindir;
	return $bindir;
}

# Rows of the tables that say who, what, when and to whom, as one digest.
sub everything
{
	my ($node, $database) = @_;

	return join ' ',
		map { $node->query("SELECT md5(string_agg(t::text, E'\\n' ORDER BY t::text)) FROM appt.$_ t", $database) }
		qw(organization application appointment participant room_access idempotency_key rule subscription secret notification due attempt identity);
}

# A test: the worker of the database has this reason to be quiet.
sub becomes
{
	my ($database, $why, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok($new->wait_for_query("SELECT coalesce(why_quiet, '') FROM appt.worker_status", $why, database => $database), $name);
	return;
}
