# Text messages that many sessions record at the same time: each is recorded once, and an alarm is raised once.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Session;
use Appt::Tenant;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Appt::Cluster->create('main', preload => 0, conf => 'max_connections = 150');
my $tenant = Appt::Tenant->create($node);
my $application = $tenant->application;

$node->query(<<"SQL");
INSERT INTO appt.user_profile (application_id, id) SELECT '$application', u FROM unnest('{ann,bob}'::text[]) u;
INSERT INTO appt.line (application_id, name, owner_id) SELECT '$application', 'line ' || l, 'ann' FROM generate_series(1, 2) l;
INSERT INTO appt.line_number (application_id, number, line_id)
	SELECT '$application', '+30210000000' || n, (SELECT id FROM appt.line WHERE name = 'line ' || n % 2 + 1) FROM generate_series(1, 4) n;
SQL

# A call that records a message.
sub record
{
	my ($from, $to, %more) = @_;
	my $arguments = join '', map { ", $_ => '$more{$_}'" } sort keys %more;

	return "appt.record_inbound_sms('$application', '+3069000000$from', '+30210000000$to', 'x'$arguments)";
}

# Run a script of pgbench in that many sessions, so many times in each.
sub storm
{
	my ($name, $clients, $times, @statements) = @_;
	my $file = $node->basedir . "/$name.sql";
	my ($out, $err) = ('', '');

	append_to_file($file, join("\n", @statements) . "\n");
	ok( IPC::Run::run(
			[ 'pgbench', '-n', '-c', $clients, '-t', $times, '-f', $file, '-d', $node->connstr('postgres') ],
			'>', \$out, '2>', \$err),
		"$name: $clients sessions") or diag($err);
	return;
}

# Alarms by contact and number.
sub alarms
{
	my ($where) = @_;

	return $node->query(
		"SELECT coalesce(string_agg(concat_ws(' ', n, alarms), ' ' ORDER BY n, alarms), '') FROM (
			SELECT alarms, count(*) AS n FROM (
				SELECT count(*) AS alarms FROM appt.user_event WHERE type = 'HIGH_SMS' AND $where
				GROUP BY payload ->> 'from', payload ->> 'to') c GROUP BY alarms) a");
}

# 40 contacts send 30 messages to each of 4 numbers, in an order that nobody knows: each pair alarms once.
storm(
	'messages at the same time',
	16,
	300,
	'\set n random(1, 160)',
	"SELECT "
		. record("' || lpad((:n / 4)::text, 2, '0') || '", "' || (:n % 4 + 1)::text || '", received_at => '2030-01-01 10:00+00') . ';');
my $expected = $node->query(
	"SELECT count(*) FROM (SELECT FROM appt.inbound_message WHERE application_id = '$application'
		GROUP BY from_number, to_number HAVING count(*) > 15) p");
cmp_ok($expected, '>', 100, 'most pairs of contact and number have more than 15');
is(alarms('true'), "$expected 1", 'each of them alarms once, and no other');
is($node->query("SELECT count(*) FROM appt.notification WHERE type = 'HIGH_SMS'"), 2 * $expected, 'to each user and channel once');
is($node->query('SELECT count(*) FROM appt.inbound_message'), 4800, 'nothing is lost');

# At REPEATABLE READ: a session does not miss what others committed after its snapshot.
{
	my @sessions = map { Appt::Session->open($node) } 1 .. 4;

	foreach my $session (@sessions)
	{
		$session->run('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM appt.inbound_message');
	}
	foreach my $session (@sessions)
	{
		$session->run('SELECT count(id) FROM ' . record(50, 1, received_at => '2030-01-01 10:00+00')) foreach 1 .. 4;
		$session->run('COMMIT');
	}
	is(alarms("payload ->> 'from' LIKE '%50'"), '1 1', 'at REPEATABLE READ the 16th alarms, whoever records it');
}

# The 16th is the one that is recorded last, after the others have committed.
{
	my ($one, $two) = map { Appt::Session->open($node) } 1 .. 2;

	$node->query('SELECT ' . join ', ', map { '(' . record(51, 1, received_at => '2030-01-01 10:00+00') . ').id' } 1 .. 14);
	$one->run('BEGIN; SELECT id FROM ' . record(51, 1, received_at => '2030-01-01 10:00+00'));
	$two->start('SELECT id FROM ' . record(51, 1, received_at => '2030-01-01 10:00+00'));
	ok($two->is_blocked, 'a session waits for another that records a message of the same contact');
	is($node->query('SELECT id > 0 FROM ' . record(52, 1)), 't', 'while messages of others are recorded');
	$one->run('ROLLBACK');
	is($two->end, '00000', 'until that is undone');
	is(alarms("payload ->> 'from' LIKE '%51'"), '', 'what was undone does not count');
	$two->run('SELECT id FROM ' . record(51, 1, received_at => '2030-01-01 10:00+00'));
	is(alarms("payload ->> 'from' LIKE '%51'"), '1 1', 'and the 16th alarms');
}

# The same provider_message_id at the same time: recorded once, told once, one result.
storm(
	'the same messages at the same time',
	16, 100,
	'\set n random(1, 100)',
	"SELECT " . record(60, 1, provider_message_id => "SM-' || :n || '") . ';');
is( $node->query(
		"SELECT count(*) || ' ' || count(DISTINCT provider_message_id) FROM appt.inbound_message
	WHERE provider_message_id LIKE 'SM-%'"),
	'100 100',
	'one provider_message_id is one message');
is($node->query("SELECT count(*) FROM appt.user_event WHERE type = 'TEXT_MESSAGE' AND payload ->> 'from' LIKE '%60'"), 100, 'told once');
{
	my ($one, $two) = map { Appt::Session->open($node) } 1 .. 2;
	my $call = 'SELECT id, handled_as, response_id, notification_ids FROM ' . record(61, 1, provider_message_id => 'TWICE');

	$one->run('BEGIN');
	my $first = $one->run($call);
	$two->start($call);
	ok($two->is_blocked, 'a session waits for another that records the same message');
	$one->run('COMMIT');
	is($two->end, '00000', 'and then');
	is($two->output, $first, 'returns its result');
	like($first, qr/^\d+\|NONE\|\|\{\d+,\d+\}$/, 'with what was planned');
	$call =~ s/TWICE/AGAIN/;
	$one->run("BEGIN; $call");
	$two->start($call);
	ok($two->is_blocked, 'it waits');
	$one->run('ROLLBACK');
	is($two->end, '00000', 'and records it itself');
	is($node->query("SELECT count(*) FROM appt.inbound_message WHERE provider_message_id = 'AGAIN'"), 1, 'if the other is undone');
	$two->run('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
	$call =~ s/AGAIN/LATER/;
	$two->run('SELECT count(*) FROM appt.inbound_message');
	$one->run($call);
	$two->start($call);
	is($two->end, '40001', 'a snapshot that does not have the message is told so');
	$two->run('ROLLBACK');
}

# Many contacts in one transaction take a bounded number of locks.
$node->query(
	"SELECT count((appt.record_inbound_sms('$application', '+30' || 6900000000 + c, '+302100000001', 'x')).id) FROM generate_series(1, 8000) c"
);
cmp_ok($node->query("SELECT count(*) FROM appt.inbound_message"), '>', 8000, 'a transaction may record messages of 8,000 contacts');

$node->stop;
done_testing();
