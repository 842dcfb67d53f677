# One key, many sessions at once: one books, all get what it booked, and nobody waits for anything but the transaction that
# has the key. A call that is repeated later is not refused for being late.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Session;
use Test::More;

my $clients = $ENV{APPT_CLIENTS} // 100;
my $node = Appt::Cluster->create(
	'keys',
	preload => 0,
	conf => 'max_connections = ' . ($clients + 20) . "\nmax_prepared_transactions = 2\ndeadlock_timeout = '200ms'\n");
my $organization = $node->query("SELECT appt.create_organization('Acme')");
my $application = $node->query("SELECT appt.create_application('$organization', 'Sales', max_overlap => 1)");
my $other = $node->query("SELECT appt.create_application('$organization', 'Support')");
$node->query('CREATE TABLE got (key text, id uuid)');
my ($one, $two, $three) = map { Appt::Session->open($node) } 1 .. 3;
my $hour = 0;

sub schedule
{
	my ($key, %options) = @_;

	return
		  "SELECT id FROM appt.schedule_appointment('@{[ $options{application} // $application ]}', '2031-01-01'::timestamptz + interval '"
		. ($options{hour} // $hour)
		. " hours', '1 hour', organizer_id => 'ann', idempotency_key => '$key')";
}

# Sessions that call it once each, and keep the result.
sub crowd
{
	my ($key) = @_;
	my $script = $node->basedir . '/crowd.sql';

	open my $file, '>', $script or die "$script: $!";
	print $file "INSERT INTO got SELECT '$key', id FROM (", schedule($key), ") s;\n";
	close $file;
	my ($out, $err) = ('', '');
	return IPC::Run::start([ 'pgbench', '-n', '-c', $clients, '-j', 2, '-t', 1, '-f', $script, $node->connstr('postgres') ],
		'>', \$out, '2>', \$err, IPC::Run::timeout(600));
}

sub all_wait
{
	return $node->wait_for_query("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'INSERT INTO got%' AND wait_event_type = 'Lock'",
		$clients);
}

sub got
{
	my ($key) = @_;

	return $node->query("SELECT count(*) || ' calls, ' || count(DISTINCT id) || ' appointments' FROM got WHERE key = '$key'");
}

sub booked
{
	return $node->query(
		"SELECT count(*) FROM appt.appointment WHERE application_id = '$application'
			AND start_at = '2031-01-01'::timestamptz + interval '$hour hours'"
	);
}

subtest 'all at once' => sub {
	$hour++;
	crowd('rush')->finish;
	is(got('rush'), "$clients calls, 1 appointments", 'all get one appointment');
	is(booked(), 1, 'and one was booked, where there is a place for one');
	is($node->query("SELECT count(*) FROM appt.idempotency_key WHERE key = 'rush'"), 1, 'one key is left');
};

subtest 'while the first has not ended' => sub {
	$hour++;
	my $id = $one->run('BEGIN; ' . schedule('held'));
	my $crowd = crowd('held');
	ok(all_wait(), 'all wait for the first');
	$two->start('BEGIN; ' . schedule('held'));
	ok($two->is_blocked, 'one that will keep its transaction, too');
	is($three->try(schedule('held', application => $other)), '00000', 'those of another application do not');
	is($three->try(schedule('another', hour => 1000)), '00000', 'nor those with another key');
	$one->run('COMMIT');
	is($two->end, '00000', 'the first has committed');
	is($two->output, $id, 'one gets its result');
	$crowd->finish;
	is(got('held'), "$clients calls, 1 appointments", 'and all the others, though that one has not ended its transaction');
	is($node->query("SELECT DISTINCT id FROM got WHERE key = 'held'"), $id, 'the very same');
	$two->run('COMMIT');
	is(booked(), 1, 'one was booked');
};

subtest 'the first is rolled back' => sub {
	$hour++;
	my $id = $one->run('BEGIN; ' . schedule('undone'));
	my $crowd = crowd('undone');
	ok(all_wait(), 'all wait for the first');
	$one->run('ROLLBACK');
	$crowd->finish;
	is(got('undone'), "$clients calls, 1 appointments", 'another one books');
	is($node->query("SELECT count(*) FROM got WHERE key = 'undone' AND id = '$id'"), 0, 'an appointment of its own');
	is(booked(), 1, 'once');
};

subtest 'savepoints, two phases, other isolation levels' => sub {
	$hour++;
	my $undone = $one->run('BEGIN; SAVEPOINT before; ' . schedule('nested'));
	$two->start(schedule('nested'));
	ok($two->is_blocked, 'the key of a savepoint is held');
	$one->run('ROLLBACK TO before');
	is($two->end, '00000', 'until that is undone');
	isnt($two->output, $undone, 'then another books');
	$one->run('COMMIT');

	$hour++;
	my $id = $one->run('BEGIN; ' . schedule('prepared'));
	$one->run("PREPARE TRANSACTION 'first'");
	$two->start(schedule('prepared'));
	ok($two->is_blocked, 'a prepared transaction holds its key');
	$three->run("COMMIT PREPARED 'first'");
	is($two->end, '00000', 'until it is committed');
	is($two->output, $id, 'then its result is there');

	foreach my $level ('REPEATABLE READ', 'SERIALIZABLE')
	{
		$hour++;
		$id = $one->run('BEGIN; ' . schedule($level));
		$two->run("BEGIN ISOLATION LEVEL $level; SELECT 1");
		$two->start(schedule($level));
		ok($two->is_blocked, "$level: a repeated call waits");
		$one->run('COMMIT');
		is($two->end, '40001', 'and is to be repeated once more');
		$two->run('ROLLBACK');
		is($two->run("BEGIN ISOLATION LEVEL $level; " . schedule($level)), $id, 'then it gets the result');
		$two->run('COMMIT');
	}
};

subtest 'the appointment is being deleted' => sub {
	foreach my $end (qw(ROLLBACK COMMIT))
	{
		$hour++;
		my $id = $one->run(schedule("deleted $end"));
		$one->run("BEGIN; SELECT appt.delete_appointment('$id')");
		$two->start(schedule("deleted $end"));
		ok($two->is_blocked, 'a repeated call waits to see what becomes of it');
		$one->run($end);
		is($two->end, '00000', "$end");
		is($two->output eq $id, $end eq 'ROLLBACK', 'it gets the appointment, or books another if it is gone');
		is(booked(), 1, 'there is one');
	}
};

subtest 'later' => sub {
	my $late = sub {
		return "SELECT id FROM appt.schedule_appointment('$other', '$_[0]', '1 hour', organizer_id => 'ann', idempotency_key => 'late')";
	};
	my $start = $one->run("BEGIN; SELECT now() - interval '59 seconds'");
	my $id = $one->run($late->($start));
	$one->run('COMMIT');
	ok($node->wait_for_query("SELECT now() > '$start'::timestamptz + interval '61 seconds'"), 'a start passes');
	is($two->try($late->($start) =~ s/late/never/r), '22023', 'too late to be scheduled');
	is($two->run($late->($start)), $id, 'but not for who has scheduled it');
};

unlike($node->log_since(0), qr/deadlock detected/, 'no deadlock');
$node->stop;
done_testing();
