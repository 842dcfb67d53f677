# A bad row affects only itself, and a temporary obstacle affects nothing.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Tenant;
use Test::More;

my $node = Appt::Cluster->create('main', conf => "max_prepared_transactions = 5\nappt.request_timeout = '10min'");
# Well before the worker looks at everything, which it does each minute.
my $soon = 45;
my $hook = Appt::Peers->webhook;
my $tenant = Appt::Tenant->create($node);
my $application = $tenant->application;
my $subscription = $tenant->subscribe($hook->url('/ok'));

$tenant->only('CREATE', 'WEBHOOK');
$node->wait_for_workers;
$tenant->schedule;
$tenant->settled;
my ($lane) = $tenant->query("SELECT lane FROM appt.notification LIMIT 1");

# Rows that no function of ours writes, before and between good ones of the same lane and batch.
{
	my %bad = (
		'an application that is none' => poison(application_id => 'gen_random_uuid()'),
		'an application that is none, by email' =>
			poison(application_id => 'gen_random_uuid()', channel => "'EMAIL'", subscription_id => 'NULL'),
		'a test message of no application' =>
			poison(application_id => 'gen_random_uuid()', type => "'TEST'", channel => "'EMAIL'", subscription_id => 'NULL'),
		'a lane of nobody' => poison(lane => '-77'),
		'a customer who is none' => poison(recipient_kind => "'CUSTOMER'", recipient_id => "'nobody'"),
		'a subscription that is none' => poison(subscription_id => 'gen_random_uuid()'),
		'a reminder of nothing' => poison(type => "'REMINDER'", appointment_id => 'NULL', start_at => 'NULL', end_at => 'NULL'),
		'a room of nothing' => poison(type => "'ROOM'", channel => "'EMAIL'", subscription_id => 'NULL', appointment_id => 'NULL'),
		'an appointment that is gone' => poison(appointment_id => 'gen_random_uuid()'),
		'a context that is no object' => poison(appointment_id => 'gen_random_uuid()', context => q{'[1, 2]'}),
		'a context that can\'t be read' => poison(
			type => "'CANCELLED'",
			appointment_id => 'gen_random_uuid()',
			context => q{'{"appointment": {"start_at": "nonsense", "metadata": 7}}'}),
		'another that can\'t be read' => poison(
			type => "'CANCELLED'",
			appointment_id => 'gen_random_uuid()',
			context => q{'{"appointment": {"id": "no uuid"}}'}),
		'participants that can\'t be read' => poison(
			type => "'CANCELLED'",
			appointment_id => 'gen_random_uuid()',
			context => q{'{"appointment": {}, "participants": [7]}'}),
		'an appointment without anything' => poison(
			type => "'CANCELLED'",
			appointment_id => 'gen_random_uuid()',
			context => q{'{"appointment": {}, "participants": []}'}),
		'infinitely due' => poison(due_at => "'-infinity'", next_attempt_at => "'-infinity'"),
		'no next attempt' => poison(next_attempt_at => 'NULL'));
	my @pids = $node->worker_pids('postgres');
	my $statements = join ";\n", map { $bad{$_} } sort keys %bad;
	my $schedule = "SELECT count(appt.schedule_appointment('$application', now() + interval '1 day', '1 hour', organizer_id => 'a'))
			FROM generate_series(1, 50)";

	$hook->forget;
	$tenant->query("BEGIN; $schedule; $statements; $schedule; COMMIT");
	# The worker got no wake for the lane without an owner.
	$node->reload;
	is(scalar($hook->wait_for(100)) >= 100 ? 'all' : 'some', 'all', 'the good ones arrive');
	ok($node->wait_for_query("SELECT count(*) FROM appt.notification WHERE settled_at IS NULL AND due_at <= now()", 0),
		'all is settled, the bad ones too')
		or diag(
		$node->query('SELECT id, type, channel, state, due_at, next_attempt_at, context FROM appt.notification WHERE settled_at IS NULL'));
	is($node->query("SELECT count(*) FROM appt.due d WHERE due_at <= now()"), 0, 'and none is left in the queue');
	is(join(' ', $node->worker_pids('postgres')), "@pids", 'by the same worker');
	cmp_ok(
		$node->query("SELECT count(*) FROM appt.notification WHERE reason = 'BAD_CONFIGURATION' AND detail LIKE 'invalid input syntax%'"),
		'>=', 2, 'what broke a batch is FAILED, and says why');
	my %times;
	$times{ $_->{headers}{'webhook-id'} }++ foreach $hook->entries;
	is_deeply([ grep { $_ != 1 } values %times ], [], 'nothing was sent twice');
}

# Configuration that cannot be read stops only its own lane, until it is fixed; the others are refreshed, and send.
{
	my ($other, $third) = map { Appt::Tenant->create($node) } 1 .. 2;
	my @pids = $node->worker_pids('postgres');
	my $start = $node->log_end;

	$node->query(
		'ALTER TABLE appt.provider DROP CONSTRAINT ' . $node->query(
			"SELECT string_agg(conname, ', DROP CONSTRAINT ') FROM pg_constraint WHERE conrelid = 'appt.provider'::regclass
				AND contype = 'c'"
		));
	$other->only('CREATE', 'EMAIL');
	$other->rule('CREATE', 'WEBHOOK');
	$_->subscribe($hook->url('/ok')) foreach $other, $third;
	$third->only('CREATE', 'WEBHOOK');
	my $mail = Appt::Peers->smtp;
	$other->email($mail->url);
	$node->query("UPDATE appt.provider SET settings = '{\"max_concurrency\": 1e400}' WHERE application_id = '@{[ $other->application ]}'");
	$node->reload;
	my $id = $other->schedule;
	$third->schedule_many(3);
	$tenant->schedule_many(3);
	ok($_->settled, 'a limit that is no number holds up nobody else') foreach $third, $tenant;
	ok($node->wait_for_query("SELECT state FROM appt.notification WHERE appointment_id = '$id' AND channel = 'WEBHOOK'", 'SENT'),
		'nor the same tenant\'s other lanes');
	is($node->query("SELECT state FROM appt.notification WHERE appointment_id = '$id' AND channel = 'EMAIL'"),
		'PENDING', 'its own lane waits');
	is(scalar(grep { /out of range/ } $node->log_since($start, '.')) > 0, 1, 'the log says why');
	like($node->query('SELECT last_error FROM appt.worker_status'), qr/out of range/, 'so does worker_status');
	$node->query("UPDATE appt.provider SET settings = '{}' WHERE application_id = '@{[ $other->application ]}'");
	ok($other->settled, 'mended');
	is($other->states($id)->{'CREATE EMAIL'}, 'SENT', 'it is sent');
	is(join(' ', $node->worker_pids('postgres')), "@pids", 'by the same worker');
}

# The server's log does not show the values of a row that cannot be written.
{
	my $other = Appt::Tenant->create($node);
	my $start = $node->log_end;

	$other->only('CREATE', 'EMAIL');
	$other->email('smtp://127.0.0.1:1');
	$node->query(q{ALTER TABLE appt.attempt ADD CONSTRAINT nobody_writes_to_eve CHECK (recipient <> 'eve@example.org')});
	my $id = $other->schedule(customer => 'eve@example.org');
	ok($other->settled, 'what cannot be written is settled');
	is_deeply($other->states($id), { 'CREATE EMAIL' => 'FAILED BAD_CONFIGURATION' }, 'as FAILED');
	like($node->query("SELECT detail FROM appt.notification WHERE appointment_id = '$id'"), qr/nobody_writes_to_eve/, 'with the why');
	# The test's own statements are in the log, too.
	my @lines = grep { !/statement: |^\t/ } $node->log_since($start, '.');
	is(scalar(grep { /violates check constraint "nobody_writes_to_eve"/ } @lines) > 0, 1, 'the log tells of it');
	is_deeply([ grep { /eve\@example|A test|Failing row/ } @lines ], [], 'and of nobody');
	$node->query('ALTER TABLE appt.attempt DROP CONSTRAINT nobody_writes_to_eve');
}

# Claims and settlings share transactions: a failure of one must not affect the other.
{
	my $start = $node->query('SELECT max(id) FROM appt.notification');

	$hook->forget;
	$node->query('ALTER TABLE appt.attempt ADD CONSTRAINT not_claimed CHECK (notification_id % 40 <> 0) NOT VALID,'
			. ' ADD CONSTRAINT not_settled CHECK (outcome IS NULL OR notification_id % 40 <> 1) NOT VALID');
	$tenant->query("SELECT count(appt.schedule_appointment('$application', now() + interval '1 day', '1 hour', organizer_id => 'a'))"
			. ' FROM generate_series(1, 400)');
	ok($node->wait_for_query("SELECT count(*) FROM appt.notification WHERE id > $start AND id % 40 <> 1 AND settled_at IS NULL", 0),
		'where claims and settlings fail again and again, all others are settled');
	is( $node->query(
			"SELECT string_agg(DISTINCT concat_ws(' ', state, reason), ', ' ORDER BY concat_ws(' ', state, reason))
				FROM appt.notification WHERE id > $start"
		),
		'FAILED BAD_CONFIGURATION, SENDING, SENT',
		'as what they are');
	$node->query('ALTER TABLE appt.attempt DROP CONSTRAINT not_claimed, DROP CONSTRAINT not_settled');
	ok($tenant->settled, 'outcomes that could not be written are written once they can be');
	is($node->query("SELECT count(*) FROM appt.notification WHERE id > $start AND (state = 'SENT') = (id % 40 = 0)"),
		0, 'SENT is all but what could not be claimed');
	my %times;
	$times{ $_->{headers}{'webhook-id'} }++ foreach $hook->entries;
	is_deeply([ grep { $_ != 1 } values %times ], [], 'and nothing was sent twice');
}

# A lock on a table that a claim needs is a transient failure: no message is blamed.
{
	my $session = $node->background_psql('postgres');

	$hook->forget;
	$session->query_safe('BEGIN; LOCK TABLE appt.attempt IN SHARE MODE');
	$tenant->schedule;
	ok($node->wait_for_query("SELECT last_error LIKE '%lock timeout%' FROM appt.worker_status"), 'a claim fails for a lock');
	$session->query_safe('COMMIT');
	$session->quit;
	$hook->wait_for(1);
	$tenant->settled;
	is( $tenant->query(
			"SELECT string_agg(DISTINCT state, ' ') FROM appt.notification WHERE application_id = '$application' AND reason IS NULL
				AND settled_at > now() - interval '1 minute' AND appointment_id IS NOT NULL"
		),
		'SENT',
		'and sends when the lock is gone');
	is(scalar($hook->entries), 1, 'once');
}

# After COMMIT PREPARED all lanes are checked: its messages are found even if they are before a known head.
{
	$tenant->rule('REMINDER', 'WEBHOOK', '1 hour');
	$tenant->schedule;
	$tenant->settled;
	$tenant->query("DELETE FROM appt.rule WHERE type = 'REMINDER'");
	$hook->forget;
	$tenant->query(
		"BEGIN; SELECT appt.schedule_appointment('$application', now() + interval '1 day', '1 hour', organizer_id => 'a');
			PREPARE TRANSACTION 'p'"
	);
	$node->query('SELECT pg_sleep(0.3)');
	$tenant->query("COMMIT PREPARED 'p'");
	is(scalar($hook->wait_for(1, undef, $soon)), 1, 'what was prepared is found when it is committed');
	$tenant->settled;
}

# A caller's lock on an attempt that a crash left open delays nothing else.
{
	my $slow = $tenant->subscribe($hook->url('/hold/slow'));

	$hook->forget;
	$tenant->schedule;
	$hook->wait_for(2);
	$node->wait_for_query('SELECT in_flight FROM appt.worker_status', 1);
	$tenant->query("BEGIN; SELECT id FROM appt.notification WHERE subscription_id = '$slow' FOR UPDATE; PREPARE TRANSACTION 'holder'");
	$node->stop('immediate');
	$hook->release('slow');
	$node->start;
	$node->wait_for_workers;
	$hook->forget;
	$tenant->query("UPDATE appt.subscription SET enabled = false WHERE id <> '$subscription'");
	$tenant->schedule;
	is(scalar($hook->wait_for(1, sub { $_->{path} eq '/ok' })), 1, 'others are sent while it is locked');
	is($tenant->query("SELECT string_agg(state, ' ') FROM appt.notification WHERE subscription_id = '$slow' AND attempt_count > 0"),
		'SENDING', 'it is as it was');
	$tenant->query("UPDATE appt.subscription SET enabled = true");
	$tenant->query("ROLLBACK PREPARED 'holder'");
	is(scalar($hook->wait_for(1, sub { $_->{path} eq '/hold/slow' }, $soon)), 1, 'and is sent again once it is not');
	ok($tenant->settled, 'all is settled');
	is( $tenant->query(
			"SELECT string_agg(outcome, ' ' ORDER BY attempt_number) FROM appt.attempt
				JOIN appt.notification n ON n.id = notification_id WHERE subscription_id = '$slow'"
		),
		'INTERRUPTED DELIVERED',
		'the log tells');
}

is( $node->query("SELECT count(*) > 0, count(*) FILTER (WHERE (outcome = 'DELIVERED') = (error IS NOT NULL)) FROM appt.attempt
		WHERE outcome IS NOT NULL"),
	't|0', 'each attempt that failed or was interrupted has an error, no other');
$node->stop;
done_testing();

# Statements that put a notification into log and queue by hand; what is not said is as for a good webhook.
sub poison
{
	my (%columns) = @_;
	my %row = (
		application_id => "'$application'",
		appointment_id => "(SELECT id FROM appt.appointment ORDER BY created_at LIMIT 1)",
		recipient_kind => "'SUBSCRIBER'",
		recipient_id => "'$subscription'",
		subscription_id => "'$subscription'",
		type => "'CREATE'",
		channel => "'WEBHOOK'",
		due_at => 'now()',
		next_attempt_at => 'now()',
		lane => $lane,
		rule_id => "(SELECT id FROM appt.rule WHERE application_id = '$application' LIMIT 1)",
		start_at => "now() + interval '1 day'",
		end_at => "now() + interval '2 days'",
		%columns);
	my $names = join ', ', sort keys %row;
	my $values = join ', ', map { $row{$_} } sort keys %row;

	return "WITH n AS (INSERT INTO appt.notification ($names) VALUES ($values) RETURNING *)
		INSERT INTO appt.due (lane, due_at, notification_id, application_id, first_due_at)
			SELECT lane, due_at, id, application_id, due_at FROM n";
}
