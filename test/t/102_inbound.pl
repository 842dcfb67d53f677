# What comes in: receipts of text messages that providers took, with what these cost.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Session;
use Appt::Tenant;
use Test::More;

my $node = Appt::Cluster->create('main');
my $peer = Appt::Peers->sms;
my $tenant = Appt::Tenant->create($node, retry_base => '100 milliseconds', max_attempts => 2);
my $application = $tenant->application;
my $account = 'AC0123456789abcdef0123456789abcdef';

sub twilio
{
	my ($settings) = @_;

	return $tenant->provider(
		'SMS', 'TWILIO', $peer->url('/twilio'),
		sender => '+15550100000',
		username => $account,
		secret => 'secret',
		settings => $settings);
}

# What the log has of an appointment's text messages.
sub log_of
{
	my ($id, $columns) = @_;

	return $node->query("SELECT $columns FROM appt.notification_log WHERE appointment_id = '$id' ORDER BY attempt_number");
}

sub receipt
{
	my ($id, $kind, $code) = @_;

	return "SELECT appt.record_receipt('$application', '$id', '$kind'" . (defined $code ? ", '$code'" : '') . ')';
}

$node->wait_for_workers;
$tenant->only('CREATE', 'SMS');

# Segments and cost.
twilio('{"price": {"per_message": 0.01, "per_segment": 0.0075, "currency": "USD"}}');
my $sent = $tenant->schedule(phone => '+306900000001');
my $refused = $tenant->schedule(phone => '+306900000400');
my $retried = $tenant->schedule(phone => '+306900000503');
ok($tenant->settled, 'text messages are sent');
is(log_of($sent, 'outcome, segments, cost, currency'), 'DELIVERED|1|0.0175|USD', 'a message that is taken has segments and a cost');
is(log_of($refused, 'outcome, segments, cost, currency'), 'FAILED|||', 'one that is refused has neither');
is(log_of($retried, 'outcome, segments, cost, currency'), "FAILED|||\nDELIVERED|1|0.0175|USD", 'nor has an attempt that failed');
$node->query(
	"INSERT INTO appt.template (application_id, type, channel, locale, text_body)
		VALUES ('$application', 'CREATE', 'SMS', 'en', repeat('ü€', 103) || chr(10) || 'Ж')");
my $long = $tenant->schedule(phone => '+306900000002');
$tenant->settled;
is(log_of($long, 'segments, cost'), '4|0.0400', 'the text as it was sent counts');
twilio('{"max_per_second": 100}');
my $unpriced = $tenant->schedule(phone => '+306900000003');
$tenant->settled;
is(log_of($unpriced, 'segments, cost, currency'), '4||', 'without a price there is no cost');
is($node->query('SELECT count(*) FROM appt.provider_message'), 4, 'each message that was taken can be found by its identifier');

# Receipts.
my $id = log_of($sent, 'provider_message_id');
is(log_of($sent, 'receipt, receipt_code, receipt_at'), '||', 'at first nothing is known');
$node->query(receipt($id, 'UNDELIVERED', '30003'));
is(log_of($sent, 'receipt, receipt_code, receipt_at IS NOT NULL'), 'UNDELIVERED|30003|t', 'a receipt is in the log');
my $version = "SELECT xmin FROM appt.attempt WHERE provider_message_id = '$id'";
my $before = $node->query($version);
$node->query(receipt($id, 'UNDELIVERED', '30005'));
is(log_of($sent, 'receipt, receipt_code'), 'UNDELIVERED|30003', 'the first of its kind counts');
is($node->query($version), $before, 'and one that says nothing new writes nothing');
$node->query(receipt($id, 'DELIVERED'));
is(log_of($sent, 'receipt, receipt_code'), 'DELIVERED|', 'what arrives late has arrived');
$node->query(receipt($id, 'UNDELIVERED', '30003'));
is(log_of($sent, 'receipt, receipt_code'), 'DELIVERED|', 'and a report that comes in the wrong order changes nothing');

# Who asks in vain.
$node->refused_with('PT404', receipt('SM' . '0' x 32, 'DELIVERED'), 'an identifier that no message has');
$node->refused_with('PT404', receipt(log_of($refused, "coalesce(provider_message_id, 'none')"), 'DELIVERED'),
	'a message that was refused');
my $other = Appt::Tenant->create($node);
$node->refused_with('PT404', receipt($id, 'DELIVERED') =~ s/$application/$other->application/er, 'another application');
$node->refused_with('22023', receipt($id, $_), "no receipt: '$_'") foreach 'delivered', '', 'SENT';
$node->refused_with('22023', receipt('', 'DELIVERED'), 'an empty identifier');
$node->refused_with('22023', receipt($id, 'DELIVERED', 'x' x 257), 'a code of 257 bytes');
$node->refused_with('22023', "SELECT appt.record_receipt('$application', receipt => 'DELIVERED')", 'no identifier');
$node->refused_with('22023', "SELECT appt.record_receipt(provider_message_id => '$id', receipt => 'DELIVERED')", 'no application');

# An identifier that a gateway gives to all of its messages is that of the last.
{
	my $fixed = Appt::Tenant->create($node);
	my $of = $fixed->application;

	$fixed->only('CREATE', 'SMS');
	$fixed->provider(
		'SMS', 'HTTP',
		$peer->url('/gateway?to={{to}}'),
		settings => '{"method": "GET", "message_id_path": "messages[0].message-id"}');
	my @ids = map { $fixed->schedule(phone => "+30690000000$_") } 1 .. 3;
	ok($fixed->settled, 'a gateway that gives the same identifier again');
	is( $node->query(
			"SELECT count(DISTINCT provider_message_id) || ' ' || count(*) FROM appt.provider_message
		WHERE application_id = '$of'"),
		'1 3',
		'makes no message fail');
	$node->query(
		"SELECT appt.record_receipt('$of', provider_message_id, 'DELIVERED') FROM appt.provider_message
		WHERE application_id = '$of' LIMIT 1");
	is( $node->query(
			"SELECT count(*) FROM appt.attempt WHERE application_id = '$of' AND receipt = 'DELIVERED'
		AND id = (SELECT max(id) FROM appt.attempt WHERE application_id = '$of')"),
		1,
		'the last of them gets the receipt');
}

# Two receipts at the same time.
{
	my ($one, $two) = map { Appt::Session->open($node) } 1 .. 2;

	$id = log_of($long, 'provider_message_id');
	$one->run('BEGIN; ' . receipt($id, 'DELIVERED'));
	$two->start(receipt($id, 'UNDELIVERED', '30003'));
	ok($two->is_blocked, 'a receipt waits for another of the same message');
	$one->run('COMMIT');
	is($two->end, '00000', 'and goes on');
	is(log_of($long, 'receipt, receipt_code'), 'DELIVERED|', 'with what it left');

	# Settling goes on while a receipt is being recorded.
	$id = log_of($unpriced, 'provider_message_id');
	$one->run('BEGIN; ' . receipt($id, 'DELIVERED'));
	my $meanwhile = $tenant->schedule(phone => '+306900000004');
	ok($tenant->settled, 'an open transaction with a receipt holds up no other message');
	$one->run('COMMIT');
}

# Receipts go with their attempts, and the retention waits for none.
{
	my $caller = Appt::Session->open($node);
	my $old = 'SELECT count(*) FROM appt.notification WHERE created_at < now() - interval \'1 year\'';

	$id = log_of($long, 'provider_message_id');
	$caller->run('BEGIN; ' . receipt($id, 'DELIVERED'));
	$node->query(
		"UPDATE appt.notification SET created_at = now() - interval '2 years', settled_at = now() - interval '2 years'
			WHERE appointment_id IN ('$sent', '$unpriced') OR appointment_id = '$retried'");
	$node->query(receipt(log_of($sent, 'provider_message_id'), 'DELIVERED'));
	my $held = log_of($unpriced, 'provider_message_id');
	$caller->run(receipt($held, 'UNDELIVERED') =~ s/^SELECT/SELECT/r);
	my ($pid) = $node->wait_for_workers;
	$node->query("SELECT pg_terminate_backend($pid)");
	ok($node->wait_for_query($old, 1), 'old messages are deleted, except one that gets a receipt just now');
	is( $node->query(
			"SELECT count(*) FROM appt.provider_message m WHERE NOT EXISTS (SELECT FROM appt.attempt a WHERE a.id = m.attempt_id)"),
		0,
		'and their identifiers with them');
	$caller->run('COMMIT');
	($pid) = $node->wait_for_workers;
	$node->query("SELECT pg_terminate_backend($pid)");
	ok($node->wait_for_query($old, 0), 'later that one is, too');
}

$node->stop;
done_testing();
