# The main job: each planned message arrives once, when it is due, and is in the log.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Rounds;
use Appt::Tenant;
use Digest::SHA qw(hmac_sha256_hex);
use JSON::PP qw(decode_json);
use Test::More;

my $node = Appt::Cluster->create('main', conf => "appt.request_timeout = '10min'");
my $hook = Appt::Peers->webhook;
my $mail = Appt::Peers->smtp;
my %quick = (retry_base => '100 milliseconds', retry_cap => '300 milliseconds');

$node->wait_for_workers;

# A commit wakes the worker; both channels deliver the promised content.
{
	my $tenant = Appt::Tenant->create($node);
	$tenant->email($mail->url);
	$tenant->subscribe($hook->url('/ok'));
	my $id = $tenant->schedule;
	my ($request) = $hook->wait_for(1);
	my ($message) = $mail->wait_for(1);
	my $envelope = decode_json($request->{body});
	my $payload = decode_json($envelope->{payload});
	is($payload->{id}, $id, 'the payload is the appointment');
	is($payload->{state}, 'ACTIVATED', 'with its state');
	is($envelope->{type}, 'CREATE', 'the envelope names the type');
	is($envelope->{id}, $request->{headers}{'webhook-id'}, 'and is the webhook-id');
	is($request->{headers}{'x-signature'}, hmac_sha256_hex($envelope->{payload}, 'secret'), 'x-signature signs exactly the payload');
	ok($tenant->settled, 'all settles');
	my $states = $tenant->states($id);
	is($states->{'CREATE WEBHOOK'}, 'SENT', 'the webhook is SENT');
	is($states->{'CREATE EMAIL'}, 'SENT', 'the email is SENT');
	is($states->{'CREATE SMS'} // '', 'SKIPPED NO_PROVIDER', 'the text message, without a provider, is SKIPPED');
	is($states->{'REMINDER WEBHOOK'}, 'PENDING', 'the reminder waits');
	is( $node->query(
			"SELECT provider_message_id FROM appt.notification_log WHERE appointment_id = '$id' AND channel = 'EMAIL'
				AND outcome = 'DELIVERED'"
		),
		'0000000001',
		'the log has the name that the mail server gave it');
	is( $node->query(
			"SELECT bool_and(lateness >= '0' AND lateness = l.started_at - n.due_at) FROM appt.notification_log l
				JOIN appt.notification n ON n.id = notification_id
		WHERE l.appointment_id = '$id' AND outcome = 'DELIVERED'"),
		't',
		'the log knows how late they were');
	$tenant->is_prompt(sub { $tenant->schedule }, 'which was less than a second');
}

# A reminder is sent when it is due, never before.
{
	my $tenant = Appt::Tenant->create($node);
	$tenant->only('REMINDER', 'WEBHOOK', '1 hour');
	$tenant->subscribe($hook->url('/ok'));
	my $late = in_rounds(
		sub {
			$hook->forget;
			my $id = $tenant->schedule(start_at => "date_trunc('milliseconds', clock_timestamp()) + interval '1 hour 2 seconds'");
			my ($request) = $hook->wait_for(1);
			return $request->{wall_us} -
				$node->query("SELECT extract(epoch FROM due_at) * 1000000 FROM appt.notification WHERE appointment_id = '$id'");
		},
		sub { $_[0] < 1_000_000 });
	cmp_ok($late, '>=', 0, 'not before it is due');
	cmp_ok($late, '<', 1_000_000, 'and soon after') if !$ENV{APPT_SANITIZE};
}

# Failures: retried with backoff, final where the rules say so.
{
	my $tenant = Appt::Tenant->create($node, %quick, max_attempts => 3);
	$hook->forget;
	$tenant->only('CREATE', 'WEBHOOK');
	my %subscription =
		map { $_ => $tenant->subscribe($hook->url($_)) } qw(/fail-first/2 /status/404 /status/500 /status/301 /status/410 /reset /garbage);
	my $id = $tenant->schedule;
	ok($tenant->settled, 'all settles');
	my %expected = (
		'/fail-first/2' => 'SENT 3',
		'/status/404' => 'FAILED REJECTED 1',
		'/status/500' => 'FAILED RETRIES_EXHAUSTED 3',
		'/status/301' => 'FAILED RETRIES_EXHAUSTED 3',
		'/status/410' => 'FAILED RETRIES_EXHAUSTED 3',
		'/reset' => 'FAILED RETRIES_EXHAUSTED 3',
		'/garbage' => 'FAILED RETRIES_EXHAUSTED 3');
	foreach my $path (sort keys %expected)
	{
		is( $node->query(
				"SELECT concat_ws(' ', state, reason, attempt_count) FROM appt.notification WHERE subscription_id = '$subscription{$path}'"
			),
			$expected{$path},
			"$path: $expected{$path}");
	}
	is( $node->query(
			"SELECT string_agg(status_code::text, ',' ORDER BY attempt_number) FROM appt.attempt a
				JOIN appt.notification n ON n.id = a.notification_id
		WHERE subscription_id = '$subscription{'/fail-first/2'}'"),
		'503,503,200',
		'each attempt is in the log with its answer');
	is($node->query("SELECT count(*) FROM appt.latest_failure WHERE appointment_id = '$id'"), 6, 'latest_failure shows what failed');

	# The cause is fixed: the latest failure is sent again by hand.
	my $failed = $node->query("SELECT id FROM appt.notification WHERE subscription_id = '$subscription{'/status/500'}'");
	$node->query("UPDATE appt.subscription SET url = '@{[ $hook->url('/ok/mended') ]}' WHERE id = '$subscription{'/status/500'}'");
	$node->query("SELECT appt.retry_notification($failed)");
	ok($node->wait_for_query("SELECT state FROM appt.notification WHERE id = $failed", 'SENT'), 'a manual retry mends it');
	is($node->query("SELECT manual FROM appt.attempt WHERE notification_id = $failed ORDER BY id DESC LIMIT 1"),
		't', 'the attempt is marked manual');
	$node->refused_with('PT409', "SELECT appt.retry_notification($failed)", 'what was sent is not retried');
}

# Retry-After raises the wait.
{
	my $tenant = Appt::Tenant->create($node, retry_base => '10 ms', retry_cap => '1 minute');
	$hook->forget;
	$tenant->only('CREATE', 'WEBHOOK');
	$tenant->subscribe($hook->url('/retry-after/1'));
	$tenant->schedule;
	my @requests = $hook->wait_for(2);
	cmp_ok($requests[1]{wall_us} - $requests[0]{wall_us}, '>=', 1_000_000, 'no attempt before Retry-After');
	ok($tenant->settled, 'then it is sent');
}

# The switch stops everything at once; what came due meanwhile stays unsent.
{
	my $tenant = Appt::Tenant->create($node);
	$hook->forget;
	$tenant->only('CREATE', 'WEBHOOK');
	$tenant->rule('UPDATE', 'WEBHOOK');
	$tenant->subscribe($hook->url('/ok'));
	my $id = $tenant->schedule;
	$hook->wait_for(1);
	$node->query("SELECT appt.set_notifications_enabled('@{[ $tenant->organization ]}', false)");
	$node->query("SELECT id FROM appt.update_appointment('$id', title => 'Other')");
	ok($tenant->settled, 'settled while off');
	is($tenant->states($id)->{'UPDATE WEBHOOK'}, 'SUPPRESSED GLOBAL_OFF', 'SUPPRESSED, GLOBAL_OFF');
	my $while_off = $tenant->schedule;
	$node->query("SELECT appt.set_notifications_enabled('@{[ $tenant->organization ]}', true)");
	$node->query("SELECT id FROM appt.update_appointment('$while_off', title => 'Other')");
	ok($tenant->settled, 'settled when on again');
	is($tenant->states($while_off)->{'UPDATE WEBHOOK'}, 'SUPPRESSED APPOINTMENT_OFF', 'what was scheduled while off stays off');
	is(scalar $hook->entries, 1, 'nothing of it was sent');
}

# So does a message that was not checked while it was off, because it had to wait for its turn.
{
	my $tenant = Appt::Tenant->create($node, max_per_second => '0.001');
	my $mine = "application_id = '@{[ $tenant->application ]}'";
	$hook->forget;
	$tenant->only('REMINDER', 'WEBHOOK', '1 hour');
	$tenant->subscribe($hook->url('/ok'));
	my $first = $tenant->schedule(start_at => "clock_timestamp() + interval '1 hour 100 milliseconds'");
	$hook->wait_for(1);
	$node->query("SELECT appt.set_notifications_enabled('@{[ $tenant->organization ]}', false)");
	$node->query("UPDATE appt.organization SET notifications_enabled = true WHERE id = '@{[ $tenant->organization ]}'");
	my $second = $tenant->schedule(start_at => "clock_timestamp() + interval '1 hour 500 milliseconds'");
	$node->query("UPDATE appt.organization SET notifications_enabled = false WHERE id = '@{[ $tenant->organization ]}'");
	$node->wait_for_query("SELECT due_at < now() - interval '300 milliseconds' FROM appt.notification WHERE appointment_id = '$second'");
	is_deeply($tenant->states($second), { 'REMINDER WEBHOOK' => 'PENDING' }, 'one came due and waits for its turn');
	$node->query("SELECT appt.set_notifications_enabled('@{[ $tenant->organization ]}', true)");
	is_deeply($tenant->states($second), { 'REMINDER WEBHOOK' => 'SUPPRESSED GLOBAL_OFF' }, 'and has lost it');
	is($node->query("SELECT count(*) FROM appt.due WHERE $mine"), 0, 'nor does it stand in the queue');
	$node->query("UPDATE appt.application SET max_per_second = NULL WHERE id = '@{[ $tenant->application ]}'");
	$tenant->schedule(start_at => "clock_timestamp() + interval '1 hour 100 milliseconds'");
	is(scalar($hook->wait_for(2)), 2, 'what is due later goes out');
}

# A retry is judged as a first attempt is: switches, rule, subscription, events; and it must not come too late.
{
	my @cases = (
		[ 'the switch', 'SUPPRESSED GLOBAL_OFF', sub { "SELECT appt.set_notifications_enabled('@{[ $_[0]->organization ]}', false)" } ],
		[   'the rule',
			'SUPPRESSED RULE_OFF',
			sub { "UPDATE appt.rule SET enabled = false WHERE application_id = '@{[ $_[0]->application ]}'" } ],
		[   'the subscription',
			'SUPPRESSED SUBSCRIPTION_OFF',
			sub { "UPDATE appt.subscription SET enabled = false WHERE application_id = '@{[ $_[0]->application ]}'" } ],
		[ 'the appointment', 'CANCELLED APPOINTMENT_CANCELLED', sub { "SELECT id FROM appt.cancel_appointment('$_[1]')" } ]);

	# A busy machine may get to the retry before the statement that is to prevent it.
	my ($requests, @states) = in_rounds(
		sub {
			my ($round, $seconds) = @_;
			my @waiting;

			$hook->forget;
			foreach my $case (@cases)
			{
				my ($what, $expected, $statement) = @$case;
				my $tenant = Appt::Tenant->create($node, retry_base => "$seconds seconds");
				$tenant->only('REMINDER', 'WEBHOOK', '1 hour');
				$tenant->subscribe($hook->url('/status/503'));
				my $id = $tenant->schedule(start_at => "clock_timestamp() + interval '1 hour 100 milliseconds'");
				ok( $node->wait_for_query(
						"SELECT state <> 'PENDING' AND state <> 'SENDING' FROM appt.notification WHERE appointment_id = '$id'"),
					"before $what is off, it fails");
				$node->query($statement->($tenant, $id));
				push @waiting, [ $tenant, $id ];
			}
			ok($_->[0]->settled, 'and then settles') foreach @waiting;
			return (scalar $hook->entries, map { my ($tenant, $id) = @$_; $tenant->states($id)->{'REMINDER WEBHOOK'} } @waiting);
		},
		sub { $_[0] == @cases },
		4,
		15,
		60);
	is($states[$_], $cases[$_][1], "with $cases[$_][0] off: $cases[$_][1]") foreach 0 .. $#cases;
	is($requests, scalar @cases, 'none of them was sent a second time');

	my $late = Appt::Tenant->create($node, retry_base => '10 minutes');
	$late->only('REMINDER', 'WEBHOOK', '1 minute');
	$late->subscribe($hook->url('/status/503'));
	$hook->forget;
	my $late_id = $late->schedule(start_at => "clock_timestamp() + interval '60.1 seconds'");
	ok( $node->wait_for_query(
			"SELECT concat_ws(' ', state, reason) FROM appt.notification WHERE appointment_id = '$late_id'",
			'FAILED RETRY_TOO_LATE'),
		'what could only be retried too late is not');
	is(scalar $hook->entries, 1, 'and is sent once');
}

# Superseded while in flight: success is SENT, failure is CANCELLED, never RETRYING.
{
	my $tenant = Appt::Tenant->create($node, %quick);
	$hook->forget;
	$tenant->only('CREATE', 'WEBHOOK');
	my $good = $tenant->subscribe($hook->url('/hold/both'));
	my $bad = $tenant->subscribe($hook->url('/hold/both/503'));
	my $id = $tenant->schedule;
	$hook->wait_for(2);
	is($node->query("SELECT state, next_attempt_at FROM appt.notification WHERE subscription_id = '$bad'"),
		'SENDING|', 'while it is being sent no next attempt is announced');
	$node->query("SELECT id FROM appt.cancel_appointment('$id')");
	$hook->release('both');
	ok($tenant->settled, 'all settles');
	is($node->query("SELECT state FROM appt.notification WHERE subscription_id = '$good'"), 'SENT', 'what arrives is SENT');
	is( $node->query("SELECT concat_ws(' ', state, reason) FROM appt.notification WHERE subscription_id = '$bad'"),
		'CANCELLED APPOINTMENT_CANCELLED',
		'what fails is CANCELLED');
}

# An appointment that nobody ends ends by itself.
{
	my $tenant = Appt::Tenant->create($node, end_grace => '1 second');
	$tenant->only('FOLLOW_UP', 'WEBHOOK');
	my $id = $tenant->schedule(start_at => 'now()', duration => '1 second');
	ok($node->wait_for_query("SELECT state = 'ENDED' AND ended_at = end_at FROM appt.appointment WHERE id = '$id'"),
		'ended end_grace after end_at, as of end_at');
}

# Secret headers: sent, masked where they come back, and never sent as the mask that stands for them.
{
	my $tenant = Appt::Tenant->create($node);
	$hook->forget;
	$tenant->only('CREATE', 'WEBHOOK');
	my $headers = '[{"name": "X-Key", "value": "s3cret-value", "type": "SECRET"}, {"name": "X-Open", "value": "open-value"}]';
	$node->query("SELECT appt.create_subscription('" . $tenant->application . "', '" . $hook->url('/echo') . "', headers => '$headers')");
	my $id = $tenant->schedule;
	$tenant->settled;
	my ($request) = $hook->wait_for(1);
	is($request->{headers}{'x-key'}, 's3cret-value', 'a secret header is sent');
	my $answer = $node->query("SELECT answer FROM appt.notification_log WHERE appointment_id = '$id'");
	like($answer, qr/X-Open: open-value/i, 'what is no secret stands in the log');
	like($answer, qr/X-Key: \*{8}$/im, 'what is one is masked');

	$hook->forget;
	$node->query("DELETE FROM appt.secret WHERE name = 'HEADER:X-Key'");
	$id = $tenant->schedule;
	$tenant->settled;
	is_deeply($tenant->states($id), { 'CREATE WEBHOOK' => 'SKIPPED BAD_CONFIGURATION' }, 'without its value nothing is sent');
	is( $node->query("SELECT detail FROM appt.notification WHERE appointment_id = '$id'"),
		'the value of a secret header is not stored',
		'and the log says why');
	is(scalar $hook->entries, 0, 'not even the mask');
}

# A row that a caller has locked is found once the lock is released.
{
	my $tenant = Appt::Tenant->create($node);
	$hook->forget;
	$tenant->only('REMINDER', 'WEBHOOK', '1 hour');
	$tenant->subscribe($hook->url('/ok'));
	my $session = $node->background_psql('postgres');
	my ($locked, $id) = in_rounds(
		sub {
			my ($round, $seconds) = @_;
			my $id = $tenant->schedule(start_at => "now() + interval '1 hour $seconds seconds'");
			$session->query_safe('ROLLBACK') if $round > 1;
			# After the lock, a statement that sees whether it came in time.
			$session->query_safe("BEGIN; SELECT FROM appt.notification WHERE appointment_id = '$id' FOR UPDATE");
			return ($session->query_safe("SELECT state FROM appt.notification WHERE appointment_id = '$id'"), $id);
		},
		sub { $_[0] eq 'PENDING' },
		1,
		5,
		20,
		60);
	is($locked, 'PENDING', 'a caller has locked one that is not due yet');
	$node->wait_for_query("SELECT due_at < now() - interval '300 milliseconds' FROM appt.notification WHERE appointment_id = '$id'");
	is($tenant->states($id)->{'REMINDER WEBHOOK'}, 'PENDING', 'it is not claimed when it is due');
	$session->query_safe('ROLLBACK');
	$session->quit;
	my ($request) = $hook->wait_for(1, sub { $_->{body} =~ /$id/ }, 45);
	ok($request, 'and sent soon after');
	$hook->forget;

	# An open change of an appointment delays none of its messages.
	$id = $tenant->schedule(start_at => "now() + interval '1 hour 1 second'");
	$session = $node->background_psql('postgres');
	$session->query_safe("BEGIN; SELECT appt.update_appointment('$id', notes => 'x')");
	ok($node->wait_for_query("SELECT state FROM appt.notification WHERE appointment_id = '$id'", 'SENT'),
		'sent while a caller changes its appointment');
	$session->query_safe('ROLLBACK');
	$session->quit;
}

# The log keeps the beginning of a long body; what is sent is whole.
{
	my $tenant = Appt::Tenant->create($node);
	$hook->forget;
	$tenant->only('UPDATE', 'WEBHOOK');
	$tenant->subscribe($hook->url('/ok'));
	my $id = $tenant->schedule;
	$node->query("SELECT appt.update_appointment('$id', metadata => jsonb_build_object('long', repeat(chr(34), 80000)))");
	my ($request) = $hook->wait_for(1);
	$tenant->settled;
	my $json = JSON::PP->new;
	is(length($json->decode($json->decode($request->{body})->{payload})->{metadata}{long}), 80000, 'a long message arrives whole');
	is( $node->query(
			"SELECT octet_length(text_body) = 262144 FROM appt.attempt a JOIN appt.notification n ON n.id = notification_id
				WHERE appointment_id = '$id'"
		),
		't',
		'the log keeps its beginning');
}

$node->stop;
done_testing();
