# Where the database's text is not UTF-8, messages are sent, answers read and secrets masked as anywhere; no transaction is open
# then.

use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Tenant;
use MIME::Base64;
use Test::More;

my $node = Appt::Cluster->create('main');
my $hook = Appt::Peers->webhook;
my $mail = Appt::Peers->smtp;
my $sms = Appt::Peers->sms;
my $garbage = answer(qq({"a": "\xff\xfe\xe9"));

foreach my $encoding (qw(LATIN1 EUC_JP SQL_ASCII))
{
	my $database = lc $encoding;

	$node->query("CREATE DATABASE $database TEMPLATE template0 ENCODING $encoding LOCALE 'C'");
	$node->install_appt($database);
	$node->wait_for_workers(1, $database);
	my @pids = $node->worker_pids($database);
	my $tenant = Appt::Tenant->create($node, database => $database);
	my $header = { LATIN1 => 'caf\xe9 secret', EUC_JP => '\xc6\xfc\xcb\xdc secret', SQL_ASCII => 'plain secret' }->{$encoding};

	$tenant->only('CREATE', 'WEBHOOK');
	$tenant->query(
		qq{SELECT id FROM appt.create_subscription('@{[ $tenant->application ]}', '@{[ $hook->url('/echo') ]}',
		headers => jsonb_build_array(jsonb_build_object('name', 'X-Secret', 'value', E'$header', 'type', 'SECRET')))});
	$tenant->schedule;
	ok($tenant->settled, "$encoding: settled");
	is( $tenant->query(
			"SELECT string_agg(n.state || ' ' || a.outcome, ', ') FROM appt.notification n JOIN appt.attempt a ON a.notification_id = n.id"
		),
		'SENT DELIVERED',
		'at the first attempt');
	like($tenant->query("SELECT response FROM appt.attempt"), qr/\*{8}/, 'in the answer secrets are masked');
	unlike($tenant->query("SELECT response FROM appt.attempt"), qr/ secret/, 'and not seen');
	is(join(' ', $node->worker_pids($database)), "@pids", 'by the same worker');

	# Every channel and kind of provider, with words that are not ASCII in all that is configured; then answers that are no
	# text.
	my $word = { LATIN1 => 'caf\xe9', EUC_JP => '\xc6\xfc\xcb\xdc', SQL_ASCII => 'caf\xc3\xa9' }->{$encoding};
	my %genesys = (
		username => 'client',
		secret => 'secret',
		settings => "jsonb_build_object('token_url', '" . $sms->url('/genesys/oauth/token') . "')");
	my $utf8 = $encoding eq 'EUC_JP' ? "\xe6\x97\xa5\xe6\x9c\xac" : "caf\xc3\xa9";
	my $gateway =
		"jsonb_build_object('body', E'{\"a\": \"$word\", \"text\": \"{{text}}\"}', 'success_path', 'a', 'success_value', E'$word')";
	my %kinds = (
		'EMAIL SMTP' => [ $mail->url, username => 'ann', secret => 's3cret' ],
		'EMAIL GENESYS_CLOUD' => [ $sms->url('/genesys'), %genesys ],
		'SMS TWILIO' => [ $sms->url('/twilio'), username => 'AC0123456789abcdef0123456789abcdef', secret => 'secret' ],
		'SMS GENESYS_CLOUD' => [ $sms->url('/genesys'), %genesys ],
		'SMS HTTP' => [ $hook->url('/raw/' . answer(qq({"a": "$utf8"}))), secret => "$word secret", settings => $gateway ]);
	foreach my $hostile (0, 1)
	{
		foreach my $kind (sort keys %kinds)
		{
			my ($channel, $name) = split / /, $kind;
			my ($url, %more) = @{ $kinds{$kind} };
			my $other = Appt::Tenant->create($node, database => $database, max_attempts => 1);

			$more{sender} = $channel eq 'EMAIL' ? "$word <us\@example.org>" : '+15550100000';
			$other->only('CREATE', $channel);
			$url = $hook->url("/raw/$garbage") if $hostile && $name ne 'SMTP';
			$other->query("SELECT appt.set_provider('@{[ $other->application ]}', '$channel', '$name', '$url'"
					. join('', map { ", $_ => " . ($more{$_} =~ /^jsonb_/ ? $more{$_} : "E'$more{$_}'") } sort keys %more)
					. ')');
			$other->query(
				"INSERT INTO appt.template (application_id, type, channel, locale, subject, text_body)
					VALUES ('@{[ $other->application ]}', 'CREATE', '$channel', 'en', "
					. ($channel eq 'EMAIL' ? "E'$word'" : 'NULL') . ", E'{{title}} $word')");
			$other->schedule(phone => '+306900000000');
			ok($other->settled, "$encoding: $kind");
			is( $other->query(
					"SELECT n.state || coalesce(' ' || n.reason || ' ' || a.error, '') FROM appt.notification n
						JOIN appt.attempt a ON a.notification_id = n.id WHERE n.application_id = '@{[ $other->application ]}'"
				),
				$hostile && $kind eq 'SMS HTTP' ? "FAILED RETRIES_EXHAUSTED the gateway's answer has no a" : 'SENT',
				$hostile ? 'an answer that is no text' : 'is sent');
		}
	}

	# Bytes without a character in UTF-8, and a token that is not valid text in this encoding.
	my $odd = Appt::Tenant->create($node, database => $database, max_attempts => 1);
	my $plain = $hook->url('/raw/' . answer('{"a": "b"}'));
	my $unknown = { LATIN1 => '\xe9', EUC_JP => '\xa9\xa1', SQL_ASCII => '\xff' }->{$encoding};
	$odd->query("DELETE FROM appt.rule WHERE application_id = '@{[ $odd->application ]}' AND type <> 'CREATE'");
	$odd->query(
		"SELECT appt.set_provider('@{[ $odd->application ]}', 'SMS', 'HTTP', '$plain', sender => 'us',
		settings => jsonb_build_object('body', '{\"a\": \"b\"}', 'success_path', 'a', 'success_value', E'$unknown'))");
	$odd->query(
		"SELECT appt.create_subscription('@{[ $odd->application ]}', '@{[ $hook->url('/echo') ]}', auth => 'OAUTH2', username => 'me',
			secret => E'$unknown secret', token_url => '@{[ $hook->url($_) ]}')"
	) foreach '/token/caf%C3%A9', '/token/a%FFb';
	$odd->schedule(phone => '+306900000000');
	ok($odd->settled, "$encoding: what can't be converted");
	is(join(' ', $node->worker_pids($database)), "@pids", 'ends no worker');
	is($odd->query("SELECT count(*) FROM appt.attempt WHERE outcome = 'INTERRUPTED'"), 0, 'and interrupts nothing');
}

$node->stop;
done_testing();

# For /raw/: an answer with this body.
sub answer
{
	my ($body) = @_;
	my $length = length $body;

	return encode_base64("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: $length\r\n\r\n$body", '') =~ tr{+/}{-_}r;
}
