# A text message with reply codes goes out, its customer answers, and is answered; two machines that answer each other stop.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Rest;
use Appt::Prelude;
use Appt::Tenant;
use JSON::PP qw(decode_json encode_json);
use Test::More;

my $node = Appt::Cluster->create('main');
my $peer = Appt::Peers->sms;
my $inbound = '{"from": "from", "to": "to", "text": "text", "id": "id", "message_id": "message-id", "status": "status"}';
my %gateway = (
	settings => qq({"message_id_path": "messages[0].message-id", "inbound": $inbound}),
	inbound_secret => 'what the gateway says');

# Everything that the gateway was asked to send to a number: the texts.
sub sent_to
{
	my ($number) = @_;

	return map { $_->{text} } grep { $_->{to} eq $number } map { decode_json($_->{body}) } $peer->entries;
}

sub tenant
{
	my ($sender) = @_;
	my $tenant = Appt::Tenant->create($node, public_url => 'https://acme.example', retry_base => '100 milliseconds');

	$tenant->{provider} = $tenant->provider('SMS', 'HTTP', $peer->url('/gateway'), sender => $sender, %gateway);
	$tenant->{sender} = $sender;
	return $tenant;
}

$node->wait_for_workers;
my $tenant = tenant('+15550100001');
my $application = $tenant->application;
my $door = Appt::Prelude->start($node);

# As the web server in front hands on what the gateway sends.
sub receive
{
	my ($provider, $message, $secret) = @_;
	my $answer = $door->transaction(
		{ role => 'appt_anonymous' },
		'POST',
		'/rpc/receive_sms',
		'READ WRITE',
		[         'WITH received AS MATERIALIZED (SELECT appt.receive_sms('
				. Appt::Prelude::literal(encode_json($message))
				. q{::text) AS answer) SELECT current_setting('response.status') FROM received WHERE answer IS NOT NULL} ],
		headers => {
			'x-gateway-key' => $provider,
			'x-gateway-content-type' => 'application/json',
			'x-gateway-authorization' => 'Bearer ' . ($secret // 'what the gateway says') });

	return $answer->{status} // $answer->{columns}[-1] =~ s/\s+$//r;
}

# A confirmation by text message with codes.
my $customer = '+306900000001';
$node->query(<<"END");
INSERT INTO appt.meeting_template (application_id, name, title) VALUES ('$application', 'Visit', '{{#status}}{{status}}: {{/status}}Visit');
INSERT INTO appt.rule (application_id, meeting_template_id, type, channel, sending, buttons, reply_codes)
SELECT application_id, id, 'CREATE', 'SMS', 'AUTOMATIC', '{ACCEPT,DECLINE,RESCHEDULE}', '{"1": "ACCEPT", "2": "RESCHEDULE", "3": "DECLINE"}'
FROM appt.meeting_template
END
my $visit = $node->query(
	"SELECT id FROM appt.schedule_appointment('$application', date_trunc('hour', now()) + interval '2 days', '1 hour',
	jsonb_build_object('name', '{\"firstName\": \"Bobby\"}'::jsonb, 'contact', '{\"primaryPhone\": \"$customer\"}'::jsonb),
	organizer_id => 'ann', location => 'Main Street 1', meeting_template_id => (SELECT id FROM appt.meeting_template))"
);
ok($tenant->settled, 'the message is sent');
my ($asked) = sent_to($customer);
like($asked, qr/Reply 1 to accept/, 'and says how to answer');

my %answer = (from => $customer, to => '+15550100001');
is(receive($tenant->{provider}, { %answer, text => '1', id => 'forged' }, 'a guess'), 403, 'who has not the secret');
is($node->query('SELECT count(*) FROM appt.inbound_message'), 0, 'says nothing');
is(receive($tenant->{provider}, { %answer, text => 'Ok thanks', id => 'a' }), 200, 'words to people');
is(receive($tenant->{provider}, { %answer, text => ' 1! ', id => 'b' }), 200, 'the code');
is(receive($tenant->{provider}, { %answer, text => ' 1! ', id => 'b' }), 200, 'sent again by the gateway');
is( $node->query("SELECT string_agg(text || '=' || handled_as, ',' ORDER BY id) FROM appt.inbound_message"),
	'Ok thanks=NONE, 1! =RESPONSE',
	'are two messages');
is($node->query("SELECT string_agg(action || ' ' || source, ',') FROM appt.response"), 'ACCEPT SMS', 'one of which is a response');
is($node->query("SELECT booking_state FROM appt.appointment WHERE id = '$visit'"), 'CONFIRMED', 'the appointment is confirmed');
ok($tenant->settled, 'it is answered');
is(scalar(sent_to($customer)), 2, 'by one message');
like((sent_to($customer))[1], qr/^Thank you\. Your appointment "Visit" .* is confirmed\.$/, 'in words, without the state in the title');
is( $node->query("SELECT concat_ws(' ', state, recipient, outcome) FROM appt.notification_log WHERE type = 'AUTO_REPLY'"),
	"SENT $customer DELIVERED",
	'which the log has');

# The rule's own words, with the appointment's data; another answer.
$node->query(
	q(UPDATE appt.rule SET auto_replies = '{"RESCHEDULE": "We call you, {{firstName}}. ({{location}}, {{yyyy}})"}' WHERE reply_codes IS NOT NULL)
);
receive($tenant->{provider}, { %answer, text => '2', id => 'c' });
ok($tenant->settled, 'another answer');
like((sent_to($customer))[2], qr/^We call you, Bobby\. \(Main Street 1, \d{4}\)$/, 'is answered in the words of the rule');

# STOP is answered once though it has opted out; nothing else goes there.
receive($tenant->{provider}, { %answer, text => 'STOP', id => 'd' });
$node->query("SELECT appt.send_message('$application', 'SMS', '$customer', 'more')");
ok($tenant->settled, 'STOP');
my @all = sent_to($customer);
is(scalar @all, 4, 'is answered');
like($all[3], qr/START/, 'and how to come back');
is( $node->query("SELECT concat_ws(' ', state, reason) FROM appt.notification WHERE type = 'MESSAGE'"),
	'SUPPRESSED OPTED_OUT',
	'nothing else is sent');

# A receipt by the gateway.
my $id = $node->query("SELECT provider_message_id FROM appt.notification_log WHERE type = 'CREATE' AND channel = 'SMS'");
is(receive($tenant->{provider}, { 'message-id' => $id, status => 'DELIVRD' }), 200, 'a receipt');
is($node->query("SELECT receipt FROM appt.notification_log WHERE type = 'CREATE' AND channel = 'SMS'"), 'DELIVERED', 'is in the log');

# Two applications whose numbers answer each other, through a gateway that makes each text a word that is answered.
{
	my @machines = (tenant('+15550100002'), tenant('+15550100003'));
	my %of = map { $_->{sender} => $_ } @machines;
	my $handed_on = 0;

	$peer->forget;
	$node->query("SELECT appt.send_message('@{[ $machines[$_]->application ]}', 'SMS', '$machines[1 - $_]{sender}', 'Hello')")
		foreach 0, 1;
	foreach my $round (1 .. 20)
	{
		$_->settled foreach @machines;
		my @new = map { decode_json($_->{body}) } ($peer->entries)[ $handed_on .. $peer->entries - 1 ];
		last if !@new;
		$handed_on += @new;
		receive($of{ $_->{to} }{provider}, { from => $_->{from}, to => $_->{to}, text => 'HELP', id => $_->{id} }) foreach @new;
	}
	foreach my $machine (@machines)
	{
		is( $node->query(
				"SELECT count(*) FILTER (WHERE type = 'AUTO_REPLY') || ' ' || count(*) FROM appt.notification
			WHERE application_id = '@{[ $machine->application ]}' AND state = 'SENT'"),
			'3 4',
			"the machine at $machine->{sender} stops after three answers");
	}
	is($handed_on, 8, 'and so does the other');
}

done_testing;
