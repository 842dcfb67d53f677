# A tenant that keeps what it sends from being settled, by locks in an open transaction, does not keep others from sending.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Session;
use Appt::Tenant;
use Test::More;

my $node = Appt::Cluster->create('main', conf => 'appt.max_concurrency = 8');
my $hook = Appt::Peers->webhook;
my ($locking, $other) = map { Appt::Tenant->create($node) } 1 .. 2;

$_->only('CREATE', 'WEBHOOK') foreach $locking, $other;
$locking->subscribe($hook->url('/delay/0.3'));
$other->subscribe($hook->url('/ok'));

# Lock each message while it is in flight, until no more is sent.
my $session = Appt::Session->open($node);
my ($locked, $more) = (0, 1);
$locking->schedule_many(60);
$hook->wait_for(1);
$session->run('BEGIN');
while ($more > 0)
{
	my $before = $locked;

	$locked = $session->run("SELECT count(*) FROM (SELECT FROM appt.notification WHERE state = 'SENDING' FOR UPDATE SKIP LOCKED) l");
	$more = $locked - $before + $node->query('SELECT in_flight FROM appt.worker_status');
}
cmp_ok($locked, '>', 16, "$locked messages have left and cannot be settled");

my $id = $other->schedule;
ok($other->settled, "another tenant's message is sent and settled");
is($node->query("SELECT state FROM appt.notification WHERE appointment_id = '$id'"), 'SENT', 'meanwhile');
$session->run('ROLLBACK');
ok($locking->settled, 'once nothing is locked, all is settled, and the others are sent');
is($node->query("SELECT count(*) FROM appt.attempt WHERE outcome = 'DELIVERED'"), 61, 'each once');

$node->stop;
done_testing();
