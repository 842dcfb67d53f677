# The messages of a deleted appointment are blanked once none is pending; somebody retries one of them meanwhile.
# Whichever comes first, a retry that is accepted is sent with its text, and one that comes too late is refused.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Session;
use Appt::Tenant;
use Test::More;

# The test plays the worker: each step of one side meets each step of the other.
{
	my $node = Appt::Cluster->create('by_hand', preload => 0);
	$node->query('CREATE EXTENSION appt_test');
	my $tenant = Appt::Tenant->create($node);
	$tenant->only('CANCELLED', 'WEBHOOK');
	$tenant->subscribe("https://hooks.example/$_") foreach 1 .. 2;
	my ($caller, $worker) = map { Appt::Session->open($node) } 1 .. 2;
	my $kept = sub { return $node->query("SELECT count(context) FROM appt.notification WHERE appointment_id = '$_[0]'") };

	# One of the two messages that tell of the deletion has failed, the other has been delivered just now.
	my $deleted = sub {
		my $appointment = $tenant->schedule;
		$node->query("SELECT appt.delete_appointment('$appointment')");
		my ($failed, $sent) = split /\n/,
			$node->query("SELECT id FROM appt.notification WHERE appointment_id = '$appointment' ORDER BY id");
		settle($node, $failed, 'FAILED');
		settle($node, $sent, 'SENT');
		return ($appointment, $failed);
	};

	{
		my ($appointment, $failed) = $deleted->();
		$caller->run("BEGIN; SELECT appt.retry_notification($failed)");
		is($worker->run('SET lock_timeout = 1; SELECT appt_test.blank_deleted()'), 't', 'blanking waits for no retry');
		is($kept->($appointment), 2, 'and leaves its words');
		$caller->run('COMMIT');
		is($worker->run('SELECT appt_test.blank_deleted()'), 'f', 'a retry that is accepted');
		is($kept->($appointment), 2, 'keeps them');
		is($node->query("SELECT state, (appt_test.composed(id))[4] LIKE '%CANCELLED%' FROM appt.notification WHERE id = $failed"),
			'RETRYING|t', 'so that it can be sent');
		settle($node, $failed, 'SENT');
		$worker->run('SELECT appt_test.blank_deleted()');
		is($kept->($appointment), 0, 'then they are blanked');
	}
	{
		my ($appointment, $failed) = $deleted->();
		$caller->run("BEGIN; SELECT appt.retry_notification($failed)");
		$worker->run('SELECT appt_test.blank_deleted()');
		$caller->run('ROLLBACK');
		is($worker->run('SELECT appt_test.blank_deleted()'), 'f', 'one that is undone');
		is($kept->($appointment), 0, 'keeps them no longer');
	}
	{
		# A receipt locks an attempt of a message that has no context.
		my $appointment = $tenant->schedule;
		$node->query(
			"INSERT INTO appt.notification (application_id, appointment_id, recipient_kind, recipient_id, type, channel, due_at, lane)
			SELECT application_id, id, 'CUSTOMER', 'c', 'CREATE', 'SMS', now(), 1 FROM appt.appointment WHERE id = '$appointment'");
		my $sent = $node->query("SELECT max(id) FROM appt.notification WHERE appointment_id = '$appointment'");
		settle($node, $sent, 'SENT');
		$node->query(
			"INSERT INTO appt.provider_message SELECT application_id, 'SM-1', id FROM appt.attempt WHERE notification_id = $sent;
			SELECT appt.delete_appointment('$appointment')");
		settle($node, $_, 'SENT')
			foreach split /\n/,
			$node->query("SELECT id FROM appt.notification WHERE appointment_id = '$appointment' AND type = 'CANCELLED'");
		$caller->run("BEGIN; SELECT appt.record_receipt('@{[ $tenant->application ]}', 'SM-1', 'DELIVERED')");
		is($worker->run('SELECT appt_test.blank_deleted()'), 't', 'blanking waits for no receipt');
		is($kept->($appointment), 2, 'and comes back');
		$caller->run('COMMIT');
		is($worker->run('SELECT appt_test.blank_deleted()'), 'f', 'when the receipt is recorded');
		is($kept->($appointment), 0, 'to blank contexts');
		is($node->query("SELECT count(text_body) || ' ' || count(receipt) FROM appt.attempt WHERE notification_id = $sent"),
			'0 1', 'and words, but not the receipt');
	}
	foreach my $end ('COMMIT', 'ROLLBACK')
	{
		my ($appointment, $failed) = $deleted->();
		$worker->run('BEGIN; SELECT appt_test.blank_deleted()');
		$caller->start("SELECT appt.retry_notification($failed)");
		ok($caller->is_blocked, 'a retry waits for blanking');
		$worker->run($end);
		is($caller->end, $end eq 'COMMIT' ? 'PT409' : '00000', "after $end it is " . ($end eq 'COMMIT' ? 'refused' : 'accepted'));
		like($caller->errors, qr/was deleted/, 'and told why') if $end eq 'COMMIT';
		settle($node, $failed, 'SENT') if $end eq 'ROLLBACK';
		$worker->run('SELECT appt_test.blank_deleted()');
		is($kept->($appointment), 0, 'nothing stays');
	}

	$worker->run('RESET lock_timeout');

	# A deletion whose snapshot is older than the retry's commit does not miss the retry.
	foreach my $level ('READ COMMITTED', 'REPEATABLE READ')
	{
		my $appointment = $tenant->schedule;
		$node->query("SELECT appt.cancel_appointment('$appointment')");
		my $failed = $node->query("SELECT min(id) FROM appt.notification WHERE appointment_id = '$appointment'");
		settle($node, $_, 'FAILED')
			foreach split /\n/, $node->query("SELECT id FROM appt.notification WHERE appointment_id = '$appointment'");
		$worker->run("BEGIN ISOLATION LEVEL $level; SELECT count(*) FROM appt.notification");
		$caller->run("BEGIN; SELECT appt.retry_notification($failed)");
		$worker->start("SELECT appt.delete_appointment('$appointment')");
		ok($worker->is_blocked, "$level: a deletion waits for a retry");
		$caller->run('COMMIT');
		is($worker->end, $level eq 'READ COMMITTED' ? '00000' : '40001', 'and goes on with what it left, or tells that it can\'t');
		$worker->run($level eq 'READ COMMITTED' ? 'COMMIT' : 'ROLLBACK');
		like($node->query("SELECT (appt_test.composed($failed))[4]"), qr/CANCELLED/, 'what is to be sent has its words');
		settle($node, $failed, 'SENT');
	}
	$node->stop;
}

# The worker itself: the last message is delivered while a retry is under way.
{
	my $node = Appt::Cluster->create('worker', conf => 'max_prepared_transactions = 5');
	my $hook = Appt::Peers->webhook;
	my $tenant = Appt::Tenant->create($node, max_attempts => 1);
	my $caller = Appt::Session->open($node);

	$tenant->only('CANCELLED', 'WEBHOOK');
	$tenant->subscribe($hook->url('/fail-first/1'));
	$tenant->subscribe($hook->url('/hold/a'));
	my $appointment = $tenant->schedule;
	$node->query("SELECT appt.delete_appointment('$appointment')");
	my $of = "FROM appt.notification WHERE appointment_id = '$appointment'";
	ok($node->wait_for_query("SELECT string_agg(state, ' ' ORDER BY state) $of", 'FAILED SENDING'), 'one failed, the other is under way');
	my $failed = $node->query("SELECT id $of AND state = 'FAILED'");
	$caller->run("BEGIN; SELECT appt.retry_notification($failed); PREPARE TRANSACTION 'retry'");
	$hook->release('a');
	ok($node->wait_for_query("SELECT string_agg(state, ' ' ORDER BY state) $of", 'FAILED SENT'),
		'which is settled, though the retry is undecided');
	my ($pid) = $node->wait_for_workers;
	$caller->run("COMMIT PREPARED 'retry'");
	$node->reload;
	ok($node->wait_for_query("SELECT string_agg(state, ' ') $of", 'SENT SENT'), 'the retry is sent');
	like(($hook->wait_for(3))[2]{body}, qr/"CANCELLED"/, 'with its words');
	ok($node->wait_for_query("SELECT count(context) $of", 0), 'which then are gone');
	is(join(' ', $node->worker_pids), $pid, 'all by one worker');

	# An appointment that was left, by a crash for example, is found by the next worker that starts.
	$node->query("UPDATE appt.notification SET context = '{\"appointment\": {}}' WHERE id = $failed");
	$node->query("SELECT pg_terminate_backend($pid)");
	ok($node->wait_for_query("SELECT count(context) $of", 0), 'what was left is blanked by the next worker');
	$node->stop;
}

done_testing();

sub settle
{
	my ($node, $id, $state) = @_;

	$node->query(
		"DELETE FROM appt.due WHERE notification_id = $id;
		UPDATE appt.notification SET state = '$state', reason = CASE WHEN '$state' = 'FAILED' THEN 'REJECTED' END,
			settled_at = now(), next_attempt_at = NULL, manual = false, attempt_count = attempt_count + 1 WHERE id = $id;
		INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, finished_at, outcome, text_body)
		SELECT application_id, id, attempt_count, now(), now(), 'DELIVERED', 'words' FROM appt.notification WHERE id = $id");
	return;
}
