# Many clients change the same appointments at random while workers send: nothing that is owed starts to be sent once it is
# known to be superseded, no change is lost, nobody meets a deadlock, and what is sent is sent once.
#
# Reminders come due all the time, to an endpoint that answers, one that takes its time and one that fails at times; links
# are sent that activate; appointments end by the clock. Each call that succeeds leaves an event and, once its commit has
# been acknowledged, the time of that.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Rounds;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my $seconds = 8;
my $node =
	Appt::Cluster->create('main', conf => "appt.workers = 2\ndeadlock_timeout = '200ms'\nmax_connections = 60\nlog_statement = 'none'\n");
my $hook = Appt::Peers->webhook;
my $mail = Appt::Peers->smtp;

my $setup = <<'SQL';
SELECT appt.create_organization('Acme') AS organization \gset
SELECT appt.create_application(:'organization', 'At once', end_grace => '0', retry_base => '100 ms',
	retry_cap => '500 ms') AS at_once \gset
SELECT appt.create_application(:'organization', 'By being sent', auto_activate => false, room_activates => true, end_grace => '0',
	retry_base => '100 ms') AS by_room \gset
SELECT appt.set_provider(id, 'EMAIL', 'SMTP', 'SMTP_URL', 'sales@example.com') FROM appt.application;
SELECT appt.create_subscription(id, 'HOOK_URL' || path) FROM appt.application, unnest(ARRAY['/ok', '/delay/0.2', '/fail-some/4']) path;
DELETE FROM appt.rule WHERE channel = 'SMS' OR type = 'REMINDER';
INSERT INTO appt.rule (application_id, type, channel, time_offset)
	SELECT id, type, channel, '1 hour' FROM appt.application,
		(VALUES ('REMINDER', 'WEBHOOK'), ('REMINDER', 'EMAIL'), ('ROOM', 'EMAIL')) rule (type, channel);

CREATE SCHEMA test;
CREATE TABLE test.target AS SELECT n, CASE WHEN n % 4 = 0 THEN :'by_room' ELSE :'at_once' END::uuid AS application,
	NULL::uuid AS appointment FROM generate_series(1, 40) n;
CREATE TABLE test.event (id bigserial PRIMARY KEY, appointment uuid, call text, detail text, sequence int, first_planned bigint);
CREATE TABLE test.known (event bigint, at timestamptz);

CREATE FUNCTION test.customer(username text) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('username', username, 'contact', jsonb_build_object('primaryEmail', username || '@example.org')) $$;
CREATE FUNCTION test.call(call text, target test.target, OUT appointment uuid, OUT detail text) LANGUAGE plpgsql AS $$
DECLARE
	soon timestamptz := clock_timestamp() + interval '1 hour' + random() * interval '3 s';
BEGIN
	appointment := target.appointment;
	IF call IN ('remove_participant', 'record_join') THEN
		detail := coalesce((SELECT p.id FROM appt.participant p WHERE p.appointment_id = target.appointment AND p.type = 'CUSTOMER'
			AND (call = 'record_join' OR p.username = 'extra') ORDER BY random() LIMIT 1), 'nobody');
	ELSIF call IN ('update', 'reassign') THEN
		detail := gen_random_uuid();
	END IF;
	CASE call
		WHEN 'schedule' THEN
			IF random() < 0.3 THEN
				appointment := (appt.schedule_appointment(target.application, clock_timestamp(), '2 s', test.customer('first'), 'ann')).id;
			ELSE
				appointment := (appt.schedule_appointment(target.application, soon, '30 min', test.customer('first'), 'ann')).id;
			END IF;
			UPDATE test.target t SET appointment = call.appointment WHERE t.n = target.n;
		WHEN 'reschedule' THEN PERFORM appt.reschedule_appointment(appointment, soon, NULL);
		WHEN 'update' THEN PERFORM appt.update_appointment(appointment, title => detail);
		WHEN 'cancel' THEN PERFORM appt.cancel_appointment(appointment);
		WHEN 'end' THEN PERFORM appt.end_appointment(appointment);
		WHEN 'delete' THEN PERFORM appt.delete_appointment(appointment);
		WHEN 'add_customer' THEN PERFORM appt.add_customer(appointment, test.customer('extra'));
		WHEN 'remove_participant' THEN PERFORM appt.remove_participant(appointment, detail);
		WHEN 'record_join' THEN PERFORM appt.record_join(appointment, detail);
		WHEN 'reassign' THEN PERFORM appt.reassign_appointment(appointment, detail);
	END CASE;
END $$;
-- Which notifications a call planned is told by the time of its transaction; all with lesser ids were there before.
CREATE FUNCTION test.act(target_n int, chance int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	call text := (ARRAY['schedule', 'schedule', 'schedule', 'reschedule', 'reschedule', 'reschedule', 'reschedule', 'update',
		'update', 'add_customer', 'add_customer',
		'remove_participant', 'remove_participant', 'reassign', 'reassign', 'record_join', 'end', 'cancel', 'delete'])[chance];
	target test.target;
	called record;
	event bigint;
BEGIN
	SELECT * INTO target FROM test.target WHERE n = target_n;
	called := test.call(call, target);
	INSERT INTO test.event (appointment, call, detail, sequence, first_planned)
		SELECT called.appointment, call, called.detail, (SELECT a.sequence FROM appt.appointment a WHERE a.id = called.appointment),
			coalesce(min(n.id) FILTER (WHERE n.created_at = now()), max(n.id) + 1, 0)
		FROM appt.notification n WHERE n.appointment_id = called.appointment
		RETURNING id INTO event;
	RETURN event;
EXCEPTION WHEN SQLSTATE 'PT404' OR SQLSTATE 'PT409' THEN
	RETURN 0;
END $$;
SELECT count(test.act(n, 1)) FROM test.target;
SQL
$node->query($setup =~ s/SMTP_URL/$mail->url/er =~ s/HOOK_URL/$hook->url('')/er);

my $script = PostgreSQL::Test::Utils::tempdir() . '/act.sql';
append_to_file($script, <<'SCRIPT');
\set n random(1, 40)
\set chance random(1, 19)
SELECT test.act(:n, :chance) AS event \gset
INSERT INTO test.known SELECT :event, clock_timestamp() WHERE :event > 0;
SCRIPT

# An event supersedes messages planned before it; removing a participant supersedes only that participant's.
$node->query(<<'SQL');
CREATE VIEW test.superseded AS SELECT e.call, n.id, n.state, n.due_at, known.at
	FROM test.event e JOIN test.known ON known.event = e.id
		JOIN (VALUES ('reschedule', 'RESCHEDULED'), ('record_join', 'CALL_STARTED'), ('end', 'ENDED'),
			('cancel', 'APPOINTMENT_CANCELLED'), ('delete', 'APPOINTMENT_DELETED'),
			('remove_participant', 'PARTICIPANT_REMOVED')) c (call, reason) ON c.call = e.call
		JOIN appt.notification n ON n.appointment_id = e.appointment AND n.id < e.first_planned
			AND (e.call <> 'remove_participant' OR n.recipient_id = e.detail)
		JOIN appt.notification_type t ON t.type = n.type AND c.reason = ANY (t.superseded_by);
SQL

# Until every pair has met: a busy machine needs longer.
my $met = in_rounds(
	sub {
		foreach my $client (clients(4, 'read committed'), clients(2, 'serializable', '--max-tries=0'))
		{
			$client->{handle}->finish;
			is($client->{handle}->result(0), 0, "$client->{isolation}: every call is done, or refused with a reason")
				or diag($client->{output});
		}
		ok($node->wait_for_query(<<'SQL', 0), 'all that is due is settled');
SELECT (SELECT count(*) FROM appt.notification WHERE settled_at IS NULL AND due_at <= now() + interval '1 min')
	+ (SELECT count(*) FROM appt.appointment WHERE state = 'ACTIVATED' AND end_at <= now() + interval '1 min')
SQL
		return $node->query(<<'SQL');
SELECT (SELECT string_agg(DISTINCT call, ' ' ORDER BY call) FROM test.superseded),
	EXISTS (SELECT FROM test.superseded WHERE state = 'CANCELLED' AND due_at < at),
	EXISTS (SELECT FROM test.superseded o JOIN appt.attempt a ON a.notification_id = o.id WHERE a.started_at < o.at
		AND a.finished_at > o.at),
	EXISTS (SELECT FROM test.superseded o JOIN appt.attempt a ON a.notification_id = o.id WHERE state = 'CANCELLED')
SQL
	},
	sub { $_[0] eq 'cancel delete end record_join remove_participant reschedule|t|t|t' });
is( $met,
	'cancel delete end record_join remove_participant reschedule|t|t|t',
	'events of every kind superseded something, some of it due, or being sent, or failed');
unlike($node->log_since(0), qr/deadlock detected/, 'no deadlock');
note(
	$node->query(
		"SELECT string_agg(call || ' ' || count, ', ' ORDER BY call) FROM (SELECT call, count(*) FROM test.event GROUP BY call) e"));
note(
	$node->query(
		"SELECT string_agg(concat_ws(' ', state, reason, count), ', ' ORDER BY state, reason)
			FROM (SELECT state, reason, count(*) FROM appt.notification GROUP BY state, reason) n"
	));

is($node->query(<<'SQL'), '', 'nothing started to be sent once it was known to be superseded');
SELECT o.*, a.started_at FROM test.superseded o JOIN appt.attempt a ON a.notification_id = o.id WHERE a.started_at > o.at
SQL

# Changes that calendars take over are numbered: none is missing, none was written over.
is($node->query(<<'SQL'), '', 'no change is lost');
SELECT a.id, a.sequence, e.* FROM appt.appointment a, LATERAL (
	SELECT count(*) FILTER (WHERE call <> 'cancel') AS changes, count(DISTINCT sequence) FILTER (WHERE call <> 'cancel') AS places,
		count(DISTINCT sequence) FILTER (WHERE call = 'cancel') AS cancels,
		coalesce(max(sequence), 0) AS last, (array_agg(detail ORDER BY sequence DESC) FILTER (WHERE call = 'update'))[1] AS title
	FROM test.event WHERE appointment = a.id AND call IN ('update', 'reschedule', 'cancel', 'remove_participant')) e
WHERE changes <> places OR a.sequence <> changes + cancels OR a.sequence <> last OR a.title IS DISTINCT FROM e.title
SQL
is($node->query(<<'SQL'), '', 'nor a participant');
SELECT a.id, p.*, e.* FROM appt.appointment a, LATERAL (SELECT count(*) AS customers FROM appt.participant WHERE appointment_id = a.id
	AND type = 'CUSTOMER') p,
	LATERAL (SELECT count(*) FILTER (WHERE call = 'add_customer') AS added,
		count(*) FILTER (WHERE call = 'remove_participant') AS removed FROM test.event WHERE appointment = a.id) e
WHERE customers <> 1 + added - removed
SQL
is($node->query(<<'SQL'), '', 'nor an organizer, who is its only agent');
SELECT a.id, a.organizer_id, e.detail, p.* FROM appt.appointment a,
	LATERAL (SELECT string_agg(id, ' ') AS agents FROM appt.participant WHERE appointment_id = a.id AND type = 'AGENT') p
	LEFT JOIN LATERAL (SELECT detail FROM test.event WHERE appointment = a.id AND call = 'reassign' ORDER BY first_planned DESC
		LIMIT 1) e ON true
WHERE a.organizer_id IS DISTINCT FROM coalesce(e.detail, 'ann') OR agents IS DISTINCT FROM a.organizer_id
SQL
is($node->query(<<'SQL'), '', 'what is settled has left the queue, all else is in it once');
SELECT n.id, n.state, count(d) FROM appt.notification n LEFT JOIN appt.due d ON d.notification_id = n.id GROUP BY n.id
	HAVING count(d) <> CASE WHEN settled_at IS NULL THEN 1 ELSE 0 END
SQL

# And the converse.
is($node->query(<<'SQL'), '', 'what is SENT was delivered once, and nothing else');
SELECT n.id, n.state, count(a) FROM appt.notification n LEFT JOIN appt.attempt a ON a.notification_id = n.id
	AND a.outcome = 'DELIVERED' GROUP BY n.id HAVING count(a) <> CASE WHEN state = 'SENT' THEN 1 ELSE 0 END
SQL
my %answered;
foreach my $request (grep { /"status": 200\b/ } split /\n/, slurp_file($hook->record))
{
	$answered{$1}++ if $request =~ /"webhook-id": "([^"]+)"/;
}
is(scalar(grep { $answered{$_} > 1 } keys %answered), 0, 'no webhook was taken twice');
is( scalar keys %answered,
	$node->query("SELECT count(*) FROM appt.notification WHERE channel = 'WEBHOOK' AND state = 'SENT'"),
	'as many as the log says');

$node->stop;
done_testing();

sub clients
{
	my ($count, $isolation, @options) = @_;
	my $clients = { isolation => $isolation, output => '' };

	local $ENV{PGOPTIONS} = '-c default_transaction_isolation=' . ($isolation =~ s/ /\\ /r);
	$clients->{handle} =
		IPC::Run::start([ 'pgbench', '-n', '-c', $count, '-j', 2, '-T', $seconds, '-f', $script, @options, $node->connstr('postgres') ],
		'>', \$clients->{output}, '2>', \$clients->{output}, IPC::Run::timeout(180));
	return $clients;
}
