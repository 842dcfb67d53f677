# appt.change where it takes several databases, sessions or the worker: who ended an appointment, copies that record nothing,
# callers that do not wait, and the retention.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Session;
use Appt::Tenant;
use IPC::Run;
use Test::More;

my $node = Appt::Cluster->create('main', conf => "appt.log_retention = '30d'");
my $tenant = Appt::Tenant->create($node);
my $application = $tenant->application;
my $dump = "$ENV{TESTDIR}/changes.dump";

# The worker ends what is overdue.
$node->query(
	qq{SELECT appt.schedule_appointment('$application', now() + interval '1 day', '30 minutes', organizer_id => 'a')
		FROM generate_series(1, 3)}
);
$node->query(q{UPDATE appt.appointment SET start_at = now() - interval '2 days', end_at = now() - interval '1 day'});
is($node->query(q{SELECT count(*) FROM appt.change WHERE changed_by = 'appt worker'}), 0, 'the worker has changed nothing yet');
# A direct change does not wake the worker.
$node->query("SELECT pg_terminate_backend($_)") foreach $node->wait_for_workers;
ok($node->wait_for_query(q{SELECT count(*) FROM appt.appointment WHERE state = 'ENDED' AND updated_by = 'appt worker'}, 3),
	'appointments tell that the worker ended them');
is( $node->query(
		q{SELECT string_agg(DISTINCT concat_ws(' ', table_name, operation, old_values->'state', new_values->'state'), ',')
			FROM appt.change WHERE changed_by = 'appt worker'}
	),
	'appointment UPDATE "ACTIVATED" "ENDED"',
	'and so do their changes');

# Copies: a restore adds nothing, nor does what happens before the copy is adopted.
my $changes = changes('postgres');
cmp_ok($changes, '>', 20, 'there is something to restore');
run('pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('postgres'));
$node->query('CREATE DATABASE restored');
run('pg_restore', '--exit-on-error', '-d', $node->connstr('restored'), $dump);
$node->query('CREATE DATABASE filled');
$node->query('CREATE EXTENSION appt', 'filled');
run('pg_restore', '--exit-on-error', '--data-only', '--disable-triggers', '-d', $node->connstr('filled'), $dump);
$node->query('CREATE DATABASE unordered');
$node->query('CREATE EXTENSION appt', 'unordered');
run('pg_restore', '--exit-on-error', '--data-only', '--single-transaction', '-d', $node->connstr('unordered'), $dump);
$node->query('CREATE DATABASE copied TEMPLATE postgres');

foreach my $database (qw(restored filled unordered copied))
{
	is(changes($database), $changes, "$database has the changes of the original, and none of its own");
	$node->query('UPDATE appt.rule SET enabled = NOT enabled', $database);
	is(changes($database), $changes, 'nothing is recorded before it is adopted');
	$node->query('SELECT appt.adopt_database(); UPDATE appt.rule SET enabled = NOT enabled', $database);
	is(changes($database) - $changes, $node->query('SELECT count(*) FROM appt.rule', $database), 'but afterwards');
}
is( $node->query(
		'BEGIN; SET LOCAL session_replication_role = replica; UPDATE appt.rule SET enabled = NOT enabled; COMMIT; SELECT count(*) FROM appt.change'
	),
	$changes,
	'what replication applies is nobody\'s change');

# A restore on top of live data has two identities, which are nobody's; a transaction sees that as soon as it is so.
$node->query(
	'INSERT INTO appt.identity (database_oid, transaction_id) SELECT database_oid, transaction_id FROM appt.identity; UPDATE appt.rule SET enabled = NOT enabled',
	'copied');
is(changes('copied') - $changes, $node->query('SELECT count(*) FROM appt.rule', 'copied'), 'with two identities nothing is recorded');

# An uncommitted change delays nobody, not even adopt_database().
my $open = Appt::Session->open($node);
$open->run(
	"BEGIN; UPDATE appt.rule SET enabled = false WHERE id = (SELECT min(id) FROM appt.rule); SELECT appt.create_organization('open')");
$node->query(
	q{SET lock_timeout = '1min'; UPDATE appt.rule SET enabled = false WHERE id = (SELECT max(id) FROM appt.rule);
		UPDATE appt.application SET name = 'another';
	SELECT appt.cancel_appointment((appt.schedule_appointment(id, now() + interval '1 day', '30 minutes', organizer_id => 'a')).id)
		FROM appt.application}
);
pass('two change the configuration at once');
$open->run('COMMIT');

# Retention is that of the log, waits for no lock, and keeps recent rows.
$node->query(
	q{TRUNCATE appt.change;
	INSERT INTO appt.change (organization_id, table_name, row_key, operation, changed_by, at)
	SELECT gen_random_uuid(), 'rule', '{"id": 1}', 'DELETE', 'x', now() - CASE WHEN i > 1200 THEN interval '29 days' ELSE interval '31 days' END FROM generate_series(1, 1210) i}
);
my $caller = Appt::Session->open($node);
$caller->run(q{BEGIN; SELECT FROM appt.change WHERE id = (SELECT min(id) FROM appt.change) FOR UPDATE});
# A pass begins when a worker starts.
$node->query("SELECT pg_terminate_backend($_)") foreach $node->wait_for_workers;
ok($node->wait_for_query('SELECT count(*) FROM appt.change', 11), 'what is past the retention goes, but for what is locked');
$caller->run('COMMIT');
$node->query("SELECT pg_terminate_backend($_)") foreach $node->wait_for_workers;
ok($node->wait_for_query('SELECT count(*) FROM appt.change', 10), 'which goes later');
is($node->query(q{SELECT bool_and(at > now() - interval '30 days') FROM appt.change}), 't', 'what is young stays');

$node->stop;
done_testing();

sub changes
{
	my ($database) = @_;

	return $node->query('SELECT count(*) FROM appt.change', $database);
}

sub run
{
	my (@command) = @_;
	my $output = '';

	IPC::Run::run(\@command, '>', \$output, '2>&1') or die "@command: $output";
	return;
}
