# Text messages that come in at once: each is recorded once, each number is answered three times, responses are kept.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Session;
use Appt::Tenant;
use Test::More;

my $node = Appt::Cluster->create('main');
my $tenant = Appt::Tenant->create($node);
my $application = $tenant->application;
my $customers = 50;
my $own = '+302100000001';

# Customers who were asked for a response; nobody sends anything here.
$node->query(
	"SELECT appt.set_provider('$application', 'SMS', 'HTTP', 'https://sms.example', sender => '$own');
	INSERT INTO appt.meeting_template (application_id, name) VALUES ('$application', 'Visit')");
my @visits = map { $tenant->schedule(phone => sprintf '+3069000000%02d', $_) } 1 .. $customers;
$node->query(<<"END");
UPDATE appt.appointment SET meeting_template_id = (SELECT id FROM appt.meeting_template), booking_state = 'INVITED', notification_state = 'CONFIRMED';
WITH asked AS (
	INSERT INTO appt.notification (application_id, appointment_id, recipient_kind, recipient_id, type, channel, due_at, lane, state, settled_at, address)
	SELECT application_id, appointment_id, 'CUSTOMER', id, 'CONFIRMATION_REQUEST', 'SMS', now(), 1, 'SENT', now(), phone
	FROM appt.participant WHERE type = 'CUSTOMER' RETURNING id, application_id, appointment_id, address)
INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, finished_at, outcome, recipient, provider_id, shown)
SELECT n.application_id, n.id, 1, now(), now(), 'DELIVERED', n.address, (SELECT id FROM appt.provider WHERE channel = 'SMS' AND enabled),
	jsonb_build_object('buttons', '{ACCEPT,DECLINE}'::text[], 'reply_codes', '{"1": "ACCEPT", "2": "DECLINE"}'::jsonb,
	'start_at', to_char(a.start_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
	'end_at', to_char(a.end_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'timezone', a.timezone, 'location', a.location)
FROM asked n JOIN appt.appointment a ON a.id = n.appointment_id
END

# 10,000 calls, 2,000 in each of five sessions at once, each a transaction. Two pairs of sessions record the same messages,
# one of them backwards.
{
	my $batches = 5;
	my @sessions = map { Appt::Session->open($node) } 1 .. $batches;
	my $each = 10_000 / $batches;
	my @words = ("'1'", "'HELP'", "'hello there'", "'2'", "'Stop'", "'START'");
	my $words = 'ARRAY[' . join(', ', @words) . ']';

	foreach my $i (0 .. $#sessions)
	{
		my $first = int($i / 2) * 2000;
		$sessions[$i]->start(<<"END");
DO \$\$
DECLARE
	n integer;
BEGIN
	FOR i IN 0 .. $each - 1 LOOP
		n := $first + CASE WHEN $i % 2 = 0 THEN i ELSE $each - 1 - i END;
		PERFORM appt.record_inbound_sms('$application', '+3069000000' || lpad((n % $customers + 1)::text, 2, '0'), '$own',
			($words)[n / $customers % 6 + 1], 'id ' || n);
		COMMIT;
	END LOOP;
END \$\$
END
	}
	is($_->end, '00000', 'a session records its messages') foreach @sessions;
}
is($node->query('SELECT count(*) FROM appt.inbound_message'), 6000, 'each message is one, from whichever session it came first');
is( $node->query(
		"SELECT string_agg(DISTINCT replies::text, ' ') FROM (SELECT count(*) AS replies FROM appt.notification WHERE type = 'AUTO_REPLY' GROUP BY address) a"
	),
	'3',
	'each number is answered three times');
is($node->query("SELECT count(DISTINCT address) FROM appt.notification WHERE type = 'AUTO_REPLY'"), $customers, 'each of them');
is($node->query('SELECT count(*) FROM appt.inbound_message WHERE reply_id IS NOT NULL'), 3 * $customers, 'which their messages know');
is( $node->query("SELECT string_agg(DISTINCT handled_as, ' ' ORDER BY handled_as) FROM appt.inbound_message"),
	'HELP NONE OPT_IN OPT_OUT RESPONSE',
	'words are handled as what they are');
is( $node->query(
		"SELECT count(*) FROM appt.inbound_message WHERE handled_as <> CASE text WHEN 'HELP' THEN 'HELP' WHEN 'hello there' THEN 'NONE'
	WHEN 'Stop' THEN 'OPT_OUT' WHEN 'START' THEN 'OPT_IN' ELSE handled_as END"),
	0,
	'whoever recorded them');
is( $node->query(
		"SELECT count(*) FROM appt.participant p WHERE type = 'CUSTOMER' AND response IS DISTINCT FROM (SELECT CASE action
		WHEN 'ACCEPT' THEN 'ACCEPTED' ELSE 'DECLINED' END FROM appt.response r WHERE r.participant_id = p.id ORDER BY id DESC LIMIT 1)"),
	0,
	'the last response of each customer is what counts');
is($node->query('SELECT count(*) FROM (SELECT participant_id FROM appt.response GROUP BY 1 HAVING count(*) > 20) r'),
	0, 'and nobody has more than 20');

# The same id twice at the same time, with a code: the second waits, and has the first one's result.
{
	my ($one, $two) = map { Appt::Session->open($node) } 1 .. 2;
	my $call =
		"SELECT concat_ws(' ', id, handled_as, response_id) FROM appt.record_inbound_sms('$application', '+306900000001', '$own', '%s', 'twice')";

	$node->query('DELETE FROM appt.response');
	my ($first) = $one->run('BEGIN; ' . sprintf $call, '1');
	$two->start(sprintf $call, '2');
	ok($two->is_blocked, 'the second waits for the first');
	$one->run('COMMIT');
	is($two->end, '00000', 'and goes on');
	is($node->query("SELECT count(*) FROM appt.inbound_message WHERE provider_message_id = 'twice'"), 1, 'one message');
	is($node->query("SELECT string_agg(action, ' ') FROM appt.response"), 'ACCEPT', 'one response');

	# Two answers of a customer at once take turns.
	$one->run(q(BEGIN; ) . sprintf($call =~ s/'twice'/'a'/r, '1'));
	$two->start(sprintf($call =~ s/'twice'/'b'/r, '2'));
	ok($two->is_blocked, 'another answer of the same number waits');
	$one->run('COMMIT');
	is($two->end, '00000', 'and goes on');
	is($node->query('SELECT response FROM appt.participant WHERE phone = \'+306900000001\''), 'DECLINED', 'the later counts');
}

# A number with 100,000 messages, of which few have codes, costs no more than another.
{
	$node->query(
		"INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, recipient)
		SELECT '$application', (SELECT min(id) FROM appt.notification), n + 10, now(), '+306900000002' FROM generate_series(1, 100000) AS n");
	my $read = "SELECT coalesce(sum(heap_blks_read + heap_blks_hit), 0) FROM pg_statio_user_tables WHERE relname = 'attempt'";
	my $session = Appt::Session->open($node);
	my $plan = $node->query(
		"EXPLAIN SELECT t.id FROM appt.attempt t WHERE t.application_id = '$application' AND t.recipient = '+306900000002'
		AND jsonb_typeof(t.shown -> 'reply_codes') = 'object' AND t.outcome IS DISTINCT FROM 'FAILED' ORDER BY t.started_at DESC, t.id DESC LIMIT 20"
	);
	like($plan, qr/Backward using attempt_reply_codes/, 'the index of messages with codes finds them');
	$session->run('SELECT pg_stat_force_next_flush()');
	my ($before) = $node->query($read);
	$session->run("SELECT appt.record_inbound_sms('$application', '+306900000002', '$own', '1', 'much')");
	$session->run('SELECT pg_stat_force_next_flush()');
	cmp_ok($node->query($read) - $before, '<', 100, 'few rows of the log are read');
}

done_testing;
