# A provider of kind LOG writes messages to the log and sends them to nobody: as composed for another kind, judged like others, at
# once and without a slot, and whatever happens when the provider changes.

use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Tenant;
use Test::More;

my $node = Appt::Cluster->create('main', conf => "appt.max_concurrency = 1\nappt.request_timeout = '10min'");
my $tenant = Appt::Tenant->create($node, public_url => 'https://book.example/');
my $application = $tenant->application;
my $set = "SELECT appt.set_provider('$application'";
my $sender = "sender => 'Acme Bank <hello\@acme.example>'";
my $email = "n.type = 'CREATE' AND n.channel = 'EMAIL' AND n.application_id = '$application'";
my $log_email = "$set, 'EMAIL', 'LOG', $sender)";

sub refusal
{
	my ($sql) = @_;
	my ($output, $errors) = ('', '');

	$node->psql('postgres', "\\set VERBOSITY verbose\n$sql", stdout => \$output, stderr => \$errors);
	return $errors;
}

# The latest confirmation by email comes to this state, by this kind of provider.
sub becomes
{
	my ($expected, $name) = @_;
	my $latest =
		"SELECT concat_ws(' ', n.state, p.kind) FROM appt.notification n LEFT JOIN appt.attempt a ON a.notification_id = n.id
		LEFT JOIN appt.provider p ON p.id = a.provider_id WHERE $email ORDER BY n.id DESC, a.id DESC LIMIT 1";

	ok($node->wait_for_query($latest, $expected), $name) or diag($node->query($latest));
	return;
}

# What it has not.
like(refusal("$set, 'EMAIL', 'LOG', 'smtp://mail.example', $sender)"), qr/22023.*connects to nothing/s, 'no URL');
like(refusal("$set, 'EMAIL', 'LOG', $sender, secret => 'x')"), qr/22023.*connects to nothing/s, 'no secret');
like(refusal("$set, 'SMS', 'LOG', username => 'x')"), qr/22023.*connects to nothing/s, 'no user name');
like(refusal("$set, 'EMAIL', 'LOG')"), qr/22023.*"sender"/s, 'emails have a sender');
like(refusal("$set, 'EMAIL', 'SMTP', $sender)"), qr/22023.*"url"/s, 'other kinds have a URL');
is(refusal("$log_email; $set, 'SMS', 'LOG')"), '', 'it needs no more');
is($node->query('SELECT DISTINCT log_providers FROM appt.worker_status'), 2, 'worker_status counts them');

# What the log has.
{
	$node->query(
		"UPDATE appt.rule SET buttons = '{ACCEPT}' WHERE application_id = '$application' AND type = 'CREATE' AND channel = 'EMAIL'");
	my $id = $tenant->schedule(phone => '+306900000000');
	ok($tenant->settled, 'messages are settled');
	is($node->query("SELECT string_agg(channel || ' ' || state, ', ' ORDER BY channel) FROM appt.notification WHERE type = 'CREATE'"),
		'EMAIL SENT, SMS SENT', 'as SENT');
	is( $node->query(
			"SELECT count(*) FROM appt.notification n JOIN appt.attempt a ON a.notification_id = n.id
			WHERE a.xmin = n.xmin AND a.outcome = 'DELIVERED' AND a.attempt_number = 1 AND a.finished_at = n.settled_at
				AND a.provider_id IS NOT NULL AND a.cost IS NULL AND n.worker_slot IS NULL"),
		2,
		'the same transaction has settled them and written their attempts');
	my ($line) = $node->query(
		"SELECT recipient, provider, answer, subject ~ 'A test', text_body ~ 'A test', html_body ~ '<html' FROM appt.notification_log
			WHERE channel = 'EMAIL' AND type = 'CREATE'");
	is($line, 'ann@example.org|LOG|written to the log|t|t|t', 'the email as composed, and where it went');
	is($node->query("SELECT recipient, answer, text_body ~ 'A test' FROM appt.notification_log WHERE channel = 'SMS' AND type = 'CREATE'"),
		'+306900000000|written to the log|t', 'the text message');
	is($node->query('SELECT count(*) FROM appt.notification WHERE address IS NULL AND channel <> $$WEBHOOK$$'), 0, 'found by its address');
	my ($token) =
		$node->query("SELECT text_body FROM appt.notification_log WHERE channel = 'EMAIL' AND type = 'CREATE'") =~ /token=([\w-]{20,})/;
	isnt($token, undef, 'its links work: the log is the only mailbox');
	is($node->query('SELECT count(*) FROM appt.due WHERE due_at <= now()'), 0, 'nothing is left in the queue');
}

# Judged like others.
{
	$node->query("SELECT appt.suppress('$application', 'EMAIL', 'ann\@example.org')");
	$tenant->schedule(phone => '+306900000000');
	becomes('SUPPRESSED', 'a blocked address is not written to');
	$node->query("SELECT appt.unsuppress('$application', 'EMAIL', 'ann\@example.org')");
	$node->query("INSERT INTO appt.template (application_id, type, channel, locale, text_body)
		VALUES ('$application', 'CREATE', 'SMS', 'en', ' {{location}} ')");
	$tenant->schedule(phone => '+306900000000');
	ok($tenant->settled, 'messages are settled');
	is( $node->query("SELECT state, reason FROM appt.notification WHERE type = 'CREATE' AND channel = 'SMS' ORDER BY id DESC LIMIT 1"),
		'SKIPPED|TEMPLATE_ERROR', 'what a gateway would refuse is refused');
	$node->query('DELETE FROM appt.template');
}

# The only slot is taken, and a limit used up.
my $hook = Appt::Peers->webhook;
{
	$node->query("$set, 'EMAIL', 'LOG', $sender, settings => '{\"max_per_second\": 0.0001}')");
	$node->query("$set, 'SMS', 'HTTP', '@{[ $hook->url('/hold/one') ]}', sender => 'Acme')");
	$tenant->schedule(phone => '+306900000000');
	$hook->wait_for(1);
	$tenant->schedule for 1 .. 3;
	ok( $node->wait_for_query("SELECT count(*) = 0 FROM appt.notification n WHERE $email AND state = 'PENDING'", 't'),
		'they wait for no slot and no limit');
	$node->query("$set, 'SMS', 'LOG')");
	$tenant->schedule(phone => '+306900000001');
	ok($node->wait_for_query("SELECT count(*) FROM appt.notification_log WHERE recipient = '+306900000001' AND state = 'SENT'", 1),
		'nor, after the gateway was replaced, for what is on its way to it');
	is($node->query("SELECT count(*) FROM appt.notification WHERE state = 'SENDING'"), 1, 'which is still there');
	$hook->release('one');
	ok($tenant->settled, 'and arrives');
}

# The provider changes, and back.
my $mail = Appt::Peers->smtp;
my $smtp = "$set, 'EMAIL', 'SMTP', '@{[ $mail->url ]}', $sender)";
{
	$node->query("DELETE FROM appt.rule WHERE application_id = '$application' AND channel <> 'EMAIL'; $smtp");
	$tenant->schedule;
	becomes('SENT SMTP', 'another provider sends from the next message on');
	is(scalar $mail->wait_for(1), 1, 'to a mailbox');
	is($node->query('SELECT DISTINCT log_providers FROM appt.worker_status'), 1, 'a provider that was replaced does not count');
	$node->query($log_email);
	$tenant->schedule;
	becomes('SENT LOG', 'and the log gets the next');
	is(scalar(() = $mail->entries), 1, 'which went nowhere else');
}

# A change that nobody has told the worker of: what needs a slot is not sent without one, and not lost.
{
	my $change = $mail->url;
	$node->query(
		"SET session_replication_role = replica; UPDATE appt.provider SET kind = 'SMTP', url = '$change'
			WHERE kind = 'LOG' AND channel = 'EMAIL' AND enabled");
	$tenant->schedule;
	$node->query('SELECT pg_reload_conf()');
	becomes('SENT SMTP', 'it is sent once the worker knows');
	is(scalar(my @mails = $mail->wait_for(2)), 2, 'once');
}

# One-time codes.
{
	my $verified =
		"SELECT verified_at IS NOT NULL FROM appt.provider WHERE application_id = '$application' AND channel = 'EMAIL' AND enabled";
	my $request = "SELECT appt.initiate_email_verification('$application', 'hello\@acme.example')";
	my $texts =
		"SELECT coalesce(text_body, '') FROM appt.notification_log WHERE type = 'CODE' AND state = 'SENT'
		ORDER BY notification_id DESC LIMIT 1";
	my $sent = "SELECT count(*) FROM appt.notification WHERE type = 'CODE' AND state = 'SENT'";

	$node->query("$log_email; $request");
	$node->wait_for_query($sent, 1);
	my ($code) = $node->query($texts) =~ /\b(\d{6})\b/;
	isnt($code, undef, 'a code can be read in the log');
	$node->query($smtp);
	like(refusal("SELECT appt.confirm_email_verification('$application', '$code')"), qr/PT404/, 'it proves nothing for another provider');
	$node->query($log_email);
	is($node->query("SELECT appt.confirm_email_verification('$application', '$code')"), 't', 'but verifies its own');
	is($node->query($verified), 't', 'which is verified');
	$node->query($smtp);
	is($node->query($verified), 'f', 'and another is not, though it has the same sender');
	$node->query($log_email);
	$node->query("UPDATE appt.provider SET verified_at = now() WHERE enabled; UPDATE appt.provider SET kind = 'SMTP', url = 'smtp://a.example'
		WHERE enabled AND kind = 'LOG' AND channel = 'EMAIL'");
	is($node->query($verified), 'f', 'nor one whose row became another kind');

	# A code that another provider should have sent, when its turn comes.
	$node->query("$smtp; SELECT appt.set_notifications_enabled('@{[ $tenant->organization ]}', true)");
	$node->query("BEGIN; $request; $log_email; COMMIT");
	ok($node->wait_for_query($sent, 2), 'a code for another provider is delivered, too');
	is($node->query($texts), '', 'and its words are not kept');

	# A customer's.
	$node->query("SELECT appt.request_customer_code('$application', 'bobby\@customer.example')");
	ok($node->wait_for_query($sent, 3), 'a customer gets a code');
	like($node->query($texts), qr/\b\d{6}\b/, 'which can be read in the log');
}
$node->stop;
done_testing();
