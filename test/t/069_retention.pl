# Settled notifications and their attempts are deleted once they are older than appt.log_retention; nothing else is.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Session;
use Appt::Tenant;
use Test::More;

my $node = Appt::Cluster->create('main', conf => "appt.log_retention = '30d'");
my $tenant = Appt::Tenant->create($node);
my $application = $tenant->application;

# 1,200 that settled 40 days ago, 10 of them only yesterday, 5 that are as old and still wait; 20 young ones.
$node->query(
	qq{
	INSERT INTO appt.notification (application_id, recipient_kind, recipient_id, type, channel, due_at, lane, state, created_at,
		settled_at,
		next_attempt_at)
	SELECT '$application', 'ADDRESS', 'a', 'TEST', 'EMAIL', now() - interval '40 days', 1,
		CASE WHEN i BETWEEN 701 AND 705 THEN 'PENDING' ELSE 'SENT' END,
		CASE WHEN i > 1200 THEN now() ELSE now() - interval '40 days' END,
		CASE WHEN i BETWEEN 701 AND 705 THEN NULL WHEN i BETWEEN 601 AND 610 THEN now() - interval '1 day'
			WHEN i > 1200 THEN now() ELSE now() - interval '40 days' END,
		CASE WHEN i BETWEEN 701 AND 705 THEN now() + interval '1 day' END
	FROM generate_series(1, 1220) i;
	INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, finished_at, outcome)
	SELECT application_id, id, 1, settled_at, settled_at, 'DELIVERED' FROM appt.notification WHERE state = 'SENT'});

# One more, of an appointment: deleting the appointment blanks its text.
my $appointment = $node->query(
	qq{
	INSERT INTO appt.appointment (application_id, organizer_id, start_at, end_at, timezone, locale, notifications_active)
	VALUES ('$application', 'ann', now() - interval '40 days', now() - interval '39 days', 'UTC', 'en', false) RETURNING id});
$node->query(
	qq{
	WITH old AS (
		INSERT INTO appt.notification (application_id, appointment_id, organizer_id, recipient_kind, recipient_id, type, channel,
			due_at, lane,
			state, created_at, settled_at)
		SELECT application_id, '$appointment', 'ann', 'CUSTOMER', 'c', 'CREATE', 'EMAIL', due_at, lane, state, created_at, settled_at
		FROM appt.notification ORDER BY id LIMIT 1 RETURNING application_id, id, settled_at)
	INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, finished_at, outcome, text_body)
	SELECT application_id, id, 1, settled_at, settled_at, 'DELIVERED', 'Hello' FROM old});

# A pass begins when a worker starts, and then every minute.
my $caller = Appt::Session->open($node);
$caller->run(
	"BEGIN; SELECT FROM appt.notification WHERE settled_at < now() - interval '30 days' ORDER BY id LIMIT 1 FOR UPDATE;
		SELECT appt.delete_appointment('$appointment')"
);
my ($worker) = $node->wait_for_workers;
$node->query("SELECT pg_terminate_backend($worker)");
ok($node->wait_for_query('SELECT count(*) FROM appt.notification', 37), 'it waits for no caller');
$caller->run('COMMIT');
($worker) = $node->wait_for_workers;
$node->query("SELECT pg_terminate_backend($worker)");
ok($node->wait_for_query('SELECT count(*) FROM appt.notification', 35), 'what is past the retention is gone');
is( $node->query(
		"SELECT count(*) FILTER (WHERE settled_at IS NULL) || ' ' || count(*) FILTER (WHERE created_at < now() - interval '30 days'
			AND settled_at IS NOT NULL)
	|| ' ' || count(*) FILTER (WHERE created_at > now() - interval '30 days') FROM appt.notification"),
	'5 10 20',
	'what waits, what settled lately and what is young stays');
is($node->query('SELECT count(*) FROM appt.attempt'), 30, 'attempts go with their notifications');

# Events that users were told of go with the last of their notifications, and idempotency keys with what their calls created.
# More old events than a batch has are still referred to, and do not hold up the others.
{
	my $event = sub {
		my ($title, $count, $days, $settled) = @_;

		$node->query(
			qq{
			WITH event AS (
				INSERT INTO appt.user_event (application_id, type, title, created_at)
				SELECT '$application', 'MENTION', '$title', now() - interval '$days days' FROM generate_series(1, $count) RETURNING id),
			key AS (
				INSERT INTO appt.idempotency_key (application_id, function_name, caller, key, arguments, user_event_id)
				SELECT '$application', 'notify_users', 'me', id, sha256(''), id FROM event)
			INSERT INTO appt.notification (application_id, user_event_id, recipient_kind, recipient_id, type, channel, due_at, lane, state,
				created_at, settled_at)
			SELECT '$application', id, 'USER', 'u', 'MENTION', 'IN_APP', now(), 1, 'SENT', now() - interval '$days days', $settled
			FROM event WHERE $settled IS NOT NULL});
	};

	$event->('waits', 700, 40, "now() - interval '1 day'");
	$event->('untold', 600, 40, 'NULL::timestamptz');
	$event->('old', 600, 40, "now() - interval '35 days'");
	$event->('young and untold', 2, 1, 'NULL::timestamptz');
	$event->('young', 2, 1, 'now()');
	$node->query(
		qq{
		WITH sent AS (
			INSERT INTO appt.notification (application_id, recipient_kind, recipient_id, type, channel, due_at, lane, state, created_at,
				settled_at)
			SELECT '$application', 'ADDRESS', 'a', 'MESSAGE', 'EMAIL', now(), 1, 'SENT', at, at
			FROM (SELECT now() - days * interval '1 day' AS at FROM unnest('{40,40,1}'::int[]) days) a RETURNING id)
		INSERT INTO appt.idempotency_key (application_id, function_name, caller, key, arguments, notification_id)
		SELECT '$application', 'send_message', 'me', id, sha256(''), id FROM sent;
		-- A pass goes by id, and ends at the first that is young.
		UPDATE appt.notification SET created_at = now() - interval '40 days' WHERE created_at > now() - interval '20 days'
			AND id < (SELECT min(n.id) FROM appt.notification n WHERE n.user_event_id IS NOT NULL)});
	($worker) = $node->wait_for_workers;
	$node->query("SELECT pg_terminate_backend($worker)");
	ok( $node->wait_for_query(
			"SELECT string_agg(title || ' ' || count, ', ' ORDER BY title) FROM (SELECT title, count(*) FROM appt.user_event GROUP BY 1) e",
			'waits 700, young 2, young and untold 2'),
		'old events go once no notification refers to them');
	is( $node->query(
			"SELECT string_agg(function_name || ' ' || count, ', ' ORDER BY 1) FROM (SELECT function_name, count(*) FROM appt.idempotency_key
				GROUP BY 1) k"),
		'notify_users 704, send_message 1',
		'and keys with what they stand for');
	$node->query('DELETE FROM appt.notification WHERE created_at > now() - interval \'30 days\'');
}

# What a customer answered stays until the appointment is over. More than a batch that stays does not hold up the others.
{
	my $answers = sub {
		my ($count, $days, $end_at) = @_;

		$node->query(
			qq{
			WITH made AS (
				INSERT INTO appt.appointment (application_id, organizer_id, start_at, end_at, timezone, locale, notifications_active)
				SELECT '$application', 'ann', at - interval '1 hour', at, 'UTC', 'en', false FROM (SELECT $end_at AS at) e RETURNING id)
			INSERT INTO appt.response (application_id, appointment_id, participant_id, action, source, reason, created_at)
			SELECT '$application', id, 'c', 'ACCEPT', 'PAGE', '$count', now() - interval '$days days' FROM made, generate_series(1, $count)});
	};

	$answers->(600, 40, "now() + interval '1 day'");
	$answers->(550, 40, "now() - interval '1 day'");
	$answers->(5, 40, "now() + interval '2 days'");
	$answers->(3, 1, "now() - interval '1 day'");
	($worker) = $node->wait_for_workers;
	$node->query("SELECT pg_terminate_backend($worker)");
	ok( $node->wait_for_query(
			"SELECT string_agg(reason || ' ' || count, ', ' ORDER BY reason) FROM (SELECT reason, count(*) FROM appt.response GROUP BY 1) r",
			'3 3, 5 5, 600 600'),
		'responses to what is to come stay');
}

# Rows that were moved in from other nodes: their numbers are greater than those of younger rows.
{
	my $ids = 'SELECT (node::bigint << 43) + 1000000 - 1000 * days + i AS id, now() - days * interval \'1 day\' AS at
		FROM (VALUES (0, 600, 1), (3, 600, 40), (3, 501, 1), (9, 600, 40)) c (node, count, days), generate_series(1, count) i';

	$node->query(
		qq{
		DELETE FROM appt.notification;
		DELETE FROM appt.user_event;
		DELETE FROM appt.response;
		INSERT INTO appt.notification (id, application_id, recipient_kind, recipient_id, type, channel, due_at, lane, state, created_at, settled_at)
			SELECT id, '$application', 'ADDRESS', 'a', 'MESSAGE', 'EMAIL', at, 1, 'SENT', at, at FROM ($ids) i;
		INSERT INTO appt.user_event (id, application_id, type, title, created_at)
			SELECT id, '$application', 'MENTION', 'x', at FROM ($ids) i;
		INSERT INTO appt.response (id, application_id, appointment_id, participant_id, action, source, created_at)
			SELECT id, '$application', '$appointment', 'c', 'ACCEPT', 'PAGE', at FROM ($ids) i;
		INSERT INTO appt.inbound_message (id, application_id, from_number, to_number, text, received_at, created_at)
			SELECT id, '$application', '+30690', '+30210', 'x', at, at FROM ($ids) i});
	($worker) = $node->wait_for_workers;
	$node->query("SELECT pg_terminate_backend($worker)");
	ok( $node->wait_for_query(
			"SELECT string_agg(node || ': ' || count, ', ' ORDER BY node, count) FROM (
				SELECT appt.node_of(id) AS node, count(*) FROM appt.$_ GROUP BY 1) t",
			'0: 600, 3: 501'),
		"old rows of other nodes go from $_")
		foreach qw(notification user_event response inbound_message);
	$node->query('DELETE FROM appt.notification; DELETE FROM appt.user_event; DELETE FROM appt.response; DELETE FROM appt.inbound_message');
}

# Batches are small: due messages are sent between them.
{
	my $hook = Appt::Peers->webhook;

	$tenant->only('CREATE', 'WEBHOOK');
	$tenant->subscribe($hook->url('/ok'));
	$node->query(
		qq{
		INSERT INTO appt.notification (application_id, recipient_kind, recipient_id, type, channel, due_at, lane, state, created_at,
			settled_at)
		SELECT '$application', 'ADDRESS', 'a', 'TEST', 'EMAIL', now() - interval '40 days', 1, 'SENT', now() - interval '40 days',
			now() - interval '40 days'
		FROM generate_series(1, 60000);
		-- A pass goes by id, and ends at the first that is young.
		UPDATE appt.notification SET created_at = now() - interval '40 days'});
	# Each batch takes a while, so that another one always follows.
	$node->query(
		q{
		CREATE FUNCTION take_a_while() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.5); RETURN NULL; END $$;
		CREATE TRIGGER take_a_while AFTER DELETE ON appt.notification FOR EACH STATEMENT EXECUTE FUNCTION take_a_while();});
	($worker) = $node->wait_for_workers;
	$node->query("SELECT pg_terminate_backend($worker)");
	$node->wait_for_query('SELECT count(*) < 60000 FROM appt.notification WHERE settled_at < now() - interval \'30 days\'');
	$tenant->schedule;
	is(scalar($hook->wait_for(1)), 1, 'a message goes out');
	cmp_ok($node->query("SELECT count(*) FROM appt.notification WHERE settled_at < now() - interval '30 days'"),
		'>', 0, 'while old ones are being deleted');
	$node->query('DROP TRIGGER take_a_while ON appt.notification');
	ok($node->wait_for_query("SELECT count(*) FROM appt.notification WHERE settled_at < now() - interval '30 days'", 0),
		'until they are gone');
}

$node->stop;
done_testing();
