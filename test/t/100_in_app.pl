# A message to an inbox is delivered by the transaction that claims it: it needs no slot, is not lost and not doubled whatever
# crashes, and neither delays transfers nor waits for them.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Inbox;
use Appt::Peers;
use Appt::Tenant;
use Test::More;
use Time::HiRes qw(sleep time);

my $node = Appt::Cluster->create('main', conf => "appt.max_concurrency = 1\nappt.request_timeout = '10min'");
my $tenant = Appt::Tenant->create($node);
my $of_tenant = "application_id = '@{[ $tenant->application ]}'";
add_users($tenant, 'ann', 'bob');
$node->wait_for_workers;

# What is on disk.
{
	plan_messages($tenant, 'ann', 3);
	ok($tenant->settled, 'messages to an inbox are settled');
	is_deeply($tenant->states, { 'MESSAGE IN_APP' => 'SENT' }, 'as SENT');
	is( $node->query(
			"SELECT count(*) FROM appt.notification n JOIN appt.attempt a ON a.notification_id = n.id
			WHERE a.xmin = n.xmin AND a.outcome = 'DELIVERED' AND a.attempt_number = 1 AND n.attempt_count = 1 AND NOT a.manual
			AND a.started_at = a.finished_at AND a.finished_at = n.settled_at AND a.due_at = n.due_at AND a.recipient = 'ann'
			AND a.provider_id IS NULL AND n.worker_slot IS NULL AND n.next_attempt_at IS NULL AND n.reason IS NULL"),
		3,
		'the same transaction has settled them and written their attempts');
	is($node->query('SELECT count(*) FROM appt.due'), 0, 'and has taken them out of the queue');
	is($node->query('SELECT sent FROM appt.worker_status'), 3, 'worker_status counts them');
	is_deeply(texts_of(inbox($tenant, 'ann')), [ 'Text 3', 'Text 2', 'Text 1' ], 'ann reads them, the last first');
	is_deeply(texts_of(inbox($tenant, 'bob')), [], 'bob does not');
}

# What is not delivered.
{
	plan_messages($tenant, 'bob', 1, text => "repeat('x', 70000)");
	plan_messages($tenant, 'bob', 1, text => "'{{#open}}'");
	plan_messages($tenant, 'bob', 1, due_at => "now() - interval '25 hours'");
	$node->query("SELECT appt.set_notifications_enabled('@{[ $tenant->organization ]}', false)");
	plan_messages($tenant, 'bob', 1);
	ok($tenant->settled, 'what can not be delivered is settled');
	$node->query("SELECT appt.set_notifications_enabled('@{[ $tenant->organization ]}', true)");
	is( $node->query("SELECT string_agg(state || ' ' || reason, ', ' ORDER BY id) FROM appt.notification WHERE recipient_id = 'bob'"),
		'SKIPPED TOO_LARGE, SKIPPED TEMPLATE_ERROR, MISSED WINDOW_PASSED, SUPPRESSED GLOBAL_OFF',
		'too large, no template, too late, switched off');
	is_deeply(inbox($tenant, 'bob')->{content}, [], 'nothing of it is in the inbox');
	is(inbox($tenant, 'bob')->{unread}, 0, 'or counts as unread');
}

# A retry by hand.
{
	plan_messages($tenant, 'bob', 1, due_at => "now() + interval '1 day'", text => "'Again'");
	my $id = $node->query('SELECT max(id) FROM appt.notification');
	$node->query(
		"UPDATE appt.notification SET state = 'FAILED', reason = 'RETRIES_EXHAUSTED', settled_at = now(), next_attempt_at = NULL,
			attempt_count = 1 WHERE id = $id;
		INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, finished_at, outcome, recipient)
			SELECT application_id, id, 1, now(), now(), 'FAILED', 'bob' FROM appt.notification WHERE id = $id;
		DELETE FROM appt.due WHERE notification_id = $id");
	$node->query("SELECT appt.retry_notification($id)");
	ok($node->wait_for_query("SELECT state = 'SENT' AND NOT manual FROM appt.notification WHERE id = $id"), 'one that failed is retried');
	is( $node->query(
			"SELECT attempt_number, outcome, manual, due_at FROM appt.attempt WHERE notification_id = $id ORDER BY 1 DESC LIMIT 1"),
		'2|DELIVERED|t|',
		'by an attempt that is marked manual');
}

# No slot is free, and the limits of its application are used up.
{
	my $hook = Appt::Peers->webhook;
	my $limited = Appt::Tenant->create($node, max_concurrency => 1, max_per_second => 0.0001);
	add_users($limited, 'ann');
	$limited->only('CREATE', 'WEBHOOK');
	$limited->subscribe($hook->url('/hold/one'));
	$limited->schedule;
	$hook->wait_for(1);
	plan_messages($limited, 'ann', 10);
	plan_messages($tenant, 'ann', 10);
	ok($tenant->settled, 'messages of others are delivered while the only slot is taken');
	ok( $node->wait_for_query(
			"SELECT count(*) FROM appt.notification WHERE application_id = '@{[ $limited->application ]}' AND state = 'SENT'", 10),
		'those of the application that has used up its limits, too');
	is($node->query("SELECT state FROM appt.notification WHERE type = 'CREATE'"), 'SENDING', 'the webhook is still on its way');
	$hook->release('one');
	ok($limited->settled, 'and arrives');
}

# A row that breaks its batch fails alone.
{
	$node->query(
		q{
		CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN
			IF NEW.text_body = 'Text 7' THEN
				RAISE EXCEPTION 'never this' USING ERRCODE = '22000';
			END IF;
			RETURN NEW;
		END $$;
		CREATE TRIGGER refuse BEFORE INSERT ON appt.attempt FOR EACH ROW EXECUTE FUNCTION refuse();});
	my $before = $node->query('SELECT max(id) FROM appt.notification');
	plan_messages($tenant, 'ann', 40);
	ok($tenant->settled, 'all of a batch with a bad row is settled');
	is( $node->query(
			"SELECT string_agg(DISTINCT concat_ws(' ', state, reason, detail), ', '), count(*) FILTER (WHERE state = 'SENT') FROM appt.notification
			WHERE id > $before"),
		'FAILED BAD_CONFIGURATION never this, SENT|39',
		'the bad row is FAILED and all others are delivered');
	$node->query('DROP TRIGGER refuse ON appt.attempt');
}

# kill -9 of the worker, and a crash of the server, while it delivers.
{
	my $before = $node->query('SELECT max(id) FROM appt.notification');
	my $delivered = "SELECT count(*) FROM appt.notification WHERE id > $before AND state = 'SENT'";
	$node->query(messages_statement($tenant, [ 'ann', 'bob' ], 10000));
	$node->query('SELECT pg_reload_conf()');
	foreach my $round (1 .. 3)
	{
		my $count = $node->query($delivered);
		$node->wait_for_query("SELECT ($delivered) > $count OR ($delivered) = 20000") or die 'nothing is delivered';
		my ($worker) = $node->worker_pids;
		kill 'KILL', $worker if $worker;
		$node->wait_for_query("SELECT count(*) FROM pg_stat_activity WHERE pid = " . ($worker // 0), 0) or die 'it goes on';
	}
	$node->wait_for_query("SELECT ($delivered) > 0");
	$node->stop('immediate');
	$node->start;
	ok($node->wait_for_query($delivered, 20000), 'all is delivered in the end');
	is( $node->query(
			"SELECT count(*), count(DISTINCT a.notification_id), string_agg(DISTINCT outcome || attempt_number, ' ') FROM appt.attempt a
			WHERE notification_id > $before"),
		'20000|20000|DELIVERED1',
		'each once, by its first attempt, and none was interrupted');
	is($node->query('SELECT count(*) FROM appt.due'), 0, 'nothing is left in the queue');
}

# Very many of them delay neither webhooks nor a single message of another tenant.
{
	$node->query("ALTER SYSTEM SET appt.max_concurrency = 64");
	$node->reload;
	my $hook = Appt::Peers->webhook;
	my ($fast, $other) = map { Appt::Tenant->create($node) } 1 .. 2;
	$fast->only('CREATE', 'WEBHOOK');
	$fast->subscribe($hook->url('/ok'));
	add_users($other, 'cleo');
	my $backlog = "SELECT count(*) FROM appt.due WHERE $of_tenant";
	my $fill = sub {
		$node->query(messages_statement($tenant, 'ann', 50000 - $node->query($backlog)));
		$node->query('SELECT pg_reload_conf()');
		$node->wait_for_query("SELECT ($backlog) < 50000");
	};
	$fast->is_prompt(sub { $fill->(); $fast->schedule_many(20) }, 'webhooks start on time while 50,000 messages to inboxes are due');
	$other->is_prompt(sub { $fill->(); plan_messages($other, 'cleo', 1) }, 'so does a message of another tenant');
	ok($node->wait_for_query($backlog, 0), 'in the end all are delivered');
}

$node->stop;
done_testing();
