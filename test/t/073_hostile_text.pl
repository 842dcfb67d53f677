# What people and applications type goes all the way to mail and webhook as text, and as nothing else: no header, no command,
# no HTML, no line of a calendar file.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Tenant;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Appt::Cluster->create('main');
my $mail = Appt::Peers->smtp;
my $hook = Appt::Peers->webhook;
my $json = JSON::PP->new->utf8->canonical;

# Python's email package parses the mail.
my $parser = PostgreSQL::Test::Utils::tempdir() . '/parser.py';
append_to_file($parser, <<'PYTHON');
import email, email.policy, json, sys
m = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
text = lambda kind: "".join(p.get_content() for p in m.walk() if p.get_content_type() == kind)
print(json.dumps({"names": sorted(set(n.lower() for n in m.keys())), "twice": len(m.keys()) - len(set(n.lower() for n in m.keys())), "to": m["to"].addresses[0].addr_spec,
    "count": len(m["to"].addresses), "subject": m["subject"], "plain": text("text/plain"), "html": text("text/html"), "calendar": text("text/calendar")}))
PYTHON

sub parsed
{
	my ($entry) = @_;
	my $file = PostgreSQL::Test::Utils::tempdir() . '/mail';

	unlink $file;
	append_to_file($file, $entry->{message});
	return decode_json(`/usr/bin/python3 $parser < $file`);
}

my $plain = Appt::Tenant->create($node, public_url => 'https://api.example');
$plain->only('CREATE', 'EMAIL');
$plain->email($mail->url);
$plain->schedule;
my ($entry) = $mail->wait_for(1);
my $ordinary = parsed($entry);
my $lines = () = $ordinary->{calendar} =~ /^[A-Z]/mg;

# Each of these is used in every field at once.
my %hostile = (
	'a header' => "x\r\nBcc: evil\@example.com\r\n\r\nbody",
	'a bare LF' => "x\nBcc: evil\@example.com",
	'a bare CR' => "x\rBcc: evil\@example.com",
	'the end' => "x\r\n.\r\nMAIL FROM:<evil\@example.com>\r\nRCPT TO:<evil\@example.com>\r\nDATA\r\n\r\nx\r\n.\r\n",
	'separators' => "x\x{2028}Bcc: evil\@example.com\x{2029}Bcc: evil\@example.com\x{85}Bcc: evil\@example.com",
	'controls' => "x\x01\x08\x0b\x0c\x1b[31m\x7f",
	'encoded words' => 'x =?UTF-8?Q?=0D=0ABcc:_evil=40example.com?= =?utf-8?b?DQpCY2M6IGV2aWw=?=',
	'HTML' => 'x <script>alert(1)</script><img src=x onerror=alert(1)>" onmouseover="alert(1)\' x=\'',
	'a template' => 'x {{secret}} {{{title}}} {{#a}} {{/b}} {{>c}} {{=<% %>=}}',
	'a calendar' => "x\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nATTENDEE:mailto:evil\@example.com\r\nX:\\n\\,\\;",
	'JSON' => 'x", "id": "evil", "x": "\\u0022 \\\\',
	'much' => 'x ' . 'very long ' x 300,
	'percent' => 'x %0d%0aBcc: evil %s %n %100000d');

my $tenant = Appt::Tenant->create($node, public_url => 'https://api.example/', room_url => 'https://meet.example/');
$tenant->only('CREATE', 'EMAIL');
$tenant->rule('CREATE', 'WEBHOOK');
$tenant->email($mail->url);
$tenant->subscribe($hook->url('/ok'));
my $names = '{{firstName}}|{{lastName}}|{{username}}|{{title}}|{{notes}}|{{location}}|{{metadata.a}}|{{participant.metadata.a}}';
$node->query(
	"INSERT INTO appt.template (application_id, type, channel, locale, subject, text_body, html_body)
	VALUES ('"
		. $tenant->application . "', 'CREATE', 'EMAIL', 'en', 'S {{title}} {{firstName}}', '$names', '<p title=\"{{title}}\">$names</p>')"
);
foreach my $template ('written', 'built in')
{
	foreach my $name (sort keys %hostile)
	{
		my $text = $hostile{$name};
		my $quoted = sub { return "'" . $_[0] =~ s/'/''/gr . "'"; };
		my $value = $quoted->($text);
		utf8::encode($value);
		my $metadata = $quoted->($json->encode({ a => $text }));
		my $customer = $quoted->(
			$json->encode(
				{   name => { firstName => substr($text, 0, 100), lastName => substr($text, 0, 100) },
					username => substr($text, 0, 100),
					contact => { primaryEmail => 'ann@example.org' },
					metadata => { a => $text } }));
		$_->forget foreach $mail, $hook;
		my $id = $node->query(
				  "SELECT id FROM appt.schedule_appointment('"
				. $tenant->application
				. "', now() + interval '1 day', '30 minutes', $customer, 'agent-1',
			title => $value, notes => $value, location => $value, metadata => $metadata, notification_headers => '{\"X-Trace\": \"1\"}')");
		ok($tenant->settled, "$name settles");
		is_deeply([ sort values %{ $tenant->states($id) } ], [ 'SENT', 'SENT' ], "$name, $template: both are sent")
			or diag($node->query("SELECT channel, state, reason, detail FROM appt.notification WHERE appointment_id = '$id'"));

		my @entries = $mail->wait_for(1);
		is( join(' ', map { "$_->{mail_from} @{$_->{rcpt_to}}" } @entries),
			'appointments@example.org ann@example.org',
			"$name: one mail, to whom it is for");
		my $parsed = parsed($entries[0]);
		is( "@{$parsed->{names}} $parsed->{twice} $parsed->{to} $parsed->{count}",
			"@{$ordinary->{names}} 0 ann\@example.org 1",
			"$name: no header more");
		unlike($parsed->{subject}, qr/[\r\n]/, "$name: a subject of one line");
		unlike($parsed->{html}, qr/<script|<img src=x|" onmouseover="|' x='/, "$name: no HTML") if $name eq 'HTML';
		unlike($parsed->{calendar}, qr/^ATTENDEE:mailto:evil/m, "$name: nobody else is invited");
		is(scalar(() = $parsed->{calendar} =~ /^BEGIN:VEVENT/mg), $lines ? 1 : 0, "$name: one event");

		my @requests = $hook->wait_for(1);
		my $envelope = decode_json($requests[0]{body});
		my $payload = JSON::PP->new->decode($envelope->{payload});
		is("$payload->{id} $payload->{title}", "$id $text", "$name: the webhook has it as it was");
		is($payload->{metadata}{a}, $text, "$name: also the metadata");
		is($requests[0]{headers}{'x-trace'}, '1', "$name: with its header");
	}
	$node->query("DELETE FROM appt.template");
}
is(scalar($node->log_since(0, qr/(ERROR|FATAL|PANIC)/)), 0, 'and the server has nothing to complain of');
$node->stop;
done_testing();
