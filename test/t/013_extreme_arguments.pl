# Every function of the schema, every argument NULL and at its type's extremes while the others are sound: an answer or a
# proper error, never a crash and never an internal error. Walks pg_proc, so a new function is here from its first day.

use strict;
use warnings;

use Appt::Cluster;
use Appt::Tenant;
use Test::More;

my $node = Appt::Cluster->create('main', preload => 0);
$node->query('SET client_min_messages = error');

# Extremes by type, as SQL expressions.
my %extremes = (
	bytea => [ "''", "'\\x89504e470d0a1a0a'", "decode(repeat('ff', 1000000), 'hex')" ],
	text => [
		"''", "' '", "repeat('x', 100000)", "repeat(chr(233), 5000)",
		q(E'a\r\nb'), q(E'\x01'), "'%s%n%'", q('{{#a}}{{/b}}'),
		"repeat('{{#a}}', 1000)", "repeat('[', 100000)", "'../../etc/passwd'", "'http://[::1]:99999/'",
		"'whsec_'", "'NULL'", "'-9223372036854775808'" ],
	uuid => [ "'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'" ],
	timestamptz => [ "'infinity'", "'-infinity'", "'4714-11-24 00:00+00 BC'", "'294276-12-31 23:59:59.999999+00'", "'epoch'", "now()" ],
	interval => [
		"'0'", "'-1 second'", "'1 month'",
		"'-178000000 years'",
		"'178000000 years'",
		"'2147483647 days'",
		"'-2147483648 days'",
		"'2562047788:00:54.775807'", "'-2562047788:00:54.775807'",
		"'2147483647 days 2562047788:00:54.775807'",
		"'1 microsecond'" ],
	jsonb => [
		"'null'", "'{}'", "'[]'", "'0'", q('""'), "'true'", "'1e100000'", "'[null]'", "'[[]]'", "'[{}]'", q('{"": {}}'),
		q('{"name": 1, "contact": [], "metadata": 0}'), q('{"name": {"firstName": {}}}'), q('[{"name": "a"}]'),
		q('[{"name": 1, "value": 2, "type": 3}]'),
		"(repeat('[', 3000) || repeat(']', 3000))::jsonb", "(repeat('{\"a\":', 3000) || '1' || repeat('}', 3000))::jsonb",
		"jsonb_build_object('metadata', (repeat('[', 3000) || repeat(']', 3000))::jsonb, 'start_at', 'x')",
		"jsonb_build_object('a', repeat('x', 1000000))", "(SELECT jsonb_object_agg('k' || i, i) FROM generate_series(1, 5000) i)" ],
	json =>
		[ "'null'", "'{}'", "'[]'", "'0'", q('""'), "(repeat('[', 3000) || repeat(']', 3000))::json", "to_json(repeat('x', 1000000))" ],
	bool => [ 'true', 'false' ],
	_text => [
		"'{}'", "'{NULL}'", q('{""}'), "'{{a,b},{c,d}}'", "'[5:6]={a,b}'",
		"array_fill(repeat('x', 3000), ARRAY[1000])",
		"ARRAY[E'a\\r\\nb', 'a']" ],
	_interval => [
		"'{}'", "'{NULL}'", "'{0}'", "'{-1 second}'",
		"'{1 month}'",
		"'{{1 hour,1 day}}'",
		"'{1 hour,2147483647 days}'",
		"'{178000000 years}'",
		"array_fill('1 hour'::interval, ARRAY[10000])" ],
	tstzrange => [
		"'empty'", "'(,)'", "'[-infinity,infinity]'", "'[infinity,)'", "'(,-infinity]'", "'[epoch,epoch]'",
		"'[4714-11-24 00:00+00 BC,294276-12-31 23:59:59.999999+00]'",
		"'(4714-11-24 00:00+00 BC,294276-12-31 23:59:59.999999+00)'" ],
	time => [ "'00:00'", "'23:59:59.999999'", "'24:00'" ],
	int4 => [ '0', '-1', '2147483647', '-2147483648' ],
	int8 => [ '0', '-1', '9223372036854775807', '-9223372036854775808' ],
	_int8 => [ "'{}'", "'{NULL}'", "'{{1,2},{3,4}}'", "'{9223372036854775807}'", 'array_fill(1::bigint, ARRAY[20000])' ],
	numeric => [ '0', '-1', "'NaN'", "'Infinity'", "'-Infinity'", '1e1000', '1e-1000' ]);

# Texts that are JSON, or a whole that has members of any type: for functions of text and jsonb alike.
my @texts_of_clients = map { "'$_'" } '"\\u0000"', '""', '"\\ud800"', '"' . ('[' x 1000) . '"',
	'{"id": {}, "applicationId": [], "start": 1, "duration": null, "customer": "x", "timezone": {}, "metadata": 1, "period": []}',
	'{"start": "", "timezone": "x", "duration": "1 month", "interaction": []}',
	'{"applicationId": "\u0031", "start": "infinity", "duration": "-1"}';

# Sound values of arguments, by name; what a function does to them is rolled back.
my $tenant = Appt::Tenant->create($node);
my $application = $tenant->application;
$tenant->email('smtp://mail.example');
$node->query("SELECT appt.set_provider('$application', 'SMS', 'HTTP', 'https://sms.example')");
my $subscription = $tenant->subscribe('https://hooks.example/a');
my $appointment = $tenant->schedule;
my $customer = $node->query("SELECT id FROM appt.participant WHERE type = 'CUSTOMER'");
my $ticket = $node->query("SELECT ticket FROM appt.room_access");
my $notification = $node->query("SELECT min(id) FROM appt.notification WHERE channel = 'EMAIL'");
$node->query(
	"UPDATE appt.notification SET state = 'FAILED', reason = 'REJECTED', settled_at = now(), next_attempt_at = NULL, attempt_count = 1
		WHERE id = $notification"
);
$node->query("INSERT INTO appt.user_profile (application_id, id) VALUES ('$application', 'agent')");
my $unsent = $node->query("SELECT id FROM appt.send_message('$application', 'EMAIL', 'ann\@example.org', 'Hi')");
my $line = $node->query("INSERT INTO appt.line (application_id, name) VALUES ('$application', 'Sales') RETURNING id");
my $template = $node->query("SELECT appt.create_meeting_template('$application', 'Viewing')");
my $sent = $node->query("SELECT min(id) FROM appt.notification WHERE channel = 'WEBHOOK'");
$node->query(
	"UPDATE appt.notification SET state = 'SENT', settled_at = now(), next_attempt_at = NULL, attempt_count = 1 WHERE id = $sent");
$node->query("INSERT INTO appt.user_profile (application_id, id) VALUES ('$application', 'agent-2')");
my $message = $node->query(
	"INSERT INTO appt.notification (application_id, recipient_kind, recipient_id, type, channel, due_at, lane, address, state, settled_at)
		VALUES ('$application', 'USER', 'agent-2', 'MESSAGE', 'IN_APP', now(), 1, 'agent-2', 'SENT', now()) RETURNING id");
$node->query(
	"INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at) VALUES ('$application', $sent, 1, now());
	INSERT INTO appt.provider_message (application_id, provider_message_id, attempt_id) SELECT application_id, 'SM-1', id FROM appt.attempt"
);
my ($ended, $cancelled) = map { $tenant->schedule } 1, 2;
$node->query("SELECT appt.cancel_appointment('$cancelled'); SELECT appt.end_appointment('$ended')");
my %sound = (
	'archive_appointment.id' => $ended,
	'reopen_appointment.id' => $cancelled,
	'send_notification.participant_ids' => "{$customer}",
	'inbox.before' => $message,
	page_size => 25,
	provider_message_id => 'SM-1',
	receipt => 'DELIVERED',
	line_id => $line,
	'set_preference.type' => 'APPOINTMENT_REMINDER',
	custom_phone => '+306900000000',
	backup_phone => '+306900000000',
	from_number => '+306900000000',
	to_number => '+302100000000',
	received_at => '2030-01-01 00:00+00',
	'resend_notification.notification_id' => $sent,
	'notification_series.until' => '2030-01-02 00:00+00',
	'resend_notifications.max' => 10,
	'retry_notifications.reason' => 'REJECTED',
	'retry_notifications.max' => 10,
	'address_is_valid.address' => 'ann@example.org',
	'preference_is_valid.type' => 'APPOINTMENT_REMINDER',
	'send_sample_notification.type' => 'CALL',
	types => '{CALL}',
	application_id => $application,
	organization_id => $tenant->organization,
	appointment_id => $appointment,
	id => $appointment,
	'rotate_subscription_key.id' => $subscription,
	'node_of.id' => $notification,
	subscription_id => $subscription,
	participant_id => $customer,
	notification_id => $notification,
	name => 'a name',
	platform => 'STANDALONE',
	agent_scope => 'OWN',
	url => 'https://hooks.example/b',
	'set_provider.url' => 'smtp://mail.example',
	'set_provider.inbound_secret' => '',
	'provider_is_valid.url' => 'smtp://mail.example',
	room_url => 'https://room.example',
	public_url => 'https://api.example',
	token_url => 'https://auth.example',
	sender => 'a@example.org',
	kind => 'SMTP',
	channel => 'EMAIL',
	type => 'REMINDER',
	auth => 'OAUTH2',
	token_auth => 'BODY',
	username => 'me',
	secret => 'word',
	hmac_key => 'key',
	locale => 'en',
	timezone => 'UTC',
	calling_code => '+49',
	organizer_id => 'agent',
	'code_is_valid.code' => 'EMAIL',
	'code_is_valid.codes' => 'EMAIL, SMS',
	template => 'Hello {{firstName}} {{dd-MM-yyyy}}',
	title => 'A title',
	notes => 'n',
	location => 'l',
	'page_key_is_valid.key' => 'page.title',
	'respond.action' => 'RESCHEDULE',
	reason => 'r',
	contact => 'ann@example.org',
	'contact_is_valid.contact' => '{"name": "Desk"}',
	'branding_is_valid.branding' => '{"color": "#1a56db"}',
	'create_application.branding' => '{"color": "#1a56db"}',
	'create_application.contact' => '{"name": "Desk"}',
	'create_application.short_url' => 'https://s.example',
	sender_image => '\xffd8ff',
	meeting_type => 'VIDEO',
	significant_fields => '{start_at}',
	meeting_template_id => $template,
	code => '123456',
	email => 'appointments@example.org',
	to_email => 'ann@example.org',
	to_phone => '+306900000000',
	'send_test_sms.channel' => 'SMS',
	address => 'ann@example.org',
	'suppress.reason' => 'BLOCKED',
	'send_message.recipient' => 'ann@example.org',
	'send_message.due_at' => '2029-01-01 00:00+00',
	'cancel_message.notification_id' => $unsent,
	'notify_users.type' => 'MENTION',
	'notify_users.user_ids' => '{agent}',
	'notify_users.line_id' => $line,
	'notify_users.contact' => '{"name": "Bob", "phone": "+306900000000"}',
	user_id => 'agent-2',
	ticket => $ticket,
	settings => '{}',
	headers => '[]',
	notification_headers => '{}',
	metadata => '{}',
	customer => '{"name": {"firstName": "Bob"}}',
	interaction => '{}',
	data => '{"start_at": "2030-01-01T00:00:00Z", "firstName": "Ann"}',
	start_at => '2030-01-01 00:00+00',
	'find_appointments.organizer_id' => '{agent}',
	'find_appointments.duration' => '{1 hour}',
	range => '[2030-01-01 00:00+00,2030-02-01 00:00+00)',
	sort_field => 'title',
	sort_order => 'desc',
	at => '2030-01-01 00:00+00',
	duration => '1 hour',
	time_offset => '1 hour',
	max_overlap => 1,
	room_code_length => 9,
	max_concurrency => 1,
	max_per_second => 1,
	max_attempts => 1,
	rule_id => $node->query("SELECT min(id) FROM appt.rule WHERE type = 'REMINDER' AND channel = 'EMAIL'"),
	text_body => 'x',
	subject => 'x',
	html_body => 'x');
my %sound_of_type = (
	_text => '{}',
	_int8 => '{1}',
	_interval => '{}',
	tstzrange => '(,)',
	text => 'x',
	uuid => $application,
	timestamptz => '2030-01-01 00:00+00',
	interval => '1 hour',
	time => '07:00',
	json => '{}',
	jsonb => '{}',
	bytea => '\x00',
	bool => 'true',
	int4 => 1,
	int8 => 1,
	numeric => 1);

my @functions = map { [ split /\|/ ] } split /\n/, $node->query("
	SELECT p.proname, p.pronargs, coalesce((SELECT string_agg(t.typname, ',' ORDER BY a.ordinality)
		FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY a (type, ordinality) JOIN pg_type t ON t.oid = a.type), ''),
		coalesce(array_to_string((p.proargnames::text[])[1:p.pronargs], ','), ''), p.prorettype = 'trigger'::regtype, p.proparallel
	FROM pg_proc p WHERE p.pronamespace = 'appt'::regnamespace ORDER BY 1");
cmp_ok(scalar @functions, '>', 30, 'there are functions');

my $force_parallel = $node->query("SELECT name FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query')");

# An invented code is refused.
my %refused = (
	# Not for a superuser, and not once rows are numbered.
	act_as => '42501',
	count_sending => 'PT409',
	set_node => 'PT409',
	unsubscribe => 'PT404',
	respond => 'PT404',
	confirm_custom_phone => 'PT404',
	confirm_email_verification => 'PT404',
	schedule_appointment_as_customer => 'PT401');

# Errors that must not occur: internal, out of memory, data corrupted, a constraint's (with the row in its DETAIL).
my $improper = qr/^(?:XX|53|58|23)/;

foreach my $function (@functions)
{
	my ($name, $count, $types, $names, $is_trigger, $parallel) = @$function;
	# Functions of any type get text.
	my @types = map { s/^anyelement$/text/r } split /,/, $types;
	my @names = split /,/, $names;
	my @unknown = grep { !$extremes{$_} } @types;
	is("@unknown", '', "$name: all types have extremes");

	if ($is_trigger eq 't')
	{
		my ($found) = sqlstates(["SELECT appt.$name()"]);
		is($found, '39P01', "$name: refused but as a trigger");
		next;
	}
	my @sound = map { my $i = $_; literal($sound{"$name.$names[$i]"} // $sound{ $names[$i] } // $sound_of_type{ $types[$i] }, $types[$i]) }
		0 .. $count - 1;
	my @calls = (call($name, @sound));
	foreach my $i (0 .. $count - 1)
	{
		foreach my $extreme ("NULL", @{ $extremes{ $types[$i] } // [] })
		{
			my @arguments = @sound;
			$arguments[$i] = "($extreme)::$types[$i]";
			push @calls, call($name, @arguments);
		}
	}
	push @calls, call($name, map { "NULL::$_" } @types), pairs($name, \@types, \@sound);
	my @states = sqlstates(\@calls);
	is($states[0], $refused{$name} // '00000', "$name: sound arguments are");
	my @bad = grep { $states[$_] =~ $improper || $states[$_] eq 'crash' } 0 .. $#calls;
	is(scalar @bad, 0, "$name: " . @calls . ' calls') or diag(join "\n", map { "$states[$_]: " . substr($calls[$_], 0, 500) } @bad);
	next if $parallel ne 's';
	my @in_worker = sqlstates(\@calls, "SET $force_parallel = on;");
	is("@in_worker", "@states", "$name: the same in a parallel worker");
}
# The compatible API: what its functions make of texts and bodies before they call the one of appt.
foreach my $function (
	split /\n/,
	$node->query("SELECT proname || '|' || array_to_string(proargtypes::regtype[], ',') FROM pg_proc
		WHERE pronamespace = 'appt_rest'::regnamespace AND proargtypes::regtype[] <@ '{text,jsonb}' ORDER BY 1"))
{
	my ($name, $signature) = split /\|/, $function, -1;
	my @types = split /,/, $signature;
	my @calls = map {
		my $place = $_;
		map {
			my $extreme = $_;
			"SELECT appt_rest.$name(" . join(', ', map { ($_ == $place ? "($extreme)" : 'NULL') . "::$types[$_]" } 0 .. $#types) . ')'
		} @{ $extremes{ $types[$place] } }, @texts_of_clients
	} 0 .. $#types;
	my @states = sqlstates(\@calls);
	my @bad = grep { $states[$_] =~ $improper || $states[$_] eq 'crash' } 0 .. $#calls;
	is(scalar @bad, 0, "appt_rest.$name: " . @calls . ' calls') or diag(join "\n", map { "$states[$_]: " . substr($calls[$_], 0, 500) } @bad);
}
is($node->query('SELECT count(*) FROM appt.appointment'), 3, 'all was rolled back');
unlike($node->log_since(0), qr/PANIC|terminated by signal|TRAP:/, 'no process died');

sub literal
{
	my ($value, $type) = @_;

	$value =~ s/'/''/g;
	return "'$value'::$type";
}

sub call
{
	my ($name, @arguments) = @_;

	return "SELECT * FROM appt.$name(" . join(', ', @arguments) . ')';
}

# Times and durations at their extremes together.
sub pairs
{
	my ($name, $types, $sound) = @_;
	my @temporal = grep { $types->[$_] =~ /^(?:timestamptz|interval)$/ } 0 .. $#$types;
	my @calls;

	foreach my $first (@temporal)
	{
		foreach my $second (grep { $_ > $first } @temporal)
		{
			foreach my $one (@{ $extremes{ $types->[$first] } })
			{
				foreach my $other (@{ $extremes{ $types->[$second] } })
				{
					my @arguments = @$sound;
					@arguments[ $first, $second ] = ("($one)::$types->[$first]", "($other)::$types->[$second]");
					push @calls, call($name, @arguments);
				}
			}
		}
	}
	return @calls;
}

# The SQLSTATE of each statement, 00000 if it went well; each in a transaction that is rolled back.
sub sqlstates
{
	my ($statements, $settings) = @_;

	$settings //= '';
	my ($output, $errors);
	my $script = join '', map { "BEGIN;\n$_;\n\\echo state :LAST_STATE:SQLSTATE\nROLLBACK;\n" } @$statements;

	$script =~ s/:LAST_STATE//g;
	$node->psql(
		'postgres', "SET client_min_messages = error; SET statement_timeout = '60s'; $settings\n\\o /dev/null\n$script",
		stdout => \$output,
		stderr => \$errors,
		on_error_stop => 0);
	my @states = $output =~ /^state (\w{5})$/mg;
	push @states, 'crash' while @states < @$statements;
	return @states;
}

$node->stop;
done_testing();
