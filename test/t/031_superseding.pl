# An event and the worker meet at one notification: the event waits for the worker's short transaction and then finds
# the resulting state, in particular the row in the queue. The test plays the worker's transactions itself.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Session;
use Test::More;

my $node = Appt::Cluster->create('main', preload => 0);
$node->query('CREATE EXTENSION appt_test');
my $application = $node->query("SELECT appt.create_application(appt.create_organization('Acme'), 'Sales')");
$node->query("SELECT appt.create_subscription('$application', 'https://hooks.example/')");
$node->query("UPDATE appt.rule SET enabled = type IN ('CREATE', 'CANCELLED') WHERE channel = 'WEBHOOK'");

sub schedule
{
	return $node->query(
		"SELECT (appt.schedule_appointment('$application', now() + interval '1 day', '30 minutes', organizer_id => 'ann')).id");
}

my ($worker, $caller) = map { Appt::Session->open($node) } 1 .. 2;

my $lock = 'BEGIN; SELECT 1 FROM appt.notification WHERE id = ID FOR UPDATE;';
my $claim = "$lock UPDATE appt.notification SET state = 'SENDING', next_attempt_at = NULL, worker_slot = 1 WHERE id = ID;";
my $retry = <<"SQL";
$lock DELETE FROM appt.due WHERE notification_id = ID;
INSERT INTO appt.due (lane, due_at, notification_id, application_id, first_due_at) SELECT lane, due_at + interval '10 seconds', id, application_id, due_at
	FROM appt.notification WHERE id = ID;
UPDATE appt.notification SET state = 'RETRYING', reason = 'WILL_RETRY', next_attempt_at = due_at + interval '10 seconds',
	attempt_count = 1 WHERE id = ID;
SQL
my $sent = <<"SQL";
$lock DELETE FROM appt.due WHERE notification_id = ID;
UPDATE appt.notification SET state = 'SENT', next_attempt_at = NULL, settled_at = now() WHERE id = ID;
SQL

# The worker's step, how it ends, the event, and the resulting notification: state, reason, mark, rows in the queue.
foreach my $case (
	[ 'claims it', $claim, 'COMMIT', 'cancel_appointment', 'SENDING||APPOINTMENT_CANCELLED|1' ],
	[ 'claims it', $claim, 'ROLLBACK', 'cancel_appointment', 'CANCELLED|APPOINTMENT_CANCELLED||0' ],
	[ 'puts it off', $retry, 'COMMIT', 'cancel_appointment', 'CANCELLED|APPOINTMENT_CANCELLED||0' ],
	[ 'puts it off', $retry, 'COMMIT', 'delete_appointment', 'CANCELLED|APPOINTMENT_DELETED||0' ],
	[ 'has sent it', $sent, 'COMMIT', 'cancel_appointment', 'SENT|||0' ],
	[ 'has sent it', $sent, 'COMMIT', 'end_appointment', 'SENT|||0' ])
{
	my ($what, $statements, $end, $event, $expected) = @$case;
	my $appointment = schedule();
	my $id = $node->query("SELECT id FROM appt.notification WHERE appointment_id = '$appointment'");
	$statements =~ s/\bID\b/$id/g;
	$worker->run($statements);
	$caller->start("SELECT appt.$event('$appointment')");
	ok($caller->is_blocked, "$event waits while the worker $what");
	$worker->run($end);
	is($caller->end, '00000', 'it succeeds');
	is($node->query(<<"SQL"), $expected, "and finds what is there after $end");
SELECT state, reason, superseded_by, (SELECT count(*) FROM appt.due WHERE notification_id = n.id) FROM appt.notification n WHERE id = $id
SQL
}

# Whether the customer was ever told is decided by the state that the worker left.
foreach my $case (
	[ 'claims its CREATE', $claim, 'COMMIT', 'cancel_appointment', 'f' ],
	[ 'claims its CREATE', $claim, 'ROLLBACK', 'cancel_appointment', 't' ],
	[ 'puts its CREATE off', $retry, 'COMMIT', 'cancel_appointment', 't' ],
	[ 'has sent its CREATE', $sent, 'COMMIT', 'cancel_appointment', 'f' ],
	[ 'has sent its CREATE', $sent, 'COMMIT', 'delete_appointment', 'f' ],
	[ 'has not sent its CREATE', $sent, 'ROLLBACK', 'delete_appointment', 't' ])
{
	my ($what, $statements, $end, $event, $expected) = @$case;
	my $appointment = $node->query(
		"SELECT (appt.schedule_appointment('$application', now() + interval '1 day', '30 minutes',
		'{\"contact\": {\"primaryEmail\": \"bob\@example.org\"}}', organizer_id => 'ann')).id");
	my $id =
		$node->query("SELECT id FROM appt.notification WHERE appointment_id = '$appointment' AND type = 'CREATE' AND channel = 'EMAIL'");
	$statements =~ s/\bID\b/$id/g;
	$worker->run($statements);
	$caller->start("SELECT appt.$event('$appointment')");
	ok($caller->is_blocked, "$event waits while the worker $what");
	$worker->run($end);
	is($caller->end, '00000', 'it succeeds');
	is( $node->query(
			"SELECT DISTINCT never_told FROM appt.notification WHERE appointment_id = '$appointment' AND type = 'CANCELLED'
				AND recipient_kind = 'CUSTOMER'"
		),
		$expected,
		"and knows after $end whether the customer was told");
}

# Loaded rows are as new as their locks, however old the statement's snapshot is.
{
	my $appointment = schedule();
	my $id = $node->query("SELECT id FROM appt.notification WHERE appointment_id = '$appointment'");
	$caller->run('SELECT pg_advisory_lock(1)');
	$worker->start("SELECT CASE WHEN pg_advisory_lock(1) IS NOT NULL THEN (appt_test.composed($id))[4] END");
	ok($worker->is_blocked, 'a statement has its snapshot');
	$caller->run("SELECT appt.update_appointment('$appointment', 'fresh')");
	$caller->run('SELECT pg_advisory_unlock(1)');
	$worker->end;
	like($worker->output, qr/fresh/, 'and composes what was committed after it');
	$worker->run('SELECT pg_advisory_unlock(1)');
}

# Two workers settle the last two messages of a deleted appointment at the same time, and blank after their commits.
{
	my $appointment = schedule();
	$node->query(
		"INSERT INTO appt.rule (application_id, type, channel) VALUES ('$application', 'UPDATE', 'WEBHOOK') ON CONFLICT DO NOTHING;
			SELECT appt.create_subscription('$application', 'https://hooks.example/two')"
	);
	$node->query("SELECT appt.delete_appointment('$appointment')");
	my ($first, $second) = split /\n/,
		$node->query("SELECT id FROM appt.notification WHERE appointment_id = '$appointment' AND state = 'PENDING' ORDER BY id");
	my $settle =
		sub { return "BEGIN; UPDATE appt.notification SET state = 'SENT', next_attempt_at = NULL, settled_at = now() WHERE id = $_[0]" };
	my $kept = "SELECT count(context) FROM appt.notification WHERE appointment_id = '$appointment'";
	my ($one, $two) = ($worker, $caller);
	$one->run($settle->($first));
	$two->run($settle->($second));
	$one->run('COMMIT');
	$one->run('SELECT appt_test.blank_deleted()');
	is($node->query($kept), '2', 'whoever is first leaves it');
	$two->run('COMMIT');
	$one->run('BEGIN; SELECT appt_test.blank_deleted()');
	is($two->run('SET lock_timeout = 1; SELECT appt_test.blank_deleted()'), 't', 'while one blanks, the other passes by');
	$one->run('COMMIT');
	is($node->query($kept), '0', 'and nothing of the appointment stays readable');
	$node->query("DELETE FROM appt.due WHERE notification_id IN ($first, $second); DELETE FROM appt.subscription WHERE url LIKE '%two'");
	$two->run('RESET lock_timeout');
}

# Two people retry the same failure.
{
	my $appointment = schedule();
	my $id = $node->query("SELECT id FROM appt.notification WHERE appointment_id = '$appointment'");
	$node->query(
		"DELETE FROM appt.due WHERE notification_id = $id; UPDATE appt.notification SET state = 'FAILED', reason = 'REJECTED',
			settled_at = now(), next_attempt_at = NULL, attempt_count = 1 WHERE id = $id;
		INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at) VALUES ('$application', $id, 1, now())");
	my ($one, $two) = ($worker, $caller);
	$one->run("BEGIN; SELECT appt.retry_notification($id)");
	$two->start("SELECT appt.retry_notification($id)");
	ok($two->is_blocked, 'the second waits');
	$one->run('COMMIT');
	is($two->end, 'PT409', 'and is refused');
	like($two->errors, qr/is RETRYING/, 'because it is being retried');
	is($node->query("SELECT count(*) FROM appt.due WHERE notification_id = $id"), '1', 'it is queued once');

	# And one cancels what another retries.
	$node->query(
		"DELETE FROM appt.due WHERE notification_id = $id; UPDATE appt.notification SET state = 'FAILED', reason = 'REJECTED',
			settled_at = now(), next_attempt_at = NULL, manual = false WHERE id = $id"
	);
	$one->run("BEGIN; SELECT appt.cancel_appointment('$appointment')");
	$two->start("SELECT appt.retry_notification($id)");
	ok($two->is_blocked, 'a retry waits for a cancellation');
	$one->run('COMMIT');
	is($two->end, 'PT409', 'and is refused');
	like($two->errors, qr/APPOINTMENT_CANCELLED/, 'for it');
}

$node->stop;
done_testing();
