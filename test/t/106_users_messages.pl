# What users are told reaches them over each channel in its own words: mails, text messages, webhooks by real peers.

use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Tenant;
use JSON::PP qw(decode_json);
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
$node->query("UPDATE appt.subscription SET types = '{VOICEMAIL,MESSAGE}' WHERE id = '$subscription'");
$node->query(
	"INSERT INTO appt.user_profile (application_id, id, name, email, backup_phone, channels)
	 VALUES ('$application', 'ann', 'Ann Miller', 'ann\@example.org', '+491700000001', '{EMAIL,SMS,IN_APP}')");
my $line = $node->query("INSERT INTO appt.line (application_id, name, owner_id) VALUES ('$application', 'Sales', 'ann') RETURNING id");

$node->query(
	"SELECT appt_test.tell_users('$application', 'VOICEMAIL', line_id => '$line',
	   contact => '{\"name\": \"Bob\", \"phone\": \"+491700000009\"}', payload => '{\"text\": \"Call me\", \"n\": 1}')");
ok($tenant->settled, 'a voicemail settles');
my %state = %{ $tenant->states };
is_deeply(
	[ @state{ 'VOICEMAIL EMAIL', 'VOICEMAIL SMS', 'VOICEMAIL WEBHOOK' } ],
	[ ('SENT') x 3 ], 'it is sent by email, by SMS and to the endpoint that names the type');
my ($letter) = $mail->entries;
like($letter->{message}, qr/^To: Ann Miller <ann\@example.org>\r?\nSubject: Voicemail from Bob\r?$/m, 'the mail names the user and the contact');
my ($text) = $sms->entries;
is(decode_json($text->{body})->{text}, 'tests: Bob left a voicemail on the line Sales.', 'the text message is short');
my ($event) = $hook->entries;
my $payload = decode_json(decode_json($event->{body})->{payload});
like(delete $payload->{createdAt}, qr/^\d{4}-\d\d-\d\dT[\d:.]+Z$/, 'the webhook tells when it happened');
is_deeply(
	$payload,
	{   type => 'VOICEMAIL',
		contact => { name => 'Bob', phone => '+491700000009' },
		line => { id => $line, name => 'Sales' },
		payload => { text => 'Call me', n => 1 }
	},
	'and what happened');

$node->stop;
done_testing();
