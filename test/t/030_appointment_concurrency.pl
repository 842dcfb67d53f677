# Two callers and one appointment: the second waits for the first, judges what it left, and loses nothing.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Session;
use Test::More;

my $node = Appt::Cluster->create('main', preload => 0);
$node->query('CREATE EXTENSION appt_test');
my $application = $node->query("SELECT appt.create_application(appt.create_organization('Acme'), 'Sales')");
my ($one, $two) = map { Appt::Session->open($node) } 1 .. 2;

# The first call in an open transaction, the second call, and the result after COMMIT.
foreach my $case (
	[ 'cancel_appointment(ID)', "update_appointment(ID, 'x')", 'PT409' ],
	[ 'cancel_appointment(ID)', 'end_appointment(ID)', 'PT409' ],
	[ 'cancel_appointment(ID)', 'cancel_appointment(ID)', '00000' ],
	[ 'end_appointment(ID)', 'cancel_appointment(ID)', 'PT409' ],
	[ 'end_appointment(ID)', "reschedule_appointment(ID, NULL, '10 min')", 'PT409' ],
	[ 'end_appointment(ID)', "record_join(ID, 'agent')", 'PT409' ],
	[ 'delete_appointment(ID)', 'cancel_appointment(ID)', 'PT404' ],
	[ 'delete_appointment(ID)', "add_customer(ID, '{}')", 'PT404' ],
	[ 'cancel_appointment(ID)', 'delete_appointment(ID)', '00000' ],
	[ "update_appointment(ID, title => 'T')", "update_appointment(ID, location => 'L')", '00000' ])
{
	my ($first, $second, $expected) = @$case;
	my $id = schedule();
	$one->run('BEGIN; SELECT appt.' . with($first, $id));
	$two->start('SELECT appt.' . with($second, $id));
	ok($two->is_blocked, "$second waits for $first");
	$one->run('COMMIT');
	is($two->end, $expected, 'and ' . ($expected ne '00000' ? "is told $expected" : 'works on what it left'));
}
is($node->query('SELECT title || location FROM appt.appointment WHERE title IS NOT NULL'), 'TL', 'no update is lost');

# After a rollback the second call sees the state before.
{
	my $id = schedule();
	$one->run("BEGIN; SELECT appt.delete_appointment('$id')");
	$two->start("SELECT (appt.update_appointment('$id', 'kept')).title");
	ok($two->is_blocked, 'an update waits for a deletion');
	$one->run('ROLLBACK');
	$two->end;
	is($two->output, 'kept', 'and goes ahead when it is rolled back');
}

# The returned details include changes made while the caller waited.
{
	my $id = schedule();
	$one->run("BEGIN; SELECT appt.add_customer('$id', '{}')");
	$two->start("SELECT jsonb_array_length((appt.add_customer('$id', '{}')).participant_ids)");
	ok($two->is_blocked, 'a customer added waits for another');
	$one->run('COMMIT');
	$two->end;
	is($two->output, '4', 'and is shown beside it, the customer booked for and the agent');
}

# The worker never waits for a caller.
{
	$node->query("UPDATE appt.appointment SET state = 'ENDED', ended_at = now() WHERE state = 'ACTIVATED'");
	my $id = schedule();
	$one->run("BEGIN; SELECT appt.update_appointment('$id', 'x')");
	is( $node->query(
			"SET lock_timeout = 1; SELECT ended, next > at, next <= at + interval '1 s'
				FROM (VALUES (now() + interval '1 day')) t (at), appt_test.end_overdue(at, 10)"
		),
		'0|t|t',
		'what a caller holds is not ended, and looked at again soon');
	is($node->query("SET lock_timeout = 1; SELECT appt_test.activate_for_room('$application', '$id')"), 'f', 'nor activated');
	$one->run('COMMIT');
	is($node->query("SELECT ended FROM appt_test.end_overdue(now() + interval '1 day', 10)"), '1', 'afterwards it is');
}

# Bookings of one application do not wait for each other.
{
	my $booking = "SELECT (appt.schedule_appointment('$application', now(), '1 hour', organizer_id => 'agent')).state";
	$one->run("BEGIN; $booking");
	is($node->query("SET lock_timeout = 1; $booking"), 'ACTIVATED', 'a booking waits for no other');
	$one->run('COMMIT');
}

$node->stop;
done_testing();

sub schedule
{
	return $node->query(
		"SELECT id FROM appt.schedule_appointment('$application', now() + interval '1 hour', '1 hour', '{}', organizer_id => 'agent')");
}

sub with
{
	my ($call, $id) = @_;

	return $call =~ s/ID/'$id'/r;
}
