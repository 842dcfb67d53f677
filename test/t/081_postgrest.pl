# The contract by HTTP, through a real PostgREST with doc/postgrest.conf where there is one, otherwise through the stand-in, which so
# keeps to what the real one does: every function as each role, and what only HTTP has: status lines, headers, content types, tokens,
# preferences, tables. The description of the API is the real one's alone.

use strict;
use warnings;

use Appt::Api;
use Appt::Cluster;
use Appt::Rest;
use Appt::Token;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $node = Appt::Cluster->create('main');
my $api = Appt::Api->create($node);
my $rest = Appt::Rest->serve($node);
my %application = (application_id => $api->{application});
my $browser = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8';

$api->run($rest);

subtest 'calendars, for any client' => sub {
	my $appointment = $api->appointment;

	foreach my $accept (undef, '*/*', $browser, 'text/calendar', 'application/json', 'image/png')
	{
		my $name = $accept // 'nothing';
		my %headers = defined $accept ? (headers => { Accept => $accept }) : ();
		my $file = $rest->request('GET', "/rpc/ical_event?id=$appointment->{id}", %headers);
		is($file->{status}, 200, "a file for who accepts $name");
		like($file->{headers}{'content-type'}, qr{^text/calendar; charset=utf-8}i, 'is a calendar');
		like($file->{content}, qr/\ABEGIN:VCALENDAR\r\n/, 'as it is');

		# A redirection has no content: PostgREST serves it to clients that accept anything, or JSON.
		next if $name =~ m{^(?:text/calendar|image/png)$};
		my $redirection = $rest->request('GET', "/rpc/google_calendar_event?id=$appointment->{id}", %headers);
		is($redirection->{status}, 302, 'and a link');
		like($redirection->{headers}{location}, qr{^https://calendar\.google\.com/calendar/}, 'to a calendar');
		is($redirection->{content} // '', '', 'and nothing else');
	}
	like($rest->request('GET', "/rpc/ical_event?id=$appointment->{id}")->{headers}{'content-disposition'},
		qr/\.ics/, 'with a name to save it by');
	is($rest->request('GET', '/rpc/ical_event?id=' . $api->{application})->{status}, 404, 'no such appointment');
	is($rest->request('GET', '/rpc/ical_event?id=x')->{status}, 400, 'no id');
};

subtest 'errors' => sub {
	my $ann = $api->claims('AG');
	my $waiting = $api->appointment(activated => 0);

	foreach my $case (
		[ 404, 'PT404', 'appointment not found', 'get_appointment', { id => $api->{application} } ],
		[ 409, 'PT409', qr/./, 'end_appointment', { id => $waiting->{id} } ],
		[   400, '22023', 'unknown timezone',
			'schedule_appointment',
			{ %application, start_at => '2099-01-01T00:00:00Z', duration => 'PT1H', timezone => "Mars/Olympus\r\nX-Injected: yes" } ],
		[ 400, '22023', qr/duration/, 'schedule_appointment', { %application, start_at => '2099-01-01T00:00:00Z', duration => 'P1M' } ],
		[ 400, '22P02', qr/uuid/, 'get_appointment', { id => 'x' } ],
		[ 400, '22007', qr/interval/, 'schedule_appointment', { %application, start_at => '2099-01-01T00:00:00Z', duration => 'long' } ],
		[ 403, '42501', qr/permission denied/, 'activate_appointment', { id => $waiting->{id} } ],
		[ 400, '22023', qr/./, 'schedule_appointment', {%application} ],
		[ 404, 'PGRST202', qr/./, 'get_appointment', { id => $waiting->{id}, more => 1 } ],
		[ 404, 'PGRST202', qr/./, 'no_such_function', {} ])
	{
		my ($status, $code, $message, $function, $arguments) = @$case;
		my $answer = $rest->call($ann, 'POST', $function, $arguments);
		is($answer->{status}, $status, "$function: $status");
		is($answer->{json}{code}, $code, "with $code");
		ref $message ? like($answer->{json}{message}, $message, 'a message') : is($answer->{json}{message}, $message, 'a message');
		ok(!exists $answer->{headers}{'x-injected'}, 'and no header of the caller\'s');
		unlike($answer->{reason}, qr/Mars/, 'nor a status line');
	}
	my $answer = $rest->call($ann, 'POST', 'get_appointment', { id => $api->{application} });
	is_deeply([ sort keys %{ $answer->{json} } ], [qw(code details hint message)], 'an error has four members');
	like($answer->{json}{details}, qr/\Q$api->{application}\E/, 'of which one tells the value');
	is($rest->request('POST', '/rpc/get_appointment', claims => $ann, body => '{"id": ')->{status}, 400, 'a body that is cut');
	is( $rest->request(
			'POST', '/rpc/get_appointment',
			claims => $ann,
			body => "id=$waiting->{id}",
			headers => { 'Content-Type' => 'application/x-www-form-urlencoded' })->{status},
		200,
		'a form will do');
	is($rest->call($ann, 'GET', 'get_appointment', { id => $waiting->{id} }, headers => { Accept => 'image/png' })->{status},
		406, 'what nobody can draw');
};

subtest 'tokens' => sub {
	my $appointment = $api->appointment;
	my $look = sub { return $rest->request('GET', "/rpc/get_appointment?id=$appointment->{id}", @_); };
	my $ann = $api->claims('AG');
	my $now = int time;

	my $anonymous = $look->();
	is($anonymous->{status}, 401, 'none');
	is($anonymous->{headers}{'www-authenticate'}, 'Bearer', 'asks for one');
	is($look->(claims => $ann)->{status}, 200, 'a good one');
	is($look->(claims => { %$ann, exp => $now + 60, iat => $now, nbf => $now - 1 })->{status}, 200, 'one that has not expired');
	is($look->(claims => { %$ann, exp => $now - 60 })->{status}, 401, 'one that has');
	is($look->(claims => { %$ann, nbf => $now + 600 })->{status}, 401, 'one that is not valid yet');
	is($look->(token => Appt::Token::sign($ann, 'another secret, which has 32 characters, too'))->{status}, 401,
		'signed by somebody else');
	is($look->(token => Appt::Token::sign($ann, $rest->secret, alg => 'none'))->{status}, 401, 'of no algorithm');
	is($look->(token => 'x')->{status}, 401, 'nonsense');
	is($look->(claims => { %$ann, iat => $now + 600 })->{json}{message}, 'JWT issued at future', 'one of tomorrow');
	like($look->(claims => { %$ann, exp => 'soon' })->{headers}{'www-authenticate'},
		qr/^Bearer error="invalid_token", error_description=/, 'what is wrong is told in a header, too');
	is($look->(token => Appt::Token::sign({ map { $_ => $ann->{$_} } qw(sub application_id) }, $rest->secret))->{status},
		401, 'without a role it is as none');

	foreach my $role (qw(postgres appt_service appt_authenticator authenticator pg_read_all_data pg_monitor nobody))
	{
		my $answer = $look->(claims => { %$ann, role => $role });
		ok($answer->{status} == 401 || $answer->{status} == 403, "no token makes anybody $role") or diag($answer->{status});
	}
	is($look->(claims => { %$ann, application_id => undef })->{status}, 403, 'without a tenant');
	is($look->(claims => { %$ann, application_id => 'x' })->{status}, 403, 'with none that is one');
	is($look->(claims => { %$ann, application_id => $api->{organization} })->{status}, 404, 'of another');
	# Headers that the client sets prove nothing.
	is( $rest->request('GET', "/rpc/get_appointment?id=$appointment->{id}",
			headers =>
				{ 'request.jwt.claims' => '{}', 'Role' => 'appt_service', 'X-Role' => 'appt_service', Cookie => 'role=appt_service' })
			->{status},
		401,
		'headers are no token');
};

subtest 'preferences' => sub {
	my $ann = $api->claims('AG');
	my $start = '2099-06-01T10:00:00Z';
	my $count = sub { return $node->query("SELECT count(*) FROM appt.appointment WHERE start_at = '$start'"); };
	my $schedule = sub {
		my (%headers) = @_;
		return $rest->call(
			$ann, 'POST', 'schedule_appointment',
			{ %application, start_at => $start, duration => 'PT1H' },
			headers => \%headers);
	};

	is($schedule->(Prefer => 'tx=rollback')->{status}, 200, 'tx=rollback is not asked for');
	is($count->(), 1, 'and nothing is undone');
	is($schedule->(Prefer => 'tx=rollback, handling=strict')->{status}, 200, 'nor to who insists');
	is($count->(), 2, 'and nothing is undone, either');
	is($schedule->(Prefer => 'handling=strict, max-affected=0')->{json}{code},
		'PGRST128', 'a limit of what is changed is not for functions');
	is($count->(), 2, 'and nothing was done');
	my $object = $schedule->(Accept => 'application/vnd.pgrst.object+json');
	is($object->{status}, 200, 'one object');
	is($object->{json}{state}, 'SCHEDULED', 'is what there is anyway');
	like($object->{headers}{'content-type'}, qr{^application/vnd\.pgrst\.object\+json}, 'by that name');
	my $local =
		$rest->call($ann, 'GET', 'get_appointment', { id => $object->{json}{id} }, headers => { Prefer => 'timezone=Europe/Athens' });
	is($local->{json}{start_at}, '2099-06-01T13:00:00+03:00', 'times in another timezone, if asked for');
	is( $rest->call($ann, 'POST', 'get_appointment?select=state,start_at', { id => $object->{json}{id} })->{content},
		'{"state":"SCHEDULED","start_at":"2099-06-01T10:00:00+00:00"}',
		'some columns');
	is( $rest->call($ann, 'GET', 'get_appointment', { id => $object->{json}{id} }, headers => { Accept => 'application/vnd.pgrst.plan' })
			->{status},
		406,
		'no plans');
	is($rest->request('HEAD', "/rpc/get_appointment?id=$object->{json}{id}", claims => $ann)->{status}, 200, 'HEAD');
	is( $rest->request(
			'OPTIONS', '/rpc/get_appointment',
			headers => { Origin => 'https://app.example', 'Access-Control-Request-Method' => 'POST' })->{status},
		200,
		'a browser asks before');
};

subtest 'what PostgREST makes of requests' => sub {
	my $appointment = $api->appointment;
	my $id = $appointment->{id};
	my ($ann, $ada) = map { $api->claims($_) } qw(AG AD);
	my $get = "/rpc/get_appointment?id=$id";
	my $post = '/rpc/get_appointment';
	my %form = ('Content-Type' => 'application/x-www-form-urlencoded');

	foreach my $case (
		[ 'GET', "$get&limit=0", '200', 'of a function that returns one row, none is null' ],
		[ 'GET', "$get&state=eq.ENDED", '200', 'and so is one that a filter excludes' ],
		[ 'GET', $get, '200', 'CSV', headers => { Accept => 'text/csv' } ],
		[ 'GET', $get, '406 PGRST107', 'a part of a media type is not one', headers => { Accept => 'application/*' } ],
		[ 'GET', "$get&x=eq.1", '400 42703', 'an operator makes an argument a filter' ],
		[ 'GET', '/rpc/get_appointment?id=%00', '400 22P02', 'a zero byte ends an argument' ],
		[ 'GET', '/rpc/get_appointment?id=%ff', '500', 'what is no UTF-8' ],
		[ 'HEAD', '/rpc/get_appointment?id=x', '400', 'HEAD runs a function that returns rows' ],
		[ 'HEAD', '/rpc/landing_page?token=0', '200', 'and none that returns a value' ],
		[ 'HEAD', '/appointment', '401', 'HEAD of a table', claims => undef ],
		[ 'POST', $post, '500', 'nor is a form', headers => \%form, body => 'id=%ff' ],
		[ 'POST', $post, '200', 'the first object of a list', body => qq([{"id": "$id"}, {"id": "$id"}]) ],
		[ 'POST', $post, '400 PGRST102', 'objects that are not alike', body => qq([{"id": "$id"}, {"x": 1}]) ],
		[ 'POST', $post, '400 22023', 'a text has no members', body => '"x"' ],
		[ 'POST', $post, '400 PGRST102', 'files', headers => { 'Content-Type' => 'multipart/form-data; boundary=b' }, body => 'b' ],
		[ 'POST', "$post?id=$id", '400 PGRST100', 'a POST has no arguments in its query', body => '{}' ],
		[ 'PUT', $post, '405 PGRST101', 'no function is called by PUT', body => '{}' ],
		[ 'OPTIONS', $post, '200', 'OPTIONS' ],
		[ 'OPTIONS', '/rpc/nothing', '404 PGRST202', 'OPTIONS of what is not there' ],
		[ 'GET', "$get/", '400 22P02', 'a slash is a part of the argument' ],
		[ 'GET', '/rpc/get_appointment/', '404 PGRST125', 'no such path' ],
		[ 'GET', '/appointment?limit=-1', '416 PGRST103', 'less than nothing' ],
		[ 'GET', '/appointment?offset=5000', '416 PGRST103', 'behind the last', headers => { Prefer => 'count=exact' } ],
		[ 'GET', '/appointment?select=count()', '400 PGRST123', 'no aggregates' ],
		[ 'GET', '/appointment', '400 PGRST122', 'unknown preferences', headers => { Prefer => 'handling=strict, x=1' } ],
		[ 'GET', '/appointment', '400 22023', 'unknown timezones', headers => { Prefer => 'timezone=Mars/Olympus' } ],
		[ 'GET', '/appointment', '406 PGRST106', 'another schema', headers => { 'Accept-Profile' => 'public' } ],
		[ 'GET', '/', '406 PGRST107', 'the description is no page', headers => { Accept => 'text/html' } ],
		[ 'POST', '/rule', '400 PGRST102', 'no row', claims => $ada, body => '' ],
		[ 'POST', '/rule', '400 PGRST204', 'an unknown column', claims => $ada, body => '{"x": 1}' ],
		[ 'POST', '/rule', '201', 'no rows', claims => $ada, body => '[]' ],
		[ 'PATCH', '/rule?type=eq.CREATE', '400 PGRST124', 'more rows than are meant',
			claims => $ada,
			body => { enabled => JSON::PP::true },
			headers => { Prefer => 'handling=strict, max-affected=0' } ])
	{
		my ($method, $path, $told, $what, %options) = @$case;
		my $answer = $rest->request($method, $path, claims => $ann, %options);
		my $code = ref $answer->{json} eq 'HASH' ? $answer->{json}{code} : undef;
		is(join(' ', $answer->{status}, $code // ()), $told, "$what: $told") or diag($answer->{content});
	}
	is($rest->request('GET', "$get&limit=0", claims => $ann)->{content}, 'null', 'null is written as such');
	like($rest->request('GET', "$get&select=id,state", claims => $ann, headers => { Accept => 'text/csv' })->{content},
		qr/\Aid,state\n\Q$id\E,ACTIVATED\z/, 'CSV has a head');
	is($rest->request('OPTIONS', $_->[0])->{headers}{allow}, $_->[1], "methods of $_->[0]")
		foreach [ $post, 'OPTIONS,GET,HEAD,POST' ], [ '/rpc/end_appointment', 'OPTIONS,POST' ], [ '/notification_log', 'OPTIONS,GET,HEAD' ];
};

subtest 'many rows of a function' => sub {
	my %day = (%application, range => '[2099-08-01T00:00:00Z, 2099-08-02T01:00:00Z)', duration => 'PT1M', step => 'PT1M');
	my $slots = sub { my ($query) = @_; return $rest->call(undef, 'POST', "available_slots$query", \%day); };
	my $first = $slots->('');
	my $rest_of_them = $slots->('?offset=1000');

	is(scalar @{ $first->{json} }, 1000, 'one answer has a thousand');
	is($first->{headers}{'content-range'}, '0-999/*', 'and says which');
	is(scalar @{ $rest_of_them->{json} }, 500, 'the next has the others');
	is($rest_of_them->{json}[0]{start_at}, '2099-08-01T16:40:00+00:00', 'from where the first ended');
};

subtest 'one-time codes' => sub {
	my %booking = (%application, start_at => '2099-07-01T10:00:00Z', duration => 'PT1H');
	my $ask =
		sub { my ($contact) = @_; return $rest->call(undef, 'POST', 'request_customer_code', { %application, contact => $contact }); };
	my $book = sub {
		my ($contact, $code, $query, %headers) = @_;
		return $rest->call(
			undef, 'POST',
			'schedule_appointment_as_customer' . $query,
			{ %booking, contact => $contact, code => $code },
			headers => \%headers);
	};
	my $other = sub { my ($code, $by) = @_; return sprintf '%06d', ($code + $by) % 1_000_000; };

	is($ask->('right@codes.example')->{status}, 204, 'a code is sent');
	my $code = $api->code_sent_to('right@codes.example', 0);
	my $wrong = $book->('right@codes.example', $other->($code, 1), '');
	is($wrong->{status}, 401, 'a wrong one');
	is("$wrong->{json}{code} $wrong->{json}{message}", 'PT401 no valid one-time code', 'has a code and a message');
	like($wrong->{json}{details}, qr/^It is not the code/, 'details');
	like($wrong->{json}{hint}, qr/request_customer_code/, 'and a hint');
	my $booked = $book->('right@codes.example', $code, '');
	is($booked->{status}, 200, 'the right one');
	is($booked->{json}{organizer}{type}, 'CUSTOMER', 'makes the customer its organizer');
	my $again = $book->('right@codes.example', $code, '');
	is("$again->{status} $again->{json}{id}", "200 $booked->{json}{id}", 'the same request gets the same appointment');
	is( $rest->call(
			undef, 'POST',
			'schedule_appointment_as_customer',
			{ %booking, contact => 'right@codes.example', code => $code, title => 'x' })->{status},
		401,
		'any other does not');

	# A wrong guess counts, whatever preferences the request has.
	is($ask->('wrong@codes.example')->{status}, 204, 'another code');
	$code = $api->code_sent_to('wrong@codes.example', 0);
	my %one = (Accept => 'application/vnd.pgrst.object+json');
	my @guesses = (
		[ 'rolled back', 401, '', Prefer => 'tx=rollback' ],
		[ 'one row of none', 401, '?id=not.is.null', %one ],
		[ 'one row of none, rolled back', 401, '?id=not.is.null', %one, Prefer => 'tx=rollback, handling=strict' ],
		[ 'nothing of it', 401, '?select=id&id=not.is.null' ],
		[ 'no representation', 401, '', Prefer => 'return=minimal' ]);
	my $by = 0;
	foreach my $guess (@guesses)
	{
		my ($how, $status, $query, %headers) = @$guess;
		# These are refused before the function is called, right or wrong.
		is($book->('wrong@codes.example', $_, $query, %headers, Prefer => 'handling=strict, max-affected=0')->{json}{code},
			'PGRST128', 'no limit of rows')
			foreach $code, $other->($code, 1);
		is($book->('wrong@codes.example', $_, '?select=nothing', %headers)->{status}, 400, 'no column that is not there')
			foreach $code, $other->($code, 1);
		is($book->('wrong@codes.example', $other->($code, ++$by), $query, %headers)->{status}, $status, "a wrong guess, $how");
	}
	is($book->('wrong@codes.example', $code, '')->{status}, 401, 'five wrong ones lock the code');
	is($ask->('wrong@codes.example')->{status}, 204, 'another one');
	is($book->('wrong@codes.example', $api->code_sent_to('wrong@codes.example', 1), '')->{status}, 200, 'is as good as new');
	is($ask->('wrong@codes.example')->{status}, 204, 'a third');
	my $too_many = $ask->('wrong@codes.example');
	is($too_many->{status}, 429, 'and no more');
	is($too_many->{json}{code}, 'PT429', 'within ten minutes');

	# By address of the client, if a proxy passes it: the last one in the list, which the proxy appended.
	$node->query('ALTER SYSTEM SET appt.trust_forwarded_for = on');
	$node->query('SELECT pg_reload_conf()');
	ok($node->wait_for_query('SHOW appt.trust_forwarded_for', 'on'), 'the proxy is trusted');
	my $ask_from = sub {
		my ($contact, $from) = @_;
		return $rest->call(
			undef, 'POST', 'request_customer_code',
			{ %application, contact => "$contact\@codes.example" },
			headers => { 'X-Forwarded-For' => $from })->{status};
	};
	# A pooled connection reads the configuration again before its next statement.
	is( join(' ', map { $ask_from->("many$_", "10.0.0.$_, 192.0.2.1") } 1 .. 21),
		join(' ', (204) x 20, 429),
		'twenty requests of one address');
	is($ask_from->('another', '192.0.2.1, 192.0.2.2'), 204, 'and one of another');

	# The sender of an application's mail, the same.
	my $ada = $api->claims('AD');
	my $confirm =
		sub { my ($guess) = @_; return $rest->call($ada, 'POST', 'confirm_email_verification', { %application, code => $guess }); };
	my $sent = $api->mails_to('bank@example.org');
	is($rest->call($ada, 'POST', 'initiate_email_verification', { %application, email => 'nobody@example.org' })->{status},
		404, 'an address that is not the sender\'s');
	is($rest->call($ada, 'POST', 'initiate_email_verification', { %application, email => 'bank@example.org' })->{status},
		204, 'the sender\'s');
	$code = $api->code_sent_to('bank@example.org', $sent);
	my $not = $confirm->($other->($code, 1));
	is("$not->{status} $not->{json}{code} $not->{json}{message}", '400 PT400 wrong one-time code', 'a wrong code');
	my $yes = $confirm->($code);
	is($yes->{status}, 204, 'the right one');
	is($yes->{content} // '', '', 'without a body');
	is($yes->{headers}{'content-length'} // 0, 0, 'nor a length of one');
	my $none = $confirm->($code);
	is("$none->{status} $none->{json}{message}", '404 no valid one-time code', 'and then there is none');
	isnt(
		$node->query(
			"SELECT verified_at FROM appt.provider WHERE application_id = '$api->{application}' AND channel = 'EMAIL' AND enabled"),
		'',
		'the sender is verified');
};

subtest 'tables' => sub {
	my $appointment = $api->appointment;
	my %claims = map { $_ => $api->claims($_, $appointment) } @Appt::Api::roles;
	my $one = "id=eq.$appointment->{id}";
	my $status = sub {
		my ($role, $path, %options) = @_;
		return $rest->request($options{method} // 'GET', $path, claims => $claims{$role}, %options)->{status};
	};

	# What each role reads of each table: pgtap/row_security.sql has the rows.
	my %readers = (
		application => '200 200 200 403 200 401',
		appointment => '200 200 200 200 403 401',
		attempt => '200 200 200 403 200 401',
		change => '403 403 403 403 200 401',
		circuit => '403 403 403 403 403 401',
		daily_figure => '403 200 403 403 200 401',
		delivery_times => '200 200 200 403 200 401',
		due => '200 200 200 403 200 401',
		failures_by_endpoint => '200 200 200 403 200 401',
		follower => '200 200 200 403 403 401',
		hour_count => '403 403 403 403 403 401',
		hourly_figure => '403 200 403 403 200 401',
		idempotency_key => '403 403 403 403 403 401',
		identity => '403 403 403 403 403 401',
		inbound_message => '200 200 403 403 200 401',
		invitation => '403 403 403 403 403 401',
		latest_failure => '200 200 200 403 200 401',
		line => '200 200 200 403 200 401',
		line_number => '200 200 200 403 200 401',
		line_ring_group => '200 200 200 403 200 401',
		line_subscription => '200 200 200 403 200 401',
		meeting_template => '200 200 200 403 200 401',
		notification => '200 200 200 403 200 401',
		notification_log => '200 200 200 403 200 401',
		notification_stats => '200 200 200 403 200 401',
		notification_type => '200 200 200 403 200 401',
		one_time_code => '403 403 403 403 403 401',
		organization => '403 403 403 403 200 401',
		page_text => '403 200 403 403 200 401',
		participant => '200 200 200 200 200 401',
		provider => '200 200 200 403 200 401',
		provider_message => '403 403 403 403 403 401',
		reason => '200 200 200 403 200 401',
		report_day => '403 200 403 403 200 401',
		report_schedule => '403 403 403 403 200 401',
		response => '200 200 200 403 200 401',
		ring_group => '200 200 200 403 200 401',
		ring_group_member => '200 200 200 403 200 401',
		room_access => '200 200 200 200 403 401',
		rule => '403 200 403 403 200 401',
		secret => '403 403 403 403 403 401',
		subscription => '403 403 403 403 200 401',
		suppression => '403 200 403 403 200 401',
		template => '403 200 403 403 200 401',
		uninformed_customers => '200 200 200 403 403 401',
		upcoming => '200 200 200 403 200 401',
		user_event => '403 403 403 403 200 401',
		user_preference => '200 200 200 403 200 401',
		user_profile => '200 200 200 403 200 401',
		worker_status => '403 403 403 403 403 401');
	foreach my $table (sort keys %readers)
	{
		is(join(' ', map { $status->($_, "/$table?limit=1") } @Appt::Api::roles), $readers{$table}, "who reads $table");
	}
	is( join(' ', sort keys %readers),
		$node->query(
			q(SELECT string_agg(relname, ' ' ORDER BY relname COLLATE "C") FROM pg_class
				WHERE relnamespace = 'appt'::regnamespace AND relkind IN ('r', 'v'))
		),
		'which are all tables and views');
	my $row = $rest->request(
		'GET', "/appointment?$one&select=id,state,start_at,metadata,participant(id,type,first_name),room_access(url)",
		claims => $claims{AG},
		headers => { Accept => 'application/vnd.pgrst.object+json' });
	is($row->{json}{state}, 'ACTIVATED', 'a row as an object');
	like($row->{json}{start_at}, qr/\+00:00$/, 'its times in UTC');
	is(scalar(grep { ($_->{first_name} // '') eq 'Bobby' } @{ $row->{json}{participant} }), 1, 'with its people');
	like($row->{json}{room_access}{url}, qr{^https://meet\.example/}, 'and its room');
	is($rest->request('GET', '/participant', claims => $claims{CU})->{json}[0]{id}, $appointment->{customer}, 'a customer sees itself');
	$node->query("UPDATE appt.application SET agent_scope = 'OWN' WHERE id = '$api->{application}'");
	is($rest->request('GET', "/appointment?$one", claims => { %{ $claims{AG} }, sub => 'zoe' })->{content}, '[]', 'another agent nothing');
	$node->query("UPDATE appt.application SET agent_scope = 'APPLICATION' WHERE id = '$api->{application}'");
	is($rest->request('GET', "/appointment?$one", claims => { %{ $claims{AG} }, application_id => 'x' })->{status},
		403, 'without a tenant nothing is read');
	my $log = $rest->request(
		'GET',
		"/notification_log?appointment_id=eq.$appointment->{id}&select=recipient,time_offset,channel&order=due_at",
		claims => $claims{SU});
	ok(scalar(grep { $_->{recipient} eq 'bobby@example.org' } @{ $log->{json} }), 'a supervisor reads the log');
	is(join(' ', sort keys %{ { map { $_->{time_offset} => 1 } @{ $log->{json} } } }), 'PT0S PT1H PT24H', 'with intervals in ISO 8601');
	unlike($rest->request('GET', '/notification_log', claims => $claims{$_})->{content}, qr/key=secret/, "and $_ no token of a URL")
		foreach qw(AG SU AD);
	is($rest->request('GET', '/appointment', claims => $claims{SU}, headers => { Prefer => 'count=exact', Range => '0-1' })->{status},
		206, 'a part of them');
	is($rest->request('GET', '/appointment?organizer_id=gt.a', claims => $claims{SU}, headers => { Prefer => $_ })->{json}{code},
		'42501', 'what the planner expects is told to nobody: it comes from all tenants\' rows')
		foreach 'count=planned', 'count=estimated', [ 'count=planned', 'handling=lenient' ];
	$node->query(
		"INSERT INTO appt.rule (application_id, type, channel, time_offset) SELECT '$api->{application}', 'REMINDER', 'SMS',
			i * interval '1 min' FROM generate_series(1, 1100) i"
	);
	is(scalar @{ $rest->request('GET', '/rule', claims => $claims{SU})->{json} }, 1000, 'no more than 1000 at once');

	# The configuration by its admin.
	my $rule = $rest->request(
		'POST', '/rule',
		claims => $claims{AD},
		body => { %application, type => 'ROOM', channel => 'EMAIL', time_offset => 'PT20M' },
		headers => { Prefer => 'return=representation' });
	is($rule->{status}, 201, 'an admin adds a rule');
	is($rule->{json}[0]{time_offset}, 'PT20M', 'and sees it');
	my $its = "/rule?id=eq.$rule->{json}[0]{id}";
	is($status->('AD', $its, method => 'PATCH', body => { enabled => JSON::PP::false }), 204, 'changes it');
	is($rest->request('GET', "$its&select=enabled", claims => $claims{AD})->{content}, '[{"enabled":false}]', 'to something else');
	is($status->('AD', $its, method => 'PATCH', body => { application_id => $api->{organization} }), 403, 'not what it belongs to');
	is($status->('SU', $its, method => 'PATCH', body => { enabled => JSON::PP::true }), 403, 'nor does a supervisor change it');
	is($status->('AD', '/rule?limit=1', method => 'PATCH', body => { id => 1 }), 403, 'nor anybody its key');
	is($status->('AD', $its, method => 'DELETE'), 204, 'and deletes it');
	is( $status->('AD', '/rule', method => 'POST', body => { application_id => $api->{organization}, type => 'ROOM', channel => 'EMAIL' }),
		403,
		'none for others');
	is($status->('AD', '/rule', method => 'POST', body => { %application, type => 'CREATE', channel => 'EMAIL' }), 409, 'none twice');
	is($status->('AD', '/rule', method => 'POST', body => { %application, type => 'UPDATE', channel => 'EMAIL' }),
		400, 'none that cannot be');
	is( $status->(
			'AD', '/template',
			method => 'POST',
			body => { %application, type => 'CREATE', channel => 'EMAIL', locale => 'en', text_body => '{{#open}}' }),
		400,
		'no template that does not parse');
	is($status->('AD', "/application?id=eq.$api->{application}", method => 'PATCH', body => { end_grace => 'PT20M' }),
		204, 'settings of an application');
	is( $status->(
			'AD', "/subscription?id=eq.$api->{subscription}&select=url",
			method => 'PATCH',
			body => { url => 'https://hooks.example/other' }),
		204, 'a URL');
	my $secretive = $node->query(
		"SELECT id FROM appt.create_subscription('$api->{application}', 'https://hooks.example/in', auth => 'BASIC', username => 'u',
			secret => 's')"
	);
	is($status->('AD', "/subscription?id=eq.$secretive", method => 'PATCH', body => { url => 'https://hooks.example/other' }),
		409, 'but not where a secret goes');
	is($status->('AD', "/organization?id=eq.$api->{organization}", method => 'PATCH', body => { name => 'Acme & Co' }),
		204, 'the name of its organization');
	is( $status->(
			'AD', "/organization?id=eq.$api->{organization}",
			method => 'PATCH',
			body => { notifications_enabled => JSON::PP::false }),
		403,
		'but not its switch, which has a function');

	foreach my $refused (
		'POST /appointment',
		'PATCH /appointment',
		'DELETE /appointment',
		'DELETE /participant',
		'PATCH /notification',
		'DELETE /attempt',
		'POST /organization',
		'DELETE /organization',
		'POST /secret',
		'PATCH /secret',
		'PATCH /provider')
	{
		my ($method, $path) = split / /, $refused;
		my $body =
			  $path eq '/provider' ? { verified_at => '2026-01-01T00:00:00Z' }
			: $method eq 'DELETE' ? undef
			: $path eq '/organization' ? { name => 'x' }
			: { application_id => $api->{application} };
		my @filter = $method eq 'POST' ? '' : '?application_id=eq.' . $api->{application};
		@filter = '?name=eq.x' if $path eq '/organization' && $method ne 'POST';
		foreach my $role (qw(AG SU CS CU AD AN))
		{
			my $refusal = $status->($role, $path . $filter[0], method => $method, defined $body ? (body => $body) : ());
			ok($refusal == ($role eq 'AN' ? 401 : 403) || $refusal == 405, "$refused is refused to $role") or diag($refusal);
		}
	}
};

subtest 'the description of the API' => sub {
	plan skip_all => Appt::Rest->missing if Appt::Rest->missing;
	foreach my $role (@Appt::Api::roles)
	{
		my $claims = $api->claims($role);
		my $description = $rest->request('GET', '/', claims => $claims)->{json};
		my $may = sub {
			my ($sql) = @_;
			return $node->query("SELECT string_agg(name, ' ' ORDER BY name COLLATE \"C\") FROM ($sql) granted (name)");
		};
		my $paths = $description->{paths};
		my @functions = sort map { m{^/rpc/(.*)} ? $1 : () } keys %$paths;
		my @tables = sort map { m{^/(\w+)$} ? $1 : () } keys %$paths;

		# A trigger's function cannot be called at all.
		is( "@functions",
			$may->(
				"SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = 'appt'::regnamespace
					AND has_function_privilege('$claims->{role}', oid, 'EXECUTE') AND prorettype <> 'trigger'::regtype"
			),
			"functions that $role may call");
		is( "@tables",
			$may->(
				"SELECT relname FROM pg_class WHERE relnamespace = 'appt'::regnamespace AND relkind IN ('r', 'v')
				AND (has_table_privilege('$claims->{role}', oid, 'SELECT, INSERT, UPDATE, DELETE')
					OR has_any_column_privilege('$claims->{role}', oid, 'SELECT, INSERT, UPDATE'))"
			) // '',
			'tables');
		is(join(' ', grep { ($paths->{"/rpc/$_"}{post}{summary} // '') !~ /^[A-Z].*\.$/ } @functions),
			'', 'each function with a sentence of what it does');
		is(join(' ', grep { !$paths->{"/$_"}{get}{summary} } @tables), '', 'each table too');
		my ($described, $total) = (0, 0);
		foreach my $definition (values %{ $description->{definitions} })
		{
			$total++;
			$described++ if $definition->{description};
		}
		is($described, $total, 'and what rows are') if $total;
	}
	my $about = $rest->request('GET', '/', claims => $api->claims('AG'))->{json};

	# As after ALTER EXTENSION.
	$node->query(
		"CREATE FUNCTION appt.later() RETURNS integer LANGUAGE sql STABLE AS 'SELECT 1';
			GRANT EXECUTE ON FUNCTION appt.later() TO appt_anonymous; NOTIFY pgrst, 'reload schema'"
	);
	my $until = time + $PostgreSQL::Test::Utils::timeout_default;
	my $later;
	sleep 0.05 while ($later = $rest->request('GET', '/rpc/later')->{status}) != 200 && time < $until;
	is($later, 200, 'what is new is found after NOTIFY');
	like($about->{info}{title}, qr/^Appointments/, 'a title');
	is_deeply(
		$about->{securityDefinitions},
		{   JWT => {
				description => 'Add the token prepending "Bearer " (without quotes) to it',
				in => 'header',
				name => 'Authorization',
				type => 'apiKey' } },
		'and how to be let in');
	my ($of_schedule) = grep { $_->{name} eq 'args' } @{ $about->{paths}{'/rpc/schedule_appointment'}{post}{parameters} };
	is_deeply($of_schedule->{schema}{required} // [], [], 'the function itself says what it needs');
	ok($about->{paths}{'/rpc/get_appointment'}{get}, 'GET for what reads');
	ok(!$about->{paths}{'/rpc/schedule_appointment'}{get}, 'and not for what does not');
};

# Last, because these create many rows.
subtest 'the examples of doc/rest.md' => sub {
	$api->run_examples(
		sub {
			my ($request, $claims) = @_;
			my $query = Appt::Rest::query($request->{query});

			return $rest->request(
				$request->{method}, $request->{path} . ($query eq '' ? '' : "?$query"),
				claims => $claims,
				headers => $request->{headers},
				defined $request->{body} ? (body => $request->{body}) : ());
		});
};

subtest 'a token made by the shell' => sub {
	my ($script) = slurp_file(($ENV{REPOSITORY} // '.') . '/doc/rest.md') =~ /^```sh\n(encode\(\).*?)^```$/ms;
	my $folder = PostgreSQL::Test::Utils::tempdir();

	append_to_file("$folder/secret", $rest->secret);
	$script =~ s{/etc/postgrest/jwt-secret}{'$folder/secret'};
	append_to_file("$folder/script", "APPLICATION=$api->{application}\n$script\nprintf '%s' \"\$AGENT\"\n");
	my ($name, $token) = split /: /, `sh '$folder/script'`, 2;
	is($rest->request('GET', '/rpc/find_appointments', headers => { $name => $token })->{status}, 200, 'lets its agent in');
};

$rest->stop;
$node->stop;
done_testing();
