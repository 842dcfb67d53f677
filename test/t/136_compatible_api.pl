# The API that appt is modelled on, through doc/nginx.conf and PostgREST or its stand-in: each of its sample requests
# as it stands, but for dates, which are moved ahead, and ids; the members of each answer; and each status that it promises.
use strict;
use warnings;

use Appt::Api;
use Appt::Cluster;
use Appt::Front;
use Appt::Rest;
use JSON::PP;
use MIME::Base64 qw(encode_base64);
use Test::More;

my $json = JSON::PP->new->utf8->canonical->allow_nonref;
my $node = Appt::Cluster->create('main');
my $api = Appt::Api->create($node);
my $rest = Appt::Rest->serve($node, other_issuer => 1);
my $front = Appt::Front->start($rest);
my $application = $api->{application};
my @answers;
my $nobody = '00000000-0000-4000-8000-000000000000';

# Roles by the issuer's names, as doc/rest.md makes them.
my ($roles) = slurp('doc/rest.md') =~ /^```sql\n(CREATE ROLE "ROLE_AGENT".*?)^```$/ms or die 'doc/rest.md does not make the roles';
$node->query($roles);

# The API's samples.
my $customer = q({"contact": {"primaryEmail": "user@provider.net", "primaryPhone": "2102234988"}, "metadata": {"refNo": "CS-9838"},
	"name": {"firstName": "Bobby", "lastName": "Ewing"}, "username": "ewingb@myorg.com"});
my $schedule = qq({"applicationId": "$application", "customer": $customer, "duration": "\\"PT5M\\"",
	"interaction": {"customFields": {"property1": "string", "property2": "string"},
		"routing": {"properties": {"deploymentId": "c461a74-af3a-4b55-a461-bafbf077a34e"}, "type": "GENESYS_CLOUD_FLOW"}},
	"locale": "\\"en-GB\\"", "metadata": {"prop1": "value1"}, "notes": "\\"CRM ref: 3nv-1gt-4rt\\"",
	"start": "\\"2098-01-31T19:00:00.0Z\\"", "timezone": "\\"Europe/Berlin\\"", "title": "\\"Product installation review\\""});
my $appointment =
	'applicationId duration end id interaction locale metadata notes notificationsActive organizer participantIds start timezone title';

my $made = is_answer('ROLE_AGENT', 'POST', '/api/appointments/', $schedule, 200, "$appointment roomAccess");
my $id = $made->{id};
is_deeply(
	$made,
	{   applicationId => $application,
		duration => 'PT5M',
		end => '2098-01-31T19:05:00Z',
		id => $id,
		interaction => {
			customFields => { property1 => 'string', property2 => 'string' },
			routing => { properties => { deploymentId => 'c461a74-af3a-4b55-a461-bafbf077a34e' }, type => 'GENESYS_CLOUD_FLOW' },
			state => 'PENDING' },
		locale => 'en-GB',
		metadata => { prop1 => 'value1' },
		notes => 'CRM ref: 3nv-1gt-4rt',
		notificationsActive => JSON::PP::true,
		organizer => { id => 'ann', type => 'AGENT' },
		participantIds => $made->{participantIds},
		roomAccess => undef,
		start => '2098-01-31T19:00:00Z',
		timezone => 'Europe/Berlin',
		title => 'Product installation review' },
	'the values of the sample');
is(join(', ', map { members($_) } @{ $made->{participantIds} }), 'id type, id type', 'participants have an id and a type');
my ($bobby) = map { $_->{id} } grep { $_->{type} eq 'CUSTOMER' } @{ $made->{participantIds} };

is_answer('ROLE_AGENT', 'GET', "/api/appointments/$id", undef, 200, "$appointment roomAccess");
is_answer('ROLE_CUSTOMER', 'GET', "/api/appointments/$id", undef, 200, "$appointment roomAccess");
my $paging = 'content pageCount pageNumber pageSize sortField sortOrder total';
my $page = is_answer('ROLE_AGENT', 'GET', '/api/appointments/', undef, 200, $paging);
is(members($page->{content}[0]), members_of($appointment), 'a list has no roomAccess');
is($page->{total}, 1, 'its total');
is_answer(
	'ROLE_SUPERVISOR', 'GET',
	"/api/appointments/?applicationId=$application&organizerId=ann,bob&duration=PT5M,PT10M&range=2098-01-01T00:00:00Z,2098-02-01T00:00:00Z"
		. '&pageSize=25&pageNumber=1&sortOrder=asc&sortField=start&utm_source=x',
	undef, 200, $paging);
is_deeply(
	is_answer(
		undef, 'GET', "/api/appointments/count?applicationId=$application&start=%222098-01-31T19%3A00%3A00.0Z%22&timeFrame=%22PT10H%22",
		undef, 200),
	[ { count => 1, duration => 'PT5M', end => '2098-01-31T19:05:00Z', start => '2098-01-31T19:00:00Z', timezone => 'Europe/Berlin' } ],
	'which counts');
is_deeply(
	is_answer(
		undef, 'GET',
		"/api/appointments/overlap/count?applicationId=$application&start=%222098-01-31T19%3A00%3A00.0Z%22&duration=%22PT5M%22",
		undef, 200),
	{ count => 1 },
	'which overlaps');
my $eligible = is_answer('ROLE_CLIENT_SERVICE', 'GET', '/api/appointments/eligible/?timeFrame=PT10H', undef, 200);
is(join(' ', map { $_->{id} } @$eligible), $id, 'is to be activated');
is(members($eligible->[0]), members_of($appointment), 'as an appointment');
my $room = is_answer('ROLE_CLIENT_SERVICE', 'POST', "/api/appointments/activate/$id", undef, 200, 'expires type url');
is_deeply(
	is_answer('ROLE_AGENT', 'PUT', '/api/appointments/',
		qq({"id": "$id", "metadata": {"prop1": {}}, "notes": "CRM ref: 3nv-1gt-4rt", "title": "Product installation review"}),
		200, "$appointment roomAccess")->{roomAccess},
	$room,
	'an activated appointment has its room');
is_answer('ROLE_AGENT', 'GET', "/api/appointments/$id/participants/$bobby", undef, 200, 'contact id metadata name type username');
is_answer('ROLE_CUSTOMER', 'GET', "/api/appointments/$id/participants/$bobby", undef, 200, 'contact id metadata name type username');
my $agent = q(36c1r718-9ab5-48c9-aeab-fas5f37b0ec4);
is_answer('ROLE_AGENT', 'POST', '/api/appointments/participants/agents/',
	qq({"id": "$id", "userId": "$agent"}), 200, "$appointment roomAccess");
is_answer('ROLE_AGENT', 'POST', '/api/appointments/participants/agents/', qq({"id": "$id", "userId": "$agent"}), 409);
is_answer('ROLE_AGENT', 'POST', '/api/appointments/participants/agents/', qq({"id": "$id", "userId": "x+y\@acme.example"}), 200);
is_answer('ROLE_AGENT', 'GET', "/api/appointments/$id/participants/x+y\@acme.example", undef, 200);
is_answer('ROLE_AGENT', 'GET', "/api/appointments/$id/participants/x%2By%40acme.example", undef, 200);
is_answer('ROLE_AGENT', 'GET', "/api/appointments/$id/participants/x%20y%40acme.example", undef, 404);
is_answer('ROLE_AGENT', 'POST', '/api/appointments/participants/agents/', qq({"id": "$id", "userId": "$_"}), 200)
	foreach 'x+y+z', 'x y z', 'v w x y';
is(is_answer('ROLE_AGENT', 'GET', "/api/appointments/$id/participants/x+y+z", undef, 200)->{id}, 'x+y+z', 'pluses are no blanks');
is_answer('ROLE_AGENT', 'DELETE', "/api/appointments/$id/participants/v+w+x+y", undef, 400);
is_answer('ROLE_AGENT', 'POST', '/api/appointments/participants/agents/',
	qq({"id": "$id", "userId": "zo\\u00eb \\u20ac \\ud83d\\ude00"}), 200);
is_answer('ROLE_AGENT', 'GET', "/api/appointments/$id/participants/zo%C3%AB%20%e2%82%ac%20%F0%9F%98%80", undef, 200);
my $larger = is_answer('ROLE_AGENT', 'POST', '/api/appointments/participants/customers/',
	qq({"customer": $customer, "id": "$id"}), 200, "$appointment roomAccess");
my ($second) = map { $_->{id} } grep { $_->{type} eq 'CUSTOMER' && $_->{id} ne $bobby } @{ $larger->{participantIds} };
is_answer('ROLE_AGENT', 'DELETE', "/api/appointments/$id/participants/$second", undef, 200, "$appointment roomAccess");
is_answer(
	'ROLE_AGENT', 'PUT', '/api/appointments/reschedule/',
	qq({"duration": "\\"PT5M\\"", "id": "$id", "locale": "\\"en-GB\\"", "start": "\\"2098-02-28T19:00:00.0Z\\"",
		"timezone": "\\"Europe/Berlin\\""}),
	200, "$appointment roomAccess");
is_answer('ROLE_AGENT', 'PUT', '/api/appointments/reassign/', qq({"id": "$id", "userId": "$agent"}), 200, "$appointment roomAccess");

# Calendars, for anybody.
my $google = send_request(undef, 'GET', "/api/cal/events/google/$id/event");
like("$google->{status} $google->{headers}{location}", qr{^302 https://calendar\.google\.com/}, 'the link for Google is a redirection');
my $ical = send_request(undef, 'GET', "/api/cal/events/ical/$id/event", undef, Accept => 'text/html');
like("$ical->{status} $ical->{headers}{'content-type'}", qr{^200 text/calendar}, 'a calendar file');
like($ical->{content}, qr/^BEGIN:VCALENDAR\r\n/, 'as it is');
is_answer(undef, 'GET', "/api/cal/events/$_/$nobody/event", undef, 404) foreach qw(google ical);
is_answer(undef, 'GET', "/api/cal/events/$_/x/event", undef, 400) foreach qw(google ical);
is(send_request(undef, 'HEAD', "/api/cal/events/ical/$id/event")->{status}, 200, 'HEAD');

is_answer('ROLE_AGENT', 'PUT', "/api/appointments/$id/end", undef, 200, "$appointment roomAccess");
is_answer('ROLE_SUPERVISOR', 'DELETE', "/api/appointments/$id", undef, 204);
is_answer('ROLE_SUPERVISOR', 'DELETE', "/api/appointments/$id", undef, 404);

# A customer with a code, by HTTP Basic.
{
	my $contact = 'bobby@customer.example';
	$rest->call($api->claims('AN'), 'POST', 'request_customer_code', { application_id => $application, contact => $contact });
	my $code = $api->code_sent_to($contact, 0);
	my $body = $schedule =~ s/"customer": \Q$customer\E, //r;
	my $send = sub {
		my ($guess) = @_;
		return send_request(undef, 'POST', '/api/appointments/basic', $body,
			defined $guess ? (Authorization => 'Basic ' . encode_base64("$contact:$guess", '')) : ());
	};

	foreach my $guess (undef, sprintf '%06d', ($code + 1) % 1_000_000)
	{
		my $refused = $send->($guess);
		is("$refused->{status} $refused->{headers}{'www-authenticate'}", '401 Basic realm="appt", charset="UTF-8"', 'a challenge');
		is(members($json->decode($refused->{content})), members_of('code message details hint'), 'with an error');
	}
	my $booked = $send->($code);
	is($booked->{status}, 200, 'the right code books') or diag($booked->{content});
	is(members($json->decode($booked->{content})), members_of("$appointment roomAccess"), 'an appointment');
	is($json->decode($booked->{content})->{organizer}{type}, 'CUSTOMER', 'of the customer');
}

# The sender's address.
$rest->call({ authorities => ['ROLE_ADMIN'], sub => 'ada', organizationId => $api->{organization} },
	'POST', 'initiate_email_verification', { application_id => $application, email => 'bank@example.org' });
my $code = $api->code_sent_to('bank@example.org', 0);
is_answer('ROLE_ADMIN', 'POST', '/api/notifications/emails/confirm', qq({"applicationId": "$application", "code": "$_->[0]"}), $_->[1])
	foreach [ sprintf('%06d', ($code + 1) % 1_000_000), 400 ], [ $code, 204 ], [ $code, 404 ];
my $test = qq({"applicationId": "$application", "channel": "EMAIL", "htmlBody": "\\"<html>...</html>\\"", "locale": "en-GB",
	"period": "\\"P1D\\"", "subject": "\\"Video appointment reminder\\"", "textBody":
	"\\"Dear {{firstName}},\\\\n\\\\nThis is a reminder of your video call scheduled for {{dd-MM-yyyy}} {{time24}} {{zone}}\\"",
	"timezone": "Europe/Berlin", "toEmail": "email\@yourdomain.com", "type": "REMINDER"});
is_answer('ROLE_ADMIN', 'POST', '/api/notifications/emails/test', $test, 204);
my $mail = "FROM appt.notification_log WHERE recipient = 'email\@yourdomain.com' AND outcome = 'DELIVERED'";
ok($node->wait_for_query("SELECT count(*) = 1 $mail"), 'the test mail is sent');
like(
	$node->query("SELECT subject, html_body, text_body $mail"),
	qr/^Video appointment reminder\|<html>\.\.\.<\/html>\|Dear \w+,\n\nThis is a reminder of your video call/,
	'as the sample says, decoded');

# What is refused, by its status.
my $open = is_answer('ROLE_AGENT', 'POST', '/api/appointments/', $schedule, 200)->{id};
is_answer(@$_) foreach (
	# 400
	[ 'ROLE_AGENT', 'POST', '/api/appointments/', '{}', 400 ],
	[ 'ROLE_AGENT', 'POST', '/api/appointments/', '', 400 ],
	[ 'ROLE_AGENT', 'POST', '/api/appointments/', '{', 400 ],
	[ 'ROLE_AGENT', 'POST', '/api/appointments/', '[]', 400 ],
	[ 'ROLE_AGENT', 'POST', '/api/appointments/', $schedule =~ s/2098-01-31T/2022-01-31T/r, 400 ],
	[ 'ROLE_AGENT', 'POST', '/api/appointments/', $schedule =~ s/PT5M/five/r, 400 ],
	[ 'ROLE_AGENT', 'POST', '/api/appointments/', $schedule =~ s/Europe.Berlin/Nowhere/r, 400 ],
	[ 'ROLE_AGENT', 'PUT', '/api/appointments/', '{"title": "x"}', 400 ],
	[ 'ROLE_AGENT', 'PUT', '/api/appointments/reassign/', qq({"id": "$open"}), 400 ],
	[ 'ROLE_AGENT', 'GET', '/api/appointments/eq.x', undef, 400 ],
	[ 'ROLE_AGENT', 'GET', '/api/appointments/?pageSize=1000', undef, 400 ],
	[ 'ROLE_AGENT', 'GET', '/api/appointments/?sortOrder=up', undef, 400 ],
	# What PostgREST fails at, or cuts short: no UTF-8, and a zero byte.
	[ 'ROLE_AGENT', 'GET', '/api/appointments/%ff', undef, 400 ],
	[ 'ROLE_AGENT', 'GET', "/api/appointments/$open/participants/a%C0%80", undef, 400 ],
	[ 'ROLE_AGENT', 'GET', '/api/appointments/?organizerId=%ed%a0%80', undef, 400 ],
	[ 'ROLE_AGENT', 'GET', '/api/appointments/?organizerId=%00', undef, 400 ],
	[ undef, 'GET', '/api/appointments/count', undef, 400 ],
	[ undef, 'GET', "/api/appointments/overlap/count?applicationId=$application&start=soon&duration=PT5M", undef, 400 ],
	# 401
	[ undef, 'POST', '/api/appointments/', $schedule, 401 ],
	[ undef, 'GET', "/api/appointments/$open", undef, 401 ],
	[ undef, 'DELETE', "/api/appointments/$open", undef, 401 ],
	# 403
	[ 'ROLE_SUPERVISOR', 'POST', '/api/appointments/', $schedule, 403 ],
	[ 'ROLE_CUSTOMER', 'GET', '/api/appointments/', undef, 403 ],
	[ 'ROLE_AGENT', 'POST', "/api/appointments/activate/$open", undef, 403 ],
	[ 'ROLE_AGENT', 'POST', '/api/notifications/emails/test', $test, 403 ],
	# 404
	[ 'ROLE_SUPERVISOR', 'GET', '/api/appointments/?organizerId=nobody', undef, 404 ],
	[ 'ROLE_AGENT', 'GET', '/api/appointments/?pageNumber=7', undef, 404 ],
	[ 'ROLE_AGENT', 'GET', "/api/appointments/$nobody", undef, 404 ],
	[ 'ROLE_CUSTOMER', 'GET', "/api/appointments/$open", undef, 404 ],
	[ 'ROLE_AGENT', 'GET', "/api/appointments/$open/participants/nobody", undef, 404 ],
	[ 'ROLE_ADMIN', 'POST', '/api/notifications/emails/test', $test =~ s/\Q$application\E/$nobody/r, 404 ],
	[ 'ROLE_AGENT', 'GET', '/api/other', undef, 404 ],
	[ 'ROLE_AGENT', 'PATCH', '/api/appointments/', '{}', 404 ],
	[ 'ROLE_AGENT', 'GET', '/compatible/list', undef, 404 ],
	# 409
	[ 'ROLE_AGENT', 'PUT', "/api/appointments/$open/end", undef, 409 ]);

is(send_request('ROLE_AGENT', 'GET', "/api/appointments/$open/participants/ann%00")->{status}, 400, 'nginx takes no zero byte in a path');

# Tokens, and what the front keeps to itself.
foreach my $case (
	[ 401, 'no such token', 'GET', Authorization => 'Bearer a.b.c' ],
	[ 200, 'a token with its scheme', 'GET', Authorization => 'Bearer ' . token('ROLE_AGENT') ],
	[ 200, 'headers that PostgREST would heed do not reach it', 'GET', Prefer => 'count=exact',
		Range => '5-6',
		Authorization => token('ROLE_AGENT') ],
	[ 200, 'a preflight', 'OPTIONS', Origin => 'https://app.example' ])
{
	my ($status, $what, $method, %headers) = @$case;
	is(send_request(undef, $method, '/api/appointments/', undef, %headers)->{status}, $status, $what);
}

# Each answer is as the description of that API says, which is made from the catalog.
{
	my $problems = '';
	my $made = PostgreSQL::Test::Utils::tempdir();
	local $ENV{NODE_PATH} = "$ENV{REPOSITORY}/build/node_modules";
	PostgreSQL::Test::Utils::system_or_bail("$ENV{REPOSITORY}/scripts/describe", '--dsn', $node->connstr('postgres'), $made);
	ok( IPC::Run::run(
			[ 'node', "$ENV{REPOSITORY}/test/peers/openapi.js", 'answers', "$made/compatible.openapi.json" ],
			'<', \join('', map { $json->encode($_) . "\n" } @answers), '>&', \$problems),
		@answers . ' answers are as the description of the API says') or diag($problems);
}

$front->stop;
$node->stop;
done_testing();

sub slurp { return PostgreSQL::Test::Utils::slurp_file(($ENV{REPOSITORY} // '.') . "/$_[0]"); }

sub members_of { return join ' ', sort split / /, $_[0]; }

sub members { return join ' ', sort keys %{ $_[0] }; }

# As the issuer makes them: claims by its names, the role among others.
sub token
{
	my ($role) = @_;
	my %claims = (sub => $role eq 'ROLE_SUPERVISOR' ? 'sue' : 'ann', applicationId => $application, authorities => [ 'openid', $role ]);

	if ($role eq 'ROLE_ADMIN') { %claims = (%claims, sub => 'ada', organizationId => $api->{organization}); }
	if ($role eq 'ROLE_CUSTOMER')
	{
		$claims{conferenceId} = $node->query("SELECT conference_id FROM appt.appointment WHERE id = '$id'") || $nobody;
		$claims{sub} = $bobby;
	}
	return $rest->token(\%claims);
}

# A role's token is sent bare.
sub send_request
{
	my ($role, $method, $path, $body, %headers) = @_;

	$headers{Authorization} //= token($role) if defined $role;
	$headers{Accept} //= 'application/json';
	$headers{'Content-Type'} = 'application/json' if defined $body;
	return $front->request($method, $path, { headers => \%headers, defined $body ? (content => $body) : () });
}

# The answer's JSON, after its status and its members have been judged.
sub is_answer
{
	my ($role, $method, $path, $body, $status, $members) = @_;
	my $answer = send_request($role, $method, $path, $body);
	my $what = join ' ', $role // 'anybody', $method, substr($path, 0, 60), defined $body ? substr($body, 0, 40) =~ s/\s+/ /gr : ();

	is($answer->{status}, $status, "$what: $status") or diag($answer->{content});
	my $value = ($answer->{headers}{'content-type'} // '') =~ /json/ ? $json->decode($answer->{content}) : undef;
	push @answers,
		{ method => $method, path => $path, status => $answer->{status}, type => $answer->{headers}{'content-type'},
			defined $value ? (body => $value) : () }
		if $path =~ m{^/api/(?!other)} && $method ne 'PATCH';
	is(members($value), members_of($members), "$what: members") if $members && ref $value eq 'HASH';
	return $value;
}
