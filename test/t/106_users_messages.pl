# What users are told reaches them over each channel in its own words: mails, text messages, webhooks by real peers, and
# the inbox.

use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Tenant;
use Digest::SHA qw(hmac_sha256_hex);
use JSON::PP qw(decode_json);
use MIME::QuotedPrint qw(decode_qp);
use Test::More;

my $node = Appt::Cluster->create('main');
my $mail = Appt::Peers->smtp;
my $sms = Appt::Peers->sms;
my $hook = Appt::Peers->webhook;

$node->query('CREATE EXTENSION appt_test');
$node->wait_for_workers;

my $tenant = Appt::Tenant->create($node, timezone => 'Europe/Berlin', retry_base => '100 milliseconds');
my $application = $tenant->application;
$tenant->email($mail->url);
$tenant->provider('SMS', 'HTTP', $sms->url('/gateway'), sender => '+15550100000');
my $subscription = $tenant->subscribe($hook->url('/ok'));
$node->query(
	"UPDATE appt.subscription SET types = (SELECT array_agg(type) FROM appt.notification_type WHERE audience = 'USERS' OR type = 'MESSAGE')
	 WHERE id = '$subscription'");
$node->query(
	"INSERT INTO appt.user_profile (application_id, id, name, email, backup_phone, channels, is_admin, is_billing_admin)
	 VALUES ('$application', 'ann', 'Ann Miller', 'ann\@example.org', '+491700000001', '{EMAIL,SMS,IN_APP}', true, true);
	 INSERT INTO appt.user_preference (application_id, user_id, type, enabled)
	 SELECT '$application', 'ann', type, true FROM appt.notification_type WHERE audience = 'USERS'");
my $line = $node->query("INSERT INTO appt.line (application_id, name, owner_id) VALUES ('$application', 'Sales', 'ann') RETURNING id");
my $bob = '{"name": "Bob", "phone": "+491700000009"}';

# What each says, and of which event: subject and title, and the sentence that every channel has.
my %of_line = (
	CALL => [ 'Call from Bob', 'There is a call from Bob on the line "Sales".' ],
	TEXT_MESSAGE => [ 'Text message from Bob', 'Bob sent a text message to the line "Sales".' ],
	VOICEMAIL => [ 'Voicemail from Bob', 'Bob left a voicemail on the line "Sales".' ],
	FAX => [ 'Fax from Bob', 'Bob sent a fax to the line "Sales".' ],
	HIGH_SMS => [ 'Many text messages from Bob', 'Bob sent more than 15 text messages within 30 seconds to the line "Sales".' ]);
my %of_user = (
	MENTION => [ 'You were mentioned by Tom', 'Tom mentioned you.' ],
	CONTACT_ASSIGNED => [ 'Contact assigned to you: Bob', 'A sequence assigned the contact Bob to you.' ],
	REMINDER_ASSIGNED => [ 'Reminder assigned to you', 'Tom assigned a reminder to you.' ]);
my %of_account = (
	BILLING_WARNING => [ 'Billing warning', 'There is a warning about the billing of your account.' ],
	USERS_SYNC => [ 'Users synchronized with CRM', 'Users were synchronized with CRM.' ],
	CONTACTS_SYNC => [ 'Contacts synchronized with CRM', 'Contacts were synchronized with CRM.' ],
	CONTACT_DISPOSITIONS_SYNC => [ 'Contact dispositions synchronized with CRM', 'Contact dispositions were synchronized with CRM.' ],
	CALL_DISPOSITIONS_SYNC => [ 'Call dispositions synchronized with CRM', 'Call dispositions were synchronized with CRM.' ],
	INTEGRATION_FAILED => [ 'CRM: the connection failed', 'The connection to CRM failed.' ],
	IMPORT_EXPORT => [ 'Import or export has ended', 'An import or export that was started in your account has ended.' ]);

sub payload_of
{
	my ($type) = @_;

	return '{"integration": "CRM"}' if $of_account{$type};
	return '{"by": "Tom", "by_sequence": true, "text": "Hi"}' if $type eq 'CONTACT_ASSIGNED';
	return '{"by": "Tom", "text": "Hi"}';
}

sub call_for
{
	my ($type) = @_;
	my $function = $type eq 'HIGH_SMS' ? 'appt_test.plan_user_event' : 'appt.notify_users';
	my @arguments = ("'$application'", "'$type'", "payload => '@{[ payload_of($type) ]}'");

	push @arguments, "line_id => '$line'" if $of_line{$type};
	push @arguments, "user_ids => '{ann}'" if $of_user{$type};
	push @arguments, "contact => '$bob'" if !$of_account{$type};
	return "SELECT FROM $function(" . join(', ', @arguments) . ');';
}

# The text part of a mail, decoded.
sub text_part
{
	my ($letter) = @_;
	my ($part) = $letter->{message} =~ /quoted-printable\r?\n\r?\n(.*?)\r?\n--/s;

	return decode_qp($part) =~ s/\r//gr;
}

sub subject { my ($letter) = @_; return $letter->{message} =~ /^Subject: (.*?)\r?$/m ? $1 : ''; }

# Everything that ann was told, by channel and type.
sub received
{
	my %text = map { decode_json($_->{body})->{text} => 1 } $sms->entries;
	my %letter = map { subject($_) => text_part($_) } $mail->entries;
	my %event = map { $_->{type} => $_ } map { decode_json($_->{body}) } $hook->entries;
	my $inbox =
		decode_json($node->query("SELECT (appt.inbox(page_size => 1000, application_id => '$application', user_id => 'ann')).content"));

	return (\%letter, \%text, { map { $_->{type} => $_ } @$inbox }, \%event);
}

# Every type that notify_users tells, and HIGH_SMS.
{
	my %words = (%of_line, %of_user, %of_account);

	$node->query(join "\n", map { call_for($_) } sort keys %words);
	ok($tenant->settled, 'what users are told settles');
	is($node->query("SELECT string_agg(DISTINCT concat_ws(' ', state, reason), ', ') FROM appt.notification"), 'SENT',
		'all of it is sent');

	my ($letter, $text, $inbox, $event) = received();
	foreach my $type (sort keys %words)
	{
		my ($subject, $news) = @{ $words{$type} };

		like($letter->{$subject} // 'no letter', qr/\AHello Ann Miller,\n\n\Q$news\E\n/, "$type by email");
		is_deeply(
			[ map { $event->{$type}{payload} =~ /"\Q$_\E":/ ? $_ : () } qw(type createdAt payload) ],
			[qw(type createdAt payload)],
			"$type by webhook");
		next if $of_account{$type};
		ok($text->{"tests: $news"}, "$type by SMS") or diag(explain($text));
		is_deeply([ @{ $inbox->{$type} }{qw(title text)} ], [ $subject, "$news\n\nHi\n" ], "$type in the inbox");
	}
	is(scalar(keys %$letter), 15, 'a mail for each');
	is(scalar(keys %$text), 8, 'account-level types go by email alone') or diag(explain($text));
	my ($entry) = grep { decode_json($_->{body})->{type} eq 'VOICEMAIL' } $hook->entries;
	my $payload = decode_json($entry->{body})->{payload};
	is($entry->{headers}{'x-signature'}, hmac_sha256_hex($payload, 'secret'), 'a webhook about an event is signed as any');
	my $told = decode_json($payload);
	like(delete $told->{createdAt}, qr/^\d{4}-\d\d-\d\dT[\d:.]+Z$/, 'it tells when it happened');
	is_deeply(
		$told,
		{   type => 'VOICEMAIL',
			contact => decode_json($bob),
			line => { id => $line, name => 'Sales' },
			payload => { by => 'Tom', text => 'Hi' } },
		'and what happened');
}

# Types about an appointment.
{
	$_->forget foreach $mail, $sms, $hook;
	my $id = $tenant->schedule(start_at => "now() + interval '15 minutes 1 second'", customer => 'cleo@example.org');
	$node->query("SELECT appt.add_agent('$id', 'ann')");
	ok( $node->wait_for_query(
			"SELECT string_agg(DISTINCT type || ' ' || state, ', ' ORDER BY type || ' ' || state) FROM appt.notification
			 WHERE recipient_id = 'ann' AND appointment_id = '$id'",
			'APPOINTMENT_ASSIGNED SENT, APPOINTMENT_REMINDER PENDING, APPOINTMENT_REMINDER SENT'),
		'an agent is told of its appointment, and will be a minute before');
	my ($letter, $text, $inbox, $event) = received();
	my ($assigned) = grep { /^Assigned to you: A test, / } keys %$letter;
	like($letter->{ $assigned // '' }, qr/This appointment was assigned to you\.\n\nWhat: A test\nCustomer: Ann\nWhen: /, 'by email');
	ok((grep { /^tests: An appointment was assigned to you: "A test" with Ann, / } keys %$text), 'by SMS');
	is($inbox->{APPOINTMENT_ASSIGNED}{title}, 'An appointment was assigned to you', 'in the inbox');
	is(decode_json($event->{APPOINTMENT_ASSIGNED}{payload})->{id}, $id, 'by webhook');
	ok((grep { /^Reminder: A test, / } keys %$letter), 'it is reminded by email');
	ok((grep { /^tests: Reminder of your appointment "A test" with Ann, / } keys %$text), 'by SMS');
	is($inbox->{APPOINTMENT_REMINDER}{title}, 'Your appointment is coming up', 'and in the inbox');
}

# Messages of the application's own, to a user and to an address.
{
	$_->forget foreach $mail, $sms, $hook;
	my $data = q(data => '{"n": "<1>"}');
	$node->query(
		"SELECT appt.send_message('$application', 'EMAIL', 'ann\@example.org', 'Text {{n}}', 'Hi {{n}}', '<p>{{n}}</p>', $data);
		 SELECT appt.send_message('$application', 'SMS', '+491700000002', 'Text {{n}}', $data);
		 SELECT appt.send_message('$application', 'IN_APP', 'ann', 'Text {{n}}', 'Hi {{n}}', $data);
		 SELECT appt.send_message('$application', 'WEBHOOK', '$subscription', $data)");
	ok($tenant->settled, 'messages settle');
	my ($letter, $text, $inbox, $event) = received();
	is_deeply($letter, { 'Hi <1>' => "Text <1>\n" }, 'by email') or diag(explain($letter));
	is_deeply($text, { 'Text <1>' => 1 }, 'by SMS');
	is_deeply([ @{ $inbox->{MESSAGE} }{qw(title text)} ], [ 'Hi <1>', 'Text <1>' ], 'in the inbox');
	is($event->{MESSAGE}{payload}, '{"n": "<1>"}', 'by webhook');
}

# What changes between planning and sending.
sub told_after
{
	my ($change) = @_;
	my $before = $node->query('SELECT max(id) FROM appt.notification');

	$node->query('BEGIN; ' . call_for('VOICEMAIL') . " $change; COMMIT");
	$tenant->settled;
	return $node->query(
		"SELECT string_agg(concat_ws(' ', channel, state, reason), ', ' ORDER BY channel) FROM appt.notification
		 WHERE id > $before AND recipient_kind = 'USER'");
}
my $ann = "WHERE application_id = '$application' AND id = 'ann'";
is( told_after("UPDATE appt.user_preference SET enabled = false WHERE type = 'VOICEMAIL'"),
	join(', ', map { "$_ SUPPRESSED PREFERENCE_OFF" } qw(EMAIL IN_APP SMS)),
	'a preference that was switched off');
$node->query("UPDATE appt.user_preference SET enabled = true");
is( told_after("UPDATE appt.user_profile SET channels = '{IN_APP}' $ann"),
	'EMAIL SUPPRESSED PREFERENCE_OFF, IN_APP SENT, SMS SUPPRESSED PREFERENCE_OFF',
	'channels that were switched off');
$node->query("UPDATE appt.user_profile SET channels = '{EMAIL,SMS,IN_APP}' $ann");
is( told_after("UPDATE appt.user_profile SET enabled = false $ann"),
	join(', ', map { "$_ SKIPPED USER_OFF" } qw(EMAIL IN_APP SMS)),
	'a user who was disabled');
$node->query("UPDATE appt.user_profile SET enabled = true $ann");
is( told_after("DELETE FROM appt.user_profile $ann"),
	join(', ', map { "$_ SKIPPED USER_OFF" } qw(EMAIL IN_APP SMS)),
	'a profile that was deleted');

$node->stop;
done_testing();
