# What happens to an appointment from two sides at once ends as if one had come after the other: every pair of calls, and of
# calls and the worker's claim, in both orders and at two isolation levels. Who comes second waits, and loses nothing.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Session;
use Test::More;

my $node = Appt::Cluster->create('pairs', preload => 0, conf => "deadlock_timeout = '200ms'\n");
my $application = $node->query("SELECT appt.create_application(appt.create_organization('Acme'), 'Sales')");
$node->query("SELECT appt.create_subscription('$application', 'https://hooks.example/')");
my ($one, $two, $setup) = map { Appt::Session->open($node) } 1 .. 3;
$_->run('SET client_min_messages = error') foreach $one, $two, $setup;

my %calls = (
	reschedule => "SELECT appt.reschedule_appointment('ID', '2031-07-01 12:00+00', '20 minutes')",
	update => "SELECT appt.update_appointment('ID', 'A title')",
	cancel => "SELECT appt.cancel_appointment('ID')",
	end => "SELECT appt.end_appointment('ID')",
	delete => "SELECT appt.delete_appointment('ID')",
	add_customer => qq(SELECT appt.add_customer('ID', '{"username": "new"}')),
	add_agent => "SELECT appt.add_agent('ID', 'bob')",
	remove_participant => "SELECT appt.remove_participant('ID', 'CUSTOMER')",
	reassign => "SELECT appt.reassign_appointment('ID', 'cleo')",
	record_join => "SELECT appt.record_join('ID', 'CUSTOMER')",
	claim => "WITH due AS (SELECT id FROM appt.notification WHERE appointment_id = 'ID' AND state = 'PENDING' AND due_at <= now()
			ORDER BY id FOR UPDATE SKIP LOCKED)"
		. " UPDATE appt.notification n SET state = 'SENDING', next_attempt_at = NULL, worker_slot = 1 FROM due WHERE n.id = due.id");
my @names = sort keys %calls;

foreach my $isolation ('READ COMMITTED', 'SERIALIZABLE')
{
	my $refused = 0;
	foreach my $first (@names)
	{
		my @wrong;
		foreach my $second (@names)
		{
			my $found = meet($first, $second, $isolation);
			push @wrong, "$second: $found" if $found !~ /^(?:as one after the other|refused)$/;
			$refused++ if $found eq 'refused';
		}
		is("@wrong", '', "$isolation: whatever meets $first ends as if it came after it");
	}
	is($refused, 0, 'and nothing is refused for having met') if $isolation eq 'READ COMMITTED';
}
unlike($node->log_since(0), qr/deadlock detected/, 'no deadlock');
$node->stop;
done_testing();

# The second call starts while the first's transaction is open.
sub meet
{
	my ($first, $second, $isolation) = @_;
	my $appointment = fresh();
	my @done;

	$one->run("BEGIN ISOLATION LEVEL $isolation");
	$two->run("BEGIN ISOLATION LEVEL $isolation");
	my $state_of_first = $one->try(on($first, $appointment));
	$two->start(on($second, $appointment));
	my $blocked = $two->is_blocked;
	my $end_of_first = $one->try('COMMIT');
	my $state_of_second = $two->end;
	my $end_of_second = $two->try('COMMIT');

	return "$first failed: $state_of_first" if $state_of_first ne '00000';
	return 'did not wait' if !$blocked && $first ne 'claim' && $second ne 'claim';
	push @done, $first if $end_of_first eq '00000';
	push @done, $second if $state_of_second ne '40001' && $end_of_second ne '40001';
	return 'refused' if @done < 2 && $isolation eq 'READ COMMITTED';
	# A claim skips locked rows, and comes back for them.
	$setup->run(on('claim', $appointment)) if @done && $done[-1] eq 'claim';

	my $expected = one_after_the_other(@done);
	return "$state_of_second, not $expected->{state}" if @done == 2 && $state_of_second ne $expected->{state};
	my $shown = shown($appointment);
	return "\n$shown\nnot\n$expected->{shown}" if $shown ne $expected->{shown};
	return @done == 2 ? 'as one after the other' : 'refused';
}

# The result for an appointment after these calls in turn, and how the last of them ends.
sub one_after_the_other
{
	my (@sequence) = @_;
	our %known;

	return $known{"@sequence"} //= do
	{
		my $appointment = fresh();
		my $state;
		$state = $setup->try(on($_, $appointment)) foreach @sequence;
		{ state => $state, shown => shown($appointment) };
	};
}

sub fresh
{
	my $id = $setup->run(
		"SELECT (appt.schedule_appointment('$application', '2031-06-01 12:00+00', '1 hour', '{\"username\": \"old\"}',
			organizer_id => 'ann')).id"
	);
	return { id => $id, customer => $setup->run("SELECT id FROM appt.participant WHERE appointment_id = '$id' AND type = 'CUSTOMER'") };
}

sub on
{
	my ($call, $appointment) = @_;

	return $calls{$call} =~ s/ID/$appointment->{id}/r =~ s/CUSTOMER/$appointment->{customer}/r;
}

# All visible data of it, without values that differ between any two.
sub shown
{
	my ($appointment) = @_;

	return $setup->run(<<"SQL");
SELECT ROW(state, title, start_at, end_at, organizer_id, sequence, interaction, ended_at IS NOT NULL) FROM appt.appointment
	WHERE id = '$appointment->{id}';
SELECT ROW(coalesce(username, id), type, joined_at IS NOT NULL) FROM appt.participant WHERE appointment_id = '$appointment->{id}'
	ORDER BY username, id;
SELECT ROW(expires) FROM appt.room_access WHERE appointment_id = '$appointment->{id}';
SELECT line, count(*) FROM (
	SELECT ROW(n.type, channel, CASE recipient_id WHEN '$appointment->{customer}' THEN 'old' ELSE recipient_kind END, state, reason,
		superseded_by, start_at, organizer_id,
		EXISTS (SELECT FROM appt.due d WHERE d.notification_id = n.id), context ? 'appointment', context ? 'participant')::text AS line
	FROM appt.notification n WHERE appointment_id = '$appointment->{id}') notifications GROUP BY line ORDER BY line
SQL
}
