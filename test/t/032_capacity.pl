# Of many concurrent bookings exactly as many succeed as the limit allows, by every function and at every isolation level;
# there are no deadlocks or serialization failures, and bookings of another day or application do not wait.
use strict;
use warnings;

use Appt::Cluster;
use IPC::Run;
use Test::More;

my $clients = 32;
my $node = Appt::Cluster->create('main', conf => "max_connections = 60\nmax_prepared_transactions = 2\ndeadlock_timeout = '200ms'\n");
$node->query('CREATE EXTENSION appt_test');
my $organization = $node->query("SELECT appt.create_organization('Acme')");
my $day = '2031-03-01';

# One slot, by scheduling alone.
{
	my $application = application('max_overlap => 3');
	my @ends = storm(map { [ schedule($application, "$day 12:00", '1 hour', "agent-$_") ] } 1 .. $clients);
	is(tally(@ends), '3 x 00000, 29 x PT409', "$clients book one slot of three places at once: three do");
	is(peak($application), '3', 'and three are booked');
}

# One instant, by every function: scheduling, also by customers, moving, extending, for an hour, for days, for weeks.
{
	my $application = application('max_overlap => 3');
	my @ends = storm(
		(map { [ schedule($application, "$day 11:" . (10 + $_), '1 hour') ] } 1 .. 5),
		(map { [ schedule_as_customer($application, "customer$_\@example.org", "$day 11:" . (10 + $_), '1 hour') ] } 1 .. 5),
		(map { [ schedule($application, "2031-02-28 1$_:00", '2 days') ] } 1 .. 5),
		(map { [ schedule($application, '2031-01-01 00:00', $_) ] } '70 days', '500 days', '2000 days'),
		(map { [ reschedule(booked($application, "2031-05-0$_ 00:00", '1 hour'), "$day 11:45") ] } 1 .. 7),
		(map { [ reschedule(booked($application, "2031-02-2$_ 00:00", '1 minute'), undef, '12 days') ] } 1 .. 7));
	is(tally(@ends), '3 x 00000, 29 x PT409', 'whichever way they come to one instant: three do');
	is(peak($application), '3', 'and three are there');
}

# One agent: booked, handed over to, moved.
{
	my $application = application('organizer_exclusive => true');
	my @ends = storm(
		(map { [ schedule($application, "$day 11:" . (10 + $_), '1 hour', 'star') ] } 1 .. 10),
		(map { [ schedule($application, '2031-02-20 00:00', '30 days', 'star') ] } 1 .. 2),
		(map { [ reassign(booked($application, "$day 12:0$_", '1 hour', "agent-$_"), 'star') ] } 1 .. 8),
		(map { [ reassign(booked($application, '2031-02-10 00:00', '40 days', "agent-2$_"), 'star') ] } 1 .. 2),
		(map { [ reschedule(booked($application, "2031-06-0$_ 00:00", '1 hour', 'star'), "$day 11:45") ] } 1 .. 9),
		[ reschedule(booked($application, "$day 11:00", '15 minutes', 'star'), undef, '70 minutes') ]);
	is(tally(@ends), '1 x 00000, 31 x PT409', 'whoever wants one agent at one instant: one gets it');
}

# Adjacent slots, in a different order by each client: a slot that was refused is full.
{
	my $application = application('max_overlap => 3');
	my @slots = map { sprintf "$day %02d:%02d", 8 + int($_ / 4), $_ % 4 * 15 } 0 .. 15;
	my @bookings = map {
		[ map { [ $_, schedule($application, $_, '40 minutes') ] } shuffled(@slots) ]
	} 1 .. $clients;
	my @ends = storm(
		map {
			[ map { $_->[1] } @$_ ]
		} @bookings);
	is(tally(@ends) =~ s/\d+ x //gr, '00000, PT409', 'neighbouring slots: a place or none, nothing else');
	is(peak($application), '3', 'never more than three');
	my %refused;
	foreach my $client (0 .. $#bookings)
	{
		$refused{ $bookings[$client][$_][0] } = 1 foreach grep { $ends[$client][$_] eq 'PT409' } 0 .. $#slots;
	}
	is(join(' ', grep { peak($application, "$_+00", '40 minutes') != 3 } sort keys %refused), '', 'and who was refused found three');
}

# Everything at once, from minutes to years, many moving the same appointments: no deadlock, never too many.
{
	my $application = application('max_overlap => 3, organizer_exclusive => true');
	my @shared = map { booked($application, "2031-07-0$_ 00:00", '10 minutes', "agent-$_") } 1 .. 6;
	my @ends = storm(
		map {
			[ map { random_call($application, \@shared) } 1 .. 30 ]
		} 1 .. $clients);
	is(tally(@ends) =~ s/\d+ x //gr, '00000, PT409', 'all kinds of calls at once: done or refused, nothing else') or diag(tally(@ends));
	cmp_ok(peak($application), '<=', 3, 'never more than three');
	is( $node->query(
			"SELECT count(*) FROM appt.appointment a JOIN appt.appointment b USING (application_id, organizer_id)
				WHERE application_id = '$application'"
				. " AND a.id < b.id AND a.state = 'ACTIVATED' AND b.state = 'ACTIVATED'
					AND tstzrange(a.start_at, a.end_at) && tstzrange(b.start_at, b.end_at)"
		),
		'0',
		'and no agent twice');
}

# Transactions whose snapshots are older than what the others book.
foreach my $isolation ('REPEATABLE READ', 'SERIALIZABLE')
{
	my $application = application('max_overlap => 3');
	my @ends = storm(
		map {
			{   before => "BEGIN ISOLATION LEVEL $isolation; SELECT count(*) FROM appt.appointment;",
				calls => [ schedule($application, "$day 12:00", $_ % 2 ? '1 hour' : '40 days'), 'COMMIT' ] }
		} 1 .. $clients);
	my $done = grep { $_->[0] eq '00000' && $_->[1] eq '00000' } @ends;
	if ($isolation eq 'SERIALIZABLE')
	{
		cmp_ok(peak($application), '<=', 3, 'SERIALIZABLE: never more than three');
		cmp_ok(peak($application), '>=', 1, 'and some');
		like(tally(map { [ $_->[0] ] } @ends), qr/^(\d+ x (00000|40001|PT409)(, |$))+$/, 'the others are refused, or may try again');
	}
	else
	{
		is(tally(map { [ $_->[0] ] } @ends), '3 x 00000, 29 x PT409', "$isolation: three succeed");
		is(peak($application), '3', 'and three are booked');
	}
}

# Which calls wait for an open booking, and which do not.
{
	my $places = application('max_overlap => 3');
	my $exclusive = application('organizer_exclusive => true');
	my $free = application('max_overlap => 3');
	my $elsewhere = booked($places, '2031-04-01 00:00', '1 hour');
	my $holder =
		session('BEGIN; '
			. schedule($places, "$day 12:00", '1 hour') . '; '
			. schedule($exclusive, "$day 12:00", '1 hour', 'agent')
			. "; SELECT 'done';\n");
	$holder->{handle}->pump until $holder->{out} =~ /^done$/m;
	foreach my $case (
		[ '00000', 'the next day', schedule($places, '2031-03-02 00:00', '1 hour') ],
		[ '00000', 'the day before, until it ends', schedule($places, '2031-02-28 23:00', '1 hour') ],
		[ '55P03', 'a second longer', schedule($places, '2031-02-28 23:00', '1 hour 1 second') ],
		[ '55P03', 'another hour of the day', schedule($places, "$day 23:00", '1 hour') ],
		[ '55P03', 'a month around it', schedule($places, '2031-02-15 00:00', '30 days') ],
		[ '55P03', 'a move to the day', reschedule($elsewhere, "$day 15:00") ],
		[ '00000', 'a move to another day', reschedule($elsewhere, '2031-04-02 00:00') ],
		[ '00000', 'another application', schedule($free, "$day 12:00", '1 hour') ],
		[ '00000', 'another agent of exclusive ones', schedule($exclusive, "$day 12:00", '1 hour', 'other') ],
		[ '55P03', 'the same agent, another hour', schedule($exclusive, "$day 15:00", '1 hour', 'agent') ],
		[ '00000', 'the same agent, another day', schedule($exclusive, '2031-03-02 12:00', '1 hour', 'agent') ],
		[ '00000', 'counting', "SELECT appt.count_overlapping('$places', '$day 12:00+00', '1 hour')" ])
	{
		my ($expected, $name, $call) = @$case;
		my ($ends) = run_clients({ before => "SET lock_timeout = '200ms';", calls => [$call] });
		is($ends->[0], $expected, $name . ($expected eq '00000' ? ' does not wait' : ' waits'));
	}
	finish($holder, "ROLLBACK;\n");
}

# What takes weeks, months, years or a century is waited for by those that overlap it, of any length, and by no others.
{
	my $wait = "SET lock_timeout = '200ms';";
	my $free = application('max_overlap => 3');

	foreach my $case (
		[ 'max_overlap => 10', '30 days', '2031-02-20', '2031-09-01' ],
		[ 'max_overlap => 10', '60 days', '2031-04-01', '2031-09-01' ],
		[ 'max_overlap => 10', '700 days', '2032-12-31', '2036-09-01' ],
		[ 'max_overlap => 10', '1200 days', '2034-05-01', '2037-09-01' ],
		[ 'organizer_exclusive => true', '30 days', '2031-02-20', '2031-09-01' ],
		[ 'organizer_exclusive => true', '1200 days', '2034-05-01', '2037-09-01' ])
	{
		my ($limit, $duration, $within, $outside) = @$case;
		my $application = application($limit);
		my $holder = session('BEGIN; ' . schedule($application, '2031-02-15 00:00', $duration) . "; SELECT 'done';\n");
		my $ends_at = sub {
			my ($start, @lengths) = @_;

			return tally(
				map { run_clients({ before => "$wait BEGIN;", calls => [ schedule($application, "$start 00:00", $_) ] }) } @lengths);
		};

		$holder->{handle}->pump until $holder->{out} =~ /^done$/m;
		is($ends_at->($within, '1 hour', '20 days', '40 days', '300 days', '1100 days'),
			'5 x 55P03', "$limit, $duration: what overlaps it waits, of any length");
		is($ends_at->($outside, '1 hour', '20 days', '40 days', '300 days'), '4 x 00000', 'what comes months later does not');
		is($ends_at->('2048-09-01', '1100 days'), '1 x 00000', 'nor what takes years and comes years later');
		my ($other) = run_clients({ before => $wait, calls => [ schedule($free, "$within 00:00", '1 hour') ] });
		is($other->[0], '00000', 'nor does another application');
		finish($holder, "ROLLBACK;\n");
	}
	my $holder = session('BEGIN; ' . schedule($free, '2131-01-01 00:00', '35000 days') . "; SELECT 'done';\n");
	$holder->{handle}->pump until $holder->{out} =~ /^done$/m;
	my ($ends) = run_clients({ before => $wait, calls => [ schedule($free, '2220-01-01 00:00', '1 hour') ] });
	is($ends->[0], '55P03', 'what takes a century is waited for');
	finish($holder, "ROLLBACK;\n");
}

# A prepared booking counts, whoever commits it.
{
	my $application = application('max_overlap => 1');
	run_clients({ before => '', calls => [ 'BEGIN', schedule($application, "$day 12:00", '1 hour'), "PREPARE TRANSACTION 'booking'" ] });
	my ($ends) = run_clients({ before => "SET lock_timeout = '200ms';", calls => [ schedule($application, "$day 12:00", '1 hour') ] });
	is($ends->[0], '55P03', 'a prepared booking is waited for');
	$node->query("COMMIT PREPARED 'booking'");
	($ends) = run_clients({ before => '', calls => [ schedule($application, "$day 12:00", '1 hour') ] });
	is($ends->[0], 'PT409', 'and has its place once it is committed');
}

# A rollback, also to a savepoint, frees the slot for a waiting call.
{
	my $application = application('max_overlap => 1');
	my $holder = session('BEGIN; SAVEPOINT s; ' . schedule($application, "$day 12:00", '1 hour') . "; SELECT 'done';\n");
	$holder->{handle}->pump until $holder->{out} =~ /^done$/m;
	my $waiting = session(schedule($application, "$day 12:00", '1 hour') . ";\n\\echo state :SQLSTATE\n");
	$waiting->{handle}->pump_nb;
	ok($node->wait_for_query("SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'advisory'"), 'a booking waits');
	$holder->{in} .= "ROLLBACK TO s;\n";
	$holder->{handle}->pump_nb;
	$waiting->{handle}->pump until $waiting->{out} =~ /^state (\w+)$/m;
	is($1, '00000', 'and has the place that a savepoint gives up');
	finish($_, '') foreach $holder, $waiting;
}

# A caller of another tenant gets PT404 without waiting.
{
	my $application = application(q(max_overlap => 1, agent_scope => 'OWN'));
	my $id = booked($application, "$day 12:00", '1 hour');
	$node->query('CREATE ROLE postgrest LOGIN; GRANT appt_authenticator TO postgrest');
	my $holder = session('BEGIN; ' . reschedule($id, "$day 13:00") . "; SELECT 'done';\n");
	$holder->{handle}->pump until $holder->{out} =~ /^done$/m;
	my ($ends) = run_clients(
		{   before => "SET SESSION AUTHORIZATION postgrest; SET ROLE appt_agent;
					SET request.jwt.claims = '{\"sub\": \"stranger\", \"application_id\": \"$application\"}';"
				. " SET lock_timeout = '200ms';",
			calls => [ reschedule($id, "$day 14:00"), "SELECT appt.reassign_appointment('$id', 'stranger')" ] });
	is(join(' ', @$ends), 'PT404 PT404', 'a stranger waits for nobody');
	finish($holder, "COMMIT;\n");
}

$node->stop;
done_testing();

sub application
{
	my ($settings) = @_;
	my $id = $node->query("SELECT appt.create_application('$organization', 'Sales', max_duration => '36500 days', $settings)");

	$node->query("DELETE FROM appt.rule WHERE application_id = '$id'");
	return $id;
}

sub schedule
{
	my ($application, $start, $duration, $organizer) = @_;

	$organizer //= 'agent';
	return "SELECT state FROM appt.schedule_appointment('$application', '$start+00', '$duration', organizer_id => '$organizer')";
}

# With the code that the customer was sent.
sub schedule_as_customer
{
	my ($application, $contact, $start, $duration) = @_;

	$node->query("SELECT appt.request_customer_code('$application', '$contact')");
	my $code = $node->query("SELECT appt_test.latest_code('$application', 'CUSTOMER', '$contact')");
	# Null, for a wrong code, is no booking.
	return
		"SELECT 1 / count(id) FROM appt.schedule_appointment_as_customer('$application', '$contact', '$code', '$start+00', '$duration')";
}

sub reschedule
{
	my ($id, $start, $duration) = map { defined $_ ? "'$_'" : 'NULL' } @_, undef;

	return "SELECT state FROM appt.reschedule_appointment($id, ($start || '+00')::timestamptz, $duration)";
}

sub reassign
{
	my ($id, $agent) = @_;

	return "SELECT state FROM appt.reassign_appointment('$id', '$agent')";
}

# One that is there already.
sub booked
{
	return $node->query(schedule(@_) =~ s/SELECT state/SELECT id/r);
}

# Any call on a week in July, or on appointments that others move, too.
sub random_call
{
	my ($application, $shared) = @_;
	my $start = sprintf '2031-07-%02d %02d:%02d', 1 + rand 7, rand 24, 15 * int rand 4;
	my $duration = rand() < 0.15 ? 1 + int(4 ** rand 5) . ' days' : 15 * (1 + int rand 8) . ' minutes';
	my $id = $shared->[ rand @$shared ];
	my $kind = rand;

	return schedule($application, $start, $duration, 'agent-' . int rand 8) if $kind < 0.3;
	return reassign($id, 'agent-' . int rand 8) if $kind < 0.5;
	return reschedule($id, $start) if $kind < 0.7;
	return reschedule($id, undef, $duration) if $kind < 0.9;
	return reschedule($id, $start, $duration);
}

sub shuffled
{
	my @list = @_;

	return map { splice @list, rand @list, 1 } 1 .. @list;
}

# The largest overlap, within a window or overall.
sub peak
{
	my ($application, $start, $duration) = @_;
	my $window = defined $start ? "tstzrange('$start', timestamptz '$start' + '$duration')" : "'(,)'::tstzrange";

	return $node->query("WITH booked AS (SELECT tstzrange(start_at, end_at) * $window AS span FROM appt.appointment"
			. " WHERE application_id = '$application' AND state IN ('SCHEDULED', 'ACTIVATED'))"
			. " SELECT coalesce(max((SELECT count(*) FROM booked o WHERE lower(b.span) <@ o.span)), 0) FROM booked b");
}

# How often each SQLSTATE was seen.
sub tally
{
	my %seen;

	$seen{$_}++ foreach map { @$_ } @_;
	return join ', ', map { "$seen{$_} x $_" } sort keys %seen;
}

# A psql that runs what is written to {in}.
sub session
{
	my ($input) = @_;
	my $session = { in => $input, out => '', err => '' };

	$session->{handle} = IPC::Run::start([ 'psql', '-X', '-A', '-t', '-q', '-d', $node->connstr('postgres') ],
		'<', \$session->{in}, '>', \$session->{out}, '2>', \$session->{err}, IPC::Run::timeout(300));
	return $session;
}

sub finish
{
	my ($session, $input) = @_;

	$session->{in} .= "$input\\q\n";
	$session->{handle}->finish;
	return;
}

# Runs clients that all start at the same moment; a client is a list of calls, or what it runs before and its calls. Returns
# the SQLSTATEs of each client's calls.
sub storm
{
	my @storm = map { ref $_ eq 'HASH' ? $_ : { before => '', calls => $_ } } @_;
	my $gate = session("SELECT pg_advisory_lock(1); SELECT 'closed';\n");
	my @started;

	$gate->{handle}->pump until $gate->{out} =~ /^closed$/m;
	@started = map { start_client({ %$_, before => "$_->{before} SELECT pg_advisory_lock_shared(1);" }) } @storm;
	$node->wait_for_query("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 1 AND objsubid = 1 AND NOT granted",
		scalar @storm)
		or die 'not all clients are ready';
	finish($gate, '');
	return map { client_ends($_) } @started;
}

sub run_clients
{
	return map { client_ends(start_client($_)) } @_;
}

sub start_client
{
	my ($client) = @_;
	my $session = session(join "\n", $client->{before}, (map { "$_;\n\\echo state :SQLSTATE" } @{ $client->{calls} }), "\\q\n");

	$session->{handle}->pump_nb;
	return $session;
}

sub client_ends
{
	my ($session) = @_;

	$session->{handle}->finish;
	return [ $session->{out} =~ /^state (\w+)$/mg ];
}
