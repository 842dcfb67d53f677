# scripts/move-tenant, and the transactions that clients of the shards themselves have open when a tenant leaves or arrives.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Mover;
use Appt::Peers;
use Appt::Router;
use Appt::Session;
use Appt::Tenant;
use Test::More;

my $node = Appt::Cluster->create('main', extension => 0, conf => "max_connections = 80");
my $hook = Appt::Peers->webhook;

Appt::Router->install($node);
my $mover = Appt::Mover->new($node);

# A tenant at shard0 that has sent messages and plans some.
sub new_tenant
{
	my $tenant = Appt::Tenant->create($node, database => 'shard0', retry_base => '1 second');

	$hook->forget;
	$tenant->only('CREATE', 'WEBHOOK');
	$tenant->rule('REMINDER', 'WEBHOOK', '1 hour');
	$tenant->{subscription} = $tenant->subscribe($hook->url('/ok'));
	$tenant->query("SELECT appt.set_provider('@{[ $tenant->application ]}', 'EMAIL', 'LOG', sender => 'tests\@example.org')");
	$tenant->query(
		"INSERT INTO appt.user_profile (application_id, id, email, channels)
		VALUES ('@{[ $tenant->application ]}', 'ann', 'ann\@example.org', '{IN_APP}')");
	$tenant->schedule_many(5);
	$tenant->settled;
	$node->query('SELECT appt.register_tenants(0)', 'router');
	return $tenant;
}

# A message of the tenant that waits; its number.
sub plan_later
{
	my ($tenant) = @_;

	return $tenant->query(
		"SELECT id FROM appt.send_message('@{[ $tenant->application ]}', 'EMAIL', 'ann\@example.org', text_body => 'Hello',
			due_at => now() + interval '1 hour')");
}

sub begin
{
	my ($database, @statements) = @_;
	my $session = Appt::Session->open($node, database => $database);

	$session->run('BEGIN');
	$session->run($_) foreach @statements;
	return $session;
}

# The mover stops at the target, in the transaction in which it copies the rest, until this session ends its transaction.
sub stop_while_copying
{
	$node->query(q{CREATE OR REPLACE FUNCTION public.stop() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = 0 AS
			'BEGIN PERFORM pg_advisory_xact_lock(1); RETURN new; END';
		CREATE OR REPLACE TRIGGER stop BEFORE UPDATE ON appt_move.arriving FOR EACH ROW WHEN (new.switched_since IS NOT NULL)
			EXECUTE FUNCTION public.stop();
		ALTER TABLE appt_move.arriving ENABLE ALWAYS TRIGGER stop}, 'shard1');
	return begin('shard1', 'SELECT pg_advisory_xact_lock(1)');
}

sub wait_for_mover
{
	my ($event) = @_;

	$node->wait_for_query("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'move-tenant' AND wait_event = '$event'", 1)
		or die "the mover did not wait for $event";
	return;
}

# ---------- messages ----------

# As long as a transaction may still commit a message, its tenant stays.
{
	my $tenant = new_tenant();
	my $application = $tenant->application;
	my $lock = "SELECT count(*) FROM (SELECT FROM appt.application WHERE id = '$application' FOR UPDATE NOWAIT) locked";
	my $message = $tenant->query("SELECT id FROM appt.send_message('$application', 'EMAIL', 'ann\@example.org', text_body => 'Hello')");
	my $waiting = plan_later($tenant);
	my $failed = plan_later($tenant);

	$tenant->settled;
	$tenant->query(
		"UPDATE appt.notification SET state = 'FAILED', reason = 'REJECTED', settled_at = now(), next_attempt_at = NULL WHERE id = $failed;
		DELETE FROM appt.due WHERE notification_id = $failed");
	my %plans = (
		send_message => "SELECT appt.send_message('$application', 'EMAIL', 'ann\@example.org', text_body => 'Hello')",
		notify_users => "SELECT count(*) FROM appt.notify_users('$application', 'MENTION', '{ann}')",
		send_sample_notification => "SELECT count(*) FROM appt.send_sample_notification('MENTION', 'IN_APP', 'ann', '$application')",
		send_test_email => "SELECT appt.send_test_email('$application', 'ann\@example.org')",
		request_customer_code => "SELECT appt.request_customer_code('$application', 'ann\@example.org')",
		initiate_email_verification => "SELECT appt.initiate_email_verification('$application', 'tests\@example.org')",
		record_inbound_sms => "SELECT appt.record_inbound_sms('$application', '+306900000000', '+302100000000', 'Hello')",
		resend_notification => "SELECT appt.resend_notification($message)",
		resend_notifications => "SELECT count(*) FROM appt.resend_notifications('$tenant->{subscription}', now() - interval '1 hour')",
		retry_notification => "SELECT appt.retry_notification($failed)",
		retry_notifications => "SELECT count(*) FROM appt.retry_notifications('$application')",
		cancel_message => "SELECT appt.cancel_message($waiting)",
		forget_person => "SELECT appt.forget_person('$application', 'ann\@example.org', true)",
	);
	foreach my $function (sort keys %plans)
	{
		my $session = begin('shard0', $plans{$function});

		$node->refused_with('55P03', $lock, "$function keeps the application until its transaction ends", database => 'shard0');
		$session->run('ROLLBACK');
	}
	my $session = begin('shard0', "SELECT appt.count_overlapping('$application', now(), '30 minutes')",
		"SELECT count(*) FROM appt.notification_eligibility($waiting)");
	is($node->query($lock, 'shard0'), 1, 'reading does not');
	$session->run('ROLLBACK');
	$session = Appt::Session->open($node, database => 'shard0');
	$session->run("BEGIN; SELECT FROM appt.application WHERE id = '$application' FOR UPDATE");
	$tenant->query("SET lock_timeout = '1ms'; $_") foreach "SELECT appt.count_overlapping('$application', now(), '30 minutes')",
		"SELECT count(*) FROM appt.notification_eligibility($waiting)";
	$session->run('ROLLBACK');
}

{
	my $tenant = new_tenant();
	my $application = $tenant->application;
	my $session = begin('shard0', "SELECT appt.send_message('$application', 'WEBHOOK', '$tenant->{subscription}', data => '{\"number\": 1}')",
		"SELECT count(*) FROM appt.notify_users('$application', 'MENTION', '{ann}')");
	my $move = $mover->start($application, 'shard0', 'shard1');

	$move->reach(qr/tried again/);
	ok($tenant->schedule, 'while a transaction has planned a message, calls go on');
	$session->run('COMMIT');
	$move->finish;
	ok( $node->wait_for_query(
			"SELECT count(*) FROM appt.notification WHERE application_id = '$application' AND settled_at IS NULL AND due_at <= now()",
			0, database => 'shard1'),
		'all is sent where it has moved to');
	is( $node->query("SELECT string_agg(type || ' ' || state || ' ' || attempt_count, ', ' ORDER BY type) FROM appt.notification
		WHERE application_id = '$application' AND appointment_id IS NULL", 'shard1'),
		'MENTION SENT 1, MESSAGE SENT 1', 'also what that transaction has planned, once');
	is($node->query("SELECT count(*) FROM appt.notification WHERE application_id = '$application'", 'shard0'), 0, 'nothing has stayed');
	$node->refused_with('PT404', "SELECT appt.send_message('$application', 'EMAIL', 'ann\@example.org', text_body => 'Hello')",
		'and nothing can be planned there any more', database => 'shard0');
}

# Appointments.
{
	my $tenant = new_tenant();
	my $application = $tenant->application;
	my $id = $tenant->schedule;
	my $session = begin('shard0', "SELECT FROM appt.appointment WHERE id = '$id' FOR UPDATE");
	my $move = $mover->start($application, 'shard0', 'shard1');

	$move->reach(qr/tried again/);
	ok($tenant->schedule, 'while another transaction has an appointment locked, calls go on');
	$session->run('ROLLBACK');
	like($move->finish, qr/^done/m, 'once it has ended, the tenant moves');
	is($node->query("SELECT count(*) FROM appt.appointment WHERE application_id = '$application'", 'shard1'), 7, 'with all appointments');
}

# Booked while the switch already has the other appointments, and changed while it copies.
{
	my $tenant = new_tenant();
	my $application = $tenant->application;
	my $booking = begin('shard0');
	my $id = $booking->run("SELECT id FROM appt.schedule_appointment('$application', now() + interval '2 days', '30 minutes',
		'{\"name\": {\"firstName\": \"Ann\"}, \"contact\": {\"primaryEmail\": \"ann\@example.org\"}}', organizer_id => 'agent-1')");
	my $copying = stop_while_copying();
	my $move = $mover->start($application, 'shard0', 'shard1');

	wait_for_mover('transactionid');
	$booking->run('COMMIT');
	wait_for_mover('advisory');
	my $change = Appt::Session->open($node, database => 'shard0');
	$change->start("SELECT state FROM appt.cancel_appointment('$id')");
	ok($change->is_blocked, 'what was booked in the last moment cannot be changed while it is copied');
	$copying->run('ROLLBACK');
	$move->finish;
	is($change->end, 'PT404', 'and has left then');
	is($node->query("SELECT state FROM appt.appointment WHERE id = '$id'", 'shard1'), 'ACTIVATED', 'as it was');
}

# ---------- configuration: carried after the tenant ----------

{
	my $tenant = new_tenant();
	my $application = $tenant->application;
	my $rules = "SELECT string_agg(time_offset::text, ', ' ORDER BY id) FROM appt.rule WHERE application_id = '$application'";
	my $suppressed = "SELECT string_agg(address, ', ' ORDER BY address) FROM appt.suppression WHERE application_id = '$application'";
	my $texts =
		"SELECT string_agg(locale || ' ' || text_body, ', ' ORDER BY locale) FROM appt.template WHERE application_id = '$application'";

	$tenant->query("DELETE FROM appt.rule WHERE application_id = '$application'");
	$tenant->rule('REMINDER', 'EMAIL', $_) foreach qw(1h 2h 3h 4h);
	$tenant->query("INSERT INTO appt.template (application_id, type, channel, locale, text_body)
		SELECT '$application', 'CREATE', 'SMS', l, 'old' FROM unnest('{de,el,fr,it}'::text[]) l");
	$tenant->query("SELECT appt.suppress('$application', 'EMAIL', a) FROM unnest('{ann\@example.org,bob\@example.org}'::text[]) a");
	my $source = begin('shard0',
		# One takes the place of another that is deleted.
		"DELETE FROM appt.rule WHERE application_id = '$application' AND time_offset = '1h'",
		"UPDATE appt.rule SET time_offset = '1h' WHERE application_id = '$application' AND time_offset = '2h'",
		"UPDATE appt.template SET text_body = 'late' WHERE application_id = '$application' AND locale IN ('de', 'el')",
		"DELETE FROM appt.template WHERE application_id = '$application' AND locale IN ('fr', 'it')",
		"SELECT appt.unsuppress('$application', 'EMAIL', 'ann\@example.org')");
	# Older than the arrival, though it changes the tenant after it.
	my $target = begin('shard1', 'SELECT pg_current_xact_id()');
	my $move = $mover->start($application, 'shard0', 'shard1');

	$move->reach(qr/^clear/m);
	is($node->query($rules, 'shard1'), '01:00:00, 02:00:00, 03:00:00, 04:00:00',
		'the tenant has moved, and what is not committed has not');
	$target->run("UPDATE appt.template SET text_body = 'new' WHERE application_id = '$application' AND locale IN ('el', 'fr')");
	$target->run("INSERT INTO appt.template (application_id, type, channel, locale, text_body)
		VALUES ('$application', 'CREATE', 'SMS', 'pt', 'new')");
	$target->run('COMMIT');
	is($mover->refusal($application, 'shard1', 'shard0'), 'another move of this application is running',
		'it does not move on before the move has ended');
	my $pid = $source->run('SELECT pg_backend_pid()');
	$move->reach(qr/^clear .* have not ended: processes (?:\d+, )*$pid\b/m);
	ok($move->is_running, 'which waits for the other transaction, and tells whose it is');
	# A row that is to be brought is locked where it is to go.
	my $locker = begin('shard1', "SELECT FROM appt.template WHERE application_id = '$application' AND locale = 'de' FOR UPDATE");
	$source->run('COMMIT');
	ok($node->wait_for_query("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'move-tenant' AND wait_event_type = 'Lock'", 1),
		'it waits again');
	ok(defined $node->query("SET lock_timeout = '60s'; SELECT FROM appt.rule WHERE application_id = '$application' FOR UPDATE", 'shard1'),
		'but does not let others wait');
	$locker->run('ROLLBACK');
	like($move->finish, qr/^clear .* 1 rows were changed at both/m, 'what was changed at both is counted');
	is($node->query($rules, 'shard1'), '01:00:00, 03:00:00, 04:00:00',
		'a late deletion follows, and a late change');
	is($node->query($texts, 'shard1'), 'de late, el new, fr new, pt new', 'but nothing that has changed at the target is undone');
	is($node->query($suppressed, 'shard1'), 'bob@example.org', 'what a function has deleted is deleted there, too');
	is($node->query($rules, 'shard0') . $node->query($texts, 'shard0'), '', 'nothing is left');
	like($mover->move($application, 'shard1', 'shard0'), qr/^done/m, 'it moves back');
	is($node->query($texts, 'shard0'), 'de late, el new, fr new, pt new', 'as it was');
}

# Killed while it waits: what is deleted then follows as well, and what is deleted at the source does not.
{
	my $tenant = new_tenant();
	my $application = $tenant->application;
	my $count = "SELECT count(*) FROM appt.rule WHERE application_id = '$application'";
	my $session = begin('shard0', "DELETE FROM appt.rule WHERE application_id = '$application' AND type = 'REMINDER'");
	my $move = $mover->start($application, 'shard0', 'shard1');

	$move->reach(qr/^clear/m);
	$move->kill;
	is( $mover->refusal($application, 'shard1', 'shard0'),
		'the application is just arriving at the source: first finish the move that brings it there',
		'a tenant whose move was killed does not move on before it is finished');
	is($mover->refusal($application, 'shard0', 'shard1', '--cancel'), 'the application is not at the source: the move can only be finished',
		'nor is it cancelled');
	$session->run('COMMIT');
	# A transaction that keeps the mover from deleting more than some of the rest.
	my $last = begin('shard0', "SELECT FROM appt.user_profile WHERE application_id = '$application' FOR UPDATE");
	$move = $mover->start($application, 'shard0', 'shard1');
	ok($node->wait_for_query($count, 0, database => 'shard0'), 'the next move deletes at the source');
	$move->kill;
	$last->run('ROLLBACK');
	$mover->move($application, 'shard0', 'shard1');
	is($node->query($count, 'shard1'), 1, 'a late deletion follows, and no other');
	is($node->query("SELECT count(*) FROM appt.participant WHERE application_id = '$application'", 'shard1'), 10, 'all else is there');
}

# What has been deleted at the target since it was brought there is not brought again: neither by the switch, nor as a late change.
{
	my $tenant = new_tenant();
	my $application = $tenant->application;
	my $text = "text_body FROM appt.template WHERE application_id = '$application' AND locale";

	$tenant->query("INSERT INTO appt.template (application_id, type, channel, locale, text_body)
		SELECT '$application', 'CREATE', 'SMS', l, 'old' FROM unnest('{de,el}'::text[]) l");
	# What has changed since it began is looked at again.
	my $bystander = begin('shard0', 'SELECT pg_current_xact_id()');
	$tenant->query("UPDATE appt.template SET text_body = 'new' WHERE application_id = '$application'");
	my $late = begin('shard0', "UPDATE appt.template SET text_body = 'late' WHERE application_id = '$application' AND locale = 'el'");
	my $move = $mover->start($application, 'shard0', 'shard1');

	$move->reach(qr/^clear/m);
	$late->run('COMMIT');
	ok($node->wait_for_query("SELECT $text = 'el'", 'late', database => 'shard1'),
		'a late change follows while another transaction keeps the mover');
	$move->kill;
	$node->query("DELETE FROM appt.template WHERE application_id = '$application'", 'shard1');
	$bystander->run('ROLLBACK');
	$mover->move($application, 'shard0', 'shard1');
	is($node->query("SELECT $text = 'de'", 'shard1'), '', 'what the switch had brought stays deleted');
	is($node->query("SELECT $text = 'el'", 'shard1'), '', 'and what was brought late');
}

# A transaction that began while the tenant was about to leave.
{
	my $tenant = new_tenant();
	my $application = $tenant->application;
	my $copying = stop_while_copying();
	my $move = $mover->start($application, 'shard0', 'shard1');

	wait_for_mover('advisory');
	my $session = begin('shard0', "DELETE FROM appt.rule WHERE application_id = '$application' AND type = 'REMINDER'");
	$copying->run('ROLLBACK');
	$move->reach(qr/^clear .* transactions/m);
	$session->run('COMMIT');
	$move->finish;
	is($node->query("SELECT count(*) FROM appt.rule WHERE application_id = '$application'", 'shard1'), 1, 'what it deletes is deleted, too');
}

# A message that is to be brought again is locked where it is to go.
{
	my $tenant = new_tenant();
	my $application = $tenant->application;
	my $bystander = begin('shard0', 'SELECT pg_current_xact_id()');
	my ($first, $second) = map { plan_later($tenant) } 1, 2;
	my $copying = stop_while_copying();
	my $move = $mover->start($application, 'shard0', 'shard1');

	wait_for_mover('advisory');
	my $locker = begin('shard1');
	$locker->start("SELECT FROM appt.notification WHERE id = $second FOR UPDATE");
	ok($locker->is_blocked, '(it waits for the switch)');
	$copying->run('ROLLBACK');
	is($locker->end, '00000', 'a caller has locked a message');
	wait_for_mover('transactionid');
	ok(defined $node->query("SET lock_timeout = '60s'; SELECT FROM appt.notification WHERE id = $first FOR UPDATE", 'shard1'),
		'the mover waits, but does not let others wait');
	$_->run('ROLLBACK') foreach $locker, $bystander;
	$move->finish;
	is($node->query("SELECT string_agg(state, ' ') FROM appt.notification WHERE id IN ($first, $second)", 'shard1'), 'PENDING PENDING',
		'both are there in the end');
}

# ---------- ids and numbers where the tenant is not ----------

sub is_unknown
{
	my ($database, $name, $id) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	foreach my $function (qw(cancel_message notification_eligibility not_retriable_because retry_notification resend_notification))
	{
		$node->refused_with('PT404', "SET ROLE my_app; SELECT appt.$function($id)", "$name: $function knows nothing of it",
			database => $database);
	}
	return;
}

{
	my $tenant = new_tenant();
	my $application = $tenant->application;
	my $message = plan_later($tenant);
	my $appointment = $tenant->schedule;
	my $other = plan_later($tenant);
	my $queued = begin('shard0', "SELECT FROM appt.due WHERE notification_id = $message FOR UPDATE");
	my $logged = begin('shard0', "SELECT FROM appt.notification WHERE id = $message FOR UPDATE");
	my $move = $mover->start($application, 'shard0', 'shard1');

	$move->reach(qr/deleting at the source/);
	$move->reach(qr/tried again/);
	$move->kill;
	is($node->query("SELECT count(*) FROM appt.notification WHERE id = $message", 'shard1'), 1, '(all has been copied)');
	is_unknown('shard1', 'before it has left', $message);
	$node->refused_with('PT404', "SET ROLE my_app; SELECT appt.$_('$appointment')", "$_ knows nothing of its appointments",
		database => 'shard1')
		foreach qw(get_appointment cancel_appointment delete_appointment);
	$node->refused_with('PT404', "SELECT appt.send_message('$application', 'EMAIL', 'ann\@example.org', text_body => 'Hello')",
		'nor is the application there', database => 'shard1');
	# By the router, of a service, which tells no tenant.
	$node->query("UPDATE appt.tenant SET state = 'MOVING' WHERE application_id = '$application'", 'router');
	my $caller = Appt::Session->open($node, database => 'router', user => 'my_app');
	$caller->run("SET statement_timeout = '60s'");
	is($caller->run("SELECT state FROM appt.cancel_message($other)"), 'CANCELLED', 'a call that finds the number does not wait for moves');
	# As between the commit at the source and the one at the target.
	my $quietly = 'SET session_replication_role = replica';
	$node->query("$quietly; CREATE TABLE public.nowhere AS SELECT * FROM appt.application WHERE id = '$application';
		DELETE FROM appt.application WHERE id = '$application'", 'shard0');
	$caller->start("SELECT reason FROM appt.cancel_message($other)");
	ok($node->wait_for_query("SELECT count(*) FROM pg_stat_activity WHERE usename = 'my_app' AND wait_event_type = 'Extension'", 1),
		'one that finds it nowhere waits for those under way');
	$node->query("$quietly; INSERT INTO appt.application SELECT * FROM public.nowhere; DROP TABLE public.nowhere", 'shard0');
	$node->query("UPDATE appt.tenant SET state = 'ACTIVE' WHERE application_id = '$application'", 'router');
	is($caller->end, '00000', 'and asks again');
	is($caller->output, 'WITHDRAWN', 'where the tenant is then');
	is($caller->try('SELECT appt.cancel_message(4000000)'), 'PT404', 'at other times it is told so at once');
	$queued->run('ROLLBACK');
	$move = $mover->start($application, 'shard0', 'shard1');
	$move->reach(qr/^clear/m);
	is($node->query("SELECT count(*) FROM appt.notification WHERE id = $message", 'shard0'), 1, '(it is not cleared)');
	is_unknown('shard0', 'once it has left', $message);
	is($node->query("SET ROLE my_app; SELECT state FROM appt.cancel_message($message)", 'shard1'), 'CANCELLED', 'but where it is');
	$logged->run('ROLLBACK');
	$move->finish;
	is($node->query("SELECT state FROM appt.notification WHERE id = $message", 'shard1'), 'CANCELLED', 'and so it stays');
}

done_testing();
