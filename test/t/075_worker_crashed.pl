# A message that crashes workers fails after a few restarts of the server; other crashes fail no message.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Tenant;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $restarts = qr/all server processes terminated; reinitializing/;
my $crashes = qr/LOG:  appt worker \d+ crashed/;
my $node;

# Pauses grow with each crash, so each part of the test uses its own cluster.
my $remembered;
begin('innocent');

# Other events are not taken for a crash of a worker.
{
	my $tenant = tenant('/hold/quiet');
	my $hook = $tenant->{hook};
	my $offset = $node->log_end;

	$tenant->schedule;
	$hook->wait_for(1);
	my $session = $node->background_psql('postgres');
	kill 'KILL', $session->query_safe('SELECT pg_backend_pid()');
	$node->wait_for_log($restarts, $offset);
	$hook->wait_for(2);
	$node->stop('immediate');
	$node->start;
	$hook->wait_for(3);
	$node->kill9;
	# Its children end by themselves.
	ok( in_time(
			sub {
				return 1 if $node->start(fail_ok => 1);
				$node->stop('fast', fail_ok => 1);
				return 0;
			}),
		'the server starts after a kill of the postmaster');
	$hook->wait_for(4);
	$hook->release('quiet');
	ok($tenant->settled, 'all is settled');
	is_deeply($tenant->states, { 'CREATE WEBHOOK' => 'SENT' }, 'and sent');
	is(scalar($node->log_since($offset, $crashes)),
		0, 'after a crash of another session, an immediate stop and a kill of the postmaster no worker has crashed');
	ok(!-e $remembered, 'nothing is remembered');
	is($node->query("SELECT count(*) FROM appt.worker_status WHERE last_error LIKE '%crashed%'"), 0, 'nor told');
}

# If a worker is killed while it waits, no message is suspected, even if the same one is always in flight.
{
	my $tenant = tenant('/hold/often');
	my $hook = $tenant->{hook};

	$tenant->schedule;
	foreach my $time (1 .. 3)
	{
		my $offset = $node->log_end;
		$hook->wait_for($time);
		$node->wait_for_query('SELECT count(*) FROM appt.worker_status WHERE in_flight = 1', 1) or die;
		kill 'KILL', $node->query('SELECT pid FROM appt.worker_status WHERE in_flight = 1');
		$node->wait_for_log($restarts, $offset);
	}
	$hook->wait_for(4);
	$hook->release('often');
	ok($tenant->settled, 'after three kills all is settled');
	is_deeply($tenant->states, { 'CREATE WEBHOOK' => 'SENT' }, 'as SENT');
	like(
		$node->query("SELECT last_error FROM appt.worker_status WHERE last_error LIKE '%crashed%' LIMIT 1"),
		qr/^worker \d crashed/,
		'the status tells of the last');
	cmp_ok(scalar($node->log_since(0, qr/crashed while it slept: something outside of it killed it/)),
		'>=', 1, 'and the log that it slept');
}

# A PANIC makes no message suspect.
{
	my $tenant = tenant('/ok');
	my $offset = $node->log_end;
	my $id = poison($tenant, 'panic');

	$node->wait_for_log(qr/a PANIC on purpose.*a PANIC on purpose/s, $offset);
	# The server may be restarting.
	ok($node->wait_for_query('DROP TRIGGER IF EXISTS panic ON appt.attempt; SELECT true'), 'mended');
	ok($tenant->settled, 'all is settled after two PANICs');
	is_deeply($tenant->states($id), { 'CREATE WEBHOOK' => 'SENT' }, 'and sent');
	cmp_ok(scalar(grep { /crashed for a PANIC/ } $node->log_since($offset, $crashes)), '>=', 2, 'which the log takes for what they are');
}

$node->stop;
begin('claims');

# A message that crashes its claim, among others.
{
	my ($good, $bad) = map { tenant('/ok') } 1 .. 2;
	my $offset = $node->log_end;

	my $poison = with_workers_off(
		sub {
			$good->schedule_many(60);
			$bad->schedule_many(10);
			my $id = titled($bad, 'poisonous to claim');
			$bad->schedule_many(10);
			return $id;
		});
	ok($_->settled, 'all is settled') foreach $good, $bad;
	is_deeply($bad->states($poison), { 'CREATE WEBHOOK' => 'FAILED WORKER_CRASHED' }, 'what kills is FAILED, WORKER_CRASHED');
	is( $node->query(
			"SELECT count(*) FROM appt.attempt JOIN appt.notification n ON n.id = notification_id WHERE appointment_id = '$poison'"),
		0,
		'it was never attempted');
	is(sent($good) . ' ' . sent($bad), '60 20', 'all others are SENT');
	is(scalar($node->log_since($offset, $restarts)), 3, 'after three restarts of the server');
	is(scalar($node->log_since($offset, $crashes)), 3, 'each of which the log explains');
	is(scalar($node->log_since($offset, qr/has failed, because appt workers crashed over it/)), 1, 'and the end');
	explained($_) foreach $good, $bad;
	is( $node->query("SELECT explanation FROM appt.reason WHERE reason = 'WORKER_CRASHED'"),
		'Twice a worker crashed while this was the only notification that it was claiming or sending.',
		'the reason is explained');
}

# Such a message alone: two restarts. Meanwhile worker_status says why nothing is sent, and another database's worker continues.
{
	my $tenant = tenant('/ok');
	my $offset = $node->log_end;

	$node->install_appt('other');
	my $other_hook = Appt::Peers->webhook;
	my $other = Appt::Tenant->create($node, database => 'other');
	$other->only('CREATE', 'WEBHOOK');
	$other->subscribe($other_hook->url('/ok'));
	my $seen;
	foreach my $round (1 .. 5)
	{
		my $from = $node->log_end;
		my $poison = poison($tenant, 'poisonous to claim');
		$node->wait_for_log($restarts, $from);
		$seen = $node->wait_for_query(
			"SELECT DISTINCT why_quiet || ' ' || (next_wake > now()) || ' ' || last_error FROM appt.worker_status",
			'AFTER_CRASH true worker 1 crashed while it claimed notifications',
			seconds => 20);
		$seen &&= eval {
			$other->schedule;
			$other->settled && $node->query('SELECT DISTINCT why_quiet FROM appt.worker_status') eq 'AFTER_CRASH';
		};
		ok($tenant->settled, 'what kills alone is settled');
		is_deeply($tenant->states($poison), { 'CREATE WEBHOOK' => 'FAILED WORKER_CRASHED' }, 'as FAILED, WORKER_CRASHED');
		is(scalar($node->log_since($from, $restarts)), 2, 'after two restarts of the server');
		last if $seen;
	}
	ok($seen, 'in between the status says why, and the other database sends');
}

my ($earlier, $earlier_remembered) = ($node, $remembered);
begin('settlings');

# A message that crashes its settling, among others that are in flight.
{
	my ($good, $bad) = (tenant('/hold/together'), tenant('/hold/together'));
	my $offset = $node->log_end;

	$good->schedule_many(5);
	my $poison = titled($bad, 'poisonous to settle');
	$good->{hook}->wait_for(5);
	$bad->{hook}->wait_for(1);
	$bad->{hook}->release('together');
	$node->wait_for_log($restarts, $offset);
	$good->{hook}->release('together');
	ok($_->settled, 'all is settled') foreach $good, $bad;
	is_deeply($bad->states($poison), { 'CREATE WEBHOOK' => 'FAILED WORKER_CRASHED' }, 'what kills is FAILED, WORKER_CRASHED');
	is(sent($good), 5, 'all others are SENT');
	cmp_ok(scalar($node->log_since($offset, $restarts)), '<=', 3, 'after three restarts of the server at most');
	explained($_) foreach $good, $bad;
}

# After a minute without a crash all is forgotten.
$node->stop;
ok(in_time(sub { !-e $earlier_remembered }), 'a minute later nothing is remembered');
$earlier->stop;
is(join(' ', glob($earlier->data_dir . '/pg_stat_tmp/appt_*')), '', 'and nothing is left');

done_testing();

sub begin
{
	my ($name) = @_;

	$node = Appt::Cluster->create($name, conf => "appt.workers = 2\nappt.request_timeout = '10min'");
	$remembered = $node->data_dir . '/pg_stat_tmp/appt_crashes';
	# A message with this title crashes the worker that opens, or settles, an attempt of it.
	$node->query(
		q{
		CREATE EXTENSION appt_test;
		CREATE TRIGGER poison BEFORE INSERT ON appt.attempt FOR EACH ROW WHEN (NEW.text_body LIKE '%poisonous to claim%')
			EXECUTE FUNCTION appt_test.crash_worker();
		CREATE TRIGGER slow_poison BEFORE UPDATE ON appt.attempt FOR EACH ROW
			WHEN (NEW.text_body LIKE '%poisonous to settle%' AND NEW.outcome IN ('DELIVERED', 'FAILED'))
			EXECUTE FUNCTION appt_test.crash_worker('SEGV');
		CREATE TRIGGER panic BEFORE INSERT ON appt.attempt FOR EACH ROW WHEN (NEW.text_body LIKE '%panic%')
			EXECUTE FUNCTION appt_test.crash_worker('PANIC')});
	return;
}

sub tenant
{
	my ($path) = @_;
	my $tenant = Appt::Tenant->create($node, max_attempts => 6);

	$tenant->{hook} = Appt::Peers->webhook;
	$tenant->only('CREATE', 'WEBHOOK');
	$tenant->subscribe($tenant->{hook}->url($path));
	return $tenant;
}

# An appointment of that title.
sub titled
{
	my ($tenant, $title) = @_;

	return $tenant->query(
		"SELECT id FROM appt.schedule_appointment('@{[ $tenant->application ]}', now() + interval '2 days', '30 minutes',
			organizer_id => 'a', title => '$title')"
	);
}

# The same, if it may crash a worker, and with that end our session, as soon as it commits.
sub poison
{
	my ($tenant, $title) = @_;

	return with_workers_off(sub { titled($tenant, $title) });
}

sub with_workers_off
{
	my ($work) = @_;

	$node->append_conf('postgresql.conf', 'appt.enabled = off');
	$node->reload;
	$node->wait_for_query('SELECT string_agg(DISTINCT why_quiet, $$$$) FROM appt.worker_status', 'DISABLED') or die;
	my $result = $work->();
	$node->append_conf('postgresql.conf', 'appt.enabled = on');
	$node->reload;
	return $result;
}

sub sent
{
	my ($tenant) = @_;

	return $tenant->query(
		"SELECT count(*) FROM appt.notification WHERE application_id = '@{[ $tenant->application ]}' AND state = 'SENT'");
}

# Until that is true, or it takes too long.
sub in_time
{
	my ($condition) = @_;
	my $until = time + $PostgreSQL::Test::Utils::timeout_default;

	while (time < $until)
	{
		return 1 if $condition->();
		sleep 0.2;
	}
	return 0;
}

# A message that came twice has an interrupted attempt.
sub explained
{
	my ($tenant) = @_;
	my %times;

	$times{ $_->{headers}{'webhook-id'} }++ foreach $tenant->{hook}->entries;
	my %interrupted = map { split /\|/ } split /\n/, $tenant->query(
		"SELECT uid, count(*) FROM appt.notification n JOIN appt.attempt ON notification_id = n.id
		 WHERE n.application_id = '@{[ $tenant->application ]}' AND outcome = 'INTERRUPTED' GROUP BY uid");
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is_deeply([ grep { $times{$_} > 1 + ($interrupted{$_} // 0) } keys %times ], [], 'nothing came more often than the log says');
	return;
}
