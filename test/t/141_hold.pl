# hold_application: the workers leave an application alone, whatever it owes, until it is woken; and what is under way ends.

use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Tenant;
use Test::More;

my $node = Appt::Cluster->create('main',
	conf => "fsync = off\nappt.workers = 2\nappt.request_timeout = '10min'\nappt.connect_timeout = '10min'");
my $hook = Appt::Peers->webhook;
my $silent = Appt::Peers->silent;

sub tenant
{
	my $tenant = Appt::Tenant->create($node, retry_base => '100 ms', retry_cap => '200 ms', max_attempts => 100);

	$tenant->only('CREATE', 'WEBHOOK');
	return $tenant;
}

sub hold { $node->query("SELECT appt.hold_application('@{[ $_[0]->application ]}')"); return; }
sub wake { $node->query("SELECT appt.wake_application('@{[ $_[0]->application ]}')"); return; }

sub is_quiet
{
	my ($tenant, $what) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return ok($node->wait_for_query("SELECT appt.count_sending('@{[ $tenant->application ]}')", 0), $what);
}

# What there is of a tenant that the workers write.
sub traces
{
	my ($tenant) = @_;

	return $tenant->query(
		"SELECT concat_ws(' ', (SELECT string_agg(t, ',' ORDER BY t) FROM (SELECT concat_ws(' ', id, state, attempt_count, next_attempt_at,
				context) AS t FROM appt.notification WHERE application_id = a.id) n),
			(SELECT count(*) FROM appt.attempt WHERE application_id = a.id),
			(SELECT string_agg(state, ',' ORDER BY id) FROM appt.appointment WHERE application_id = a.id),
			(SELECT count(*) FROM appt.invitation WHERE application_id = a.id),
			(SELECT string_agg(h::text, ',' ORDER BY hour) FROM appt.hour_count h WHERE application_id = a.id),
			(SELECT string_agg(d::text, ',' ORDER BY date) FROM appt.report_day d WHERE application_id = a.id),
			(SELECT string_agg(s::text, ',') FROM appt.report_schedule s WHERE application_id = a.id))
		FROM appt.application a WHERE id = '@{[ $tenant->application ]}'");
}

# Who may ask, and when.
{
	my ($tenant) = tenant();
	my $application = $tenant->application;
	my $nobody = '00000000-0000-4000-8000-000000000000';

	$node->refused_with('PT404', "SELECT appt.$_('$nobody')", "$_: no such application")
		foreach qw(hold_application wake_application count_sending);
	$node->refused_with('PT409', "SELECT appt.count_sending('$application')", 'what is not held is not counted');
	$node->refused_with('PT409', "BEGIN; SELECT appt.hold_application('$application'); SELECT appt.count_sending('$application')",
		'nor what this transaction holds');
	hold($tenant);
	$node->refused_with('25001', "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT appt.count_sending('$application')",
		'nor by an old snapshot');
	is($node->query("SELECT appt.count_sending('$application')"), 0, 'nothing is under way');
}

# What is under way ends: what has left with its answer, what has not left returns to the queue, and was no attempt.
{
	my $tenant = tenant();
	my $application = $tenant->application;
	my $left = $tenant->subscribe($hook->url('/hold/a'));

	$tenant->subscribe('https://127.0.0.1:' . $silent->port . '/');
	my $id = $tenant->schedule;
	$_->wait_for(1) foreach $hook, $silent;
	ok($node->wait_for_query("SELECT count(*) FROM appt.notification WHERE appointment_id = '$id' AND state = 'SENDING'", 2),
		'two are under way');
	hold($tenant);
	ok($node->wait_for_query("SELECT appt.count_sending('$application')", 1), 'one returns');
	is( $node->query("SELECT concat_ws(' ', state, attempt_count, (SELECT count(*) FROM appt.attempt a WHERE a.notification_id = n.id))
			FROM appt.notification n WHERE appointment_id = '$id' AND subscription_id <> '$left'"),
		'PENDING 0 0',
		'as it was');
	$hook->release('a');
	is_quiet($tenant, 'the other ends');
	is($node->query("SELECT state FROM appt.notification WHERE appointment_id = '$id' AND subscription_id = '$left'"), 'SENT', 'by its answer');
	$silent->forget;
	wake($tenant);
	is(scalar($silent->wait_for(1)), 1, 'and what returned goes on once it is woken');
}

# Nothing is taken that falls due, by any path; that of another application is.
{
	my ($held, $other) = (tenant(), tenant());
	my @both = ($held, $other);
	my %before;

	foreach my $tenant (@both)
	{
		my $application = $tenant->application;

		$tenant->subscribe($hook->url('/ok'));
		$tenant->subscribe($hook->url('/status/500'));
		$tenant->schedule;
		ok($node->wait_for_query("SELECT count(*) > 0 FROM appt.notification WHERE application_id = '$application' AND state = 'RETRYING'"),
			'one is to be retried');
		$node->query("INSERT INTO appt.user_profile (application_id, id, channels) VALUES ('$application', 'ann', '{IN_APP}')");
	}
	hold($held);
	is_quiet($held, 'nothing is under way');
	foreach my $tenant (@both)
	{
		my $application = $tenant->application;

		$tenant->schedule_many(20);
		$node->query("SELECT appt.send_message('$application', 'IN_APP', 'ann', 'Hi')");
		# An appointment that is over, one to become INVITED, a deleted one's message to be blanked, an hour and a day to be counted,
		# a report that nobody wants any more.
		$node->query(
			qq{
			INSERT INTO appt.appointment (application_id, organizer_id, state, start_at, end_at, timezone, locale, notifications_active)
				VALUES ('$application', 'a', 'ACTIVATED', now() - interval '2 days', now() - interval '1 day', 'UTC', 'en', true);
			WITH t AS (INSERT INTO appt.meeting_template (application_id, name) VALUES ('$application', 'x') RETURNING application_id, id),
			a AS (INSERT INTO appt.appointment (application_id, meeting_template_id, booking_state, notification_state, organizer_id, start_at,
					end_at, timezone, locale, notifications_active)
				SELECT application_id, id, 'NEW', 'NONE', 'a', now() + interval '1 day', now() + interval '2 days', 'UTC', 'en', true FROM t
				RETURNING application_id, id),
			n AS (INSERT INTO appt.notification (application_id, appointment_id, recipient_kind, recipient_id, type, channel, due_at, lane, state,
					settled_at)
				SELECT application_id, id, 'CUSTOMER', 'c', 'REMINDER', 'EMAIL', now(), 1, 'SENT', now() FROM a
				RETURNING id, application_id, appointment_id)
			INSERT INTO appt.invitation SELECT * FROM n;
			INSERT INTO appt.notification (application_id, appointment_id, recipient_kind, recipient_id, type, channel, due_at, lane, state,
				settled_at, context) VALUES ('$application', gen_random_uuid(), 'CUSTOMER', 'c', 'CANCELLED', 'EMAIL', now(), 1, 'SENT', now(),
				'{"appointment": {}}');
			INSERT INTO appt.hour_count (application_id, hour, count_at)
				VALUES ('$application', date_trunc('hour', now()) - interval '1 day', now()) ON CONFLICT DO NOTHING;
			INSERT INTO appt.report_day (application_id, date, timezone, start_at, end_at, count_at)
				VALUES ('$application', current_date - 3, 'UTC', now() - interval '3 days', now() - interval '2 days', now());
			INSERT INTO appt.report_schedule (application_id, type, next_at, next_date, last_date, timezone, report_time)
				VALUES ('$application', 'DAILY_SPENDING', now() + interval '1 day', current_date, current_date - 1, 'UTC', '07:00')});
		$before{$application} = traces($tenant);
	}
	# Another claim by each worker, and a pass of each chore.
	my $done = sub {
		my ($tenant, $what) = @_;
		my $application = $tenant->application;

		local $Test::Builder::Level = $Test::Builder::Level + 1;
		ok( $node->wait_for_query(
				"SELECT concat_ws(' ',
				(SELECT count(*) FROM appt.notification WHERE application_id = '$application' AND state = 'PENDING' AND due_at <= now()),
				(SELECT count(*) FROM appt.appointment WHERE application_id = '$application' AND end_at < now() AND state <> 'ENDED'),
				(SELECT count(*) FROM appt.invitation WHERE application_id = '$application'),
				(SELECT count(*) FROM appt.notification WHERE application_id = '$application' AND context ? 'appointment'),
				(SELECT count(*) FROM appt.hour_count WHERE application_id = '$application' AND hour < now() - interval '3 hours'),
				(SELECT count(*) FROM appt.report_day WHERE application_id = '$application' AND count_at IS NOT NULL),
				(SELECT count(*) FROM appt.report_schedule WHERE application_id = '$application' AND next_at IS NOT NULL))",
				'0 0 0 0 0 0 0'),
			$what) or diag(traces($tenant));
	};
	$done->($other, 'what the other application owes is done');
	ok($node->wait_for_query("SELECT max(attempt_count) > 1 FROM appt.notification WHERE application_id = '@{[ $other->application ]}'"),
		'retries, too');
	is(traces($held), $before{ $held->application }, 'what the held one owes is not');

	# A crash keeps the hold.
	$other->query("UPDATE appt.subscription SET enabled = false WHERE application_id = '@{[ $other->application ]}' AND url ~ '500'");
	$node->stop('immediate');
	$node->start;
	$node->wait_for_workers(2);
	$other->is_prompt(sub { $other->schedule }, 'after a crash the other application is served');
	is(traces($held), $before{ $held->application }, 'and the held one is not');
	is($node->query("SELECT appt.count_sending('@{[ $held->application ]}')"), 0, '(nothing is under way)');

	wake($held);
	$done->($held, 'once it is woken all is done');
	hold($held);
}

# Between the commit of a hold and their notice of it the workers already obey: here they get no notice.
{
	my ($tenant, $other) = (tenant(), tenant());
	my $application = $tenant->application;

	$_->subscribe($hook->url('/ok')) foreach $tenant, $other;
	$_->schedule foreach $tenant, $other;
	$_->settled foreach $tenant, $other;
	$node->query("SET session_replication_role = replica; UPDATE appt.application SET is_held = true WHERE id = '$application'");
	$tenant->schedule;
	$other->is_prompt(sub { $other->schedule_many(3) }, 'others are served');
	is($node->query("SELECT string_agg(state || ' ' || attempt_count, ', ' ORDER BY id) FROM appt.notification WHERE application_id = '$application'"),
		'SENT 1, PENDING 0', 'the held one is not');
	is($node->query("SELECT appt.count_sending('$application')"), 0, 'and nothing of it is under way');
	wake($tenant);
	ok($tenant->settled, 'until it is woken');
}

# Held in the midst of many messages: once nothing is under way, nothing is sent any more.
{
	my $tenant = tenant();
	my $other = tenant();
	my $application = $tenant->application;
	my $attempts = "SELECT count(*) || ' ' || max(id) FROM appt.attempt WHERE application_id = '$application'";
	my ($midst, $wrong) = (0, 0);

	$_->subscribe($hook->url('/ok')) foreach $tenant, $other;
	$tenant->schedule;
	$tenant->settled;
	foreach my $round (1 .. 12)
	{
		$tenant->schedule_many(50 * $round);
		hold($tenant);
		$node->wait_for_query("SELECT appt.count_sending('$application')", 0) or $wrong++;
		my $then = $node->query($attempts);
		$midst++ if $node->query("SELECT count(*) FROM appt.due WHERE application_id = '$application'") > 0;
		$other->schedule_many(5);
		$other->settled;
		$wrong++ if $node->query($attempts) ne $then;
		wake($tenant);
		$tenant->settled or $wrong++;
	}
	is($wrong, 0, 'what was counted last stays so, and all goes out in the end');
	cmp_ok($midst, '>', 0, '(messages waited then)');
	is( $node->query("SELECT count(*) FROM (SELECT notification_id FROM appt.attempt WHERE application_id = '$application' GROUP BY 1
			HAVING count(*) > 1) twice"),
		0,
		'each once');
}

$node->stop('immediate');
done_testing();
