# Messages that are simply sent change no index: the updates of their rows are HOT, also with buttons and reply codes.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Tenant;
use Test::More;

my $node = Appt::Cluster->create('main', conf => 'autovacuum = off');
my $mail = Appt::Peers->smtp;
my $sms = Appt::Peers->sms;
my $hook = Appt::Peers->webhook;
my $tenant = Appt::Tenant->create($node, public_url => 'https://meet.example');
my $application = $tenant->application;
my $appointments = 200;

$tenant->email($mail->url);
$tenant->provider('SMS', 'HTTP', $sms->url('/gateway'));
$tenant->subscribe($hook->url('/ok'));
my $template = $tenant->query("INSERT INTO appt.meeting_template (application_id, name) VALUES ('$application', 'Visit') RETURNING id");
$tenant->query(
	"INSERT INTO appt.rule (application_id, meeting_template_id, type, channel, buttons, reply_codes) VALUES
	('$application', '$template', 'CREATE', 'EMAIL', '{ACCEPT,DECLINE}', NULL),
	('$application', '$template', 'CREATE', 'SMS', '{ACCEPT,DECLINE}', '{\"1\": \"ACCEPT\"}')");
$tenant->query(
	"SELECT count(appt.schedule_appointment('$application', now() + interval '1 day', '30 minutes',
		jsonb_build_object('contact', jsonb_build_object('primaryEmail', 'c' || n || '\@example.org',
			'primaryPhone', '+30690' || 1000000 + n)),
		organizer_id => 'ann', meeting_template_id => '$template')) FROM generate_series(1, $appointments) n");
ok($tenant->settled, 'all is settled');
is( $tenant->query(
		"SELECT string_agg(DISTINCT concat_ws(' ', channel, state, attempt_count), ', ') FROM appt.notification
		WHERE settled_at IS NOT NULL"
	),
	'EMAIL SENT 1, SMS SENT 1, WEBHOOK SENT 1',
	'SENT at the first attempt');
is($tenant->query("SELECT count(*) FROM appt.attempt WHERE shown -> 'reply_codes' <> 'null'"),
	$appointments, 'some of them with reply codes');

# Updates of a table, and how many of them were not HOT, once statistics have this many.
sub updates
{
	my ($table, $expected) = @_;
	my $of_table = "FROM pg_stat_user_tables WHERE relid = 'appt.$table'::regclass";

	ok($node->wait_for_query("SELECT n_tup_upd >= $expected $of_table"), "$table: $expected updates");
	my @updates = split /\|/, $node->query("SELECT n_tup_upd, n_tup_upd - n_tup_hot_upd $of_table");
	note("$table: $updates[1] of $updates[0] updates are not HOT");
	return @updates;
}

my $messages = $tenant->query('SELECT count(*) FROM appt.attempt');
is_deeply([ updates('notification', 2 * $messages) ], [ 2 * $messages, 0 ], 'notifications are claimed and settled by HOT updates');
# The second version of a row is larger: of few pages the last row finds no room for it.
my ($closed, $others) = updates('attempt', $messages);
is($closed, $messages, 'attempts are closed by one update each');
cmp_ok($others, '<', 0.1 * $messages, 'which is HOT');

# Long bodies are stored once, compressed, out of the rows that are updated.
my $long = 'FROM appt.attempt WHERE octet_length(text_body) > 500';
is($tenant->query("SELECT count(*) > 0, bool_and(pg_column_size(text_body) < 0.9 * octet_length(text_body)) $long"),
	't|t', 'long bodies are compressed');
is( $tenant->query(
		"SELECT pg_relation_size('appt.attempt') < sum(octet_length(text_body) + octet_length(coalesce(html_body, ''))) FROM appt.attempt"
	),
	't',
	'and out of line');

# An address that is another one by the time of the message is worth an update of the index: the log is searched by it.
my $moved = $tenant->query(
	"BEGIN;
	SELECT id FROM appt.schedule_appointment('$application', now() + interval '1 day', '30 minutes',
		'{\"contact\": {\"primaryEmail\": \"planned\@example.org\"}}', organizer_id => 'ann', meeting_template_id => '$template');
	UPDATE appt.participant SET email = 'moved\@example.org' WHERE email = 'planned\@example.org';
	COMMIT");
ok($tenant->settled, 'all is settled again');
is( $tenant->query("SELECT DISTINCT address, recipient FROM appt.notification_log WHERE appointment_id = '$moved' AND channel = 'EMAIL'"),
	'moved@example.org|moved@example.org', 'a message has the address that it went to');

$node->stop;
done_testing();
