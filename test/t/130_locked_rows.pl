# Rows that other transactions have locked, of each table that the worker writes: what they belong to waits, all else goes on.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Session;
use Appt::Tenant;
use Test::More;

# The worker gives up waiting for a lock after half of deadlock_timeout, and says so in the log.
my $node = Appt::Cluster->create('main', conf => "deadlock_timeout = '100ms'");
my $hook = Appt::Peers->webhook;
my $tenant = Appt::Tenant->create($node);

$tenant->only('CREATE', 'WEBHOOK');
my $fast = $tenant->subscribe($hook->url('/ok'));

sub state_of
{
	my ($id, $subscription) = @_;

	return $node->query("SELECT state FROM appt.notification WHERE appointment_id = '$id' AND subscription_id = '$subscription'");
}

# While a message is in flight.
for my $table (qw(attempt due notification))
{
	my $session = Appt::Session->open($node);
	my $slow = $tenant->subscribe($hook->url("/hold/$table"));
	my $key = $table eq 'notification' ? 'id' : 'notification_id';

	$hook->forget;
	my $id = $tenant->schedule;
	$hook->wait_for(2);
	$session->run("BEGIN; SELECT $key FROM appt.$table WHERE $key = (SELECT id FROM appt.notification WHERE subscription_id = '$slow') FOR UPDATE");
	$hook->release($table);
	ok($node->wait_for_query('SELECT in_flight FROM appt.worker_status', 0), "$table: the transfer ends while the row is locked");
	$tenant->query("UPDATE appt.subscription SET enabled = false WHERE id = '$slow'");
	my $other = $tenant->schedule;
	ok( $node->wait_for_query("SELECT state FROM appt.notification WHERE appointment_id = '$other' AND subscription_id = '$fast'", 'SENT'),
		"$table: another message is sent and settled");
	is(state_of($id, $fast), 'SENT', "$table: so is the other one of the same appointment");
	is(state_of($id, $slow), 'SENDING', "$table: the one that is locked is not settled");
	$session->run('ROLLBACK');
	ok($tenant->settled, "$table: it is, once it is not locked");
	is(state_of($id, $slow), 'SENT', "$table: with its outcome");
	is($node->query("SELECT string_agg(DISTINCT outcome, ' ') FROM appt.attempt"), 'DELIVERED', "$table: each attempt is closed");
	$tenant->query("DELETE FROM appt.subscription WHERE id = '$slow'");
}

# Before messages are claimed: more of them than a claim takes.
sub switch_sending
{
	my ($value) = @_;

	$node->append_conf('postgresql.conf', "appt.enabled = $value");
	$node->reload;
	return $node->wait_for_query("SELECT coalesce(why_quiet, '') FROM appt.worker_status", $value eq 'on' ? '' : 'DISABLED');
}

for my $table (qw(due notification))
{
	my $session = Appt::Session->open($node);
	my $key = $table eq 'due' ? 'notification_id' : 'id';

	switch_sending('off');
	$tenant->schedule_many(300);
	my $last = $node->query('SELECT max(notification_id) FROM appt.due');
	$session->run("BEGIN; SELECT count(*) FROM (SELECT FROM appt.$table WHERE $key <> $last FOR UPDATE) l");
	switch_sending('on');
	ok($node->wait_for_query("SELECT state FROM appt.notification WHERE id = $last", 'SENT'), "$table: what follows many locked ones is sent");
	is($node->query("SELECT count(*) FROM appt.notification WHERE state = 'PENDING'"), 299, "$table: these wait");
	$session->run('ROLLBACK');
	ok($node->wait_for_query("SELECT count(*) FROM appt.notification WHERE settled_at IS NULL", 0), "$table: they are sent once they are not locked");
	is($node->query("SELECT count(*) FROM appt.notification n WHERE subscription_id = '$fast' AND (SELECT count(*) FROM appt.attempt a WHERE a.notification_id = n.id) <> 1"),
		0, "$table: each once");
}
is(join("\n", $node->log_since(0, qr/LOG:  .*(gave up|could not)|WARNING|ERROR/)), '', 'the server has nothing to complain of');

$node->stop;
done_testing();
