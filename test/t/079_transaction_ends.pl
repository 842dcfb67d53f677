# However a transaction of a caller or the worker ends, exactly the committed messages are sent, once. The table is in
# src/worker/README.md.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Session;
use Appt::Tenant;
use Test::More;
use Time::HiRes qw(sleep);

# Few locks, and commits reach the disk only if somebody waits for them.
my $node = Appt::Cluster->create(
	'main', conf => "max_prepared_transactions = 5\nmax_locks_per_transaction = 20\nwal_writer_delay = '10s'
	wal_writer_flush_after = '1GB'\nautovacuum = off");
my $hook = Appt::Peers->webhook;
my $broken_before_commit = q{
	CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused at commit'; END $$;
	CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON %s DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()};

$node->wait_for_workers;

# A caller's transaction that ends in an unusual way.
{
	my ($tenant, $path) = tenant('caller');
	my $schedule = schedule($tenant);

	$tenant->query("BEGIN; SAVEPOINT s; $schedule; ROLLBACK TO s; COMMIT");
	$tenant->query(sprintf $broken_before_commit, 'appt.appointment');
	$node->refused_with('P0001', $schedule, 'a trigger refuses at commit');
	$tenant->query('DROP FUNCTION refuse CASCADE');
	$node->refused_with(
		'25P03',
		"SET idle_in_transaction_session_timeout = '100ms'; BEGIN; $schedule;\n\\! sleep 1\nCOMMIT",
		'a session that idles is ended');
	$node->refused_with(
		'57014',
		"SET statement_timeout = '100ms'; BEGIN; $schedule; SELECT pg_sleep(60); COMMIT",
		'a statement that takes long is canceled');
	$tenant->query("BEGIN; $schedule; PREPARE TRANSACTION 'a'");
	is($tenant->query('SELECT count(*) FROM appt.notification'), 0, 'what is prepared is seen by nobody');
	$tenant->query("ROLLBACK PREPARED 'a'");
	is($tenant->query('SELECT count(*) FROM appt.notification'), 0, 'nothing remains of any of them');

	$tenant->query("BEGIN; $schedule; PREPARE TRANSACTION 'b'");
	$tenant->query("COMMIT PREPARED 'b'");
	ok($tenant->settled, 'what is prepared and committed goes');
	is(sent($path), 1, 'and nothing else went');
	no_trace($tenant);
}

# The extension, too, may appear by COMMIT PREPARED. Creating a database makes the launcher check all databases.
{
	$node->query('CREATE DATABASE later');
	$node->query("BEGIN; CREATE EXTENSION appt; PREPARE TRANSACTION 'extension'", 'later');
	ok($node->wait_for_query("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'appt worker' AND datname = 'later'", 0),
		'no extension, no worker');
	$node->query("COMMIT PREPARED 'extension'", 'later');
	$node->query('CREATE DATABASE another');
	$node->wait_for_workers(1, 'later');
	pass('COMMIT PREPARED brings both');
	$node->query("DROP DATABASE $_") foreach qw(another later);
}

# A caller whose commit is not on disk yet, and settings that would make the worker's commit asynchronous.
{
	$node->query('ALTER DATABASE postgres SET synchronous_commit = off');
	restart_worker();
	my ($tenant, $path) = tenant('asynchronous');
	local $ENV{PGOPTIONS} = '-c synchronous_commit=off';
	my $id = $tenant->schedule;
	$hook->wait_for(1, sub { $_->{path} eq $path });
	$node->stop('immediate');
	$node->start;
	ok($tenant->settled, 'the server crashes when the message has arrived');
	is($tenant->query("SELECT count(*) FROM appt.appointment WHERE id = '$id'"), 1, 'its appointment is there');
	like(
		$tenant->query("SELECT string_agg(outcome, ' ' ORDER BY id) FROM appt.attempt"),
		qr/^(INTERRUPTED )?DELIVERED$/,
		'and its attempt');
	is(sent($path), $tenant->query('SELECT count(*) FROM appt.attempt'), 'and each message has one');
	$node->query('ALTER DATABASE postgres RESET synchronous_commit');
	restart_worker();
}

# The worker's transaction is refused at commit.
{
	my ($tenant, $path) = tenant('refused');
	$tenant->query(sprintf $broken_before_commit, 'appt.attempt');
	$tenant->schedule;
	ok($node->wait_for_query("SELECT last_error LIKE '%deferred trigger%' FROM appt.worker_status"), 'a claim is refused at commit');
	is(sent($path), 0, 'nothing was sent');
	is($tenant->query('SELECT state, attempt_count FROM appt.notification'), 'PENDING|0', 'all is as before');
	$tenant->query('DROP FUNCTION refuse CASCADE');
	$node->reload;
	ok($tenant->settled, 'it goes when that is over');
	is(sent($path), 1, 'once');
	no_trace($tenant);
}

# Cancels, wherever they hit it.
{
	my ($tenant, $path) = tenant('canceled');
	$tenant->schedule_many(300);
	foreach (1 .. 100)
	{
		$node->query("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE backend_type = 'appt worker'");
	}
	ok($tenant->settled, 'the worker is canceled while it works');
	is(sent($path), 300, 'every message arrives once');
	no_trace($tenant);
}

# A session holds nearly all locks of the server: too few are left for a claim, enough for smaller work. Connected sessions stay
# connected.
{
	my ($tenant, $path) = tenant('locks');
	my ($watcher, $greedy) = map { Appt::Session->open($node) } 1 .. 2;
	$node->append_conf('postgresql.conf', 'appt.enabled = off');
	$node->reload;
	$node->wait_for_query('SELECT why_quiet FROM appt.worker_status', 'DISABLED');
	$tenant->schedule;
	is($watcher->run('SELECT state FROM appt.notification'), 'PENDING', 'a message is to go');
	$greedy->start('SELECT pg_advisory_lock(i) FROM generate_series(1, 1000000) i');
	is($greedy->end, '53200', 'one session takes all locks');
	$node->append_conf('postgresql.conf', 'appt.enabled = on');
	$node->reload;

	foreach my $freed (1 .. 20)
	{
		my $seen = $node->log_end;
		$greedy->run("SELECT pg_advisory_unlock($freed)");
		sleep 0.05
			until $watcher->run('SELECT state FROM appt.notification') ne 'PENDING' || $node->log_since($seen, 'out of shared memory') > 1;
	}
	like($watcher->run('SELECT state FROM appt.notification'), qr/PENDING|SENDING|SENT/, 'which is not the fault of a message');
	$greedy->run('SELECT pg_advisory_unlock_all()');
	$node->reload;
	ok($tenant->settled, 'with locks again it goes');
	is(sent($path), 1, 'once');
	no_trace($tenant);
}

$node->stop;
done_testing();

# One with nothing of others in the tables, and the path of its webhook.
sub tenant
{
	my ($name) = @_;

	$node->query('TRUNCATE appt.notification, appt.attempt, appt.due');
	my $tenant = Appt::Tenant->create($node);
	$tenant->only('CREATE', 'WEBHOOK');
	$tenant->subscribe($hook->url("/ok/$name"));
	return ($tenant, "/ok/$name");
}

sub schedule
{
	my ($tenant) = @_;
	return "SELECT appt.schedule_appointment('@{[ $tenant->application ]}', now() + interval '1 day', '1 hour', organizer_id => 'a')";
}

sub sent
{
	my ($path) = @_;
	return scalar(grep { $_->{path} eq $path } $hook->entries);
}

sub no_trace
{
	my ($tenant) = @_;
	is($tenant->query("SELECT string_agg(DISTINCT state || attempt_count, ' ') FROM appt.notification"), 'SENT1', 'at the first attempt');
	return;
}

sub restart_worker
{
	my ($worker) = $node->worker_pids;
	$node->query("SELECT pg_terminate_backend($worker)");
	$node->wait_for_query("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'appt worker' AND pid <> $worker", 1);
	return;
}
