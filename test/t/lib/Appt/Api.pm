package Appt::Api;

# The public functions as requests of every role, with the expected results: written once, sent by Appt::Prelude (SQL)
# and by Appt::Rest (HTTP).
#
#   my $api = Appt::Api->create($node);          # an organization and an application, its mail received by a peer
#   $api->run($sender);                          # a subtest for each function
#   $api->claims('AG'); $api->appointment;       # and more of the fixture, for tests of their own

use strict;
use warnings;

use Appt::Examples;
use Appt::Peers;
use Appt::Token;
use JSON::PP;
use Test::More;

our @roles = qw(AG SU CS CU AD AN);
my $uuid = qr/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
my $time = qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?\+00:00$/;

sub create
{
	my ($class, $node) = @_;
	my $self = bless { node => $node, mail => Appt::Peers->smtp }, $class;

	$self->{organization} = $node->query("SELECT appt.create_organization('Acme')");
	$self->{application} = $node->query(
		"SELECT appt.create_application('$self->{organization}', 'Bank', auto_activate => false, room_url => 'https://meet.example/',
			public_url => 'https://api.example/')"
	);
	$node->query("SELECT appt.set_provider('$self->{application}', 'EMAIL', 'SMTP', '"
			. $self->{mail}->url
			. "', sender => 'Bank <bank\@example.org>')");
	$self->gateway;
	$node->query(
		"UPDATE appt.rule SET buttons = '{ACCEPT,DECLINE,RESCHEDULE}' WHERE application_id = '$self->{application}' AND type = 'CREATE'
			AND channel = 'EMAIL'");
	$self->{subscription} =
		$node->query("SELECT id FROM appt.create_subscription('$self->{application}', 'https://hooks.example/?key=secret')");
	$node->query("UPDATE appt.subscription SET enabled = false");
	$node->query(
		"INSERT INTO appt.user_profile (application_id, id, email) VALUES ('$self->{application}', 'ann', 'ann\@example.org'),
			('$self->{application}', 'sue', 'sue\@example.org')");
	$self->{line} = $node->query(
		"INSERT INTO appt.line (application_id, name, owner_id) VALUES ('$self->{application}', 'Sales', 'ann') RETURNING id");
	return $self;
}

# A role's token: an agent and a client service organize what appointment() makes, a customer is its customer.
sub claims
{
	my ($self, $role, $appointment) = @_;
	my %tenant = (application_id => $self->{application});

	return Appt::Token::claims($role) if $role eq 'AN';
	return Appt::Token::claims($role, sub => 'ada', organization_id => $self->{organization}) if $role eq 'AD';
	return Appt::Token::claims($role, sub => 'sue', %tenant) if $role eq 'SU';
	return Appt::Token::claims($role, sub => 'ann', %tenant) if $role ne 'CU';
	$appointment //= $self->shared_appointment;
	return Appt::Token::claims($role, sub => $appointment->{customer}, conference_id => $appointment->{conference}, %tenant);
}

# A new appointment of ann's as a hash of id, conference, customer, ticket and notification (of CREATE by email).
sub appointment
{
	my ($self, %options) = @_;
	my $activate = exists $options{activated} && !$options{activated} ? 0 : 1;
	my $start = $options{start_at} // "now() + interval '2 days'";
	my %appointment;

	@appointment{qw(id conference customer ticket notification)} = split /\|/, $self->{node}->query(<<"END");
BEGIN;
CREATE TEMP TABLE made ON COMMIT DROP AS SELECT id, conference_id FROM appt.schedule_appointment('$self->{application}', $start, '1 hour',
	'{"name": {"firstName": "Bobby", "lastName": "Brown"}, "contact": {"primaryEmail": "bobby\@example.org", "primaryPhone": "+306900000000"}, "username": "bobby", "metadata": {"n": 1}}',
	organizer_id => 'ann', title => 'Mortgage', notes => 'a private note', metadata => '{"ref": "3nv"}', timezone => 'Europe/Athens');
@{[ $activate ? 'SELECT FROM (SELECT appt.activate_appointment(id) FROM made) activated \\g /dev/null' : '' ]}
SELECT m.id, conference_id, p.id, coalesce(r.ticket, ''), n.id FROM made m JOIN appt.participant p ON p.appointment_id = m.id
	AND p.type = 'CUSTOMER'
	JOIN appt.notification n ON n.appointment_id = m.id AND n.type = 'CREATE' AND n.channel = 'EMAIL' LEFT
		JOIN appt.room_access r ON r.appointment_id = m.id;
COMMIT;
END
	return \%appointment;
}

sub shared_appointment
{
	my ($self) = @_;

	return $self->{shared} //= $self->appointment;
}

# Its confirmation was sent; make it one that failed.
sub failed_notification
{
	my ($self, $appointment) = @_;

	$self->{node}->wait_for_query("SELECT state FROM appt.notification WHERE id = $appointment->{notification}", 'SENT')
		or die 'nothing is sent';
	$self->{node}->query(
		"UPDATE appt.attempt SET outcome = 'FAILED' WHERE notification_id = $appointment->{notification};
		UPDATE appt.notification SET state = 'FAILED', reason = 'REJECTED' WHERE id = $appointment->{notification}");
	return $appointment->{notification};
}

# An identifier by which a provider knows the appointment's text message.
sub provider_message
{
	my ($self, $appointment) = @_;

	return $self->{node}->query(
		"WITH sent AS (INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at)
			SELECT application_id, id, 100, now() FROM appt.notification WHERE id = $appointment->{notification} RETURNING application_id, id)
		INSERT INTO appt.provider_message (application_id, provider_message_id, attempt_id) SELECT application_id, 'SM' || id, id FROM sent
		RETURNING provider_message_id");
}

# The code in the latest mail to an address that came after $count others.
sub code_sent_to
{
	my ($self, $address, $count) = @_;
	my @mails = $self->{mail}->wait_for($count + 1, sub { ($_->{rcpt_to}[0] // '') eq $address });

	# Headers hold digits, too.
	my ($code) = ($mails[-1]{message} // '') =~ /\r?\n\r?\n.*?\b(\d{6})\b/s;
	return $code;
}

sub mails_to
{
	my ($self, $address) = @_;

	return scalar grep { ($_->{rcpt_to}[0] // '') eq $address } $self->{mail}->entries;
}

my $start_at = '2099-03-29T10:00:00Z';

sub is_appointment
{
	my ($json, %expected) = @_;

	like($json->{id}, $uuid, 'an appointment\'s id');
	like($json->{start_at}, $time, 'times are ISO 8601 in UTC');
	like($json->{duration}, qr/^PT\d+[HM]/, 'durations are ISO 8601');
	is_deeply([ sort keys %{ $json->{organizer} } ], [qw(id type)], 'objects are objects');
	is(ref $json->{participant_ids}, 'ARRAY', 'and lists lists');
	is($json->{$_}, $expected{$_}, $_) foreach sort keys %expected;
	return;
}

# A message that has not left.
sub message
{
	my ($self) = @_;

	return $self->{node}->query(
		"SELECT id FROM appt.send_message('$self->{application}', 'SMS', '+306900000000', 'Hi',
		due_at => now() + interval '1 day')");
}

sub meeting_template
{
	my ($self) = @_;

	return $self->{meeting_template} //= $self->{node}->query("SELECT appt.create_meeting_template('$self->{application}', 'Viewing')");
}

# Of the links in the appointment's confirmation by email: to the page, and to unsubscribe.
sub link_tokens
{
	my ($self, $appointment) = @_;

	$self->{node}->wait_for_query("SELECT state FROM appt.notification WHERE id = $appointment->{notification}", 'SENT')
		or die 'nothing is sent';
	$self->{node}->query('SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS appt_test');
	return map { $self->{node}->query("SELECT appt_test.link_token($appointment->{notification}, $_)") } 0, 1;
}

# The variables of the examples in a block of doc/rest.md: new objects for each block, as far as it names them.
sub variables
{
	my ($self, @names) = @_;
	my $appointment = $self->appointment;
	my %variables = (
		API => 'http://api',
		APPLICATION => $self->{application},
		ORGANIZATION => $self->{organization},
		SUBSCRIPTION => $self->{subscription},
		SENDER => 'bank@example.org',
		APPOINTMENT => $appointment->{id},
		PARTICIPANT => $appointment->{customer},
		TICKET => $appointment->{ticket},
		NOTIFICATION => $appointment->{notification},
		LINE => $self->{line});

	$variables{PROVIDER_MESSAGE} = $self->provider_message($appointment) if grep { $_ eq 'PROVIDER_MESSAGE' } @names;
	$variables{MESSAGE} = $self->message if grep { $_ eq 'MESSAGE' } @names;
	$variables{MEETING_TEMPLATE} = $self->meeting_template if grep { $_ eq 'MEETING_TEMPLATE' } @names;
	@variables{qw(TOKEN UNSUBSCRIBE_TOKEN)} = $self->link_tokens($appointment) if grep { /^(?:UNSUBSCRIBE_)?TOKEN$/ } @names;
	@variables{qw(PROVIDER INBOUND_SECRET)} = ($self->gateway, 'what the gateway says') if grep { $_ eq 'PROVIDER' } @names;
	$variables{FAILED_NOTIFICATION} = $self->failed_notification($appointment) if grep { $_ eq 'FAILED_NOTIFICATION' } @names;
	return (\%variables, $appointment);
}

# The application's SMS gateway, set anew: a call of set_provider may have replaced it. Its id.
sub gateway
{
	my ($self) = @_;

	return $self->{node}->query(
		"SELECT appt.set_provider('$self->{application}', 'SMS', 'HTTP', 'https://sms.example/', sender => 'Bank',
			settings => '{\"inbound\": {\"from\": \"from\", \"to\": \"to\", \"text\": \"text\", \"id\": \"id\"}}',
			inbound_secret => 'what the gateway says')"
	);
}

our %initials = (AGENT => 'AG', SUPERVISOR => 'SU', SERVICE => 'CS', CUSTOMER => 'CU', ADMIN => 'AD');

# The examples of doc/rest.md, in their order, those of a block with the same objects: $send gets a request and the claims of
# its token, and returns an answer.
sub run_examples
{
	my ($self, $send) = @_;
	my ($asked, $mails, $variables, $appointment);
	my $block = -1;
	my @examples = Appt::Examples->of(($ENV{REPOSITORY} // '.') . '/doc/rest.md');

	foreach my $example (@examples)
	{
		my ($function) = $example->{line} =~ m{/rpc/(\w+)};
		($variables, $appointment) = $self->variables(map { $_->variables } grep { $_->{block} == $example->{block} } @examples)
			if $block != $example->{block};
		$block = $example->{block};
		my $who = $example->who;
		my $claims = $self->claims($who ? $initials{$who} : 'AN', $appointment);

		$variables->{$who} = 'X: x' if $who;
		$variables->{CODE} = $self->code_sent_to($asked, $mails) if grep { $_ eq 'CODE' } $example->variables;
		my $request = $example->request($variables);
		delete $request->{headers}{X};
		($asked) = $request->{body} =~ /"(?:contact|email)": "([^"]+)"/
			if ($function // '') =~ /^(?:request_customer_code|initiate_email_verification)$/;
		$mails = $self->mails_to($asked) if $asked;
		my $answer = $send->($request, $claims) or next;
		# The examples that follow write to the same address.
		$self->{node}->query('DELETE FROM appt.suppression') if ($function // '') eq 'unsubscribe';
		is($answer->{status}, $example->{status}, $example->{line} =~ s/ (?:-H|--json).*//r)
			or diag($answer->{error} // $answer->{content});
	}
	return;
}

# Each function: whether it only reads (GET as well as POST), the status by role in the order of @roles, its arguments,
# which may depend on a fresh appointment and on the role, and a check of a successful answer.
sub cases
{
	my ($self) = @_;
	my %application = (application_id => $self->{application});
	my $of_fresh = sub {
		my %more = @_;
		return sub { my ($appointment) = @_; return { id => $appointment->{id}, %more } }
	};
	my $is_mine = sub {
		my ($answer, $appointment) = @_;
		is($answer->{json}{id}, $appointment->{id}, 'the appointment');
		is_appointment($answer->{json});
	};
	my $is_empty = sub { is($_[0]{status}, 204, 'no content'); is($_[0]{content} // '', '', 'none at all'); };

	return (
		{   function => 'find_appointments',
			reads => 1,
			who => '200 200 200 403 403 401',
			arguments => sub {
				return {
					%application,
					duration => ['PT1H'],
					range => '[2020-01-01, 2090-01-01)',
					page_size => 2,
					sort_field => 'start_at' };
			},
			check => sub {
				my ($answer) = @_;
				is(ref $answer->{json}{content}, 'ARRAY', 'a page has a list');
				cmp_ok($answer->{json}{total}, '>=', 1, 'a total');
				is_appointment($answer->{json}{content}[0], room_access => undef);
			}
		},
		{   function => 'schedule_appointment',
			who => '200 403 200 403 403 401',
			arguments => sub {
				return {
					%application,
					start_at => $start_at,
					duration => 'PT1H30M',
					title => 'Line 1',
					timezone => 'Europe/Athens',
					metadata => { a => [ 1, { b => undef } ] },
					customer => { name => { firstName => "Zo\x{eb}" }, contact => { primaryEmail => 'zoe@example.org' } },
					interaction => { customFields => { x => 'y' } },
					notification_headers => { 'X-Trace' => '1' } };
			},
			check => sub {
				my ($answer) = @_;
				is_appointment(
					$answer->{json},
					state => 'SCHEDULED',
					title => 'Line 1',
					duration => 'PT1H30M',
					start_at => '2099-03-29T10:00:00+00:00',
					room_access => undef);
				is($answer->{json}{metadata}{a}[1]{b}, undef, 'what was sent comes back');
				is($answer->{json}{interaction}{customFields}{x}, 'y', 'nested');
			}
		},
		{   function => 'update_appointment',
			who => '200 200 200 403 403 401',
			fresh => 1,
			arguments => $of_fresh->(title => 'Another', metadata => { a => 1 }),
			check => sub { $is_mine->(@_); is($_[0]{json}{title}, 'Another', 'is changed') } },
		{ function => 'delete_appointment', who => '204 204 204 403 403 401', fresh => 1, arguments => $of_fresh->(), check => $is_empty },
		{   function => 'cancel_appointment',
			who => '200 200 200 403 403 401',
			fresh => 1,
			arguments => $of_fresh->(reason => 'ill'),
			check => sub { $is_mine->(@_); is($_[0]{json}{state}, 'CANCELLED', 'is cancelled') } },
		{   function => 'get_appointment',
			reads => 1,
			who => '200 200 200 200 403 401',
			arguments => $of_fresh->(),
			check => sub {
				$is_mine->(@_);
				is($_[0]{json}{room_access}{url} =~ m{^https://meet\.example/}, 1, 'with its room');
			}
		},
		{   function => 'end_appointment',
			who => '200 403 403 403 403 401',
			fresh => 1,
			arguments => $of_fresh->(),
			check => sub { $is_mine->(@_); is($_[0]{json}{state}, 'ENDED', 'is over') } },
		{   function => 'remove_participant',
			who => '200 200 403 403 403 401',
			fresh => 1,
			arguments => sub { return { id => $_[0]{id}, participant_id => $_[0]{customer} } },
			check => sub { $is_mine->(@_); is(scalar @{ $_[0]{json}{participant_ids} }, 1, 'one is left') } },
		{   function => 'get_participant',
			reads => 1,
			who => '200 200 403 200 403 401',
			arguments => sub { return { id => $_[0]{id}, participant_id => $_[0]{customer} } },
			check => sub {
				my ($answer, $appointment) = @_;
				is_deeply(
					$answer->{json},
					{   id => $appointment->{customer},
						type => 'CUSTOMER',
						username => 'bobby',
						name => { firstName => 'Bobby', lastName => 'Brown' },
						contact => { primaryEmail => 'bobby@example.org', primaryPhone => '+306900000000' },
						metadata => { n => 1 } },
					'a person');
			}
		},
		{   function => 'activate_appointment',
			who => '403 403 200 403 403 401',
			fresh => 1,
			arguments => $of_fresh->(),
			check => sub {
				my ($answer) = @_;
				is_deeply([ sort keys %{ $answer->{json} } ], [qw(expires ticket type url)], 'a room');
				like($answer->{json}{expires}, $time, 'until when');
			}
		},
		{   function => 'request_customer_code',
			who => '204 204 204 204 204 204',
			arguments => sub { my ($appointment, $role) = @_; return { %application, contact => lc "$role\@codes.example" } },
			check => $is_empty },
		{   function => 'schedule_appointment_as_customer',
			who => '401 401 401 401 401 401',
			arguments => sub {
				return { %application, contact => 'nobody@codes.example', code => '000000', start_at => $start_at, duration => 'PT1H' };
			}
		},
		{   function => 'count_appointments',
			reads => 1,
			who => '200 200 200 200 200 200',
			arguments => sub { return { %application, start_at => '2000-01-01T00:00:00Z', time_frame => 'P36500D' } },
			check => sub {
				my ($answer) = @_;
				is(ref $answer->{json}, 'ARRAY', 'rows');
				is_deeply([ sort keys %{ $answer->{json}[0] } ], [qw(count duration end_at start_at timezone)], 'of five columns');
				is($answer->{json}[0]{duration}, 'PT1H', 'durations are ISO 8601');
			}
		},
		{   function => 'appointments_eligible_for_activation',
			reads => 1,
			who => '403 403 200 403 403 401',
			before => sub { $_[0]->appointment(activated => 0) },
			arguments => sub { return { time_frame => 'P1D' } },
			check => sub { my ($answer) = @_; is_appointment($answer->{json}[0], state => 'SCHEDULED'); } },
		{   function => 'count_overlapping',
			reads => 1,
			who => '200 200 200 200 200 200',
			arguments => sub { return { %application, start_at => '1999-01-01T00:00:00Z', duration => 'PT1H' } },
			check => sub { is($_[0]{content}, '{"count":0}', 'a count by its name'); } },
		{   function => 'add_agent',
			who => '200 200 403 403 403 401',
			fresh => 1,
			arguments => $of_fresh->(user_id => 'new'),
			check => sub {
				$is_mine->(@_);
				is(scalar(grep { $_->{id} eq 'new' && $_->{type} eq 'AGENT' } @{ $_[0]{json}{participant_ids} }), 1, 'takes part');
			}
		},
		{   function => 'add_customer',
			who => '200 200 403 403 403 401',
			fresh => 1,
			arguments => $of_fresh->(customer => { username => 'new' }),
			check => sub { $is_mine->(@_); is(scalar @{ $_[0]{json}{participant_ids} }, 3, 'takes part') } },
		{   function => 'reassign_appointment',
			who => '200 200 403 403 403 401',
			fresh => 1,
			arguments => $of_fresh->(user_id => 'new'),
			check => sub { $is_mine->(@_); is_deeply($_[0]{json}{organizer}, { id => 'new', type => 'AGENT' }, 'has another organizer') }
		},
		{   function => 'reschedule_appointment',
			who => '200 200 200 403 403 401',
			fresh => 1,
			arguments => $of_fresh->(start_at => $start_at, duration => 'PT30M', timezone => 'Europe/Berlin'),
			check => sub { $is_mine->(@_); is($_[0]{json}{duration}, 'PT30M', 'is at another time') } },
		{   function => 'google_calendar_url',
			reads => 1,
			who => '200 200 200 200 200 200',
			arguments => $of_fresh->(),
			check => sub {
				like($_[0]{json}, qr{^https://calendar\.google\.com/}, 'a link');
				unlike($_[0]{json}, qr/private/, 'that holds no notes');
			}
		},
		{   function => 'google_calendar_event',
			reads => 1,
			who => '302 302 302 302 302 302',
			arguments => $of_fresh->(),
			check => sub { like($_[0]{headers}{location}, qr{^https://calendar\.google\.com/}, 'where to') } },
		{   function => 'outlook_calendar_event',
			reads => 1,
			who => '302 302 302 302 302 302',
			arguments => $of_fresh->(),
			check => sub { like($_[0]{headers}{location}, qr{^https://outlook\.live\.com/}, 'where to') } },
		{   function => 'ical_event',
			reads => 1,
			who => '200 200 200 200 200 200',
			arguments => $of_fresh->(),
			check => sub {
				my ($answer) = @_;
				like($answer->{headers}{'content-type'}, qr{^text/calendar}, 'a calendar');
				like($answer->{content}, qr/^BEGIN:VCALENDAR\r\n.*^END:VCALENDAR\r\n\z/ms, 'from beginning to end');
				unlike($answer->{content}, qr/private|bobby/i, 'without notes and people');
			}
		},
		{   function => 'ical_text',
			reads => 1,
			who => '200 200 200 200 200 200',
			arguments => $of_fresh->(),
			check => sub { like($_[0]{json}, qr/^BEGIN:VCALENDAR\r\n/, 'a calendar as text') } },
		{   function => 'initiate_email_verification',
			who => '403 403 403 403 204 401',
			arguments => sub { return { %application, email => 'bank@example.org' } },
			check => $is_empty },
		{   function => 'confirm_email_verification',
			who => '403 403 403 403 400 401',
			arguments => sub { return { %application, code => '00000x' } } },
		{   function => 'send_test_email',
			who => '403 403 403 403 200 401',
			arguments => sub { return { %application, to_email => 'test@example.org', period => 'P1D', subject => 'A {{title}}' } },
			check => sub { like($_[0]{json}, qr/^\d+$/, 'the id of its notification') } },
		{   function => 'send_test_sms',
			who => '403 403 403 403 200 401',
			arguments => sub { return { %application, to_phone => '+306900000000' } },
			check => sub { like($_[0]{json}, qr/^\d+$/, 'the id of its notification') } },
		{   function => 'available_slots',
			reads => 1,
			who => '200 200 200 200 200 200',
			arguments => sub {
				return { %application, range => '[2099-05-01T08:00:00Z, 2099-05-01T10:00:00Z)', duration => 'PT1H', step => 'PT30M' };
			},
			check => sub {
				is_deeply(
					$_[0]{json}[1],
					{ start_at => '2099-05-01T08:30:00+00:00', end_at => '2099-05-01T09:30:00+00:00', remaining => undef },
					'a slot');
				is(scalar @{ $_[0]{json} }, 3, 'as many as there are');
			}
		},
		{   function => 'record_join',
			who => '403 403 204 204 403 401',
			fresh => 1,
			arguments => sub { return { id => $_[0]{id}, participant_id => $_[0]{customer} } },
			check => $is_empty },
		{   function => 'record_leave',
			who => '403 403 204 204 403 401',
			fresh => 1,
			arguments => sub { return { id => $_[0]{id}, participant_id => $_[0]{customer} } },
			check => $is_empty },
		{   function => 'resolve_room',
			reads => 1,
			who => '403 403 200 403 403 401',
			arguments => sub { return { ticket => $_[0]{ticket} } },
			check => $is_mine },
		{   function => 'notification_eligibility',
			reads => 1,
			who => '200 200 200 403 200 401',
			arguments => sub { return { notification_id => $_[0]{notification} + 0, at => '2099-01-01T00:00:00Z' } },
			check => sub { is_deeply([ sort keys %{ $_[0]{json} } ], [qw(eligible explanation reason)], 'why') } },
		{   function => 'retry_notification',
			who => '200 200 403 403 200 401',
			fresh => 1,
			before => sub { $_[0]->failed_notification($_[1]) },
			arguments => sub { return { notification_id => $_[0]{notification} + 0 } },
			check => sub { is($_[0]{json}{state}, 'RETRYING', 'goes out again') } },
		{   function => 'send_message',
			who => '403 403 200 403 403 401',
			arguments => sub {
				return {
					%application,
					channel => 'SMS',
					recipient => '+306900000000',
					text_body => 'Hi {{name}}',
					data => { name => 'Bo' } };
			},
			check => sub { is("$_[0]{json}{type} $_[0]{json}{state}", 'MESSAGE PENDING', 'what it plans') } },
		{   function => 'cancel_message',
			who => '403 403 200 403 403 401',
			arguments => sub { return { notification_id => $self->message + 0 } },
			check => sub { is($_[0]{json}{reason}, 'WITHDRAWN', 'is withdrawn') } },
		{   function => 'notify_users',
			who => '403 403 200 403 403 401',
			arguments => sub {
				return {
					%application,
					type => 'MENTION',
					user_ids => ['ann'],
					title => 'Bob mentioned you',
					payload => { url => '/notes/1' } };
			},
			check => sub {
				is(join(' ', map { "$_->{recipient_id} $_->{channel}" } @{ $_[0]{json} }), 'ann EMAIL ann IN_APP', 'what it plans');
			}
		},
		{   function => 'resend_notifications',
			who => '403 403 403 403 200 401',
			arguments => sub { return { subscription_id => $self->{subscription}, since => '2026-01-01T00:00:00Z' } },
			check => sub { is(ref $_[0]{json}, 'ARRAY', 'a list') } },
		{   function => 'send_sample_notification',
			who => '200 404 200 403 200 401',
			arguments => sub { return { type => 'VOICEMAIL', user_id => 'ann', application_id => $self->{application} } },
			check => sub { is(scalar @{ $_[0]{json} }, 2, 'a message over each channel') } },
		{   function => 'preview_notification',
			reads => 1,
			who => '200 200 403 403 200 401',
			arguments =>
				sub { return { appointment_id => $_[0]{id}, participant_id => $_[0]{customer}, type => 'CREATE', channel => 'EMAIL' } },
			check => sub { is($_[0]{json}{recipient}, 'bobby@example.org', 'to whom') } },
		{   function => 'render_template',
			reads => 1,
			who => '200 200 200 403 200 401',
			arguments => sub {
				return {
					template => 'Hi {{firstName}}, {{HH:mm}}',
					data => { firstName => 'Bo & Co', start_at => '2026-03-29T13:30:00Z' } };
			},
			check => sub { is($_[0]{json}, 'Hi Bo & Co, 13:30', 'a text') } },
		{   function => 'set_notifications_enabled',
			who => '403 403 403 403 204 401',
			arguments => sub { return { organization_id => $self->{organization}, enabled => JSON::PP::true } },
			check => $is_empty },
		{ function => 'create_organization', who => '403 403 403 403 403 401', arguments => sub { return { name => 'x' } } },
		{   function => 'create_application',
			who => '403 403 403 403 200 401',
			arguments => sub { return { organization_id => $self->{organization}, name => 'x', max_duration => 'PT2H' } },
			check => sub { like($_[0]{json}, $uuid, 'its id') } },
		{   function => 'create_subscription',
			who => '403 403 403 403 200 401',
			arguments => sub { return { %application, url => 'https://x.example/', headers => { 'X-Key' => 'v' } } },
			check => sub { like($_[0]{json}{id}, $uuid, 'its id'); like($_[0]{json}{hmac_key}, qr/^whsec_/, 'and its key') } },
		{   function => 'rotate_subscription_key',
			who => '403 403 403 403 200 401',
			arguments => sub { return { id => $self->{subscription}, overlap => 'PT1H' } },
			check => sub { like($_[0]{json}{hmac_key}, qr/^whsec_/, 'another key') } },
		{   function => 'rotate_token_key',
			who => '403 403 403 403 204 401',
			arguments => sub { return { %application, overlap => 'PT1H' } },
			check => $is_empty },
		{   function => 'set_provider',
			who => '403 403 403 403 200 401',
			arguments => sub {
				return {
					%application,
					channel => 'SMS',
					kind => 'HTTP',
					url => 'https://sms2.example/',
					settings => { max_per_second => 5 } };
			},
			check => sub { like($_[0]{json}, $uuid, 'its id') } },
		{ function => 'adopt_database', who => '403 403 403 403 403 401', arguments => sub { return {} } });
}

# Every function by every role. Functions that only read are called by GET and POST; for others GET is refused.
sub run
{
	my ($self, $sender) = @_;

	foreach my $case ($self->cases)
	{
		subtest $case->{function} => sub {
			$self->run_case($sender, $case);
			done_testing();
		};
	}
	return;
}

sub run_case
{
	my ($self, $sender, $case) = @_;
	my @statuses = split / /, $case->{who};
	my $was_refused = 0;

	foreach my $place (0 .. $#roles)
	{
		my ($role, $status) = ($roles[$place], $statuses[$place]);
		my $is_answered = $status < 400;
		foreach my $method ($case->{reads} ? qw(GET POST) : 'POST')
		{
			my $appointment = $case->{fresh}
				&& $is_answered ? $self->appointment(activated => $case->{function} ne 'activate_appointment') : $self->shared_appointment;
			$case->{before}->($self, $appointment) if $case->{before} && $is_answered;
			my $arguments = $case->{arguments}->($appointment, $role);
			my $claims = $self->claims($role, $appointment);

			# Once, by who may call it, and refused before anything has changed.
			if (!$case->{reads} && $is_answered && !$was_refused++)
			{
				is($sender->call($claims, 'GET', $case->{function}, $arguments)->{status}, 405, "GET as $role");
			}
			my $answer = $sender->call($claims, $method, $case->{function}, $arguments);
			is($answer->{status}, $status, "$method as $role") or diag($answer->{error} // $answer->{content});
			$case->{check}->($answer, $appointment) if $case->{check} && $is_answered && $answer->{status} == $status;
		}
	}
	return;
}

1;
