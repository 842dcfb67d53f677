# Limits of one-time codes hold where transactions are undone, a session asks and guesses by itself, or a tenant floods; and a
# used code with the very same arguments returns what it opened.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Session;
use Appt::Tenant;
use Test::More;

my $node = Appt::Cluster->create('main', conf => 'appt.enabled = off');
$node->query('CREATE EXTENSION appt_test');
my $tenant = Appt::Tenant->create($node);
my $application = $tenant->application;

# A call of schedule_appointment_as_customer; the code is an expression.
sub booking
{
	my ($contact, $code, %more) = @_;
	my $of = $more{of} // $application;
	my $start = $more{start_at} // '2031-01-01 10:00Z';
	my $more = $more{more} // '';

	return "appt.schedule_appointment_as_customer('$of', '$contact', $code, '$start', '1 hour'$more)";
}

sub ask
{
	my ($contact, $of) = @_;
	my $id = $of // $application;

	$node->query("SELECT appt.request_customer_code('$id', '$contact')");
	return $node->query("SELECT appt_test.latest_code('$id', 'CUSTOMER', '$contact')");
}

# Runs a PL/pgSQL block so often in one transaction, each time undone if it fails: how many ended with which SQLSTATE.
sub outcomes
{
	my ($count, $block) = @_;
	my $errors;

	$node->psql(
		'postgres', "DO \$\$ DECLARE outcome text[]; state text; BEGIN
	FOR i IN 1 .. $count LOOP
		state := 'done';
		BEGIN
			$block
		EXCEPTION WHEN OTHERS THEN
			state := SQLSTATE;
		END;
		outcome := outcome || state;
	END LOOP;
	RAISE NOTICE 'outcomes: %', (SELECT string_agg(o || ' ' || n, ', ' ORDER BY o)
		FROM (SELECT o, count(*) n FROM unnest(outcome) o GROUP BY o) c);
END \$\$", stderr => \$errors);
	my ($outcomes) = $errors =~ /outcomes: (.*)/;
	return $outcomes // $errors;
}

# A code other than that one, as an expression.
sub wrong { return sprintf "'%06d'", ($_[0] + $_[1]) % 1_000_000; }

subtest 'asking and guessing in one transaction' => sub {
	is( outcomes(
			30, "PERFORM appt.request_customer_code('$application', 'sue\@example.org');
			FOR j IN 1 .. 5 LOOP
				BEGIN
					PERFORM " . booking('sue@example.org', "lpad((i * 5 + j)::text, 6, '0')") . ";
				EXCEPTION WHEN SQLSTATE 'PT401' THEN
				END;
			END LOOP;
			RAISE EXCEPTION USING ERRCODE = 'UNDO0';"),
		'PT429 27, UNDO0 3',
		'three requests that are undone are granted, and no more');
	is($node->query("SELECT count(*) FROM appt.one_time_code WHERE contact = 'sue\@example.org'"), 0, 'none left a row');
	$node->refused_with(
		'PT429',
		"SELECT appt.request_customer_code('$application', 'sue\@example.org')",
		'they count after the transaction');
	is( outcomes(
			3,
			"PERFORM appt.request_customer_code('$application', 'sam\@example.org'); PERFORM "
				. booking('sam@example.org', "appt_test.latest_code('$application', 'CUSTOMER', 'sam\@example.org')") . ';'),
		'PT401 3',
		'not even the right code opens anything in the transaction that asked for it');

	my $own = Appt::Session->open($node);
	my $right = booking('sid@example.org', "appt_test.latest_code('$application', 'CUSTOMER', 'sid\@example.org')");
	$own->run("BEGIN; SAVEPOINT one; SELECT appt.request_customer_code('$application', 'sid\@example.org'); RELEASE one; SAVEPOINT two");
	$own->start("SELECT id FROM $right");
	is($own->end, 'PT401', 'nor from another savepoint');
	$own->run('ROLLBACK TO two; COMMIT');
	$own->run("BEGIN; SELECT id FROM $right");
	$own->run('ROLLBACK');
	like($node->query("SELECT id FROM $right"), qr/^[0-9a-f-]{36}$/, 'once that is committed, it does');

	$node->refused_with(
		'PT404', "BEGIN; SELECT appt.set_provider('$application', 'EMAIL', 'SMTP', 'smtp://mail.example', 'me\@sender.example');
		SELECT appt.initiate_email_verification('$application', 'me\@sender.example');
		SELECT appt.confirm_email_verification('$application', appt_test.latest_code('$application', 'SENDER', 'me\@sender.example'))",
		'the same of a sender\'s code');
};

subtest 'guesses that are undone' => sub {
	my $code = ask('gus@example.org');
	is(outcomes(4, 'PERFORM ' . booking('gus@example.org', wrong($code, 1)) . ';'),
		'PT401 4', 'four wrong ones in a handler of exceptions');
	$node->psql('postgres', 'BEGIN; SELECT ' . booking('gus@example.org', wrong($code, 2)) . '; ROLLBACK');
	$node->refused_with('PT401', 'SELECT ' . booking('gus@example.org', "'$code'"), 'and a fifth lock the code');
	is($node->query("SELECT count(*) FROM appt.participant WHERE email = 'gus\@example.org'"), 0, 'nothing was booked');
};

subtest 'who asks waits for nobody' => sub {
	my ($one, $two) = map { Appt::Session->open($node) } 1 .. 2;
	$one->run("BEGIN; SELECT appt.request_customer_code('$application', 'one\@example.org')");
	$two->start("SELECT appt.request_customer_code('$application', 'two\@example.org')");
	ok(!$two->is_blocked, 'another contact asks while a transaction that asked is open');
	$two->start("SELECT appt.request_customer_code('$application', 'one\@example.org')");
	ok(!$two->is_blocked, 'and the same one');
	$two->run("SELECT appt.request_customer_code('$application', 'one\@example.org')");
	$two->start("SELECT appt.request_customer_code('$application', 'one\@example.org')");
	is($two->end, 'PT429', 'three times altogether');
	$one->run('ROLLBACK');
};

subtest 'errors tell what to do' => sub {
	my $code = ask('err@example.org');
	my $wrong = wrong($code, 1);
	my $log = $node->log_end;
	my $error = $node->refused_with('PT401', 'SELECT ' . booking('err@example.org', $wrong), 'a wrong code');
	like(
		$error,
		qr/no valid one-time code\nDETAIL:  It is not the code.*\nHINT:  Request another one with request_customer_code/,
		'has a message, a detail and a hint');
	is(scalar($node->log_since($log, 'STATEMENT.*' . $wrong)), 0, 'and is not in the log');
	$node->query("UPDATE appt.one_time_code SET expires_at = now() WHERE contact = 'err\@example.org'");
	is($node->refused_with('PT401', 'SELECT ' . booking('err@example.org', "'$code'"), 'an expired one'), $error, 'has the same');
	is($node->refused_with('PT401', 'SELECT ' . booking('nobody@example.org', "'$code'"), 'one that nobody asked for'), $error,
		'likewise');
};

subtest 'a used code with the very same arguments' => sub {
	my $code = ask('ann@example.org');
	my $call = booking('ann@example.org', "'$code'", more => q(, '{"name": {"firstName": "Ann"}}', title => 'A'));
	my $first = $node->query("SELECT a::text FROM $call a");
	my $planned = $node->query('SELECT count(*) FROM appt.notification');
	is($node->query("SELECT a::text FROM $call a"), $first, 'returns the same booking');
	is( $node->query("SET timezone = 'Asia/Tokyo'; SET intervalstyle = 'iso_8601'; SET datestyle = 'German'; SELECT id FROM $call"),
		$first =~ /([0-9a-f-]{36})/ && $1,
		'whatever the session\'s settings');
	is($node->query('SELECT count(*) FROM appt.notification'), $planned, 'plans nothing');
	is($node->query("SELECT count(*) FROM appt.participant WHERE email = 'ann\@example.org'"), 1, 'and books nothing');
	is( $node->query(
			"SELECT id FROM " . booking('ann@EXAMPLE.org', "'$code'", more => q(, '{"name": {"firstName": "Ann"}}', title => 'A'))),
		$first =~ /([0-9a-f-]{36})/ && $1,
		'for the same contact, however it is written');

	my $other = Appt::Tenant->create($node)->application;
	my $same = q(, '{"name": {"firstName": "Ann"}}', title => 'A');
	$node->refused_with('PT401', 'SELECT ' . booking('ann@example.org', "'$code'", @{ $_->[0] }), $_->[1])
		foreach [ [], 'with fewer arguments it is a used code' ], [ [ more => "$same, notes => ''" ], 'with another one' ],
		[ [ more => $same =~ s/Ann/Bob/r ], 'with another customer' ],
		[ [ more => $same, start_at => '2031-01-01 10:01Z' ], 'at another time' ],
		[ [ more => $same, of => $other ], 'in another application' ];
	$node->refused_with('PT401', 'SELECT ' . booking('bob@example.org', "'$code'", more => $same), 'for another contact');

	is( $node->query(
				  "SELECT id FROM appt.schedule_appointment_as_customer('$application', 'day\@example.org', '"
				. ask('day@example.org')
				. "', '2031-01-01 10:00Z', '1 day')"),
		$node->query("SELECT appointment_id FROM appt.one_time_code WHERE contact = 'day\@example.org'"),
		'a day is booked');
	$node->refused_with(
		'PT401',
		"SELECT appt.schedule_appointment_as_customer('$application', 'day\@example.org',
			appt_test.latest_code('$application', 'CUSTOMER', 'day\@example.org'), '2031-01-01 10:00Z', '24 hours')",
		'which is not written as 24 hours');

	# It is found among those that came after it, and changes are shown.
	my $newer = ask('ann@example.org');
	my ($id) = $first =~ /([0-9a-f-]{36})/;
	$node->query("SELECT appt.cancel_appointment('$id')");
	is($node->query("SELECT id || ' ' || state FROM $call"), "$id CANCELLED", 'a newer code takes nothing from it');
	my $second = $node->query('SELECT id FROM ' . booking('ann@example.org', "'$newer'", more => $same));
	isnt($second, $id, 'which opens another appointment, even with the same arguments');
	is($node->query('SELECT id FROM ' . booking('ann@example.org', "'$newer'", more => $same)), $second, 'once');

	# Wrong guesses at it are counted, however long ago it was used.
	my $used = booking('ann@example.org', wrong($newer, 1), more => $same);
	$node->query(
		"UPDATE appt.one_time_code SET expires_at = now() - interval '1 year', requested_at = requested_at - interval '1 year',
			used_at = used_at - interval '1 year' WHERE appointment_id IS NOT NULL"
	);
	is($node->query('SELECT id FROM ' . booking('ann@example.org', "'$newer'", more => $same)), $second, 'it does not expire');
	is(outcomes(5, "PERFORM $used;"), 'PT401 5', 'five wrong ones');
	$node->refused_with('PT401', 'SELECT ' . booking('ann@example.org', "'$newer'", more => $same), 'lock it');

	# Rows go with the appointment, or the customer.
	$node->query("SELECT appt.delete_appointment('$second')");
	is($node->query("SELECT string_agg(appointment_id::text, ' ') FROM appt.one_time_code WHERE contact = 'ann\@example.org'"),
		$id, 'a deleted appointment\'s code goes');
	my $removed = ask('rem@example.org');
	$call = booking('rem@example.org', "'$removed'");
	$id = $node->query("SELECT id FROM $call");
	my $customer = $node->query("SELECT (appt.reassign_appointment('$id', 'agent')).organizer->>'id' = 'agent'")
		&& $node->query("SELECT id FROM appt.participant WHERE appointment_id = '$id' AND type = 'CUSTOMER'");
	is($node->query("SELECT id FROM $call"), $id, 'an agent takes it over');
	$node->query("SELECT appt.remove_participant('$id', '$customer')");
	$node->refused_with('PT401', "SELECT $call", 'who was removed does not read it any more');
	is($node->query("SELECT count(*) FROM appt.one_time_code WHERE contact = 'rem\@example.org'"), 0, 'and leaves no address behind');
};

subtest 'the same call in many sessions' => sub {
	my $code = ask('par@example.org');
	my $call = booking('par@example.org', "'$code'");
	my @sessions = map { Appt::Session->open($node) } 1 .. 8;
	my $first = shift @sessions;
	$first->run("BEGIN; SELECT id FROM $call");
	$_->start("SELECT id FROM $call") foreach @sessions;
	ok((grep { $_->is_blocked } @sessions) == 7, 'seven wait for the first one');
	$first->run('COMMIT');
	my %ids = map { $_->end; $_->output =~ /([0-9a-f-]{36})\s*$/ ? ($1 => 1) : ($_->errors => 1) } @sessions;
	is( join(' ', keys %ids),
		$node->query("SELECT appointment_id FROM appt.one_time_code WHERE contact = 'par\@example.org'"),
		'and get what it booked');
	is($node->query("SELECT count(*) FROM appt.participant WHERE email = 'par\@example.org'"), 1, 'which is one appointment');

	# The first is undone: one of the others books.
	$code = ask('pat@example.org');
	$call = booking('pat@example.org', "'$code'");
	$first->run("BEGIN; SELECT id FROM $call");
	$_->start("SELECT id FROM $call") foreach @sessions;
	ok((grep { $_->is_blocked } @sessions) == 7, 'seven wait again');
	$first->run('ROLLBACK');
	%ids = map { $_->end; $_->output =~ /([0-9a-f-]{36})\s*$/ ? ($1 => 1) : ($_->errors => 1) } @sessions;
	is( join(' ', keys %ids),
		$node->query("SELECT appointment_id FROM appt.one_time_code WHERE contact = 'pat\@example.org'"),
		'where the first is undone they agree on another');
};

subtest 'one organization floods' => sub {
	my $flooder = Appt::Tenant->create($node);
	my ($mine, $before) = ($flooder->application, ask('vic@example.org'));
	my $void = ask('early@example.org', $mine);
	my $guessed = ask('guessed@example.org', $mine);
	ask('thrice@example.org', $mine) foreach 1 .. 3;
	is(outcomes(5, 'PERFORM ' . booking('guessed@example.org', wrong($guessed, 1), of => $mine) . ';'),
		'PT401 5', 'a code is guessed at five times');
	$node->query("SELECT appt.create_application('" . $flooder->organization . "', 'flood ' || i) FROM generate_series(1, 60) i");
	my $flood = "PERFORM appt.request_customer_code(a.id, 'f' || n || '\@flood.example') FROM appt.application a, generate_series(1, 295) n
			WHERE a.organization_id = '"
		. $flooder->organization . "'";
	is(outcomes(1, "$flood; RAISE EXCEPTION USING ERRCODE = 'UNDO0';"), 'UNDO0 1', '17,995 requests are made and undone');
	like($node->query('SELECT id FROM ' . booking('vic@example.org', "'$before'")),
		qr/^[0-9a-f-]{36}$/, 'another organization\'s code from before is good');
	my $after = ask('vic2@example.org');
	like($node->query('SELECT id FROM ' . booking('vic2@example.org', "'$after'")), qr/^[0-9a-f-]{36}$/, 'and one from after it');
	$node->refused_with('PT401', 'SELECT ' . booking('early@example.org', "'$void'", of => $mine), 'its own from before is void');
	$node->refused_with(
		'PT401',
		'SELECT ' . booking('guessed@example.org', "'$guessed'", of => $mine),
		'and that of the guesses has not got tries anew');
	$node->refused_with(
		'PT429',
		"SELECT appt.request_customer_code('$mine', 'thrice\@example.org')",
		'nor has a contact got requests anew');
	my $fresh = ask('fresh@example.org', $mine);
	is(outcomes(5, 'PERFORM ' . booking('fresh@example.org', wrong($fresh, 1), of => $mine) . ';'), 'PT401 5', 'a new code of its own');
	$node->refused_with('PT401', 'SELECT ' . booking('fresh@example.org', "'$fresh'", of => $mine), 'is good for five guesses');
};

# A copy of a database has the same ids.
subtest 'another database' => sub {
	my $organization = $tenant->organization;
	$node->install_appt('copy');
	$node->query(
		"INSERT INTO appt.organization (id, name) VALUES ('$organization', 'copy');
			INSERT INTO appt.application (id, organization_id, name) VALUES ('$application', '$organization', 'copy');
		SELECT appt.request_customer_code('$application', 'twin\@example.org') FROM generate_series(1, 3)", 'copy');
	$node->refused_with(
		'PT429',
		"SELECT appt.request_customer_code('$application', 'twin\@example.org')",
		'has asked three times',
		database => 'copy');
	like(ask('twin@example.org'), qr/^\d{6}$/, 'which counts there alone');
};

subtest 'after a restart' => sub {
	my $used = ask('res@example.org');
	$node->query('SELECT ' . booking('res@example.org', "'$used'"));
	ask('res2@example.org') foreach 1 .. 2;
	my $unused = ask('res2@example.org');
	$node->restart;
	$node->refused_with('PT401', 'SELECT ' . booking('res@example.org', "'$used'"), 'a used code is unknown');
	$node->refused_with('PT401', 'SELECT ' . booking('res2@example.org', "'$unused'"), 'and one that was not used');
	$node->refused_with(
		'PT401',
		'SELECT ' . booking('res2@example.org', "appt_test.latest_code('$application', 'CUSTOMER', 'res2\@example.org')"),
		'even if the new key makes it right');
	$node->refused_with('PT429', "SELECT appt.request_customer_code('$application', 'res2\@example.org')", 'requests of before count');
};

$node->stop;
done_testing();
