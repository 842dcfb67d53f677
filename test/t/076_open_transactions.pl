# The worker waits for nobody: while transactions are open or prepared that have called every function there is, and have
# changed every table that may be changed, what they have not touched is delivered, settled, ended and blanked. Afterwards so is
# the rest.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Session;
use Test::More;

# The worker gives up waiting for a lock after half of deadlock_timeout, and says so in the log.
my $node = Appt::Cluster->create('main', conf => <<'CONF');
max_prepared_transactions = 10
deadlock_timeout = '100ms'
max_files_per_process = 3000
appt.max_concurrency = 1000
appt.max_per_host = 1000
appt.request_timeout = '30min'
CONF
my $hook = Appt::Peers->webhook;
my ($ok, $hold, $failing) = map { $hook->url($_) } '/ok', '/hold/a', '/status/404';

# Placeholders of each tenant: APP, ORG, SUB, and the appointments SUBJECT and GONE, the first with a FAILURE. A call that is
# refused (CODE is not valid) has still locked the rows that it checked.
my %calls = (
	activate_appointment => "SELECT appt.activate_appointment('SUBJECT')",
	add_agent => "SELECT appt.add_agent('SUBJECT', 'bob')",
	add_customer => "SELECT appt.add_customer('SUBJECT', '{}')",
	apply_meeting_template => "SELECT appt.apply_meeting_template('SUBJECT', appt.create_meeting_template('APP', 'Viewing'))",
	appointments_eligible_for_activation => 'SELECT appt.appointments_eligible_for_activation()',
	archive_appointment => "SELECT appt.archive_appointment(id) FROM appt.cancel_appointment('SUBJECT')",
	available_slots => "SELECT appt.available_slots('APP', tstzrange(now(), now() + interval '1 day'), '1 hour', '1 hour')",
	cancel_appointment => "SELECT appt.cancel_appointment('SUBJECT')",
	confirm_email_verification => "SELECT appt.confirm_email_verification('APP', '000000')",
	count_appointments => "SELECT appt.count_appointments('APP', now(), '1 day')",
	count_overlapping => "SELECT appt.count_overlapping('APP', now(), '1 day')",
	create_application => "SELECT appt.create_application('ORG', 'another')",
	create_meeting_template => "SELECT appt.create_meeting_template('APP', 'Viewing')",
	create_organization => "SELECT appt.create_organization('another')",
	create_subscription => "SELECT appt.create_subscription('APP', '$ok')",
	delete_appointment => "SELECT appt.delete_appointment('SUBJECT')",
	end_appointment => "SELECT appt.end_appointment('SUBJECT')",
	find_appointments => "SELECT appt.find_appointments('APP')",
	follow_appointment => "SELECT appt.follow_appointment('SUBJECT', 'bob')",
	get_appointment => "SELECT appt.get_appointment('SUBJECT')",
	get_participant => "SELECT appt.get_participant('SUBJECT', 'agent')",
	forecast => "SELECT appt.forecast('APP')",
	google_calendar_event => "SELECT appt.google_calendar_event('SUBJECT')",
	outlook_calendar_event => "SELECT appt.outlook_calendar_event('SUBJECT')",
	google_calendar_url => "SELECT appt.google_calendar_url('SUBJECT')",
	ical_event => "SELECT appt.ical_event('SUBJECT')",
	ical_text => "SELECT appt.ical_text('SUBJECT')",
	initiate_email_verification => "SELECT appt.initiate_email_verification('APP', 'us\@example.com')",
	notification_dialog => "SELECT appt.notification_dialog('SUBJECT', 'CREATE')",
	notification_eligibility =>
		"SELECT appt.notification_eligibility((SELECT max(id) FROM appt.notification WHERE appointment_id = 'SUBJECT'))",
	preview_notification => "SELECT appt.preview_notification('SUBJECT', (SELECT id FROM appt.participant WHERE appointment_id = 'SUBJECT'
			AND type = 'CUSTOMER'), 'CREATE', 'WEBHOOK')",
	reassign_appointment => "SELECT appt.reassign_appointment('SUBJECT', 'bob')",
	record_join =>
		"SELECT appt.record_join('SUBJECT', (SELECT id FROM appt.participant WHERE appointment_id = 'SUBJECT' AND type = 'CUSTOMER'))",
	record_leave =>
		"SELECT appt.record_leave('SUBJECT', (SELECT id FROM appt.participant WHERE appointment_id = 'SUBJECT' AND type = 'CUSTOMER'))",
	remove_participant => "SELECT appt.remove_participant('SUBJECT', (SELECT id FROM appt.participant WHERE appointment_id = 'SUBJECT'
			AND type = 'CUSTOMER'))",
	render_template => "SELECT appt.render_template('{{a}}', '{}')",
	request_customer_code => "SELECT appt.request_customer_code('APP', 'ann\@example.com')",
	reschedule_appointment => "SELECT appt.reschedule_appointment('SUBJECT', now() + interval '5 days')",
	resend_notification =>
		"SELECT appt.resend_notification((SELECT min(id) FROM appt.notification WHERE appointment_id = 'SUBJECT' AND state = 'SENT'))",
	resend_notifications => "SELECT appt.resend_notifications('SUB', '-infinity')",
	resolve_room => "SELECT appt.resolve_room((SELECT ticket FROM appt.room_access WHERE appointment_id = 'SUBJECT'))",
	retry_notification => "SELECT appt.retry_notification(FAILURE)",
	'retry_notification of one deleted' =>
		"SELECT appt.retry_notification((SELECT id FROM appt.notification WHERE appointment_id = 'GONE' AND state = 'FAILED'
			AND context IS NOT NULL))",
	retry_notifications => "SELECT appt.retry_notifications('APP')",
	rotate_subscription_key => "SELECT appt.rotate_subscription_key('SUB')",
	rotate_token_key => "SELECT appt.rotate_token_key('APP')",
	schedule_appointment => "SELECT appt.schedule_appointment('APP', now() + interval '1 day', '1 hour', '{}', 'agent')",
	schedule_appointment_as_customer =>
		"SELECT appt.schedule_appointment_as_customer('APP', 'ann\@example.com', '000000', now() + interval '1 day', '1 hour')",
	cancel_message => "SELECT appt.cancel_message((SELECT id FROM appt.send_message('APP', 'EMAIL', 'ann\@example.com', 'Hello')))",
	confirm_custom_phone => "SELECT appt.confirm_custom_phone('000000', 'ann', 'APP')",
	inbox => "SELECT appt.inbox(user_id => 'ann', application_id => 'APP')",
	mark_read => "SELECT appt.mark_read(user_id => 'ann', application_id => 'APP')",
	notification_preferences => "SELECT appt.notification_preferences('ann', 'APP')",
	notify_users => "SELECT appt.notify_users('APP', 'MENTION', '{ann}')",
	record_inbound_sms => "SELECT appt.record_inbound_sms('APP', '+306900000000', '+15550100001', 'Hello')",
	receive_sms => "SELECT appt.receive_sms('x'::text)",
	record_receipt => "SELECT appt.record_receipt('APP', 'unknown', 'DELIVERED')",
	send_message => "SELECT appt.send_message('APP', 'IN_APP', 'ann', 'Hello')",
	send_notification => "SELECT appt.add_customer('SUBJECT', '{\"contact\": {\"primaryEmail\": \"ann\@example.com\"}}');
			INSERT INTO appt.rule (application_id, type, channel, sending) VALUES ('APP', 'CREATE', 'EMAIL', 'MANUAL');
			SELECT appt.send_notification('SUBJECT', 'CREATE')",
	set_channel => "SELECT appt.set_channel('SMS', true, 'ann', 'APP')",
	set_preference => "SELECT appt.set_preference('CALL', false, user_id => 'ann', application_id => 'APP')",
	subscribe_line => "SELECT appt.subscribe_line((SELECT id FROM appt.line WHERE application_id = 'APP'), true, 'ann')",
	update_profile => "SELECT appt.update_profile('ann\@example.com', user_id => 'ann', application_id => 'APP')",
	console => 'SELECT appt.console()',
	console_state => 'SELECT appt.console_state()',
	notification_series => "SELECT appt.notification_series(application_id => 'APP')",
	user_names => "SELECT appt.user_names('APP')",
	send_sample_notification => "SELECT appt.send_sample_notification('CALL', 'EMAIL', 'ann', 'APP')",
	send_test_email => "SELECT appt.send_test_email('APP', 'ann\@example.com')",
	send_test_sms => "SELECT appt.send_test_sms('APP', '+306900000000')",
	'set_notifications_enabled off' => "SELECT appt.set_notifications_enabled('ORG', false)",
	'set_notifications_enabled on' => "SELECT appt.set_notifications_enabled('ORG', true)",
	set_provider => "SELECT appt.set_provider('APP', 'SMS', 'HTTP', 'https://sms.example')",
	export_person => "SELECT appt.export_person('APP', 'nobody\@example.com')",
	forget_person => "SELECT appt.forget_person('APP', 'nobody\@example.com')",
	'forget_person of a customer' => "SELECT appt.add_customer('SUBJECT', '{\"contact\": {\"primaryEmail\": \"ann\@example.com\"}}');
			SELECT appt.forget_person('APP', 'ann\@example.com', true)",
	messages_to => "SELECT appt.messages_to('nobody\@example.com')",
	suppress => "SELECT appt.suppress('APP', 'EMAIL', 'suppressed\@example.com', 'OPTED_OUT')",
	'suppress again' => "SELECT appt.suppress('APP', 'EMAIL', 'suppressed\@example.com', 'OPTED_OUT')",
	unsuppress => "SELECT appt.unsuppress('APP', 'EMAIL', 'suppressed\@example.com')",
	unsubscribe => "SELECT appt.unsubscribe('unknown')",
	landing_page => "SELECT appt.landing_page('unknown')",
	respond => "SELECT appt.respond('unknown', 'ACCEPT')",
	submit_response => "SELECT appt.submit_response('unknown', 'accept')",
	reopen_appointment => "SELECT appt.reopen_appointment(id, now() + interval '1 day') FROM appt.cancel_appointment('SUBJECT')",
	update_customer =>
		"SELECT appt.update_customer('SUBJECT', (SELECT id FROM appt.participant WHERE appointment_id = 'SUBJECT' AND type = 'CUSTOMER'), '{\"contact\": {\"primaryEmail\": null}}')",
	tagged_uuid => "SELECT appt.tagged_uuid('APP')",
	update_appointment => "SELECT appt.update_appointment('SUBJECT', 'another title')",

	# Everything that appt_service may change directly, which includes all that an admin may.
	'change application' => "UPDATE appt.application SET name = 'renamed', max_concurrency = 100 WHERE id = 'APP'",
	'add application' => "INSERT INTO appt.application (organization_id, name) VALUES ('ORG', 'added')",
	'change organization' => "UPDATE appt.organization SET name = 'renamed' WHERE id = 'ORG'",
	'change rule' => "UPDATE appt.rule SET enabled = true WHERE application_id = 'APP'",
	'delete rule' => "DELETE FROM appt.rule WHERE application_id = 'APP'",
	'add rule' => "INSERT INTO appt.rule (application_id, type, channel) VALUES ('APP', 'UPDATE', 'WEBHOOK')",
	'add template' => "INSERT INTO appt.template (application_id, type, channel, locale, subject, text_body)
			VALUES ('APP', 'CREATE', 'EMAIL', 'en', 'a', 'b')",
	'change template' => "INSERT INTO appt.template (application_id, type, channel, locale, subject, text_body)
			VALUES ('APP', 'CREATE', 'EMAIL', 'en', 'a', 'b'); UPDATE appt.template SET subject = 'c' WHERE application_id = 'APP';
			DELETE FROM appt.template WHERE application_id = 'APP'",
	'add subscription' => "INSERT INTO appt.subscription (application_id, url) VALUES ('APP', '$ok')",
	'change subscription' => "UPDATE appt.subscription SET enabled = true WHERE application_id = 'APP'",
	'delete subscription' => "DELETE FROM appt.subscription WHERE application_id = 'APP'",
	'change provider' => "UPDATE appt.provider SET enabled = true WHERE application_id = 'APP'",
	'delete provider' => "DELETE FROM appt.provider WHERE application_id = 'APP'",
	'lock what is read' => join('; ',
		map { "LOCK TABLE appt.$_ IN ACCESS SHARE MODE" }
			qw(organization appointment participant room_access notification due attempt identity)));
my %may_be_refused = map { $_ => 1 }
	qw(confirm_email_verification confirm_custom_phone record_receipt schedule_appointment_as_customer resend_notification unsubscribe respond);

# Every function for applications is called.
my $functions = $node->query(
	"SELECT string_agg(proname, ' ' ORDER BY proname) FROM pg_proc p WHERE pronamespace = 'appt'::regnamespace
	AND has_function_privilege('appt_service', oid, 'EXECUTE') AND provolatile IN ('v', 's') AND prorettype <> 'trigger'::regtype
	AND proname !~ '^(caller_|not_retriable_because|due_notifications|reasons|notification_types|open_circuits|worker_status)'
		AND proname !~ '_is_valid\$'"
);
my %named = map { (split / /)[0] => 1 } keys %calls;
is(join(' ', grep { !$named{$_} } split / /, $functions), '', 'every function has its case');
delete $calls{$_} foreach grep { /^re(send_notification|try_notifications)$/ && $functions !~ /\b$_\b/ } keys %calls;

# Two transactions call them all, each about its own tenants.
my @groups = ('open, ROLLBACK', 'prepared, COMMIT');
my @names = sort keys %calls;
my $values = join ', ', map {
	my $group = $_;
	map { "('$group', '$_')" } @names
} @groups;
$node->query(<<"SQL");
CREATE TABLE tenant (grp text, name text, org uuid, app uuid, sub uuid, subject uuid, gone uuid, other uuid);
GRANT SELECT ON tenant TO PUBLIC;
INSERT INTO tenant SELECT grp, name, appt.create_organization(name) FROM (VALUES $values) t (grp, name);
UPDATE tenant SET app = appt.create_application(org, name, max_attempts => 1, max_concurrency => CASE name
	WHEN 'set_notifications_enabled on' THEN 1 END);
DELETE FROM appt.rule WHERE channel <> 'WEBHOOK' OR type NOT IN ('CREATE', 'CANCELLED', 'FOLLOW_UP');
UPDATE tenant SET sub = (SELECT id FROM appt.create_subscription(app, '$ok'));
INSERT INTO appt.user_profile (application_id, id) SELECT app, 'ann' FROM tenant;
INSERT INTO appt.line (application_id, name) SELECT app, 'line' FROM tenant;
SELECT count(appt.set_provider(app, 'EMAIL', 'SMTP', 'smtp://127.0.0.1:1', 'us\@example.com')),
	count(appt.set_provider(app, 'SMS', 'HTTP', 'http://127.0.0.1:1/')) FROM tenant;
SELECT count(appt.create_subscription(app, '$failing')) FROM tenant WHERE name LIKE 'retry%';
UPDATE tenant SET subject = (appt.schedule_appointment(app, now() + interval '2 days', '1 hour', '{}', 'agent')).id,
	gone = (appt.schedule_appointment(app, now() + interval '2 days', '1 hour', '{}', 'agent')).id;
SQL
my $count = $node->query('SELECT count(*) FROM tenant');
ok($node->wait_for_query('SELECT count(*) FROM appt.due', 0), "$count tenants are there");

# Messages in flight are held, so that they finish when others hold their locks.
$node->query(
	"UPDATE appt.subscription SET url = '$hold' WHERE url = '$ok';
	SELECT count(appt.delete_appointment(gone)) FROM tenant;");
ok($node->wait_for_query("SELECT count(*) FROM appt.notification WHERE state = 'SENDING'", $count), 'of each a message is under way');
$node->query("SELECT count(appt.set_notifications_enabled(org, false)) FROM tenant WHERE name LIKE '%enabled on'");
$node->query("UPDATE tenant SET other = (appt.schedule_appointment(app, now() + interval '2 days', '1 hour', '{}', 'agent')).id");
ok($node->wait_for_query("SELECT count(*) FROM appt.notification WHERE state = 'SENDING'", 2 * $count - @groups),
	'and another, but for who may only have one');
my ($pid) = $node->wait_for_workers;
my $log = $node->log_end;

my %sessions = map { $_ => Appt::Session->open($node) } @groups;
foreach my $group (@groups)
{
	my $session = $sessions{$group};
	my @failed;

	$session->run('BEGIN');
	foreach my $name (@names)
	{
		my ($app, $org, $sub, $subject, $gone, $failed) = split /\|/, $node->query(
			"SELECT app, org, sub, subject, gone,
			(SELECT id FROM appt.notification WHERE appointment_id = subject AND state = 'FAILED') FROM tenant WHERE grp = '$group'
				AND name = '$name'"
		);
		my $call = $calls{$name} =~ s/\bAPP\b/$app/gr =~ s/\bORG\b/$org/gr =~ s/\bSUB\b/$sub/gr =~ s/\bSUBJECT\b/$subject/gr =~
			s/\bGONE\b/$gone/gr =~ s/\bFAILURE\b/$failed/gr;

		$session->run('SAVEPOINT before'
				. ($name =~ / (?:application|organization|rule|template|subscription|provider|read)$/ ? '; SET ROLE appt_service' : ''));
		if ($session->try($call) ne '00000')
		{
			push @failed, "$name: " . $session->errors if !$may_be_refused{$name};
			$session->run('ROLLBACK TO before');
		}
		$session->run('RESET ROLE');
	}
	is(join("\n", @failed), '', "$group: all is called");
	$session->run("PREPARE TRANSACTION '$group'") if $group =~ /prepared/;
}

# Now everything finishes, and each tenant's other appointment is over.
my $over = "UPDATE appt.appointment SET start_at = now() - interval '3 hours', end_at = now() - interval '2 hours' WHERE id IN
	(SELECT id FROM appt.appointment WHERE id IN (SELECT other FROM tenant) AND state = 'ACTIVATED' FOR UPDATE SKIP LOCKED)";
$node->query($over);
$hook->release('a');
$node->reload;
my $unsettled = "SELECT string_agg(t.grp || ' ' || t.name || ' ' || n.type || ' ' || n.state, ', ') FROM tenant t
		JOIN appt.notification n ON n.appointment_id = t.%s
	WHERE n.state IN ('PENDING', 'SENDING', 'RETRYING') AND n.type <> 'FOLLOW_UP' AND %s";
my $switched = "t.name = 'set_notifications_enabled on'";
my $retried = "t.name = 'retry_notifications'";
ok($node->wait_for_query(sprintf($unsettled, 'other', "NOT $switched"), ''), 'what nobody has touched is settled');
ok($node->wait_for_query(sprintf($unsettled, 'gone', 'true'), ''), 'so is what tells of deletions');
ok( $node->wait_for_query(
		"SELECT string_agg(t.grp || ' ' || t.name, ', ') FROM tenant t JOIN appt.appointment a ON a.id = t.other
			WHERE a.state <> 'ENDED' AND NOT $switched AND NOT $retried",
		''),
	'what is over has ended');
ok( $node->wait_for_query(
		"SELECT string_agg(DISTINCT t.name, ', ') FROM tenant t JOIN appt.notification n ON n.appointment_id = t.gone
			WHERE n.context IS NOT NULL AND NOT $retried",
		'retry_notification of one deleted'),
	'what was deleted is blanked, but of the one that somebody retries');
is( $node->query(
		"SELECT count(*), count(*) FILTER (WHERE a.state = 'ACTIVATED') FROM tenant t JOIN appt.appointment a ON a.id = t.other
			WHERE $switched"
	),
	'2|2',
	'what is over and held waits');
is(join("\n", $node->log_since($log, qr/lock timeout/)), '', 'nothing was waited for');

# The transactions end.
foreach my $group (@groups)
{
	my ($way, $end) = split /, /, $group;

	$sessions{$group}->run($way eq 'open' ? $end : "$end PREPARED '$group'");
}
$node->query($over);
$node->reload;
ok( $node->wait_for_query(
		"SELECT string_agg(DISTINCT t.grp || ' ' || t.name || ' ' || n.type || ' ' || n.state, ', ') FROM tenant t
			JOIN appt.notification n ON n.application_id = t.app
	WHERE n.settled_at IS NULL AND n.due_at < now()", ''),
	'then what they had is settled, too');
ok($node->wait_for_query("SELECT count(*) FROM tenant t JOIN appt.appointment a ON a.id = t.other WHERE a.state <> 'ENDED'", 0),
	'and ended');
ok($node->wait_for_query("SELECT count(*) FROM appt.notification WHERE context ? 'appointment'", 0), 'and blanked');
is($node->query("SELECT count(*) FROM appt.attempt WHERE outcome = 'INTERRUPTED'"), 0, 'nothing was sent twice');
is(join(' ', $node->worker_pids), $pid, 'all by one worker');
is(join("\n", $node->log_since($log, qr/lock timeout/)), '', 'that waited for nothing');

# Table locks are possible against other writers, but not against the worker.
{
	my $session = Appt::Session->open($node);
	my $app = $node->query("SELECT app FROM tenant WHERE name = 'get_appointment' LIMIT 1");

	foreach my $table (qw(application rule template subscription provider))
	{
		$node->refused_with('42501', "SET ROLE appt_service; LOCK TABLE appt.$table", "$table is not locked against readers");
		# Planned before, because whoever plans waits for the application.
		set_enabled('off');
		$node->query("SELECT appt.send_test_email('$app', 'ann\@example.com')");
		$session->run(join '; ', 'BEGIN', 'SET LOCAL ROLE appt_service', "LOCK TABLE appt.$table IN EXCLUSIVE MODE");
		set_enabled('on');
		ok($node->wait_for_query("SELECT count(*) FROM appt.notification WHERE application_id = '$app' AND settled_at IS NULL", 0),
			'locked against changes it stops no message');
		$session->run('ROLLBACK');
	}
	$node->refused_with('42501', "BEGIN; SET LOCAL ROLE appt_service; LOCK TABLE appt.$_ IN ROW SHARE MODE", "$_ is not locked at all")
		foreach qw(notification due attempt appointment room_access);
	# Locking a view locks the tables that it reads, also through another view.
	my @views = map { "CREATE TEMP VIEW $_" } 'rules AS SELECT id FROM appt.rule',
		'outer_rules AS SELECT 1 WHERE 1 IN (SELECT id FROM rules)';
	foreach my $view (qw(rules outer_rules))
	{
		$node->refused_with('42501', join('; ', 'SET ROLE appt_service', @views, "LOCK TABLE $view"), "nor by the view $view");
		$session->run(join '; ', 'BEGIN', 'SET LOCAL ROLE appt_service', @views, "LOCK TABLE $view IN EXCLUSIVE MODE", 'ROLLBACK');
	}
	$session->run(join '; ', 'BEGIN', @views, 'LOCK TABLE outer_rules', 'ROLLBACK');
	$session->run('BEGIN; LOCK TABLE appt.rule; ROLLBACK');
}

$node->stop;
done_testing();

sub set_enabled
{
	my ($value) = @_;

	$node->append_conf('postgresql.conf', "appt.enabled = $value");
	$node->reload;
	return $node->wait_for_query("SELECT why_quiet FROM appt.worker_status", $value eq 'on' ? '' : 'DISABLED');
}
