# Calls about meetings that meet each other end as if one had come after the other, at every isolation level: reopening, archiving,
# changing a customer or the meeting template, following. And customers who change while the worker sends get each message once.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Session;
use Appt::Tenant;
use JSON::PP;
use Test::More;

my $node = Appt::Cluster->create('main', conf => "deadlock_timeout = '200ms'\nappt.enabled = off\n");
my $tenant = Appt::Tenant->create($node);
my $application = $tenant->application;
$node->query('CREATE EXTENSION IF NOT EXISTS appt_test');
my $other_mail = Appt::Peers->smtp;
$tenant->email($other_mail->url);
my $visit = $tenant->query("SELECT appt.create_meeting_template('$application', 'Visit')");
my $call = $tenant->query("SELECT appt.create_meeting_template('$application', 'Call')");

my @levels = ('READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE');
my @sessions = map { Appt::Session->open($node) } 1 .. 7;
my ($one, $two) = @sessions;
$_->run('SET client_min_messages = error') foreach @sessions;

sub schedule
{
	my ($in, $start_at, %more) = @_;
	my $name = $more{name} // 'ann';
	my $phone = $more{phone} // '+306900000001';
	my $template = $more{template} ? ", meeting_template_id => '$more{template}'" : '';

	return "SELECT (appt.schedule_appointment('$in', '$start_at', '30 minutes', customer => '{\"name\": {\"firstName\": \"Ann\"},
		\"contact\": {\"primaryEmail\": \"$name\@example.org\", \"primaryPhone\": \"$phone\"}}', organizer_id => 'olga'$template)).id";
}

# With a request for a confirmation that was sent, and its token.
sub appointment
{
	my ($is_cancelled) = @_;
	my $id = $one->run(schedule($application, '2031-07-10 12:00+00', template => $visit));
	my $message = $one->run(<<"SQL");
WITH n AS (
	INSERT INTO appt.notification (application_id, appointment_id, recipient_kind, recipient_id, type, channel, due_at, lane, state,
		settled_at, attempt_count)
	SELECT application_id, appointment_id, 'CUSTOMER', id, 'CONFIRMATION_REQUEST', 'EMAIL', now(), 100, 'SENT', now(), 1
	FROM appt.participant WHERE appointment_id = '$id' AND type = 'CUSTOMER' RETURNING id, application_id
), t AS (
	INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, finished_at, outcome, shown)
	SELECT n.application_id, n.id, 1, now(), now(), 'DELIVERED', jsonb_build_object('buttons', '["ACCEPT"]'::jsonb, 'reply_codes', NULL,
		'start_at', to_char(a.start_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
		'end_at', to_char(a.end_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'timezone', a.timezone, 'location', a.location)
	FROM n JOIN appt.appointment a ON a.id = '$id'
) SELECT id FROM n
SQL
	$one->run("SELECT appt.cancel_appointment('$id')") if $is_cancelled;
	return {
		id => $id,
		token => $one->run("SELECT appt_test.link_token($message)"),
		customer => $one->run("SELECT id FROM appt.participant WHERE appointment_id = '$id' AND type = 'CUSTOMER'") };
}

# States, time, customer, and what customers are still to be sent: type, template, time of a reminder, address.
sub shown
{
	my ($id) = @_;

	return $tenant->query(<<"SQL");
SELECT concat_ws(' ', a.state, a.booking_state, to_char(a.start_at AT TIME ZONE 'UTC', 'MM-DD HH24'),
		CASE WHEN a.archived_at IS NOT NULL THEN 'ARCHIVED' END, p.email, p.phone, p.response) || ':'
	|| coalesce((SELECT string_agg(concat_ws(' ', '', n.type, m.name,
			CASE WHEN n.type = 'REMINDER' THEN to_char(n.due_at AT TIME ZONE 'UTC', 'MM-DD HH24') END, n.address), ',' ORDER BY n.type, n.due_at)
		FROM appt.notification n JOIN appt.due d ON d.notification_id = n.id
		LEFT JOIN appt.rule r ON r.id = n.rule_id LEFT JOIN appt.meeting_template m ON m.id = r.meeting_template_id
		WHERE n.appointment_id = a.id AND n.recipient_kind = 'CUSTOMER' AND n.state = 'PENDING'), '')
FROM appt.appointment a JOIN appt.participant p ON p.appointment_id = a.id AND p.type = 'CUSTOMER' WHERE a.id = '$id'
SQL
}

sub reminders
{
	my ($name, $day, $address) = @_;

	return sprintf ' REMINDER %s 07-%02d 12 %s, REMINDER %s 07-%02d 11 %s', $name, $day - 1, $address, $name, $day, $address;
}

my %calls = (
	cancel => "SELECT appt.cancel_appointment('ID')",
	archive => "SELECT appt.archive_appointment('ID')",
	reopen => "SELECT appt.reopen_appointment('ID', '2031-07-20 12:00+00')",
	reopen_elsewhere => "SELECT appt.reopen_appointment('ID', '2031-07-25 12:00+00')",
	cancel_and_reopen => "SELECT appt.reopen_appointment('ID', '2031-07-10 12:00+00') FROM appt.cancel_appointment('ID')",
	answer => "SELECT appt.respond('TOKEN', 'ACCEPT')",
	notice => "SELECT appt.send_notification('ID', 'CANCELLED', confirmed => true)",
	address => "SELECT appt.update_customer('ID', 'CUSTOMER', '{\"contact\": {\"primaryEmail\": \"new\@example.org\"}}')",
	phone => "SELECT appt.update_customer('ID', 'CUSTOMER', '{\"contact\": {\"primaryPhone\": \"+306900000002\"}}')",
	reschedule => "SELECT appt.reschedule_appointment('ID', '2031-07-20 12:00+00')",
	apply => "SELECT appt.apply_meeting_template('ID', '$call')");
my ($old, $new) = ('ann@example.org', 'new@example.org');
my $ann = "$old +306900000001";
my $moved = "ACTIVATED NEW 07-20 12 $ann:" . reminders('Visit', 20, $old);
my $with_notice = "CANCELLED NEW 07-10 12 $ann: CANCELLED Visit $old";
my $renewed = "ACTIVATED NEW 07-20 12 $new +306900000001:" . reminders('Visit', 20, $new);
my $of_call = "ACTIVATED NEW 07-10 12 $new +306900000001:" . reminders('Call', 10, $new);
my $both = "ACTIVATED NEW 07-10 12 $new +306900000002:" . reminders('Visit', 10, $new);
my @pairs = (
	# before: cancelled; first; second; the second's SQLSTATE; what is so then.
	[ 1, 'reopen', 'reopen_elsewhere', 'PT409', $moved ],
	[ 0, 'cancel_and_reopen', 'answer', 'PT410', "ACTIVATED NEW 07-10 12 $ann:" . reminders('Visit', 10, $old) ],
	[ 0, 'answer', 'cancel_and_reopen', '00000', "ACTIVATED NEW 07-10 12 $ann:" . reminders('Visit', 10, $old) ],
	[ 1, 'reopen', 'answer', 'PT410', $moved ],
	[ 1, 'archive', 'notice', 'PT409', "CANCELLED NEW 07-10 12 ARCHIVED $ann:" ],
	[ 1, 'notice', 'archive', 'PT409', $with_notice ],
	[ 0, 'notice', 'archive', 'PT409', $with_notice ],
	[ 0, 'cancel', 'archive', '00000', "CANCELLED NEW 07-10 12 ARCHIVED $ann:" ],
	[ 1, 'archive', 'cancel', '00000', "CANCELLED NEW 07-10 12 ARCHIVED $ann:" ],
	[ 1, 'archive', 'reopen', '00000', $moved ],
	[ 1, 'reopen', 'archive', 'PT409', $moved ],
	[ 0, 'address', 'reschedule', '00000', $renewed ],
	[ 0, 'reschedule', 'address', '00000', $renewed ],
	[ 0, 'apply', 'reschedule', '00000', "ACTIVATED NEW 07-20 12 $ann:" . reminders('Call', 20, $old) ],
	[ 0, 'reschedule', 'apply', '00000', "ACTIVATED NEW 07-20 12 $ann:" . reminders('Call', 20, $old) ],
	[ 0, 'address', 'apply', '00000', $of_call ],
	[ 0, 'apply', 'address', '00000', $of_call ],
	[ 0, 'address', 'phone', '00000', $both ],
	[ 0, 'phone', 'address', '00000', $both ]);

sub on
{
	my ($name, $met) = @_;

	return $calls{$name} =~ s/ID/$met->{id}/gr =~ s/TOKEN/$met->{token}/r =~ s/CUSTOMER/$met->{customer}/r;
}

# The second call starts while the first's transaction is open, both with a snapshot of before; its SQLSTATE. Refused by its isolation
# level it is tried again, as clients do.
sub meet
{
	my ($level, $first, $second) = @_;
	my $state;

	$_->run("BEGIN ISOLATION LEVEL $level; SELECT count(*) FROM appt.application") foreach $one, $two;
	$one->run($first);
	$two->start($second);
	ok($two->is_blocked, 'it waits');
	$one->run('COMMIT');
	$state = $two->end;
	$two->run($state eq '00000' ? 'COMMIT' : 'ROLLBACK');
	return $state if $state ne '40001';
	isnt($level, 'READ COMMITTED', 'only other levels refuse it');
	return $two->try($second);
}

foreach my $level (@levels)
{
	foreach my $pair (@pairs)
	{
		my ($is_cancelled, $first, $second, $state, $shown) = @$pair;

		subtest "$level: $second while $first" . ($is_cancelled ? ' of a cancelled appointment' : '') => sub {
			my $met = appointment($is_cancelled);
			is(meet($level, on($first, $met), on($second, $met)), $state, 'it ends as after it') or diag $two->errors;
			is(shown($met->{id}), $shown, 'and so does the appointment');
		};
	}
}

# Starts these at once, each with a snapshot of before, at this level; their SQLSTATEs, sorted. What the level refuses is tried again.
sub storm
{
	my ($level, @functions) = @_;
	my ($gate, @clients) = @sessions[ 0 .. @functions ];
	my @ends;

	$gate->run('SELECT pg_advisory_lock(1)');
	foreach my $n (0 .. $#clients)
	{
		$clients[$n]->run("SET default_transaction_isolation = '" . lc($level) . "'");
		$clients[$n]->start("SELECT $functions[$n] FROM (SELECT pg_advisory_xact_lock_shared(1) OFFSET 0) gate");
		$clients[$n]->is_blocked or die 'it does not wait: ' . $clients[$n]->errors;
	}
	$gate->run('SELECT pg_advisory_unlock(1)');
	@ends = map { $_->end } @clients;
	foreach my $n (0 .. $#clients)
	{
		$ends[$n] = $clients[$n]->try("SELECT $functions[$n]") if $ends[$n] eq '40001' && $level ne 'READ COMMITTED';
		$clients[$n]->run('RESET default_transaction_isolation');
	}
	return join ' ', sort @ends;
}

my $limited = $tenant->query("SELECT appt.create_application('@{[$tenant->organization]}', 'Limited', max_overlap => 1)");
my $month = 1;
foreach my $level (@levels)
{
	my $at = sprintf '2031-%02d-01 12:00+00', $month++;
	my @cancelled = map { $one->run(schedule($limited, "2032-01-0$_ 12:00+00")) } 1 .. 4;
	$one->run("SELECT appt.cancel_appointment('$_')") foreach @cancelled;
	my @calls = map { "appt.reopen_appointment('$_', '$at')" } @cancelled;
	push @calls, map { schedule($limited, $at) =~ s/^SELECT \((.*)\)\.id\z/$1/sr } 1 .. 2;

	is(storm($level, @calls), '00000 PT409 PT409 PT409 PT409 PT409', "$level: one of those who reopen and book one slot gets it");
	is( $tenant->query(
			"SELECT count(*) FROM appt.appointment WHERE application_id = '$limited' AND start_at = '$at' AND state <> 'CANCELLED'"),
		1,
		"$level: it is taken once");

	my $followed = appointment();
	$tenant->query(
		"INSERT INTO appt.follower (application_id, appointment_id, user_id)
		SELECT '$application', '$followed->{id}', 'user-' || n FROM generate_series(1, 99) n");
	is( storm($level, map { "appt.follow_appointment('$followed->{id}', 'late-$_')" } 1 .. 5),
		'00000 PT409 PT409 PT409 PT409',
		"$level: one of those who follow at once is the hundredth");
	is($tenant->query("SELECT count(*) FROM appt.follower WHERE appointment_id = '$followed->{id}'"), 100, "$level: there are no more");
}

# A booking waits for another one of its day. Meanwhile the rule that confirms bookings changes: what the appointment says of itself
# is what its customer is sent.
my $confirmed = $tenant->query("SELECT appt.create_meeting_template('$limited', 'Confirmed', title => 'Visit: {{status}}')");
my %booked = (AUTOMATIC => 'BOOKED CONFIRMED t Visit: BOOKED 1', MANUAL => 'NEW NONE f Visit: NEW 0');
foreach my $pair ([ 'AUTOMATIC', 'MANUAL' ], [ 'MANUAL', 'AUTOMATIC' ])
{
	my ($before, $after) = @$pair;
	my $rule = "UPDATE appt.rule SET sending = '%s' WHERE meeting_template_id = '$confirmed' AND type = 'CREATE'";

	$tenant->query(sprintf $rule, $before);
	$one->run('BEGIN; ' . schedule($limited, '2033-01-01 12:00+00'));
	$two->start(schedule($limited, '2033-01-01 15:00+00', template => $confirmed));
	ok($two->is_blocked, 'a booking waits for another one of its day');
	$tenant->query(sprintf $rule, $after);
	$one->run('ROLLBACK');
	is($two->end, '00000', 'it is booked');
	is( $tenant->query(
			"SELECT concat_ws(' ', booking_state, notification_state, told IS NOT NULL, title,
				(SELECT count(*) FROM appt.notification n WHERE n.appointment_id = a.id AND n.type = 'CREATE'))
			FROM appt.appointment a WHERE id = '@{[$two->output]}'"
		),
		$booked{$after},
		"the rule is $after now, and so is the booking");
	$tenant->query("SELECT appt.delete_appointment('@{[$two->output]}')");
}

# Customers change while the worker sends. The first messages are held on their way; a part of the customers changes then, the others
# while the rest is sent; every third wants text messages from now on.
my $hook = Appt::Peers->webhook;
my $mail = Appt::Peers->smtp('--ask', $hook->url('/hold/mail'));
my $sender = Appt::Tenant->create($node);
my $sending = $sender->application;
$sender->provider('EMAIL', 'SMTP', $mail->url, sender => 'Visits <visits@example.org>', settings => '{"max_concurrency": 2}');
$sender->provider('SMS', 'HTTP', $hook->url('/ok'), sender => '+15550100000');
my $template = $sender->query("SELECT appt.create_meeting_template('$sending', 'Visit')");
my $customers = 60;
my (@updates, %arrived);

foreach my $n (1 .. $customers)
{
	my $phone = sprintf '+3069000%05d', $n;
	my $id = $one->run(schedule($sending, '2031-09-01 12:00+00', name => "old-$n", phone => $phone, template => $template));
	my $customer = $one->run("SELECT id FROM appt.participant WHERE appointment_id = '$id' AND type = 'CUSTOMER'");
	my $change = $n % 3 == 0 ? '"preferredChannel": "SMS"' : qq("contact": {"primaryEmail": "new-$n\@example.org"});

	$one->run("SELECT appt.send_notification('$id', 'CREATE')");
	push @{ $updates[ $n % 4 ] }, "SELECT appt.update_customer('$id', '$customer', '{$change}')";
}
$node->query('ALTER SYSTEM SET appt.enabled = on');
$node->query('SELECT pg_reload_conf()');
$mail->wait_for(2);
$one->run($_) foreach @{ $updates[0] };
$sessions[$_]->start(join ";\n", @{ $updates[$_] }) foreach 1 .. 3;
$hook->release('mail');
is($sessions[$_]->end, '00000', 'customers change') foreach 1 .. 3;
is(join('', map { $sessions[$_]->errors } 1 .. 3), '', 'and none is refused');
ok($sender->settled, 'all is settled');

foreach my $line (
	split /\n/,
	$sender->query(
		"SELECT a.recipient FROM appt.attempt a JOIN appt.notification n ON n.id = a.notification_id
		WHERE n.application_id = '$sending' AND n.type = 'CREATE' AND a.outcome = 'DELIVERED'"))
{
	$arrived{log}{$line}++;
}
$arrived{peers}{ $_->{rcpt_to}[0] }++ foreach $mail->entries;
$arrived{peers}{ decode_json($_->{body})->{to} }++ foreach grep { $_->{path} eq '/ok' } $hook->entries;
is_deeply($arrived{peers}, $arrived{log}, 'what arrived is what the log says');
my %per_customer;
$per_customer{ /^(?:old|new)-(\d+)@/ ? $1 : /^\+3069000(\d+)$/ ? $1 + 0 : $_ } += $arrived{peers}{$_} foreach keys %{ $arrived{peers} };
is_deeply(\%per_customer, { map { $_ => 1 } 1 .. $customers }, 'each customer got one message');
cmp_ok(scalar(grep { /^old/ } keys %{ $arrived{peers} }), '>=', 2, 'what was on its way went to the address of then');
cmp_ok(scalar(grep { /^new/ } keys %{ $arrived{peers} }), '>', 0, 'the rest to the new one');
cmp_ok(scalar(grep { /^\+/ } keys %{ $arrived{peers} }), '>', 0, 'or by text message');
is( $sender->query(
		"SELECT string_agg(DISTINCT concat_ws(' ', state, reason), ', ') FROM appt.notification
		WHERE application_id = '$sending' AND type = 'CREATE'"),
	'CANCELLED CUSTOMER_CHANGED, SENT',
	'nothing else happened');

unlike($node->log_since(0), qr/deadlock detected/, 'no deadlock');
$node->stop;
done_testing();
