# One-time codes with a worker, several sessions and PostgREST's way of calling: they arrive, open what they are for, stand
# nowhere else, and do not give way to guessing. (What becomes of limits where transactions are undone: 048_code_limits.pl.)
use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Tenant;
use IPC::Run;
use JSON::PP qw(decode_json encode_json);
use MIME::QuotedPrint qw(decode_qp);
use PostgreSQL::Test::Utils;
use Test::More;

my $mail = Appt::Peers->smtp;
my $node = Appt::Cluster->create('main', conf => <<'END');
appt.trust_forwarded_for = on
log_min_messages = debug1
log_statement = all
log_min_duration_statement = 0
log_parameter_max_length = -1
log_parameter_max_length_on_error = -1
log_error_verbosity = verbose
log_line_prefix = '%m %b '
session_preload_libraries = auto_explain
auto_explain.log_min_duration = 0
auto_explain.log_analyze = on
auto_explain.log_verbose = on
auto_explain.log_nested_statements = on
END

# Callers must hide their own guesses: sessions that guess log nothing, those that request codes log everything.
$node->query(<<'END');
CREATE EXTENSION appt_test;
CREATE ROLE postgrest LOGIN IN ROLE appt_authenticator;
CREATE ROLE guesser LOGIN IN ROLE appt_authenticator, appt_service;
ALTER ROLE guesser SET log_statement = none;
ALTER ROLE guesser SET log_min_duration_statement = -1;
ALTER ROLE guesser SET log_min_error_statement = panic;
ALTER ROLE guesser SET auto_explain.log_min_duration = -1;
END
my $tenant = Appt::Tenant->create($node, calling_code => '30');
my $application = $tenant->application;
$tenant->email($mail->url, sender => 'Bank <info@bank.example>');
my @sent;    # all codes that went out

# PostgREST requests a code, anonymously; it arrives, and books one appointment.
{
	my $asked = call('postgrest', 'request_customer_code', { application_id => $application, contact => 'ann@example.org' });
	is($asked->{error}, '', 'anonymous asks for a code');
	my $code = code_for('ann@example.org');
	like($code, qr/^\d{6}$/, 'which arrives by email');
	my $booked = book('ann@example.org', $code, customer => { name => { firstName => 'Ann' } });
	is($booked->{state}, '', 'and opens an appointment');
	is($booked->{body}{organizer}{type}, 'CUSTOMER', 'that the customer organizes');
	ok(scalar($mail->wait_for(1, sub { $_->{message} =~ /^Subject: Confirmed/m && $_->{rcpt_to}[0] eq 'ann@example.org' })),
		'and is told of');
	my $again = book('ann@example.org', $code);
	is($again->{state}, 'PT401', 'a second time it opens nothing');
}

# Five wrong ones lock it: by PostgREST and by SQL.
foreach my $how ('PostgREST', 'SQL')
{
	my $contact = lc $how . '@example.org';
	my $code = ask($contact);
	my @answers = map {
		my $guess = $_;
		$how eq 'SQL' ? by_sql($contact, $guess) : book($contact, $guess)->{state}
	} wrong($code, 5), $code, $code;
	is("@answers", join(' ', ('PT401') x 7), "$how: six in a row are refused, and the right one after them");
	is($node->query("SELECT count(*) FROM appt.participant WHERE email = '$contact'"), 0, 'nothing was booked');
	my $new = ask($contact);
	is($how eq 'SQL' ? by_sql($contact, $new) : book($contact, $new)->{state}, '', 'a new code opens');
}

# Parallel guesses have no advantage: five are compared.
{
	$node->query("SELECT appt.initiate_email_verification('$application', 'info\@bank.example')");
	my $code = code_for('info@bank.example');
	my @wrong = wrong($code, 40);
	my @outputs = in_parallel(
		'guesser',
		map {
			join '', map { "SELECT appt.confirm_email_verification('$application', '$_');\n" } splice @wrong, 0, 5
		} 1 .. 8);
	my %count;
	$count{$_}++ foreach join('', @outputs) =~ /ERROR:  (\w{5})/g;
	is_deeply(\%count, { PT400 => 5, PT404 => 35 }, 'of forty guesses in eight sessions five are compared');
}

# The right code in parallel calls books one appointment.
{
	my $code = ask('par@example.org');
	in_parallel('guesser',
		("SELECT appt.schedule_appointment_as_customer('$application', 'par\@example.org', '$code', now(), '1 hour');\n") x 8);
	is($node->query("SELECT count(*) FROM appt.participant WHERE email = 'par\@example.org'"),
		1, 'a code used in eight sessions at once books once');
}

# Of many customers as many succeed as the capacity allows; the others' codes stay valid.
{
	my $full = Appt::Tenant->create($node, max_overlap => 3);
	my $id = $full->application;
	$full->email($mail->url);
	my @contacts = map { "k$_\@example.org" } 1 .. 8;
	$node->query(join ';', map { "SELECT appt.request_customer_code('$id', '$_')" } @contacts);
	my %code = map { $_ => code_for($_) } @contacts;
	my @outputs = in_parallel('guesser',
		map { "SELECT 'booked' FROM appt.schedule_appointment_as_customer('$id', '$_', '$code{$_}', '2031-01-01 10:00Z', '1 hour');\n" }
			@contacts);
	is(scalar(grep { /^booked$/m } @outputs), 3, 'of eight customers three find a place');
	is(scalar(grep { /PT409/ } @outputs), 5, 'the others are told that there is none');
	$node->query("UPDATE appt.application SET max_overlap = 8 WHERE id = '$id'");
	my ($loser) = grep { $outputs[$_] =~ /PT409/ } 0 .. 7;
	is( guess(
			"SELECT count(id) FROM appt.schedule_appointment_as_customer('$id', '$contacts[$loser]', '$code{$contacts[$loser]}',
				'2031-01-01 10:00Z', '1 hour')"
		),
		1,
		'and come in with the same code later');
}

# Limits are exact however many ask at once, and whatever snapshot they have.
{
	my $other = Appt::Tenant->create($node);
	my $id = $other->application;
	my @outputs = in_parallel('postgres', ("SELECT appt.request_customer_code('$id', 'mob\@example.org');\n" x 2) x 8);
	is(refusals(@outputs), 13, 'of 16 requests of one contact 3 are granted');
	$node->refused_with(
		'PT429',
		"BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1; SELECT appt.request_customer_code('$id', 'mob\@example.org')",
		'at any isolation level');
	my $from = "SELECT set_config('request.headers', '{\"x-forwarded-for\": \"198.51.100.1, 203.0.113.7\"}', false);\n";
	@outputs = in_parallel(
		'postgrest',
		map {
			my $s = $_;
			$from . "SET ROLE appt_anonymous;\n" . join '',
				map { "SELECT appt.request_customer_code('$id', 'c$s$_\@example.org');\n" }
				1 .. 4
		} 1 .. 8);
	is(refusals(@outputs), 12, 'of 32 requests of one client 20 are granted');
	is($node->query("SELECT string_agg(DISTINCT abbrev(client_address), ' ') FROM appt.one_time_code WHERE application_id = '$id'"),
		'203.0.113.7', 'whose address the last proxy tells');
	$node->query("SELECT appt.request_customer_code('$id', 'f' || i || '\@example.org') FROM generate_series(1, 267) i");
	@outputs = in_parallel(
		'postgres',
		map {
			my $s = $_;
			join '', map { "SELECT appt.request_customer_code('$id', 'd$s$_\@example.org');\n" } 1 .. 3
		} 1 .. 8);
	is(refusals(@outputs), 14, 'of 314 requests of an application 300 are granted');
	is($node->query("SELECT count(*) FROM appt.notification WHERE application_id = '$id'"), 300, 'and no others are sent');

	# Two transactions with the same snapshot cannot both book the last slot.
	my $first = session('postgres', "BEGIN ISOLATION LEVEL REPEATABLE READ;\nSELECT 1;\nSELECT 'asks';\n");
	$first->{handle}->pump until $first->{out} =~ /^asks$/m;
	ask($_) foreach ('late@example.org') x 3;
	$first->{in} .= "SELECT appt.request_customer_code('$application', 'late\@example.org');\n\\q\n";
	$first->{handle}->finish;
	like($first->{out}, qr/PT429/, 'an old snapshot counts what was asked for since');
}

# Where only verified senders may send, the code goes out, and what it confirms makes the rest go.
{
	my $strict = Appt::Tenant->create($node);
	my $id = $strict->application;
	$strict->email($mail->url, sender => 'Strict <me@Strict.example>');
	$node->query("UPDATE appt.organization SET require_verified_sender = true WHERE id = '" . $strict->organization . "'");
	my $before = $node->query("SELECT appt.send_test_email('$id', 'admin\@strict.example')");
	ok($strict->settled, 'a test is settled');
	is($node->query("SELECT state || ' ' || reason FROM appt.notification WHERE id = $before"), 'SKIPPED SENDER_NOT_VERIFIED', 'unsent');
	my $claims = { sub => 'admin', organization_id => $strict->organization };
	is( call(
			'postgrest', 'initiate_email_verification', { application_id => $id, email => 'me@strict.example' },
			role => 'appt_admin',
			claims => $claims)->{error},
		'',
		'the admin asks for a code');
	my $code = code_for('me@Strict.example');
	my ($wrong) = wrong($code, 1);
	is( call('guesser', 'confirm_email_verification', { application_id => $id, code => $wrong }, role => 'appt_admin', claims => $claims)
			->{state},
		'PT400',
		'a wrong one is refused');
	my $right =
		call('guesser', 'confirm_email_verification', { application_id => $id, code => $code }, role => 'appt_admin', claims => $claims);
	is("$right->{status} $right->{body}", '204 1', 'the right one 204');
	is($node->query("SELECT count(*) FROM appt.provider WHERE application_id = '$id' AND verified_at IS NOT NULL"),
		1, 'the sender is verified');
	my $test = $node->query(
		"SELECT appt.send_test_email('$id', 'admin\@strict.example', locale => 'de', timezone => 'Europe/Berlin', period => '2 hours',
		subject => 'Hallo {{firstName}}', text_body => '{{title}} {{yyyy}}')");
	ok($strict->settled, 'the next test is settled');
	is( $node->query(
			"SELECT concat_ws(' ', l.state, l.outcome, l.recipient, l.subject, t.text_body) FROM appt.notification_log l
				JOIN appt.attempt t USING (notification_id) WHERE notification_id = $test"
		),
		'SENT DELIVERED admin@strict.example Hallo Maria Sample appointment '
			. $node->query("SELECT extract(year FROM (now() + interval '2 hours') AT TIME ZONE 'Europe/Berlin')"),
		'sent, and in the log with its words') or diag($node->query("SELECT * FROM appt.notification_log WHERE notification_id = $test"));
}

# A mail server that repeats the message in its answer.
foreach my $reply ([], [ '--reply', '550 5.7.1 spam:' ])
{
	my $echo = Appt::Peers->smtp('--echo', @$reply);
	my $repeated = Appt::Tenant->create($node, max_attempts => 1);
	$repeated->email($echo->url);
	$node->query("SELECT appt.request_customer_code('" . $repeated->application . "', 'ann\@example.org')");
	my ($entry) = $echo->wait_for(1);
	my $code = code_in($entry->{message});
	like($entry->{reply}, qr/$code/, 'an answer repeats the code');
	push @sent, $code;
	ok($repeated->settled, 'it is settled');
	is( $node->query(
			"SELECT concat_ws(' ', outcome, status_code, response, error) FROM appt.attempt WHERE application_id = '"
				. $repeated->application . "'"),
		@$reply ? 'FAILED 550 the receiver answered with status 550' : 'DELIVERED 250',
		'and the log does not');
	$echo->stop;
}

# By text message, over a gateway that repeats it.
{
	my $gateway = Appt::Peers->webhook;
	my $texts = Appt::Tenant->create($node, calling_code => '30');
	my $id = $texts->application;
	$node->query("SELECT appt.set_provider('$id', 'SMS', 'HTTP', '" . $gateway->url('/echo') . "', sender => 'Bank')");
	is(call('postgrest', 'request_customer_code', { application_id => $id, contact => '0690 000 0000' })->{error},
		'', 'anonymous asks for a text message');
	my ($entry) = $gateway->wait_for(1);
	my $message = decode_json($entry->{body});
	is($message->{to}, '+306900000000', 'which goes to the number');
	my ($code) = $message->{text} =~ /(\d{6}) is your code/;
	push @sent, $code;
	ok($texts->settled, 'it is settled');
	is( $node->query(
			"SELECT concat_ws(' ', outcome, status_code, response, error, text_body, provider_message_id) FROM appt.attempt
				WHERE application_id = '$id'"
		),
		'DELIVERED 200',
		'and the log has none of its words');
	my $booked = call(
		'guesser',
		'schedule_appointment_as_customer',
		{ application_id => $id, contact => '+30 6900000000', code => $code, start_at => '2031-01-01T10:00:00Z', duration => 'PT30M' });
	is($booked->{body}{organizer}{type}, 'CUSTOMER', 'its code opens an appointment');
	is($node->query("SELECT phone FROM appt.participant WHERE application_id = '$id'"), '+306900000000', 'of that number');
	my $test = $node->query("SELECT appt.send_test_sms('$id', '0690 000 0000', text_body => 'Hello {{firstName}}')");
	ok($texts->settled, 'a test message is settled');
	is( $node->query(
			"SELECT l.state || ' ' || t.text_body FROM appt.notification_log l JOIN appt.attempt t USING (notification_id)
				WHERE notification_id = $test"
		),
		'SENT Hello Maria',
		'sent, and in the log');
	$gateway->stop;
}

# A custom template does not bring a code into the log.
{
	my $own = Appt::Tenant->create($node);
	$own->email($mail->url);
	$node->query("INSERT INTO appt.template (application_id, type, channel, locale, subject, text_body) VALUES ('"
			. $own->application
			. "', 'CODE', 'EMAIL', 'en', '{{code}} it is', 'Code: {{code}}')");
	$node->query("SELECT appt.request_customer_code('" . $own->application . "', 'own\@example.org')");
	my $code = code_for('own@example.org');
	my ($entry) = $mail->wait_for(1, sub { $_->{rcpt_to}[0] eq 'own@example.org' });
	like($entry->{message}, qr/^Subject: $code it is/m, 'a subject may have the code');
	ok($own->settled, 'it is sent');
}

# The codes are stored nowhere. The search ignores fractions of seconds and hexadecimal numbers.
cmp_ok(scalar @sent, '>', 12, 'codes were sent');
my $any = '(?<![0-9a-f.])(?:' . join('|', @sent) . ')(?![0-9a-f])';
foreach my $table (split /\n/,
	$node->query("SELECT oid::regclass FROM pg_class WHERE relnamespace = 'appt'::regnamespace AND relkind IN ('r', 'v')"))
{
	my @found = $node->query("SELECT t::text FROM $table t") =~ /.{0,60}$any.{0,60}/g;
	is(scalar @found, 0, "$table holds none") or diag("@found");
}
unlike($node->query('SELECT string_agg(query, chr(10)) FROM pg_stat_activity WHERE pid <> pg_backend_pid()'),
	qr/$any/, 'activity shows none');
my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump.sql';
command_ok([ 'pg_dump', '-f', $dump, '-d', $node->connstr('postgres') ], 'a dump is made');
like(slurp_file($dump), qr/ann\@example\.org/, 'of what there is');
unlike(slurp_file($dump), qr/$any/, 'and has none');

# After a restart old codes are invalid, new ones valid; the limits continue to count.
{
	ask('res@example.org');
	my $code = ask('res@example.org');
	$node->restart;
	is(book('res@example.org', $code)->{state}, 'PT401', 'no code outlives the server');
	my $new = ask('res@example.org');
	$node->refused_with('PT429', "SELECT appt.request_customer_code('$application', 'res\@example.org')", 'its requests count');
	is(book('res@example.org', $new)->{state}, '', 'a new one opens');
}

# Old rows are deleted gradually, except those that limits count and those of appointments.
{
	my $used = $node->query('SELECT count(*) FROM appt.one_time_code WHERE appointment_id IS NOT NULL');
	$node->query(
		"UPDATE appt.one_time_code SET requested_at = requested_at - interval '2 hours', expires_at = expires_at - interval '2 hours'
			WHERE contact <> 'res\@example.org'"
	);
	my ($worker) = $node->wait_for_workers;
	$node->query("SELECT pg_terminate_backend($worker)");
	ok( $node->wait_for_query(
			"SELECT string_agg(DISTINCT contact, ' ') FROM appt.one_time_code WHERE appointment_id IS NULL",
			'res@example.org'),
		'codes of yore are gone');
	is($node->query('SELECT count(*) FROM appt.one_time_code WHERE appointment_id IS NULL'), 2, 'those of today are not');
	is($node->query('SELECT count(*) FROM appt.one_time_code WHERE appointment_id IS NOT NULL'),
		$used, 'nor those that opened an appointment');
}

$node->stop;
my @leaks = grep { /$any/ } split /\n/, slurp_file($node->logfile);
is(scalar @leaks, 0, 'the log has none') or diag(join "\n", map { substr($_, 0, 400) } @leaks[ 0 .. ($#leaks > 9 ? 9 : $#leaks) ]);
cmp_ok(-s $node->logfile, '>', 200_000, 'and the log is talkative');
done_testing();

# The code in a message.
sub code_in
{
	my ($message) = @_;
	my ($code) = decode_qp($message) =~ /\s(\d{6})\s/;

	return $code;
}

# The code that arrived last at an address; each is taken once.
my %taken;

sub code_for
{
	my ($address) = @_;
	my @messages = $mail->wait_for(1, sub { $_->{rcpt_to}[0] eq $address && !$taken{ $_->{number} } && $_->{message} =~ /code/i });
	my $code = code_in($messages[-1]{message});

	$taken{ $_->{number} } = 1 foreach @messages;
	push @sent, $code;
	return $code;
}

sub ask
{
	my ($contact) = @_;

	$node->query("SELECT appt.request_customer_code('$application', '$contact')");
	return code_for($contact);
}

# This many other codes, all different.
sub wrong
{
	my ($code, $count) = @_;

	return map { sprintf '%06d', ($code + $_) % 1_000_000 } 1 .. $count;
}

# A call as PostgREST makes it: one transaction, everything set in it, arguments from a JSON object.
sub call
{
	my ($login, $function, $arguments, %more) = @_;
	my $role = $more{role} // 'appt_anonymous';
	my %settings = (
		search_path => '"appt"',
		role => $role,
		'request.jwt.claims' => encode_json({ role => $role, %{ $more{claims} // {} } }),
		'request.method' => 'POST',
		'request.path' => "/rpc/$function",
		'request.headers' => '{"host": "api.example", "content-type": "application/json"}',
		'request.cookies' => '{}');
	my $settings = join ', ', map { "pg_catalog.set_config('$_', '$settings{$_}', true)" } sort keys %settings;
	my @arguments = split /\|/, $node->query(
		"SELECT string_agg(format('%I %s', name, format_type(type, NULL)), '|' ORDER BY ordinality) FROM pg_proc,
			unnest(proargnames[:pronargs], proargtypes::oid[]) WITH ORDINALITY a (name, type, ordinality)
		WHERE proname = '$function' AND pronamespace = 'appt'::regnamespace AND name = ANY ('{" . join(',', keys %$arguments) . "}')");
	my @names = map { (split / /)[0] } @arguments;
	my $call = "appt.$function(" . join(', ', map { "$_ := pgrst_body.$_" } @names) . ')';
	my $json = encode_json($arguments) =~ s/'/''/gr;
	my ($output, $errors);

	$node->psql(
		'postgres', "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
SELECT $settings;
WITH pgrst_source AS (WITH pgrst_payload AS (SELECT '$json'::json AS json_data),
	pgrst_body AS (SELECT x.* FROM pgrst_payload, LATERAL json_to_record(json_data) AS x(" . join(', ', @arguments) . "))
	SELECT pgrst_call.* FROM pgrst_body, LATERAL $call pgrst_call)
SELECT 'answer ' || json_build_object('body', (coalesce(json_agg(_postgrest_t)->0, 'null')), 'status',
	coalesce(nullif(current_setting('response.status', true), ''), ''))
FROM (SELECT pgrst_source.* FROM pgrst_source) _postgrest_t;
COMMIT;",
		stdout => \$output,
		stderr => \$errors,
		on_error_stop => 0,
		extra_params => [ '-U', $login, '-v', 'VERBOSITY=verbose' ]);
	my $answer = $output =~ /^answer (.*)$/m ? decode_json($1) : {};
	# The result of a scalar function is in a column named as the function's alias.
	$answer->{body} = $answer->{body}{pgrst_call} if ref $answer->{body} eq 'HASH' && exists $answer->{body}{pgrst_call};
	my ($state) = ($errors // '') =~ /ERROR:  (\w{5}):/;
	return { %$answer, error => $errors // '', state => $state // '' };
}

sub book
{
	my ($contact, $code, %more) = @_;
	my $customer = $more{customer} ? { customer => $more{customer} } : {};

	return call(
		'guesser',
		'schedule_appointment_as_customer',
		{   application_id => $application,
			contact => $contact,
			code => $code,
			start_at => '2031-01-01T10:00:00Z',
			duration => 'PT30M',
			%$customer });
}

# A query of a session that hides what it guesses.
sub guess
{
	my ($sql) = @_;

	return $node->safe_psql('postgres', $sql, extra_params => [ '-U', 'guesser' ]);
}

# The same by SQL: the SQLSTATE of the error, if any.
sub by_sql
{
	my ($contact, $code) = @_;
	my $errors;

	$node->psql(
		'postgres',
		"SELECT id FROM appt.schedule_appointment_as_customer('$application', '$contact', '$code', now() + interval '1 day', '1 hour')",
		stderr => \$errors,
		extra_params => [ '-U', 'guesser', '-v', 'VERBOSITY=verbose' ]);
	return ($errors // '') =~ /ERROR:  (\w{5}):/ ? $1 : $errors;
}

# A psql session as a hash of handle, in and out.
sub session
{
	my ($login, $commands) = @_;
	my $session = { in => $commands, out => '' };

	$session->{handle} = IPC::Run::start(
		[   'psql', '-X', '-q', '-A', '-t', '-v', 'VERBOSITY=verbose', '-d',
			$node->connstr('postgres') . ($login eq 'postgres' ? '' : " user=$login") ],
		'<',
		\$session->{in},
		'>',
		\$session->{out},
		'2>',
		\$session->{out});
	return $session;
}

# Runs each script in a session of its own, all at once from one moment on; their outputs.
sub in_parallel
{
	my ($login, @scripts) = @_;
	my $lock = "SELECT pg_advisory_lock_shared(42);\n";
	my $gate = session('postgres', "SELECT pg_advisory_lock(42);\nSELECT 'shut';\n");

	$gate->{handle}->pump until $gate->{out} =~ /^shut$/m;
	my @sessions = map { session($login, "$lock$_\\q\n") } @scripts;
	$_->{handle}->pump_nb foreach @sessions;
	$node->wait_for_query("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 42 AND NOT granted", scalar @scripts);
	$gate->{in} .= "\\q\n";
	$_->{handle}->finish foreach $gate, @sessions;
	return map { $_->{out} } @sessions;
}

sub refusals { return scalar(() = join('', @_) =~ /PT429/g); }
