# An endpoint that lost webhooks gets them again under their old webhook-ids, whether it had taken them or not; what can't be
# sent again is told; two calls at once send nothing twice.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Session;
use Appt::Tenant;
use JSON::PP qw(decode_json);
use Test::More;

my $node = Appt::Cluster->create('main', tcp => 1);
my $hook = Appt::Peers->webhook;
my $tenant = Appt::Tenant->create($node, max_attempts => 1);
$tenant->only('CREATE', 'WEBHOOK');
my $subscription = $tenant->subscribe($hook->url('/ok'));
my $other = $tenant->subscribe($hook->url('/ok/other'));

# A hundred, all taken, and lost by the endpoint.
$tenant->schedule_many(100);
$tenant->settled;
my @first = grep { $_->{path} eq '/ok' } $hook->wait_for(200);
is(scalar @first, 100, 'the endpoint takes a hundred webhooks');
my %seen = map { $_->{headers}{'webhook-id'} => $_ } @first;
is(scalar keys %seen, 100, 'each with an id of its own');
my ($ended, $cancelled, $deleted, $retitled) = split /\n/, $node->query('SELECT id FROM appt.appointment ORDER BY id LIMIT 4');
$node->query("SELECT appt.activate_appointment('$ended'), appt.end_appointment('$ended')");
$node->query("SELECT appt.cancel_appointment('$cancelled')");
$node->query("SELECT appt.update_appointment('$retitled', title => 'Another title')");
$node->query("SELECT appt.delete_appointment('$deleted')");
$tenant->settled;

my %told = resend($subscription);
is(scalar keys %told, 100, 'all that the endpoint lost is told of');
my ($kept) = $node->query(
	"SELECT id FROM appt.notification WHERE appointment_id = '$deleted' AND subscription_id = '$subscription'
	AND resent_from IS NULL AND type = 'CREATE'");
is(scalar(grep { $_ eq 't|' } values %told), 99, 'and sent again');
is( $told{$kept},
	"f|The appointment of notification $kept was deleted, and with it what the message says.",
	'except what tells of a deleted appointment');
$tenant->settled;
my @again = grep { $_->{path} eq '/ok' } $hook->wait_for(299);
splice @again, 0, 100;
is(scalar @again, 99, 'it gets them again');
my %again = map { $_->{headers}{'webhook-id'} => $_ } @again;
is(scalar keys %again, 99, 'each once');
is_deeply([ grep { !$seen{$_} } keys %again ], [], 'under their old webhook-ids');
is_deeply([ grep { decode_json($again{$_}{body})->{id} ne $_ } keys %again ], [], 'which are in the bodies, too');
my %payload = map { my $payload = decode_json(decode_json($_->{body})->{payload}); $payload->{id} => $payload } @again;
is($payload{$ended}{state}, 'ENDED', 'of an appointment that is over, too, as it is now');
is($payload{$cancelled}{state}, 'CANCELLED', 'of one that is cancelled');
is($payload{$retitled}{title}, 'Another title', 'composed anew');
is( $node->query(
		"SELECT count(*), count(DISTINCT n.uid), bool_and(l.state = 'SENT' AND l.resent_from = o.id AND o.state = 'SENT' AND n.uid = o.uid)
		   FROM appt.notification_log l JOIN appt.notification n ON n.id = l.notification_id
		   JOIN appt.notification o ON o.id = l.resent_from WHERE n.subscription_id = '$subscription'"),
	'99|99|t',
	'the log has both');
is(scalar(grep { $_->{path} eq '/ok/other' } $hook->entries), 100, 'the other endpoint gets nothing again');

# Once more: the same messages, not their copies; in parts; by type.
my %second = resend($subscription);
is_deeply([ sort keys %second ], [ sort keys %told ], 'a second call sends the same ones again');
$tenant->settled;
is(scalar(grep { $_->{path} eq '/ok' } $hook->wait_for(398)), 298, 'all of them');
is(scalar keys %{ { resend($subscription, max => 7) } }, 7, 'some, the earliest first');
$tenant->settled;
is(scalar keys %{ { resend($subscription, types => "'{UPDATE}'") } }, 0, 'of a type that it was not sent');

# What failed, few enough that no circuit holds the rest back.
my $broken = $tenant->subscribe($hook->url('/broken/lost'));
$node->query("UPDATE appt.subscription SET enabled = false WHERE id IN ('$subscription', '$other')");
$tenant->schedule_many(5);
$tenant->settled;
is($node->query("SELECT count(*) FROM appt.notification WHERE subscription_id = '$broken' AND state = 'FAILED'"), 5, 'all fail');
%told = resend($broken, failed_only => 'true');
is(scalar(grep { $_ eq 't|' } values %told), 5, 'they are sent again');
$tenant->settled;
is( $node->query(
		"SELECT count(*) FROM appt.notification WHERE subscription_id = '$broken' AND state = 'FAILED'
		AND resent_from IS NOT NULL"),
	5,
	'and fail again');
$hook->ask('/mend/lost');
%told = resend($broken, failed_only => 'true');
is(scalar(grep { $_ eq 't|' } values %told), 5, 'once more');
$tenant->settled;
is($node->query("SELECT count(*) FROM appt.notification WHERE subscription_id = '$broken' AND state = 'SENT'"), 5, 'they arrive');
is(scalar keys %{ { resend($broken, failed_only => 'true') } }, 0, 'and have not failed any more');
is(scalar keys %{ { resend($broken) } }, 5, 'but may still be asked for');
$tenant->settled;

# What was not sent because the endpoint was disabled.
$node->query("UPDATE appt.subscription SET enabled = true WHERE id = '$subscription'");
my $before = () = grep { $_->{path} eq '/ok' } $hook->entries;
my $since = $node->query("SELECT min(due_at) FROM appt.notification WHERE subscription_id = '$subscription' AND state = 'SUPPRESSED'");
%told = resend($subscription, since => "'$since'");
is(scalar(grep { $_ eq 't|' } values %told), 5, 'what was SUPPRESSED while it was disabled is sent');
$tenant->settled;
is(scalar(grep { $_->{path} eq '/ok' } $hook->entries), $before + 5, 'and arrives');

# Two calls at once: the second is told, and waits for nobody; so is a third while the copies are under way.
my $held = $tenant->subscribe($hook->url('/hold/here'));
$node->query("UPDATE appt.subscription SET enabled = false WHERE id <> '$held'");
$tenant->schedule_many(5);
$hook->wait_for(5, sub { $_->{path} eq '/hold/here' });
%told = resend($held);
is(scalar(grep { /^f\|Notification \d+ is SENDING: it is still to be sent[.]$/ } values %told), 5, 'what is under way is told');
$hook->release('here');
$tenant->settled;
$node->query("UPDATE appt.subscription SET url = '" . $hook->url('/hold/there') . "' WHERE id = '$held'");
my ($one, $two) = map { Appt::Session->open($node) } 1 .. 2;
$one->run("BEGIN; SELECT * FROM appt.resend_notifications('$held', '-infinity')");
$two->run('BEGIN; SET LOCAL lock_timeout = 1');
%told = result($two->run("SELECT * FROM appt.resend_notifications('$held', '-infinity')"));
is(scalar(grep { /^f\|Another transaction is changing it/ } values %told), 5, 'the second of two finds them taken');
$one->run('COMMIT');
$two->run('COMMIT');
%told = resend($held);
is(scalar(grep { /^f\|Notification \d+, which sends it again, is still to be sent[.]$/ } values %told), 5,
	'then the copies are under way');
$hook->wait_for(5, sub { $_->{path} eq '/hold/there' });
$hook->release('there');
$tenant->settled;
is(scalar(grep { $_->{path} eq '/hold/there' } $hook->entries), 5, 'each is sent once');

done_testing();

# notification => resent|explanation
sub resend
{
	my ($id, %arguments) = @_;
	my $since = delete $arguments{since} // "'-infinity'";
	my $more = join '', map { ", $_ => $arguments{$_}" } sort keys %arguments;

	return result($node->query("SELECT * FROM appt.resend_notifications('$id', $since$more)"));
}

sub result
{
	my ($rows) = @_;

	return map { split /\|/, $_, 2 } split /\n/, $rows;
}
