# send_message and notify_users under one key, by many sessions at once: one is sent, and all get it. A message belongs to the
# transaction that sends it. What is withdrawn is not sent, or not sent again.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Session;
use Appt::Tenant;
use Test::More;

my $clients = $ENV{APPT_CLIENTS} // 1000;
my $node = Appt::Cluster->create('keys',
	conf => 'max_connections = ' . ($clients + 20) . "\nmax_prepared_transactions = 2\ndeadlock_timeout = '200ms'\n");
my $tenant = Appt::Tenant->create($node);
my $application = $tenant->application;
my $hook = Appt::Peers->webhook;
gateway($hook->url('/ok'));
$node->query('CREATE TABLE got (key text, id bigint); CREATE TABLE parcel (id bigint PRIMARY KEY)');
$node->query(
	"INSERT INTO appt.user_profile (application_id, id, channels)
		SELECT '$application', 'user-' || i, '{IN_APP}' FROM generate_series(1, 5) i"
);
my ($one, $two, $three) = map { Appt::Session->open($node) } 1 .. 3;

# Text messages go to this URL.
sub gateway
{
	my ($url) = @_;

	return $node->query("SELECT appt.set_provider('$application', 'SMS', 'HTTP', '$url')");
}

sub sending
{
	my ($text, $key) = @_;

	return
		"SELECT id FROM appt.send_message('$application', 'SMS', '+306900000000', '$text'"
		. (defined $key ? ", idempotency_key => '$key'" : '') . ')';
}

sub telling
{
	my ($key) = @_;

	return
		"SELECT id FROM appt.notify_users('$application', 'MENTION', '{user-1,user-2,user-3,user-4,user-5}', idempotency_key => '$key')";
}

# Sessions that call it once each, and keep the result.
sub crowd
{
	my ($key, $count, $call) = @_;
	my $script = $node->basedir . '/crowd.sql';

	open my $file, '>', $script or die "$script: $!";
	print $file "INSERT INTO got SELECT '$key', id FROM ($call) s;\n";
	close $file;
	my ($out, $err) = ('', '');
	return IPC::Run::start([ 'pgbench', '-n', '-c', $count, '-j', 2, '-t', 1, '-f', $script, $node->connstr('postgres') ],
		'>', \$out, '2>', \$err, IPC::Run::timeout(1800));
}

sub all_wait
{
	my ($count) = @_;

	return $node->wait_for_query("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'INSERT INTO got%' AND wait_event_type = 'Lock'",
		$count);
}

sub got
{
	my ($key) = @_;

	return $node->query("SELECT count(*) || ' rows, ' || count(DISTINCT id) || ' notifications' FROM got WHERE key = '$key'");
}

sub planned
{
	my ($text) = @_;

	return $node->query("SELECT count(*) FROM appt.notification WHERE context ->> 'text_body' = '$text'");
}

subtest 'all at once' => sub {
	crowd('rush', $clients, sending('Rush', 'rush'))->finish;
	is(got('rush'), "$clients rows, 1 notifications", 'all get one notification');
	is(planned('Rush'), 1, 'one was planned');
	is($node->query("SELECT count(*) FROM appt.idempotency_key WHERE key = 'rush'"), 1, 'one key is left');
	ok($node->wait_for_query("SELECT string_agg(state, ' ') FROM appt.notification WHERE context ->> 'text_body' = 'Rush'", 'SENT'),
		'it is sent');
	is(scalar(grep { $_->{body} =~ /Rush/ } $hook->entries), 1, 'once');
	my $crowd = 20;
	crowd('told', $crowd, telling('told'))->finish;
	is(got('told'), 5 * $crowd . ' rows, 5 notifications', 'all get the same notifications of an event');
	is($node->query("SELECT count(*) FROM appt.user_event WHERE type = 'MENTION'"), 1, 'which is stored once');
};

subtest 'while the first has not ended, and if it is rolled back' => sub {
	my $crowd = 20;

	foreach my $end (qw(COMMIT ROLLBACK))
	{
		my $id = $one->run('BEGIN; ' . sending($end, $end));
		my $waiting = crowd($end, $crowd, sending($end, $end));
		ok(all_wait($crowd), "$end: all wait for the first");
		is($two->try(sending($end, "$end, another key")), '00000', 'one with another key does not');
		$one->run($end);
		$waiting->finish;
		is(got($end), "$crowd rows, 1 notifications", 'then all get one');
		is( $node->query("SELECT count(*) FROM got WHERE key = '$end' AND id = $id"),
			$end eq 'COMMIT' ? $crowd : 0,
			'that of the first, or another');
		is(planned($end), 2, 'one for each key is planned');
	}
	$one->run('BEGIN; ' . telling('undone'));
	my $waiting = crowd('undone', $crowd, telling('undone'));
	ok(all_wait($crowd), 'an event: all wait for the first');
	$one->run('ROLLBACK');
	$waiting->finish;
	is(got('undone'), 5 * $crowd . ' rows, 5 notifications', 'another one tells, once');
};

subtest 'savepoints, two phases, other isolation levels' => sub {
	my $undone = $one->run('BEGIN; SAVEPOINT before; ' . sending('Nested', 'nested'));
	$two->start(sending('Nested', 'nested'));
	ok($two->is_blocked, 'the key of a savepoint is held');
	$one->run('ROLLBACK TO before');
	is($two->end, '00000', 'until that is undone');
	isnt($two->output, $undone, 'then another sends');
	$one->run('COMMIT');

	my $id = $one->run('BEGIN; ' . sending('Prepared', 'prepared'));
	$one->run("PREPARE TRANSACTION 'first'");
	$two->start(sending('Prepared', 'prepared'));
	ok($two->is_blocked, 'a prepared transaction holds its key');
	$three->run("COMMIT PREPARED 'first'");
	is($two->end, '00000', 'until it is committed');
	is($two->output, $id, 'then its result is there');

	foreach my $level ('REPEATABLE READ', 'SERIALIZABLE')
	{
		$id = $one->run('BEGIN; ' . sending($level, $level));
		$two->run("BEGIN ISOLATION LEVEL $level; SELECT 1");
		$two->start(sending($level, $level));
		ok($two->is_blocked, "$level: a repeated call waits");
		$one->run('COMMIT');
		is($two->end, '40001', 'and is to be repeated once more');
		$two->run('ROLLBACK');
		is($two->run("BEGIN ISOLATION LEVEL $level; " . sending($level, $level)), $id, 'then it gets the result');
		$two->run('COMMIT');
	}
};

# A message and the application's own row are committed together, or not at all.
subtest 'one transaction with the application\'s own rows' => sub {
	foreach my $parcel (1 .. 6)
	{
		$one->run("BEGIN; INSERT INTO parcel VALUES ($parcel); " . sending("Parcel $parcel"));
		$one->run($parcel % 2 ? 'COMMIT' : 'ROLLBACK');
	}
	is($one->try('BEGIN; ' . sending('Twice') . '; INSERT INTO parcel VALUES (1)'), '23505', 'an INSERT that fails');
	$one->run('ROLLBACK');
	$one->run('BEGIN; SAVEPOINT a; INSERT INTO parcel VALUES (8); ' . sending('Parcel 8') . '; ROLLBACK TO a; COMMIT');
	is($one->try('BEGIN; ' . sending('Parcel 9') . '; SELECT 1 / 0'), '22012', 'an error after it');
	$one->run('ROLLBACK');
	my $last = $one->run(sending('Last'));
	ok($node->wait_for_query("SELECT state FROM appt.notification WHERE id = $last", 'SENT'), 'the last one is sent');
	is( $node->query(
			"SELECT string_agg(a.text_body || ' ' || n.state, ', ' ORDER BY n.id)
			FROM appt.notification n LEFT JOIN appt.attempt a ON a.notification_id = n.id
			WHERE n.context ->> 'text_body' ~ '^(Parcel|Twice)'"),
		'Parcel 1 SENT, Parcel 3 SENT, Parcel 5 SENT',
		'those are sent whose rows are committed');
	is($node->query("SELECT string_agg(id::text, ' ' ORDER BY id) FROM parcel"), '1 3 5', 'and no others');
	my @left = map { $_->{body} =~ /Parcel (\d+)/ } $hook->entries;
	is(join(' ', sort { $a <=> $b } @left), '1 3 5', 'nothing else has left');
};

subtest 'withdrawing' => sub {
	my $slow = Appt::Peers->webhook;

	gateway($slow->url('/hold/a/503'));
	my $held = $one->run(sending('Held'));
	ok($node->wait_for_query("SELECT state FROM appt.notification WHERE id = $held", 'SENDING'), 'a message is being sent');
	is($one->run("SELECT state FROM appt.cancel_message($held)"), 'SENDING', 'and returned as that');
	my $later = $one->run(sending('Later') =~ s/'Later'/'Later', due_at => now() + interval '1 hour'/r);
	$two->run("BEGIN; SELECT FROM appt.notification WHERE id = $later FOR UPDATE");
	$one->start("SELECT reason FROM appt.cancel_message($later)");
	ok($one->is_blocked, 'a call waits for the lock of another');
	$two->run('COMMIT');
	is($one->end, '00000', 'then it goes on');
	is($one->output, 'WITHDRAWN', 'and withdraws');
	$one->run("BEGIN; SELECT appt.cancel_message($later); ROLLBACK");
	$slow->release('a');
	ok($node->wait_for_query("SELECT state || ' ' || reason FROM appt.notification WHERE id = $held", 'CANCELLED WITHDRAWN'),
		'the attempt has failed, and no other is made');
	is($node->query("SELECT count(*) FROM appt.attempt WHERE notification_id = $held"), 1, 'there was one');
};

unlike($node->log_since(0), qr/deadlock detected/, 'no deadlock');
$node->stop;
done_testing();
