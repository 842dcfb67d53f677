# Turning a switch off stops messages that are claimed but not yet being transmitted: they wait for a TLS handshake, a mail
# server's greeting, a token. A message that is being transmitted finishes.

use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Tenant;
use Test::More;

# Nothing here ends by a timeout.
my $node = Appt::Cluster->create('main', conf => "fsync = off\nappt.request_timeout = '10min'\nappt.connect_timeout = '10min'");
my $hook = Appt::Peers->webhook;
my $silent = Appt::Peers->silent;
my $silent_mail = Appt::Peers->silent;
my $slow_issuer = Appt::Peers->silent;
my %subscription;

$node->wait_for_workers;

sub tenant
{
	my $tenant = Appt::Tenant->create($node, retry_base => '100 ms', retry_cap => '1 s', max_attempts => 100);

	$tenant->only('CREATE', 'WEBHOOK');
	return $tenant;
}

# Messages of one appointment that wait for each of these, and one that has left.
sub waiting_tenant
{
	my $tenant = tenant();

	$_->forget foreach $hook, $silent, $silent_mail, $slow_issuer;
	$tenant->rule('CREATE', 'EMAIL');
	$tenant->email('smtp://127.0.0.1:' . $silent_mail->port);
	%subscription = (
		'a handshake' => $tenant->subscribe('https://127.0.0.1:' . $silent->port . '/'),
		'a token' => $tenant->query(
			"SELECT id FROM appt.create_subscription('@{[ $tenant->application ]}', '@{[ $hook->url('/ok/with-token') ]}',
			auth => 'OAUTH2', username => '@{[ $tenant->application ]}', secret => 'word',
				token_url => 'http://127.0.0.1:@{[ $slow_issuer->port ]}/token')"
		),
		'its answer' => $tenant->subscribe($hook->url('/hang')));
	my $id = $tenant->schedule;
	$_->wait_for(1) foreach $hook, $silent, $silent_mail, $slow_issuer;
	is( $tenant->query(
			"SELECT count(*) || ' ' || count(*) FILTER (WHERE state = 'SENDING') FROM appt.notification WHERE appointment_id = '$id'"),
		'4 4',
		'four are under way');
	return ($tenant, $id);
}

sub states
{
	my ($tenant, $id) = @_;

	return join "\n", map {
		$tenant->query(
			"SELECT concat_ws(' ', state, reason, attempt_count, (SELECT count(*) FROM appt.attempt a WHERE a.notification_id = n.id))
				FROM appt.notification n
		WHERE appointment_id = '$id' AND " . ($_ eq 'a greeting' ? "channel = 'EMAIL'" : "subscription_id = '$subscription{$_}'"))
	} 'a handshake', 'a token', 'a greeting', 'its answer';
}

# All of them have ended but the one that has left; none by its answer.
sub only_one_left
{
	my ($tenant) = @_;

	return $node->wait_for_query(
		"SELECT count(*) FROM appt.notification WHERE application_id = '@{[ $tenant->application ]}' AND settled_at IS NULL
			AND due_at <= now()",
		1);
}

sub set_enabled
{
	my ($enabled) = @_;

	$node->append_conf('postgresql.conf', "appt.enabled = $enabled");
	$node->reload;
	return;
}

# The organization's switch, by its function and by hand.
foreach my $how ("SELECT appt.set_notifications_enabled('%s', false)",
	"UPDATE appt.organization SET notifications_enabled = false WHERE id = '%s'")
{
	my ($tenant, $id) = waiting_tenant();
	my ($other) = tenant();

	$other->subscribe('https://127.0.0.1:' . $silent->port . '/other');
	$other->schedule;
	$silent->wait_for(2);
	$tenant->query(sprintf $how, $tenant->organization);
	ok(only_one_left($tenant), 'switched off: ' . (split ' ', $how)[0]);
	is( states($tenant, $id),
		join("\n", ('SUPPRESSED GLOBAL_OFF 0 0') x 3, 'SENDING 1 1'),
		'what had not left is suppressed, and was no attempt; what has goes on');
	is( $tenant->query(
			"SELECT count(*) FROM appt.notification_log WHERE appointment_id = '$id' AND outcome IS NULL AND reason = 'GLOBAL_OFF'"),
		3,
		'the log says so');
	is($other->states->{'CREATE WEBHOOK'}, 'SENDING', 'others go on');
	is(scalar(grep { $_->{path} =~ /with-token/ } $hook->entries), 0, 'no byte left');
}

# What was superseded meanwhile is cancelled.
{
	my ($tenant, $id) = waiting_tenant();

	$tenant->query("DELETE FROM appt.rule WHERE application_id = '@{[ $tenant->application ]}'");
	$tenant->query("SELECT appt.cancel_appointment('$id')");
	$tenant->query("SELECT appt.set_notifications_enabled('@{[ $tenant->organization ]}', false)");
	ok(only_one_left($tenant), 'cancelled, then switched off');
	is(states($tenant, $id), join("\n", ('CANCELLED APPOINTMENT_CANCELLED 0 0') x 3, 'SENDING 1 1'), 'is cancelled, and was no attempt');
}

# appt.enabled: everything waits as it was until it is on again.
{
	my ($tenant, $id) = waiting_tenant();

	my $retried = $tenant->subscribe($hook->url('/status/500'));
	my $where = "subscription_id = '$retried'";
	my $second = $tenant->schedule;
	ok($node->wait_for_query("SELECT attempt_count > 0 FROM appt.notification WHERE $where", 't'), 'one is tried');
	$tenant->query("UPDATE appt.subscription SET url = 'https://127.0.0.1:@{[ $silent->port ]}/retried' WHERE id = '$retried'");
	$silent->wait_for(3);
	my $tried = $node->query("SELECT attempt_count - 1 FROM appt.notification WHERE $where");
	set_enabled('off');
	ok( $node->wait_for_query(
			"SELECT count(*) FROM appt.notification WHERE application_id = '@{[ $tenant->application ]}' AND state = 'SENDING'", 2),
		'appt.enabled is off');
	is( states($tenant, $id),
		join("\n", ('PENDING 0 0') x 3, 'SENDING 1 1'),
		'what had not left waits, and was no attempt; what has goes on');
	is( $node->query(
			"SELECT concat_ws(' ', state, reason, attempt_count, (SELECT count(*) FROM appt.attempt a WHERE a.notification_id = n.id))
				FROM appt.notification n WHERE $where"
		),
		"RETRYING WILL_RETRY $tried $tried",
		'nor was a retry');
	$_->forget foreach $silent, $silent_mail, $slow_issuer;
	set_enabled('on');
	$silent->wait_for(3);
	$silent_mail->wait_for(2);
	ok($node->wait_for_query("SELECT count(*) FROM appt.notification WHERE appointment_id = '$id' AND state = 'SENDING'", 4),
		'appt.enabled is on again');
	is(states($tenant, $id), join("\n", ('SENDING 1 1') x 4), 'on again: all are under way');
}

$node->stop('immediate');
done_testing();
