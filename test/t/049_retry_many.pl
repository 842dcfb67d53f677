# Retrying many failures waits for nobody: what another transaction has locked, a message or its appointment, is told.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Session;
use Appt::Tenant;
use Test::More;

my $node = Appt::Cluster->create('main', preload => 0);
my $tenant = Appt::Tenant->create($node);
$tenant->only('CREATE', 'WEBHOOK');
$tenant->subscribe('https://hooks.example/a');
my ($holder, $caller) = map { Appt::Session->open($node) } 1 .. 2;
my @appointments = map { $tenant->schedule } 1 .. 3;
my $application = $node->query("SELECT application_id FROM appt.appointment LIMIT 1");
my %of = map { split /\|/ } split /\n/, $node->query("SELECT appointment_id, id FROM appt.notification");
fail_all();

$holder->run(
	"BEGIN; SELECT appt.update_appointment('$appointments[0]', title => 'held'); SELECT appt.retry_notification($of{$appointments[1]})");
$caller->run('BEGIN; SET LOCAL lock_timeout = 1');
my %told = result();
is($told{ $of{ $appointments[2] } }, 't|', 'what nobody holds is retried');
is($told{ $of{ $appointments[ $_->[0] ] } }, 'f|Another transaction is changing it, or its appointment.', "$_->[1] is told")
	foreach [ 0, 'an appointment that is being changed' ], [ 1, 'a message that is being retried' ];
$holder->run('ROLLBACK');
$caller->run('COMMIT');
%told = result();
is(scalar(grep { /^t/ } values %told), 2, 'the others are retried later');
is( $node->query(
		"SELECT count(*) FROM appt.due d JOIN appt.notification n ON n.id = d.notification_id WHERE n.state = 'RETRYING' AND n.manual"),
	3,
	'each once');

# Two at once, over the same failures: each is retried by one of them, and neither waits.
fail_all();
$holder->run("BEGIN; SELECT * FROM appt.retry_notifications('$application')");
$caller->run('BEGIN; SET LOCAL lock_timeout = 1');
%told = result();
is(scalar(grep { /^f\|Another transaction/ } values %told), 3, 'the second of two finds them taken');
$holder->run('COMMIT');
$caller->run('COMMIT');
is($node->query("SELECT count(*) FROM appt.due"), 3, 'and in the queue once');

done_testing();

sub fail_all
{
	$node->query(
		q{
		DELETE FROM appt.due;
		DELETE FROM appt.attempt;
		UPDATE appt.notification SET state = 'FAILED', reason = 'REJECTED', settled_at = now(), next_attempt_at = NULL,
			manual = false, attempt_count = 1;
		INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, finished_at, outcome)
		SELECT application_id, id, 1, now(), now(), 'FAILED' FROM appt.notification});
	return;
}

# notification => retried|explanation
sub result
{
	return map { split /\|/, $_, 2 } split /\n/, $caller->run("SELECT * FROM appt.retry_notifications('$application')");
}
