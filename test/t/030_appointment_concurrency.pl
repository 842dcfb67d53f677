# Two callers and one appointment: the second waits for the first, judges what it left, and loses nothing.
use strict;
use warnings;

use Appt::Cluster;
use IPC::Run;
use Test::More;

my $node = Appt::Cluster->create('main', preload => 0);
$node->query('CREATE EXTENSION appt_test');
my $application = $node->query("SELECT appt.create_application(appt.create_organization('Acme'), 'Sales')");

# What the first does in an open transaction, what the second then does, and what comes of it after COMMIT.
foreach my $case (
	[ 'cancel_appointment(ID)', "update_appointment(ID, 'x')", 'PT409' ],
	[ 'cancel_appointment(ID)', 'end_appointment(ID)', 'PT409' ],
	[ 'cancel_appointment(ID)', 'cancel_appointment(ID)', '' ],
	[ 'end_appointment(ID)', 'cancel_appointment(ID)', 'PT409' ],
	[ 'end_appointment(ID)', "reschedule_appointment(ID, NULL, '10 min')", 'PT409' ],
	[ 'end_appointment(ID)', "record_join(ID, 'agent')", 'PT409' ],
	[ 'delete_appointment(ID)', 'cancel_appointment(ID)', 'PT404' ],
	[ 'delete_appointment(ID)', "add_customer(ID, '{}')", 'PT404' ],
	[ 'cancel_appointment(ID)', 'delete_appointment(ID)', '' ],
	[ "update_appointment(ID, title => 'T')", "update_appointment(ID, location => 'L')", '' ])
{
	my ($first, $second, $expected) = @$case;
	my $id = schedule();
	my $one = session("BEGIN; SELECT appt." . with($first, $id) . "; SELECT 'done';\n");
	$one->{handle}->pump until $one->{out} =~ /^done$/m;
	my $two = session("\\set VERBOSITY sqlstate\nSELECT appt." . with($second, $id) . ";\n\\q\n");
	$two->{handle}->pump_nb;
	ok($node->wait_for_query("SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"), "$second waits for $first");
	$one->{in} .= "COMMIT;\n\\q\n";
	$one->{handle}->finish;
	$two->{handle}->finish;
	my ($state) = $two->{err} =~ /ERROR:\s+(\w+)/;
	is($state // '', $expected, 'and ' . ($expected ? "is told $expected" : 'works on what it left'));
}
is($node->query('SELECT title || location FROM appt.appointment WHERE title IS NOT NULL'), 'TL', 'no update is lost');

# A rollback leaves the second with what was before.
{
	my $id = schedule();
	my $one = session("BEGIN; SELECT appt.delete_appointment('$id'); SELECT 'done';\n");
	$one->{handle}->pump until $one->{out} =~ /^done$/m;
	my $two = session("SELECT (appt.update_appointment('$id', 'kept')).title;\n\\q\n");
	$two->{handle}->pump_nb;
	ok($node->wait_for_query("SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"), 'an update waits for a deletion');
	$one->{in} .= "ROLLBACK;\n\\q\n";
	$_->{handle}->finish foreach $one, $two;
	like($two->{out}, qr/^kept$/m, 'and goes ahead when it is rolled back');
}

# Details tell of what came in while the caller waited.
{
	my $id = schedule();
	my $one = session("BEGIN; SELECT appt.add_customer('$id', '{}'); SELECT 'done';\n");
	$one->{handle}->pump until $one->{out} =~ /^done$/m;
	my $two = session("SELECT 'people ' || jsonb_array_length((appt.add_customer('$id', '{}')).participant_ids);\n\\q\n");
	$two->{handle}->pump_nb;
	ok($node->wait_for_query("SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"), 'a customer added waits for another');
	$one->{in} .= "COMMIT;\n\\q\n";
	$_->{handle}->finish foreach $one, $two;
	like($two->{out}, qr/^people 4$/m, 'and is shown beside it, the customer booked for and the agent');
}

# The worker never waits for a caller.
{
	$node->query("UPDATE appt.appointment SET state = 'ENDED', ended_at = now() WHERE state = 'ACTIVATED'");
	my $id = schedule();
	my $one = session("BEGIN; SELECT appt.update_appointment('$id', 'x'); SELECT 'done';\n");
	$one->{handle}->pump until $one->{out} =~ /^done$/m;
	is($node->query("SET lock_timeout = 1; SELECT ended, next > at, next <= at + interval '1 s' FROM (VALUES (now() + interval '1 day')) t (at), appt_test.end_overdue(at, 10)"),
		'0|t|t', 'what a caller holds is not ended, and looked at again soon');
	is($node->query("SET lock_timeout = 1; SELECT appt_test.activate_for_room('$application', '$id')"), 'f', 'nor activated');
	$one->{in} .= "COMMIT;\n\\q\n";
	$one->{handle}->finish;
	is($node->query("SELECT ended FROM appt_test.end_overdue(now() + interval '1 day', 10)"), '1', 'afterwards it is');
}

# Bookings of one application do not wait for each other.
{
	my $one = session("BEGIN; SELECT (appt.schedule_appointment('$application', now(), '1 hour', organizer_id => 'agent')).state; SELECT 'done';\n");
	$one->{handle}->pump until $one->{out} =~ /^done$/m;
	is($node->query("SET lock_timeout = 1; SELECT (appt.schedule_appointment('$application', now(), '1 hour', organizer_id => 'agent')).state"),
		'ACTIVATED', 'a booking waits for no other');
	$one->{in} .= "COMMIT;\n\\q\n";
	$one->{handle}->finish;
}

$node->stop;
done_testing();

sub schedule
{
	return $node->query("SELECT id FROM appt.schedule_appointment('$application', now() + interval '1 hour', '1 hour', '{}', organizer_id => 'agent')");
}

sub with
{
	my ($call, $id) = @_;

	return $call =~ s/ID/'$id'/r;
}

# A psql that runs what is written to {in}.
sub session
{
	my ($input) = @_;
	my $session = { in => $input, out => '', err => '' };

	$session->{handle} = IPC::Run::start([ 'psql', '-X', '-A', '-t', '-q', '-d', $node->connstr('postgres') ],
		'<', \$session->{in}, '>', \$session->{out}, '2>', \$session->{err}, IPC::Run::timeout(180));
	return $session;
}
