# Customers who answer at once, answers that meet changes, a backend that is killed half-way; and what reaches followers and
# subscribers.

use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Session;
use JSON::PP;
use Test::More;

my $node = Appt::Cluster->create('main', conf => "deadlock_timeout = '200ms'\n");
my $hook = Appt::Peers->webhook;
my $mail = Appt::Peers->smtp;

$node->query('CREATE EXTENSION IF NOT EXISTS appt_test');
my $application = $node->query("SELECT appt.create_application(appt.create_organization('Acme'), 'Acme Bank')");
my $template = $node->query("SELECT appt.create_meeting_template('$application', 'Mortgage', title => 'Mortgage {{status}}')");
$node->query("INSERT INTO appt.user_profile (application_id, id, name, channels) VALUES ('$application', 'agent', 'Olga', '{IN_APP}')");

# An appointment with two customers who were asked; {id, tokens}.
sub asked
{
	my $id = $node->query(
		"SELECT id FROM appt.schedule_appointment('$application', now() + interval '2 days', '30 minutes',
		'{\"name\": {\"firstName\": \"Ann\"}}', organizer_id => 'agent', meeting_template_id => '$template')");
	$node->query("SELECT appt.add_customer('$id', '{\"name\": {\"firstName\": \"Bob\"}}')");
	my @messages = split /\n/, $node->query(<<"END");
WITH n AS (
	INSERT INTO appt.notification (application_id, appointment_id, recipient_kind, recipient_id, type, channel, due_at, lane, state,
		settled_at, attempt_count)
	SELECT application_id, appointment_id, 'CUSTOMER', id, 'CONFIRMATION_REQUEST', 'EMAIL', now(), 100, 'SENT', now(), 1
	FROM appt.participant WHERE appointment_id = '$id' AND type = 'CUSTOMER' ORDER BY first_name RETURNING id, application_id
), t AS (
	INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, finished_at, outcome, shown)
	SELECT n.application_id, n.id, 1, now(), now(), 'DELIVERED', jsonb_build_object('buttons', '["ACCEPT", "DECLINE", "RESCHEDULE"]'::jsonb,
		'reply_codes', NULL, 'start_at', to_char(a.start_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
		'end_at', to_char(a.end_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'timezone', a.timezone, 'location', a.location)
	FROM n JOIN appt.appointment a ON a.id = '$id'
) SELECT id FROM n ORDER BY id
END
	return { id => $id, tokens => [ map { $node->query("SELECT appt_test.link_token($_)") } @messages ] };
}

sub respond
{
	my ($asked, $customer, $action) = @_;

	return "SELECT appt.respond('$asked->{tokens}[$customer]', '$action')";
}

# Answers, each customer's response, and the booking state.
sub outcome
{
	my ($asked) = @_;

	return $node->query(
		"SELECT concat_ws(' / ',
		(SELECT string_agg(action, ' ' ORDER BY id) FROM appt.response WHERE appointment_id = a.id),
		(SELECT string_agg(coalesce(response, '-'), ' ' ORDER BY first_name) FROM appt.participant
			WHERE appointment_id = a.id AND type = 'CUSTOMER'),
		booking_state, state,
		(SELECT count(*) FROM appt.notification WHERE appointment_id = a.id AND type = 'RESPONSE' AND recipient_kind = 'USER'))
		FROM appt.appointment a WHERE id = '$asked->{id}'");
}

my ($one, $two) = map { Appt::Session->open($node) } 1 .. 2;

# The second statement starts while the first's transaction is open; the SQLSTATE of the second.
sub meet
{
	my ($isolation, $first, $second) = @_;

	$one->run("BEGIN ISOLATION LEVEL $isolation");
	$two->run("BEGIN ISOLATION LEVEL $isolation");
	$one->run($first);
	$two->start($second);
	ok($two->is_blocked, 'who comes second waits');
	$one->run('COMMIT');
	my $state = $two->end;
	$two->run($state eq '00000' ? 'COMMIT' : 'ROLLBACK');
	return $state;
}

# What the client of a serializable transaction does: it tries again.
sub meet_until_done
{
	my ($isolation, $first, $second) = @_;
	my $state = meet($isolation, $first, $second);

	return $state if $state ne '40001';
	is($isolation, 'SERIALIZABLE', 'only a serializable transaction is tried again');
	$two->run("BEGIN ISOLATION LEVEL $isolation");
	$two->start($second);
	$state = $two->end;
	$two->run($state eq '00000' ? 'COMMIT' : 'ROLLBACK');
	return $state;
}

foreach my $isolation ('READ COMMITTED', 'SERIALIZABLE')
{
	subtest $isolation => sub {
		my $asked = asked();
		is(meet_until_done($isolation, respond($asked, 0, 'ACCEPT'), respond($asked, 1, 'DECLINE')), '00000', 'two customers at once');
		is( outcome($asked),
			'ACCEPT DECLINE / ACCEPTED DECLINED / DECLINED / ACTIVATED / 2',
			'both answers are kept, and the later is the state');

		$asked = asked();
		is(meet_until_done($isolation, respond($asked, 0, 'ACCEPT'), respond($asked, 0, 'ACCEPT')), '00000', 'a double click');
		is(outcome($asked), 'ACCEPT / ACCEPTED - / CONFIRMED / ACTIVATED / 1', 'is one answer');

		$asked = asked();
		is(meet_until_done($isolation, respond($asked, 0, 'ACCEPT'), respond($asked, 0, 'DECLINE')),
			'00000', 'two answers of one customer');
		is(outcome($asked), 'ACCEPT DECLINE / DECLINED - / DECLINED / ACTIVATED / 2', 'follow each other');

		$asked = asked();
		my $reschedule = "SELECT appt.reschedule_appointment('$asked->{id}', now() + interval '5 days', '30 minutes')";
		is(meet_until_done($isolation, $reschedule, respond($asked, 0, 'ACCEPT')),
			'PT409', 'an answer to what has just been moved is refused');
		is(outcome($asked), '- - / NEW / ACTIVATED / 0', 'and leaves nothing');
		$asked = asked();
		$reschedule = "SELECT appt.reschedule_appointment('$asked->{id}', now() + interval '5 days', '30 minutes')";
		is(meet_until_done($isolation, respond($asked, 0, 'ACCEPT'), $reschedule), '00000', 'a move waits for an answer');
		is(outcome($asked), 'ACCEPT / ACCEPTED - / CONFIRMED / ACTIVATED / 1', 'and loses nothing of it');

		$asked = asked();
		my $cancel = "SELECT appt.cancel_appointment('$asked->{id}')";
		is(meet_until_done($isolation, $cancel, respond($asked, 0, 'ACCEPT')),
			'PT410', 'an answer to what has just been cancelled is too late');
		is(outcome($asked), '- - / NEW / CANCELLED / 0', 'and leaves nothing');
		$asked = asked();
		$cancel = "SELECT appt.cancel_appointment('$asked->{id}')";
		is(meet_until_done($isolation, respond($asked, 0, 'ACCEPT'), $cancel), '00000', 'cancelling waits for an answer');
		is(outcome($asked), 'ACCEPT / ACCEPTED - / CONFIRMED / CANCELLED / 1', 'and loses nothing of it');
	};
}
unlike($node->log_since(0), qr/deadlock detected/, 'no deadlock');

subtest 'one transaction' => sub {
	my $asked = asked();
	my $before = outcome($asked);
	$one->run('BEGIN');
	$one->run(respond($asked, 0, 'ACCEPT'));
	is(outcome($asked), $before, 'nothing is seen before the commit');
	$one->run('ROLLBACK');
	is(outcome($asked), $before, 'nothing is left of what is rolled back');

	# The server starts again after it; its sessions are gone.
	my $doomed = Appt::Session->open($node);
	$doomed->run('BEGIN');
	$doomed->run(respond($asked, 0, 'ACCEPT'));
	$node->kill_processes($doomed->{pid});
	is(outcome($asked), $before, 'nor of what was killed half-way');
	is($node->query(respond($asked, 0, 'ACCEPT')) =~ /ACCEPT/, 1, 'it can be answered afterwards');
	is(outcome($asked), 'ACCEPT / ACCEPTED - / CONFIRMED / ACTIVATED / 1', 'whole');
};

subtest 'followers and subscribers' => sub {
	$node->query(
		"SELECT appt.set_provider('$application', 'EMAIL', 'SMTP', '" . $mail->url . "', sender => 'Acme <hello\@acme.example>')");
	$node->query(
		"INSERT INTO appt.user_profile (application_id, id, name, email, channels)
		VALUES ('$application', 'fred', 'Fred', 'fred\@acme.example', '{EMAIL}'), ('$application', 'sue', 'Sue', 'sue\@acme.example', '{EMAIL}')"
	);
	my $subscription =
		$node->query("SELECT id FROM appt.create_subscription('$application', '" . $hook->url('/ok') . "', hmac_key => 'secret')");
	$node->query("UPDATE appt.subscription SET types = '{RESPONSE}' WHERE id = '$subscription'");
	$node->query("UPDATE appt.application SET agent_scope = 'OWN' WHERE id = '$application'");

	my $asked = asked();
	$node->query("SELECT appt.add_agent('$asked->{id}', 'fred')");
	$node->query(
		"INSERT INTO appt.follower (application_id, appointment_id, user_id)
		VALUES ('$application', '$asked->{id}', 'fred'), ('$application', '$asked->{id}', 'sue')");
	$node->query("SELECT appt.respond('$asked->{tokens}[0]', 'RESCHEDULE', 'I am away', '2031-12-04 11:30+00')");

	my ($told) = $hook->wait_for(1);
	my $payload = decode_json(decode_json($told->{body})->{payload});
	is( "$payload->{action} $payload->{reason} $payload->{proposedStart} $payload->{source} $payload->{id}",
		"RESCHEDULE I am away 2031-12-04T11:30:00Z API $asked->{id}",
		'the webhook tells what was answered about which appointment') or diag $told->{body};
	# Fred is told first that he attends.
	my %mails = map { $_->{rcpt_to}[0] => $_->{message} } $mail->wait_for(2, sub { $_->{message} =~ /asks for another time/ });
	like($mails{'fred@acme.example'}, qr/Ann.*I am away/s, 'a follower who attends is told the name and the reason');
	unlike($mails{'sue@acme.example'}, qr/Ann|I am away|Bob/, 'one who may not read the appointment is not');
	like($mails{'sue@acme.example'}, qr/A customer asks for another time.*Mortgage/s, 'but that a customer answered');
};

$node->stop;
done_testing();
