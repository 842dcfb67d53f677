# The 49 things that Progrid's meeting templates promise, each by its name, and five of its original: to customers who are written
# to over real servers and answer by links, by pages over HTTP and by text message.

use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Rest;
use Appt::Tenant;
use Appt::Token;
use JSON::PP qw(decode_json encode_json);
use MIME::Base64 qw(decode_base64 encode_base64);
use MIME::QuotedPrint qw(decode_qp);
use Test::More;

my $node = Appt::Cluster->create('main');
my $mail = Appt::Peers->smtp('--reply', '550 5.7.1 no mail is taken here', '--at', 'RCPT', '--only', 'refused');
my $sms = Appt::Peers->sms;
my $rest = Appt::Rest->serve($node);
my $origin = $rest->url;
my $own_number = '+15550100000';
my $token = qr/[A-Za-z0-9_-]{38}/;

# A blue square.
my $image = pack 'H*',
	'89504e470d0a1a0a0000000d4948445200000001000000010806000000'
	. '1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082';

# The application, its providers and its users: Olga organizes, Fay follows.
my $tenant = Appt::Tenant->create($node, timezone => 'Europe/Athens');
my $app = $tenant->application;
$tenant->query(
	"UPDATE appt.application SET public_url = '$origin', sender_image = '\\x@{[ unpack 'H*', $image ]}',
		contact = '{\"name\": \"Customer care\", \"phone\": \"+302101234567\", \"email\": \"care\@acme.example\",
			\"url\": \"https://acme.example/help\"}'
	WHERE id = '$app';
	INSERT INTO appt.user_profile (application_id, id, name, email, channels) VALUES
	('$app', 'olga', 'Olga Adviser', 'olga\@private.example', '{EMAIL}'), ('$app', 'fay', 'Fay Follower', 'fay\@private.example', '{EMAIL}')"
);
$tenant->email($mail->url, sender => 'Acme Meetings <meetings@acme.example>');
my $gateway = $tenant->provider(
	'SMS', 'HTTP', $sms->url('/gateway'),
	sender => $own_number,
	settings => '{"inbound": {"from": "from", "to": "to", "text": "text", "id": "id"}}',
	inbound_secret => 'what the gateway says');
$node->wait_for_workers;

# ---- setting up ----

# A meeting template with the default rules, but for these changes by type.
sub template
{
	my ($arguments, %changes) = @_;
	my $id = $tenant->query("SELECT appt.create_meeting_template('$app', 'Visit'$arguments)");
	my $statements = join '; ',
		map { "UPDATE appt.rule SET $changes{$_} WHERE meeting_template_id = '$id' AND type = '$_'" } sort keys %changes;

	$tenant->query($statements) if $statements;
	return $id;
}

# Words for the messages of a type by these templates' rules.
sub words
{
	my ($template, $type, $channel, %texts) = @_;
	my $where = $texts{where} ? "AND $texts{where}" : '';
	my ($subject, $text, $html) = map { defined $texts{$_} ? "\$t\$$texts{$_}\$t\$" : 'NULL' } qw(subject text html);

	$tenant->query(
		"INSERT INTO appt.template (application_id, rule_id, type, channel, locale, subject, text_body, html_body)
		SELECT application_id, id, type, '$channel', 'en', $subject, $text, $html FROM appt.rule
		WHERE meeting_template_id = '$template' AND type = '$type' $where");
	return;
}

my $visits = 0;

# An appointment of a customer with addresses of its own: {id, email, phone}.
sub visit
{
	my ($template, %of) = @_;
	my $number = ++$visits;
	my %made = (email => $of{email} // "customer$number\@example.org", phone => sprintf('+30690000%04d', $number));
	my $start = $of{start} // "'2031-07-01 10:00+03'";
	my $location = exists $of{location} ? $of{location} : q('Main Street 1');
	my $title = $of{title} // q('Mortgage advice');
	my %customer = (
		name => { firstName => 'Bobby', lastName => "Brown $number" },
		contact => { primaryEmail => $made{email}, primaryPhone => $made{phone} },
		$of{prefers} ? (preferredChannel => $of{prefers}) : ());

	$made{id} = $tenant->query(
		"SELECT id FROM appt.schedule_appointment('$app', $start, '45 minutes', '@{[ encode_json(\%customer) ]}',
			organizer_id => 'olga', title => $title, location => $location, meeting_template_id => '$template')");
	return \%made;
}

# One whose reminder at this offset is due within a moment.
sub visit_soon
{
	my ($template, $offset, %of) = @_;

	return visit($template, start => "now() + interval '$offset' + interval '800 milliseconds'", %of);
}

# Booking state, notification state and changed fields, behind the state.
sub states
{
	my ($visit) = @_;

	return $tenant->query(
		"SELECT concat_ws(' ', state, booking_state, notification_state, changed_fields::text) FROM appt.appointment WHERE id = '$visit->{id}'"
	);
}

sub send_now
{
	my ($visit, $type, $more) = @_;
	my $arguments = $more ? ", $more" : '';

	$tenant->query("SELECT appt.send_notification('$visit->{id}', '$type'$arguments)");
	return ok($tenant->settled, "$type is sent");
}

sub change { my ($visit, $call) = @_; return $tenant->query("SELECT appt." . $call =~ s/\(/('$visit->{id}', /r); }

# ---- what arrived ----

# The leaves of a MIME message, by what they are: {head, text, html, ics}.
sub read_part
{
	my ($raw, $into) = @_;
	my ($head, $body) = split /\r?\n\r?\n/, $raw, 2;

	$head =~ s/\r?\n[ \t]+/ /g;
	$into->{head} //= $head;
	if ($head =~ /^Content-Type: multipart\/.*boundary="?([^";\s]+)/mi)
	{
		my (undef, @parts) = split /^--\Q$1\E(?:--)?\s*?\r?\n?/m, $body;
		read_part($_, $into) foreach grep { /\S/ } @parts;
		return $into;
	}
	$body = decode_base64($body) if $head =~ /^Content-Transfer-Encoding: base64/mi;
	$body = decode_qp($body) if $head =~ /^Content-Transfer-Encoding: quoted-printable/mi;
	my ($kind) = $head =~ m{^Content-Type: text/(plain|html|calendar)}mi;
	$into->{ { plain => 'text', html => 'html', calendar => 'ics' }->{ $kind // 'calendar' } } //= $body =~ s/\r\n/\n/gr;
	return $into;
}

# Is it a record of the mail server about a mail to this address?
sub is_to { my ($entry, $address) = @_; return ($entry->{rcpt_to}[0] // '') eq $address; }

sub mails_to
{
	my ($address) = @_;

	return map { read_part($_->{message}, { from => $_->{mail_from} }) }
		grep { defined $_->{message} && is_to($_, $address) } $mail->entries;
}
sub mails { my ($visit) = @_; return mails_to($visit->{email}); }

sub texts
{
	my ($visit) = @_;

	return map { $_->{text} } grep { $_->{to} eq $visit->{phone} } map { decode_json($_->{body}) } $sms->entries;
}

# Waits for so many mails and text messages to its customer; both as lists.
sub arrived
{
	my ($visit, $mails, $texts) = @_;

	$mail->wait_for($mails, sub { is_to($_, $visit->{email}) });
	$sms->wait_for($texts, sub { decode_json($_->{body})->{to} eq $visit->{phone} });
	my ($mail_list, $text_list) = ([ mails($visit) ], [ texts($visit) ]);
	is(@$mail_list . ' ' . @$text_list, "$mails $texts", "mails: $mails, text messages: $texts");
	return ($mail_list, $text_list);
}

sub subject { my ($message) = @_; return ($message->{head} =~ /^Subject: ([^\r\n]*)/m)[0]; }

# Where the button with this label leads.
sub button
{
	my ($message, $label) = @_;

	foreach my $link ($message->{html} =~ m{(<a\s[^>]*>[^<]*</a>)}g)
	{
		return $1 =~ s/&amp;/&/gr if $link =~ m{href="([^"]*)"[^>]*>\Q$label\E<};
	}
	return;
}

# ---- pages and the API ----

sub get
{
	my ($url, %more) = @_;

	return $rest->request('GET', $url =~ s/^\Q$origin\E//r, %more);
}

sub form
{
	my (%fields) = @_;

	return $rest->request(
		'POST', '/rpc/submit_response',
		body => join('&', map { "$_=" . Appt::Rest::escape($fields{$_}) } sort keys %fields),
		headers => { 'Content-Type' => 'application/x-www-form-urlencoded' });
}

# Follows a button as a customer does: reads the page, and sends its form with what is filled in.
sub answer
{
	my ($url, %filled) = @_;
	my $page = get($url)->{content};
	my ($form) = $page =~ m{(<form class="ask".*?</form>)}s or return { status => 0, content => $page, asked => $page };
	my %hidden = $form =~ /<input type="hidden" name="(\w+)" value="([^"]*)">/g;
	my $said = form(%hidden, %filled);

	return { %$said, asked => $page };
}

my $supervisor = Appt::Token::claims('SU', sub => 'sue', application_id => $app);

# The log as the console reads it, with filters.
sub listed
{
	my (%filters) = @_;
	my $query = join '', map { "&$_=" . Appt::Rest::escape($filters{$_}) } sort keys %filters;

	return $rest->request('GET', "/notification_log?order=notification_id&application_id=eq.$app$query", claims => $supervisor)->{json};
}

# Text as the page shows it, without markup.
sub plain
{
	my ($html) = @_;

	return $html =~ s{<(style|script)>.*?</\1>}{}gsr =~ s/<[^>]*>/ /gr =~ s/&#39;/'/gr =~ s/&amp;/&/gr =~ s/\s+/ /gr;
}

my $received = 0;

# A text message comes in from the gateway; how it was handled.
sub text_back
{
	my ($visit, $text, %more) = @_;
	my $id = 'in-' . ++$received;
	my $answer = $rest->request(
		'POST',
		'/rpc/receive_sms',
		body => { from => $visit->{phone}, to => $own_number, text => $text, id => $id, %more },
		headers => {
			'X-Gateway-Key' => $gateway,
			'X-Gateway-Content-Type' => 'application/json',
			'X-Gateway-Authorization' => 'Bearer what the gateway says' });

	is($answer->{status}, 200, "\"$text\" comes in") or diag($answer->{content});
	return $tenant->query("SELECT handled_as FROM appt.inbound_message WHERE provider_message_id = '@{[ $more{id} // $id ]}'");
}

# The last answer of its customer: action, source, reason.
sub last_answer
{
	my ($visit) = @_;

	return $tenant->query(
		"SELECT concat_ws(' ', r.action, r.source, p.response, a.booking_state, r.reason) FROM appt.response r
		JOIN appt.participant p ON p.appointment_id = r.appointment_id AND p.id = r.participant_id
		JOIN appt.appointment a ON a.id = r.appointment_id WHERE r.appointment_id = '$visit->{id}' ORDER BY r.id DESC LIMIT 1");
}

# The same for nearly all.
my $default = template('');
my $request = template(
	'',
	CONFIRMATION_REQUEST => "buttons = '{ACCEPT,DECLINE,RESCHEDULE,VIEW_DETAILS,ADD_TO_CALENDAR}', ask_reason = true",
	CREATE => "channel = 'SMS'");

# ---- what is sent, and when ----

subtest 'email and SMS at booking, before, on change, on cancel' => sub {
	my $all = "channel = 'BOTH', sending = 'AUTOMATIC'";
	my $visit = visit_soon(template('', CREATE => $all, REMINDER => $all, RESCHEDULE => $all, CANCELLED => $all), '1 hour');

	arrived($visit, 2, 2);
	change($visit, "reschedule_appointment('2031-07-02 12:00+03')");
	arrived($visit, 3, 3);
	change($visit, 'cancel_appointment(NULL)');
	my ($mails, $texts) = arrived($visit, 4, 4);
	my @wanted = (qr/confirmed/i, qr/reminder/i, qr/new time|moved/i, qr/cancelled/i);
	my @subjects = map { subject($_) } @$mails;
	# The reminder is due soon after the booking: on a busy machine both go out together, in any order.
	@$_[ 0, 1 ] = sort { ($a =~ $wanted[1]) <=> ($b =~ $wanted[1]) } @$_[ 0, 1 ] foreach \@subjects, $texts;
	like($subjects[$_], $wanted[$_], 'by email') foreach 0 .. 3;
	like($texts->[$_], $wanted[$_], 'by SMS') foreach 0 .. 3;
};

subtest 'per-template config of content, buttons, channel' => sub {
	my $office = template('', CREATE => "channel = 'EMAIL', buttons = '{ACCEPT}'");
	my $phone = template('', CREATE => "channel = 'SMS', buttons = '{VIEW_DETAILS}'");
	my ($one, $two) = (visit($office), visit($phone));

	words($office, 'CREATE', 'EMAIL', subject => 'See you here', text => 'In our office');
	words($phone, 'CREATE', 'SMS', text => 'We call you');
	send_now($_, 'CREATE') foreach $one, $two;
	my ($mails) = arrived($one, 1, 0);
	my (undef, $texts) = arrived($two, 0, 1);
	is(subject($mails->[0]), 'See you here', 'one template has its subject');
	like($mails->[0]{text}, qr/^In our office\n+Accept: \S+\s*$/, 'its words, its button');
	like($texts->[0], qr/^We call you\nDetails: \S+$/, 'another has others, over another channel');
};

subtest 'manual sending by default' => sub {
	my $visit = visit($default);

	change($visit, "update_appointment(location => 'Athens')");
	ok($tenant->settled, 'saving and changing');
	arrived($visit, 0, 0);
	send_now($visit, 'CREATE');
	change($visit, "reschedule_appointment('2031-07-02 12:00+03')");
	change($visit, 'cancel_appointment(NULL)');
	ok($tenant->settled, 'changing and cancelling');
	arrived($visit, 1, 0);
};

my $booked = visit($default);
subtest 'Confirmation → BOOKED' => sub {
	is(states($booked), 'ACTIVATED NEW NONE', 'before');
	send_now($booked, 'CREATE');
	my ($mails) = arrived($booked, 1, 0);
	like(subject($mails->[0]), qr/^Confirmed: Mortgage advice/, 'a confirmation');
	is(states($booked), 'ACTIVATED BOOKED CONFIRMED', 'after');
};

my $invited = visit($request);
subtest 'Confirmation Request → INVITED' => sub {
	send_now($invited, 'CONFIRMATION_REQUEST');
	my ($mails) = arrived($invited, 1, 0);
	like(subject($mails->[0]), qr/^Please confirm: Mortgage advice/, 'a request');
	is(states($invited), 'ACTIVATED INVITED CONFIRMED', 'after');
};

subtest 'automatic reminders' => sub {
	my $visit = visit_soon($default, '1 hour');
	my ($mails) = arrived($visit, 1, 0);

	like(subject($mails->[0]), qr/^Reminder: Mortgage advice/, 'nobody has sent it');
	is( $tenant->query(
			"SELECT count(*) FILTER (WHERE started_at >= due_at AND due_at = start_at - interval '1 hour'), count(*) FROM appt.notification_log
			WHERE appointment_id = '$visit->{id}' AND state = 'SENT' AND recipient_kind = 'CUSTOMER'"),
		'1|1',
		'it leaves when it is due');
};

subtest 'fixed reminder triggers' => sub {
	my $template = template('');
	words($template, 'REMINDER', 'EMAIL', text => 'Tomorrow', subject => 'R', where => "time_offset = '1 day'");
	words($template, 'REMINDER', 'EMAIL', text => 'Soon', subject => 'R', where => "time_offset = '1 hour'");
	my ($day, $hour) = map { visit_soon($template, $_) } '1 day', '1 hour';
	my ($tomorrow) = arrived($day, 1, 0);
	my ($soon) = arrived($hour, 1, 0);

	like($tomorrow->[0]{text}, qr/^Tomorrow\n/, 'each trigger has its time');
	like($soon->[0]{text}, qr/^Soon\n/, 'and its config');
	is( $tenant->query(
			"SELECT string_agg(n.time_offset || ' ' || (a.start_at - n.due_at), ',') FROM appt.notification n JOIN appt.appointment a
			ON a.id = n.appointment_id WHERE n.appointment_id = '$day->{id}' AND n.state = 'PENDING' AND n.recipient_kind = 'CUSTOMER'"),
		'01:00:00 01:00:00',
		'the other trigger waits for its own');
};

subtest 'reminder with accept/decline → INVITED' => sub {
	my $visit = visit_soon(template('', REMINDER => "buttons = '{ACCEPT,DECLINE}'"), '1 hour');
	my ($mails) = arrived($visit, 1, 0);

	ok(button($mails->[0], $_), "it has the button $_") foreach qw(Accept Decline);
	ok($node->wait_for_query("SELECT booking_state FROM appt.appointment WHERE id = '$visit->{id}'", 'INVITED'), 'once it is sent');
};

subtest 'Update; state back in sync' => sub {
	$node->refused_with('PT409', "SELECT appt.send_notification('$booked->{id}', 'RESCHEDULE')", 'no update without a change');
	change($booked, "update_appointment(location => 'Harbour Road 7')");
	like(states($booked), qr/UPDATE_DUE/, 'a change');
	send_now($booked, 'RESCHEDULE');
	my ($mails) = arrived($booked, 2, 0);
	like($mails->[1]{text}, qr/Harbour Road 7/, 'the update has what is new');
	is(states($booked), 'ACTIVATED BOOKED CONFIRMED', 'and the state is in sync');
};

subtest 'which fields changed since the last notification' => sub {
	change($booked, "reschedule_appointment('2031-07-02 12:00+03', '1 hour')");
	is(states($booked), 'ACTIVATED BOOKED UPDATE_DUE {start_at,duration}', 'start and duration');
	change($booked, "update_appointment(location => 'Main Street 1')");
	is(states($booked), 'ACTIVATED BOOKED UPDATE_DUE {start_at,duration,location}', 'and the location');
	change($booked, "reschedule_appointment('2031-07-01 10:00+03', '45 minutes')");
	is(states($booked), 'ACTIVATED BOOKED UPDATE_DUE {location}', 'what is as it was told has not changed');
	send_now($booked, 'RESCHEDULE');
	change($booked, "reschedule_appointment('2031-07-01 10:00+03', '1 hour')");
	is(states($booked), 'ACTIVATED BOOKED UPDATE_DUE {duration}', 'what was told by an update does not count again');
	change($booked, "reschedule_appointment('2031-07-01 10:00+03', '45 minutes')");
	is(states($booked), 'ACTIVATED BOOKED CONFIRMED', 'changed back, nothing is due');
};

subtest 'significant field → update_due' => sub {
	my $visit = visit(template(q(, significant_fields => '{notes}')));

	send_now($visit, 'CREATE');
	change($booked, "update_appointment(notes => 'Bring papers')");
	is(states($booked), 'ACTIVATED BOOKED CONFIRMED', 'notes are not significant by default');
	change($visit, "update_appointment(location => 'Athens')");
	is(states($visit), 'ACTIVATED BOOKED CONFIRMED', 'the location is not where the template says so');
	change($visit, "update_appointment(notes => 'Bring papers')");
	is(states($visit), 'ACTIVATED BOOKED UPDATE_DUE {notes}', 'but notes are');
};

my $cancelled = visit($request);
send_now($cancelled, 'CONFIRMATION_REQUEST');
subtest 'a confirmation before cancelling' => sub {
	my $error = $node->refused_with(
		'PT409',
		"SELECT appt.send_notification('$cancelled->{id}', 'CANCELLED')",
		'a cancellation has to be confirmed');
	like(
		$error,
		qr/HINT:.* 1 by EMAIL and 0 by SMS would go to 1 customers, and the appointment would be cancelled/,
		'who is asked is told what it does');
	like(states($cancelled), qr/^ACTIVATED /, 'nothing is cancelled');
	arrived($cancelled, 1, 0);
};

subtest 'Cancellation' => sub {
	send_now($cancelled, 'CANCELLED', 'confirmed => true');
	my ($mails) = arrived($cancelled, 2, 0);
	like(subject($mails->[1]), qr/^Cancelled: Mortgage advice/, 'the customer is told');
	like(states($cancelled), qr/^CANCELLED /, 'it is cancelled');
	$node->refused_with('PT409', "SELECT appt.$_->[0]('$cancelled->{id}', $_->[1])", "which cannot be undone by $_->[0]")
		foreach [ 'reschedule_appointment', "'2031-07-02 12:00+03'" ], [ 'send_notification', "'CREATE'" ];
};

subtest 'archiving after cancellation' => sub {
	my $found = sub {
		my ($archived) = @_;
		return $tenant->query(
			"SELECT count(*) FROM appt.find_appointments('$app', page_size => 100, archived => $archived) f, unnest(f.content) c
			WHERE c.id = '$cancelled->{id}'");
	};

	$node->refused_with('PT409', "SELECT appt.archive_appointment('$booked->{id}')", 'not before it');
	$node->refused_with(
		'PT409',
		"BEGIN; SELECT appt.send_notification('$booked->{id}', 'CANCELLED', confirmed => true);
		SELECT appt.archive_appointment('$booked->{id}')",
		'nor before the notice went');
	is($found->('false'), 1, 'before');
	$tenant->query("SELECT appt.archive_appointment('$cancelled->{id}')");
	is($found->('false') . $found->('true'), '01', 'it is only found among archived ones');
};

subtest 'new confirmation after later rescheduling' => sub {
	my ($old) = button((mails($cancelled))[0], 'Accept');

	change($cancelled, "reopen_appointment('2031-08-05 14:00+03')");
	is(states($cancelled), 'ACTIVATED NEW NONE', 'it takes place, and its customer knows nothing');
	send_now($cancelled, 'CREATE', "channel => 'SMS'");
	my (undef, $texts) = arrived($cancelled, 2, 1);
	like($texts->[0], qr/is confirmed for August 5, 2031, 2:00 PM/, 'a new confirmation has the new time');
	is(states($cancelled), 'ACTIVATED BOOKED CONFIRMED', 'after it');
	is(get($old)->{status}, 410, 'links of before lead nowhere');
};

# ---- the dialog, and over which channel ----

my $both = visit(template('', CREATE => "channel = 'BOTH'"));
my $dialog = $rest->call($supervisor, 'GET', 'notification_dialog', { id => $both->{id}, type => 'CREATE' })->{json};
subtest 'send dialog: recipient, contact, channel' => sub {
	my $customer = $tenant->query("SELECT id FROM appt.participant WHERE appointment_id = '$both->{id}' AND type = 'CUSTOMER'");

	is_deeply(
		[   map { [ @$_{qw(participant_id recipient_name email phone channel can_send)} ] }
			sort { $a->{channel} cmp $b->{channel} } @$dialog ],
		[ map { [ $customer, "Bobby Brown $visits", @$both{qw(email phone)}, $_, JSON::PP::true ] } qw(EMAIL SMS) ],
		'a line for each message');
	my $none = $rest->call($supervisor, 'GET', 'notification_dialog', { id => $both->{id}, type => 'RESCHEDULE' })->{json};
	ok(!$none->[0]{can_send}, 'what cannot be sent');
	like($none->[0]{explanation}, qr/Nothing significant .* has changed/, 'and why');
};

subtest 'preview' => sub {
	arrived($both, 0, 0);
	send_now($both, 'CREATE');
	foreach my $row (@$dialog)
	{
		my ($sent) = @{ listed(appointment_id => "eq.$both->{id}", type => 'eq.CREATE', channel => "eq.$row->{channel}") };
		is_deeply(
			[ @$row{qw(subject text_body html_body)} ],
			[ @$sent{qw(subject text_body html_body)} ],
			"the dialog has shown what is sent by $row->{channel}");
		like($row->{text_body}, qr/Mortgage advice.*\[token:respond\]/s, 'without a token that works');
	}
};

subtest 'Follow Preference' => sub {
	my ($by_sms, $by_email) = map { visit($default, prefers => $_) } qw(SMS EMAIL);

	send_now($_, 'CREATE') foreach $by_sms, $by_email;
	arrived($by_sms, 0, 1);
	arrived($by_email, 1, 0);
};

subtest 'email default without preference' => sub {
	my $visit = visit($default);

	send_now($visit, 'CREATE');
	arrived($visit, 1, 0);
};

foreach my $case ([ 'Email Only', 'EMAIL', 'SMS' ], [ 'SMS Only', 'SMS', 'EMAIL' ])
{
	my ($name, $channel, $other) = @$case;
	subtest $name => sub {
		my $visit = visit(template('', CREATE => "channel = '$channel'"), prefers => $other);

		$node->refused_with(
			'22023',
			"SELECT appt.send_notification('$visit->{id}', 'CREATE', '$other')",
			'nobody can send it over the other channel');
		send_now($visit, 'CREATE');
		arrived($visit, $channel eq 'EMAIL' ? (1, 0) : (0, 1));
	};
}

subtest 'Both' => sub {
	my ($mails, $texts) = arrived($both, 1, 1);

	like($mails->[0]{text}, qr/Mortgage advice/, 'by email');
	like($texts->[0], qr/Mortgage advice/, 'and by SMS');
};

# ---- what a message has ----

subtest 'subject and body from event data' => sub {
	my $template = template('');
	my $visit = visit($template, title => q('Loan & home'), location => q('Harbour <b>Road</b> 7'));

	words(
		$template, 'CREATE', 'EMAIL',
		subject => '{{title}} on {{yyyy-MM-dd}} at {{HH:mm}}',
		text => 'Dear {{firstName}}: {{location}}, {{contactPhone}}',
		html => '<p>Dear {{firstName}} {{lastName}}: {{location}}</p>');
	send_now($visit, 'CREATE');
	my ($mails) = arrived($visit, 1, 0);
	is(subject($mails->[0]), 'Loan & home on 2031-07-01 at 10:00', 'the subject');
	like($mails->[0]{text}, qr/^Dear Bobby: Harbour <b>Road<\/b> 7, \+302101234567\n/, 'the text');
	like($mails->[0]{html}, qr{<p>Dear Bobby Brown $visits: Harbour &lt;b&gt;Road&lt;/b&gt; 7</p>}, 'the HTML');
};

my ($asked) = mails($invited);
subtest 'Accept' => sub {
	my $said = answer(button($asked, 'Accept'));

	like(plain($said->{asked}), qr/Do you accept this appointment\?/, 'the page asks');
	like(plain($said->{content}), qr/Thank you\. Your answer has been sent\..*You have accepted\./, 'and confirms');
	is(last_answer($invited), 'ACCEPT EMAIL ACCEPTED CONFIRMED', 'it is accepted');
};

subtest 'Decline' => sub {
	my $said = answer(button($asked, 'Decline'));

	like(plain($said->{content}), qr/You have declined\./, 'the page confirms');
	is(last_answer($invited), 'DECLINE EMAIL DECLINED DECLINED', 'it is declined');
};

subtest 'Reschedule request' => sub {
	my $said = answer(button($asked, 'Ask for another time'), proposed_start_at => '2031-07-03T11:30', reason => 'I am away');

	like(plain($said->{content}), qr/You have asked for another time\..*July 3, 2031, 11:30/, 'the page confirms');
	is(last_answer($invited), 'RESCHEDULE EMAIL RESCHEDULE_REQUESTED RESCHEDULE_REQUESTED I am away', 'another time is asked for');
	is($tenant->query("SELECT proposed_start_at = '2031-07-03 11:30+03' FROM appt.response ORDER BY id DESC LIMIT 1"),
		't', 'which one, in local time');
};

subtest 'View Details' => sub {
	my $url = button($asked, 'View details');

	like($url, qr{^\Q$origin\E/rpc/landing_page\?token=$token$}, 'the button leads to the landing page');
	is(get($url)->{status}, 200, 'which is there');
};

subtest 'Add to Calendar (ICS)' => sub {
	my $file = get(button($asked, 'Add to calendar'));

	like($file->{headers}{'content-type'}, qr{^text/calendar}, 'the button downloads a calendar');
	like($file->{content}, qr/^BEGIN:VEVENT\r\n.*^DTSTART[^\r\n]*:20310701T(?:100000|070000Z)\r\n/ms, 'of this appointment');
	like($file->{content}, qr/^SUMMARY[^:]*:Mortgage advice\r\n/m, 'by its title');
};

subtest 'button toggles apart from HTML' => sub {
	my $template = template('', CREATE => "buttons = '{ACCEPT}'");
	my $html = '<p>Hello</p>{{{buttons}}}<p>End</p>';
	my ($one, $two, $three) = map { visit($template) } 1 .. 3;

	words($template, 'CREATE', 'EMAIL', subject => 'S', text => 'T', html => '<p>Hello</p><p>End</p>');
	send_now($one, 'CREATE');
	$tenant->query("UPDATE appt.template SET html_body = '$html' WHERE subject = 'S'");
	send_now($two, 'CREATE');
	$tenant->query("UPDATE appt.rule SET buttons = '{}' WHERE meeting_template_id = '$template' AND type = 'CREATE'");
	send_now($three, 'CREATE');
	my ($injected, $placed, $none) = map { (mails($_))[0]{html} } $one, $two, $three;
	like($injected, qr{<p>Hello</p><p>End</p>.*>Accept</a>}s, 'a button that is on is injected');
	like($placed, qr{<p>Hello</p>.*>Accept</a>.*<p>End</p>}s, 'or placed');
	like($none, qr{<p>Hello</p>\s*<p>End</p>}, 'one that is off is not shown, whatever the HTML says');
	unlike($none, qr/Accept/, 'nowhere');
};

subtest 'button colours' => sub {
	my $visit =
		visit(template('', CREATE => q(buttons = '{ACCEPT}', appearance = '{"button_color": "#a1b2c3", "button_text_color": "#102030"}')));

	send_now($visit, 'CREATE');
	my ($mails) = arrived($visit, 1, 0);
	like(
		$mails->[0]{html},
		qr/<td bgcolor="#a1b2c3"[^>]*><a [^>]*background-color:#a1b2c3;color:#102030;[^>]*>Accept</,
		'are those of the rule');
};

subtest 'calendar display block' => sub {
	my $visit = visit(
		template('', CREATE => q(appearance = '{"calendar_block": true, "calendar_color": "#123456", "calendar_text_color": "#fedcba"}')));

	send_now($visit, 'CREATE');
	my ($mails) = arrived($visit, 1, 0);
	like(
		$mails->[0]{html},
		qr/<table [^>]*bgcolor="#123456".*color:#fedcba.*>Tuesday<.*>1<.*>July<.*10:00/s,
		'a leaf with day and time, in the colours of the rule');
	unlike((mails($booked))[0]{html}, qr/>Tuesday</, 'which messages of other rules do not have');
};

my $by_sms = visit(
	template(
		'',
		CONFIRMATION_REQUEST =>
			q(channel = 'SMS', buttons = '{ACCEPT,DECLINE,RESCHEDULE}', reply_codes = '{"1": "ACCEPT", "2": "RESCHEDULE", "3": "DECLINE"}')
	));
send_now($by_sms, 'CONFIRMATION_REQUEST');
my ($text) = texts($by_sms);
subtest 'SMS with tokenized landing link' => sub {
	my ($linked) = $text =~ m{Details: \Q$origin\E/r/($token)$}m;

	ok($linked, 'a short link');
	my $page = get("/rpc/landing_page?token=$linked");
	is($page->{status}, 200, 'its token opens the page');
	like(plain($page->{content}), qr/Hello Bobby Brown/, 'of this customer');
	is(get('/rpc/landing_page?token=' . substr($linked, 1) . 'A')->{status}, 404, 'another does not');
};

# ---- the landing page ----

my $page = get(button($asked, 'View details'))->{content};
subtest 'landing page: details, duration, location' => sub {
	like(plain($page), $_, 'has it')
		foreach qr/Hello Bobby Brown/, qr/Mortgage advice/, qr/Date Tuesday, July 1, 2031/, qr/Time 10:00\D.*10:45/,
		qr/Duration 45 min/, qr/Where Main Street 1/, qr/With Olga Adviser/;
};

subtest 'its actions' => sub {
	my $visit = visit(template('', CREATE => "buttons = '{ACCEPT,VIEW_DETAILS}'"));

	foreach my $action (qw(decline reschedule))
	{
		like(
			$page,
			qr{<a class="button $action" href="\.\./rpc/landing_page\?token=$token&amp;action=$action">},
			"a link that asks: $action");
	}
	like(
		$page,
		qr{<form method="post" action="\.\./rpc/submit_response">\s*<input type="hidden" name="token".*?<button[^>]*>Accept<}s,
		'a form that accepts');
	send_now($visit, 'CREATE');
	my $less = get(button((mails($visit))[0], 'View details'))->{content};
	like($less, qr/<button[^>]*>Accept</, 'those that the message has');
	unlike($less, qr/Decline|another time/, 'and no others');
};

subtest 'its contact information' => sub {
	like($page, qr{<footer>.*\Q$_\E.*</footer>}s, "has $_")
		foreach 'Customer care', 'href="tel:+302101234567"', 'href="mailto:care@acme.example"', 'href="https://acme.example/help"';
};

subtest 'its calendar links (Google, Outlook, ICS)' => sub {
	my ($google) = $page =~ m{href="(https://calendar\.google\.com/[^"]*)"};
	my ($outlook) = $page =~ m{href="(https://outlook\.live\.com/[^"]*)"};
	my ($ics) = $page =~ m{href="\.\.(/rpc/ical_event\?id=[^"]*)"};

	like($google, qr{20310701T070000Z(?:/|%2F)20310701T074500Z}, 'Google, with start and end');
	like($outlook, qr{startdt=2031-07-01T07(?::|%3A)00}, 'Outlook, with the start');
	like(get($ics)->{content}, qr/^SUMMARY[^:]*:Mortgage advice\r\n/m, 'a file');
};

# ---- text messages that come in ----

my $replies = q(channel = 'SMS', buttons = '{ACCEPT,DECLINE,RESCHEDULE}', reply_codes = );
subtest 'SMS reply codes 1, 2, 3 per config' => sub {
	like($text, qr/^Reply 1 to accept, 2 to ask for another time, 3 to decline\.$/m, 'the message says them');
	foreach my $code (
		[ 1, 'ACCEPT SMS ACCEPTED CONFIRMED' ],
		[ 2, 'RESCHEDULE SMS RESCHEDULE_REQUESTED RESCHEDULE_REQUESTED' ],
		[ 3, 'DECLINE SMS DECLINED DECLINED' ])
	{
		is(text_back($by_sms, $code->[0]), 'RESPONSE', "$code->[0] is a response");
		is(last_answer($by_sms), $code->[1], 'which does what the config says');
	}
	my $other = visit(template('', CONFIRMATION_REQUEST => qq($replies '{"1": "DECLINE"}')));
	my $without = visit(template('', CONFIRMATION_REQUEST => "$replies NULL"));
	send_now($_, 'CONFIRMATION_REQUEST') foreach $other, $without;
	is(text_back($other, '1'), 'RESPONSE', 'with another config');
	is(last_answer($other), 'DECLINE SMS DECLINED DECLINED', '1 declines');
	is(text_back($without, '1'), 'NONE', 'without codes it is a text');
	is(last_answer($without), '', 'and answers nothing');
	unlike((texts($without))[0], qr/Reply/, 'nor does the message say so');
};

# The line of this number is followed by Olga.
$tenant->query(
	"WITH made AS (INSERT INTO appt.line (application_id, name, owner_id) VALUES ('$app', 'Main', 'olga') RETURNING id)
	INSERT INTO appt.line_number (application_id, number, line_id) SELECT '$app', '$own_number', id FROM made");
subtest 'only single-word replies are codes' => sub {
	my $visit = visit(template('', CONFIRMATION_REQUEST => qq($replies '{"1": "ACCEPT", "3": "DECLINE"}')));

	send_now($visit, 'CONFIRMATION_REQUEST');
	is(text_back($visit, $_), 'NONE', 'is for people') foreach 'Ok thanks', 'No problem', '1 please', 'I accept, 1', '11';
	is(states($visit), 'ACTIVATED INVITED CONFIRMED', 'and changes nothing');
	is(text_back($visit, ' 1. '), 'RESPONSE', 'a single word with blanks and punctuation is a code');
	is(states($visit), 'ACTIVATED CONFIRMED CONFIRMED', 'and answers');
};

subtest 'inbound SMS' => sub {
	my $told = mails_to('olga@private.example');

	is(text_back($by_sms, 'Which bus goes there?', id => 'bus'), 'NONE', 'a text');
	is(text_back($by_sms, 'Which bus goes there?', id => 'bus'), 'NONE', 'that the gateway sends twice');
	is( $tenant->query(
			"SELECT string_agg(concat_ws(' ', from_number, to_number, text), ',') FROM appt.inbound_message WHERE provider_message_id = 'bus'"
		),
		"$by_sms->{phone} $own_number Which bus goes there?",
		'is kept once');
	ok($tenant->settled, 'all is settled');
	my @mails = mails_to('olga@private.example');
	is(@mails - $told, 1, 'people of the line are told once');
	like($mails[-1]{text}, qr/Which bus goes there\?/, 'what it says');
	my $forged = $rest->request(
		'POST', '/rpc/receive_sms',
		body => { from => $by_sms->{phone}, to => $own_number, text => '1', id => 'forged' },
		headers =>
			{ 'X-Gateway-Key' => $gateway, 'X-Gateway-Content-Type' => 'application/json', 'X-Gateway-Authorization' => 'Bearer a guess' }
	);
	is($forged->{status}, 403, 'who is not the gateway says nothing');
};

# ---- the console and the log ----

my $failed = visit($default, email => 'refused@example.org');
send_now($failed, 'CREATE');
my $console = get('/rpc/console');
subtest 'console: type, channel' => sub {
	like($console->{headers}{'content-type'}, qr{^text/html}, 'the console is a page');
	like($console->{content}, qr{<th scope="col">$_</th>}, "with a column $_") foreach qw(Type Channel Sent Event Status Response);
	like($console->{content}, qr{<select id="$_">}, "and a filter: $_") foreach qw(type channel status);
	my $rows = listed(type => 'eq.CREATE', channel => 'eq.SMS');
	cmp_ok(scalar @$rows, '>', 3, 'what it reads');
	is_deeply({ map { ("$_->{type} $_->{channel}" => 1) } @$rows }, { 'CREATE SMS' => 1 }, 'is of that type and channel');
};

my ($row) = @{ listed(appointment_id => "eq.$both->{id}", type => 'eq.CREATE', channel => 'eq.EMAIL') };
subtest 'log: recipient name, email, phone' => sub {
	my ($name) = map { $_->{recipient_name} } @$dialog;

	is_deeply(
		[ @$row{qw(recipient_name recipient_email recipient_phone recipient)} ],
		[ $name, @$both{qw(email phone)}, $both->{email} ],
		'has them');
};

subtest 'sent date, event date' => sub {
	is( $tenant->query(
			"SELECT timestamptz '$row->{start_at}' = '2031-07-01 10:00+03', now() - timestamptz '$row->{started_at}' < '3 minutes'"),
		't|t',
		'when the appointment is, and when the message left');
};

subtest 'rendered content' => sub {
	my ($mails) = arrived($both, 1, 1);

	is(subject($mails->[0]), $row->{subject}, 'the subject as it arrived');
	is( $mails->[0]{$_} =~ s/$token(?=["&\s])/[token:respond]/gr =~ s/\s+$//r,
		$row->{"${_}_body"} =~ s/\s+$//r,
		"the $_ as it arrived, with tokens masked") foreach qw(text html);
};

subtest 'status sent/failed/pending, filter' => sub {
	my %filters = (
		sent => [ 'eq.SENT', 'SENT', $both ],
		failed => [ 'eq.FAILED', 'FAILED', $failed ],
		pending => [ 'in.(PENDING,SENDING,RETRYING)', 'PENDING', $both ]);

	foreach my $status (sort keys %filters)
	{
		my ($filter, $state, $visit) = @{ $filters{$status} };
		my $rows = listed(state => $filter);
		is_deeply([ grep { $_ ne $state } map { $_->{state} } @$rows ], [], "only what is $status");
		ok((grep { $_->{appointment_id} eq $visit->{id} } @$rows), 'all of it');
	}
	my ($why) = @{ listed(appointment_id => "eq.$failed->{id}", state => 'eq.FAILED') };
	is("$why->{reason} $why->{status_code}", 'REJECTED 550', 'and why it failed');
};

subtest 'responses with action and reason' => sub {
	my ($answered) = @{ listed(appointment_id => "eq.$invited->{id}", type => 'eq.CONFIRMATION_REQUEST') };

	is("$answered->{response} $answered->{response_reason}", 'RESCHEDULE I am away', 'the answer by a link');
	ok($answered->{responded_at}, 'and when');
	my ($by_code) = @{ listed(appointment_id => "eq.$by_sms->{id}", type => 'eq.CONFIRMATION_REQUEST') };
	is($by_code->{response}, 'DECLINE', 'the answer by a code');
};

# ---- the sender ----

subtest 'sender name and email' => sub {
	like($asked->{head}, qr/^From: Acme Meetings <meetings\@acme\.example>\r?$/m, 'as they were configured');
	is($asked->{from}, 'meetings@acme.example', 'on the envelope, too');
};

subtest 'sender image (stored, in console and page)' => sub {
	my $stored = $rest->request('GET', "/application?id=eq.$app&select=sender_image", claims => $supervisor)->{json}[0]{sender_image};

	is($stored, '\\x' . unpack('H*', $image), 'it is stored, and the console reads it');
	like($console->{content}, qr/<img id="image".*sender_image/s, 'and shows it');
	like($page, qr{<img src="data:image/png;base64,\Q@{[ encode_base64($image, '') ]}\E"}, 'the page has it');
	like($console->{headers}{'content-security-policy'}, qr/img-src data:/, 'neither loads it from anywhere');
};

subtest 'sender on a verified domain (a verified address of it, as `require_verified_sender` stands, suffices)' => sub {
	my $strict = Appt::Tenant->create($node);
	my $id = $strict->application;

	$strict->email($mail->url, sender => 'Clinic <hello@clinic.example>');
	$strict->query("UPDATE appt.organization SET require_verified_sender = true WHERE id = '@{[ $strict->organization ]}'");
	my $template = $strict->query("SELECT appt.create_meeting_template('$id', 'Visit')");
	my $visit = $strict->query(
		"SELECT id FROM appt.schedule_appointment('$id', '2031-07-01 10:00+03', '1 hour', '{\"contact\": {\"primaryEmail\":
			\"patient\@example.org\"}}', organizer_id => 'dora', meeting_template_id => '$template')");
	my $error = $node->refused_with(
		'PT409',
		"SELECT appt.send_notification('$visit', 'CREATE')",
		'nothing is sent from an address that is not verified');
	like($error, qr/SENDER_NOT_VERIFIED/, 'for that reason');
	$strict->query("SELECT appt.initiate_email_verification('$id', 'hello\@clinic.example')");
	$mail->wait_for(1, sub { is_to($_, 'hello@clinic.example') });
	my ($code) = (mails_to('hello@clinic.example'))[0]{text} =~ /\b(\d{6})\b/;
	is($strict->query("SELECT appt.confirm_email_verification('$id', '$code')"), 't', 'who has the address verifies it');
	$strict->query("SELECT appt.send_notification('$visit', 'CREATE')");
	ok($strict->settled, 'it is sent');
	like((mails_to('patient@example.org'))[0]{head}, qr/^From: Clinic <hello\@clinic\.example>\r?$/m, 'from that address');
};

subtest 'sender apart from the salesperson' => sub {
	my @raw = map { $_->{message} } grep { defined $_->{message} && "@{ $_->{rcpt_to} }" =~ /^customer/ } $mail->entries;

	cmp_ok(scalar @raw, '>', 10, 'mails to customers');
	is(scalar(grep { /private\.example/ } @raw), 0, 'none has the address of the organizer');
	is(scalar(grep { !/^From: Acme Meetings <meetings\@acme\.example>\r?$/m } @raw), 0, 'all are from the sender');
	is(scalar(grep { /^Reply-To:/mi } @raw), 0, 'and are answered to it');
};

# ---- of the original ----

subtest 'title with {{status}}' => sub {
	my $visit = visit(template(q(, title => 'Advice {{status}}')), title => 'NULL');
	my $title = "SELECT title FROM appt.appointment WHERE id = '$visit->{id}'";

	is($tenant->query($title), 'Advice NEW', 'users see the state');
	send_now($visit, 'CREATE');
	is($tenant->query($title), 'Advice BOOKED', 'as it is');
	send_now($visit, 'CONFIRMATION_REQUEST');
	is($tenant->query($title), 'Advice INVITED', 'at each time');
	my ($mails) = arrived($visit, 2, 0);
	answer(button($mails->[1], 'Accept'));
	is($tenant->query($title), 'Advice CONFIRMED', 'also after an answer');
	like(subject($mails->[0]), qr/^Confirmed: Advice,/, 'customers do not');
	is( $tenant->query(
			"SELECT count(*) FROM appt.notification WHERE appointment_id = '$visit->{id}' AND type IN ('UPDATE', 'RESCHEDULE')"),
		0,
		'it is no change of the appointment');
	is($tenant->query("SELECT title FROM appt.appointment WHERE id = '$invited->{id}'"), 'Mortgage advice', 'a title of its own stays');
};

subtest 'decline reason' => sub {
	my $asks = get(button($asked, 'Decline'))->{content};

	like($asks, qr/<textarea [^>]*name="reason"/, 'who declines is asked for a reason, as the rule wants');
	answer(button($asked, 'Decline'), reason => "I can't <come>");
	is(last_answer($invited), "DECLINE EMAIL DECLINED DECLINED I can't <come>", 'which is kept');
	like(plain(get(button($asked, 'View details'))->{content}), qr/Your reason: I can't &lt;come&gt;/, 'and shown');
};

subtest 'auto-replies' => sub {
	my $template = template('',
		CONFIRMATION_REQUEST =>
			qq($replies '{"1": "ACCEPT", "3": "DECLINE"}', auto_replies = '{"ACCEPT": "See you, {{firstName}}, {{location}}"}'));
	my $visit = visit($template);

	send_now($visit, 'CONFIRMATION_REQUEST');
	text_back($visit, $_) foreach 1, 3, 'Ok thanks';
	ok($tenant->settled, 'all is settled');
	my (undef, @replies) = texts($visit);
	is(scalar @replies, 2, 'each code is answered, a text is not');
	is($replies[0], 'See you, Bobby, Main Street 1', 'in the words of the rule');
	like($replies[1], qr/^Thank you for letting us know that you can't come to your appointment "Mortgage advice"/, 'or in built-in ones');
};

subtest 'followers told' => sub {
	my $visit = visit($request);
	my $before = mails_to('fay@private.example');

	send_now($visit, 'CONFIRMATION_REQUEST');
	change($visit, "follow_appointment('fay')");
	answer(button((mails($visit))[0], 'Accept'));
	ok($tenant->settled, 'all is settled');
	my @told = mails_to('fay@private.example');
	is(@told - $before, 1, 'a follower is told');
	like(subject($told[-1]), qr/^Bobby Brown \d+ has accepted: Mortgage advice/, 'what the customer has answered');
	change($visit, "follow_appointment('fay', false)");
	answer(button((mails($visit))[0], 'Decline'));
	ok($tenant->settled, 'all is settled');
	is(scalar(my @now = mails_to('fay@private.example')), scalar @told, 'and no longer');
	like(subject((mails_to('olga@private.example'))[-1]), qr/has declined/, 'unlike the organizer');
};

subtest 'buttons required to answer' => sub {
	my $link = button((mails($booked))[0], 'View details');
	my ($without) = $link =~ /token=($token)/;

	unlike(get("$link&action=accept")->{content}, qr/<form/, 'a message without buttons has a page without answers');
	is(form(token => $without, action => 'ACCEPT')->{status}, 409, 'the form takes none');
	$node->refused_with('PT409', "SELECT appt.respond('$without', 'ACCEPT')", 'nor does the function');
	is(last_answer($booked), '', 'nothing is recorded');
	like(states($booked), qr/ BOOKED /, 'and nothing changes');
};

$rest->stop;
$node->stop;
done_testing();
