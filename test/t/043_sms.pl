# Text messages from an appointment to each kind of provider and back into the log; Genesys Cloud's email with them.

use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Tenant;
use Digest::MD5 qw(md5_hex);
use Encode qw(encode_utf8);
use JSON::PP qw(decode_json);
use Test::More;

my $node = Appt::Cluster->create('main');
my $peer = Appt::Peers->sms;
my %quick = (retry_base => '100 milliseconds', retry_cap => '2 seconds', max_attempts => 3);
my $account = 'AC0123456789abcdef0123456789abcdef';
my %twilio = (sender => '+15550100000', username => $account, secret => 'secret');
my %genesys = (username => 'client', secret => 'secret', settings => '{"token_url": "' . $peer->url('/genesys/oauth/token') . '"}');

sub tenant
{
	my (%more) = @_;
	my $tenant = Appt::Tenant->create($node, %quick, %more);

	$tenant->only('CREATE', 'SMS');
	$peer->forget;
	return $tenant;
}

# What the log says of an appointment's text messages: a line for each attempt.
sub log_of
{
	my ($id, @columns) = @_;
	my $columns = join ', ', @columns;

	return $node->query(
		"SELECT $columns FROM appt.notification_log WHERE appointment_id = '$id' AND channel = 'SMS' ORDER BY attempt_number");
}

sub form
{
	my ($entry) = @_;

	return { map { s/%([0-9A-F]{2})/chr hex $1/ger } map { split /=/, $_, 2 } split /&/, $entry->{body} };
}

$node->wait_for_workers;

# Twilio.
{
	my $tenant = tenant();
	$tenant->provider('SMS', 'TWILIO', $peer->url('/twilio'), %twilio);
	my $id = $tenant->schedule(phone => '+306900000000');
	my ($request) = $peer->wait_for(1);
	ok($tenant->settled, 'Twilio: all settles');
	is_deeply($tenant->states($id), { 'CREATE SMS' => 'SENT' }, 'SENT');
	my $text = $node->query("SELECT text_body FROM appt.attempt WHERE recipient = '+306900000000'");
	like($text, qr/Your appointment "A test" is confirmed/, 'the words are in the log');
	is_deeply(form($request), { To => '+306900000000', From => '+15550100000', Body => $text }, 'and are what was sent');
	is( log_of($id, qw(outcome status_code error provider provider_message_id recipient)),
		'DELIVERED|201||TWILIO|SM' . md5_hex($request->{body}) . '|+306900000000',
		'the log has the id by which Twilio knows it');

	# What goes wrong, and how often it is tried.
	my %fate = (
		'+306900000400' => [ 'FAILED REJECTED 1', '400|the provider answered with HTTP status 400: as asked (20500)' ],
		'+306900000403' => [ 'FAILED REJECTED 1', '403|the provider answered with HTTP status 403: as asked (20500)' ],
		'+306900000404' => [ 'FAILED REJECTED 1', '404|the provider answered with HTTP status 404: as asked (20500)' ],
		'+306900000429' => [ 'SENT 2', "429|the provider answered with HTTP status 429: as asked (20500)\n201|" ],
		'+306900000503' => [ 'SENT 2', "503|the provider answered with HTTP status 503: as asked (20500)\n201|" ],
		'+306900000998' => [ 'FAILED RETRIES_EXHAUSTED 3', join "\n", ('|') x 3 ]);
	my %appointment = map { $_ => $tenant->schedule(phone => $_) } keys %fate;
	ok($tenant->settled, 'what goes wrong settles, too');
	foreach my $number (sort keys %fate)
	{
		my $of = $appointment{$number};
		is($node->query("SELECT concat_ws(' ', state, reason, attempt_count) FROM appt.notification WHERE appointment_id = '$of'"),
			$fate{$number}[0], "$number: $fate{$number}[0]");
		like(log_of($of, qw(status_code error)) =~ s/^\|\K(?:Empty reply from server|the connection closed before an answer came)$//mgr,
			qr/^\Q$fate{$number}[1]\E$/, 'and why');
	}
	my @times = map { $_->{wall_us} } grep { form($_)->{To} eq '+306900000429' } $peer->entries;
	cmp_ok($times[1] - $times[0], '>=', 1_000_000, 'Retry-After is heard');

	$tenant->provider('SMS', 'TWILIO', $peer->url('/twilio'), %twilio, secret => 'wrong word');
	$id = $tenant->schedule(phone => '+306900000001');
	$tenant->settled;
	is( log_of($id, qw(state reason status_code error)),
		'FAILED|REJECTED|401|the provider answered with HTTP status 401: Authenticate (20003)',
		'a wrong token is final');
	$tenant->provider(
		'SMS', 'TWILIO', $peer->url("/twilio/2010-04-01/Accounts/$account/Messages.json"), %twilio,
		username => 'SK' . '0' x 32,
		sender => 'MG' . '0' x 32);
	$id = $tenant->schedule(phone => '+306900000002');
	$tenant->settled;
	is(log_of($id, qw(state)), 'SENT', 'an API key and a messaging service do, too');
	$tenant->provider('SMS', 'TWILIO', $peer->url('/redirect/twilio/302/Messages.json'), %twilio);
	my $before = $peer->entries;
	$id = $tenant->schedule(phone => '+306900000003');
	$tenant->settled;
	is(log_of($id, qw(state status_code)), join("\n", ('FAILED|302') x 3), 'a redirect is a failure');
	is(scalar(grep { $_->{path} !~ m{^/redirect/} } ($peer->entries)[ $before .. $peer->entries - 1 ]), 0, 'and not followed');
	$tenant->provider('SMS', 'TWILIO', 'http://169.254.169.254', %twilio);
	$id = $tenant->schedule(phone => '+306900000004');
	$tenant->settled;
	like(
		log_of($id, qw(state reason error)),
		qr/^FAILED\|ADDRESS_NOT_ALLOWED\|.*may not be contacted/,
		'addresses are refused as for webhooks');

	# No recipient, no text, no provider.
	$tenant->provider('SMS', 'TWILIO', $peer->url('/twilio'), %twilio);
	my $none = $tenant->schedule;
	$node->query(
		"INSERT INTO appt.template (application_id, type, channel, locale, text_body)
			VALUES ('@{[ $tenant->application ]}', 'CREATE', 'SMS', 'en', '{{location}}')"
	);
	my $silent = $tenant->schedule(phone => '+306900000005');
	$tenant->settled;
	is(log_of($none, qw(state reason)), 'SKIPPED|NO_ADDRESS', 'no number');
	is(log_of($silent, qw(state reason detail)), 'SKIPPED|TEMPLATE_ERROR|the message is empty', 'no words');
	my $talkdesk = tenant(platform => 'TALKDESK');
	$talkdesk->provider('SMS', 'TWILIO', $peer->url('/twilio'), %twilio);
	$id = $talkdesk->schedule(phone => '+306900000006');
	$talkdesk->settled;
	is(log_of($id, qw(state reason)), 'SKIPPED|CHANNEL_NOT_AVAILABLE', 'Talkdesk has webhooks only');
}

# Genesys Cloud: SMS and email, with one token for both.
{
	my $tenant = tenant();
	$tenant->rule('CREATE', 'EMAIL');
	my $mails = $tenant->provider('EMAIL', 'GENESYS_CLOUD', $peer->url('/genesys'), %genesys, sender => 'Clinic <hello@clinic.example>');
	$tenant->provider('SMS', 'GENESYS_CLOUD', $peer->url('/genesys'), %genesys, sender => '+15550100000');
	my @ids = map { $tenant->schedule(phone => "+30690000010$_") } 0 .. 4;
	ok($tenant->settled, 'Genesys Cloud: all settles');
	my @tokens = grep { $_->{path} eq '/genesys/oauth/token' } $peer->wait_for(11);
	is(scalar @tokens, 1, 'one token for texts and emails');
	is($tokens[0]{body}, 'grant_type=client_credentials', 'by client credentials');
	my ($text) = grep { $_->{path} =~ m{/messages/agentless$} && decode_json($_->{body})->{toAddress} eq '+306900000100' } $peer->entries;
	my $sent = decode_json($text->{body});
	like(delete $sent->{textBody}, qr/is confirmed/, 'the words');
	is_deeply($sent, { fromAddress => '+15550100000', toAddress => '+306900000100', toAddressMessengerType => 'sms' },
		'from whom to whom');
	is( log_of($ids[0], qw(state status_code error provider provider_message_id)),
		'SENT|202||GENESYS_CLOUD|genesys-' . md5_hex($text->{body}),
		'the log has its id');
	my ($email) = grep { $_->{path} =~ m{/emails/agentless$} } $peer->entries;
	$sent = decode_json($email->{body});
	is_deeply(
		[ @$sent{qw(senderType fromAddress toAddresses)} ],
		[ 'Outbound', { email => 'hello@clinic.example', name => 'Clinic' }, [ { email => 'ann@example.org', name => 'Ann' } ] ],
		'an email by its API');
	like($sent->{$_}, qr/A test/, "with its $_") foreach qw(subject textBody htmlBody);
	is( $node->query(
			"SELECT DISTINCT state || status_code || outcome FROM appt.notification_log WHERE channel = 'EMAIL'
				AND provider = 'GENESYS_CLOUD'"
		),
		'SENT202DELIVERED',
		'is SENT');
	is( $node->query("SELECT count(*) FROM appt.attempt WHERE provider_id = '$mails' AND provider_message_id ~ '^genesys-[0-9a-f]{32}\$'"),
		5, 'each with its id');

	# Once the token is refused another is fetched, within the attempt.
	$tenant->only('CREATE', 'SMS');
	$peer->forget;
	my $id = $tenant->schedule(phone => '+306900000401');
	$tenant->settled;
	is(log_of($id, qw(state attempt_number status_code)), 'SENT|1|202', 'a token that is refused is renewed');
	is(scalar(grep { $_->{path} eq '/genesys/oauth/token' } $peer->entries), 1, 'once');

	my %fate = (
		400 => 'FAILED|REJECTED|400',
		403 => 'FAILED|REJECTED|403',
		404 => 'FAILED|REJECTED|404',
		429 => 'SENT||202',
		503 => 'SENT||202');
	my %appointment = map { $_ => $tenant->schedule(phone => "+306900000$_") } keys %fate;
	$tenant->settled;
	is((split /\n/, log_of($appointment{$_}, qw(state reason status_code)))[-1], $fate{$_}, "a text message and $_")
		foreach sort keys %fate;
	like(
		log_of($appointment{400}, 'error'),
		qr/^the provider answered with HTTP status 400: as asked \(as\.asked\)$/,
		'in the words of the API');

	# Email by HTTP follows the rules of HTTP: 5xx is not final.
	$tenant->only('CREATE', 'EMAIL');
	foreach my $status (503, 404)
	{
		$node->query("DELETE FROM appt.template");
		$node->query(
			"INSERT INTO appt.template (application_id, type, channel, locale, subject, text_body)
				VALUES ('@{[ $tenant->application ]}', 'CREATE', 'EMAIL', 'en', 'x $status', 'x')"
		);
		$id = $tenant->schedule;
		$tenant->settled;
		is( $node->query(
				"SELECT string_agg(concat_ws(' ', state, reason, status_code), ', ' ORDER BY attempt_number)
					FROM appt.notification_log WHERE appointment_id = '$id'"
			),
			$status == 503 ? 'SENT 503, SENT 202' : 'FAILED REJECTED 404',
			"an email and $status");
	}

	$tenant->only('CREATE', 'SMS');
	$tenant->provider('SMS', 'GENESYS_CLOUD', $peer->url('/genesys'), %genesys, sender => '+15550100000', secret => 'wrong word');
	$id = $tenant->schedule(phone => '+306900000110');
	$tenant->settled;
	is( log_of($id, qw(state reason status_code error)),
		'FAILED|REJECTED|401|the token endpoint answered with HTTP status 401',
		'a client that is not known is final');
	$tenant->provider(
		'SMS', 'GENESYS_CLOUD', $peer->url('/genesys'), %genesys,
		sender => '+15550100000',
		settings => '{"token_url": "' . $peer->url('/status/503') . '"}');
	$id = $tenant->schedule(phone => '+306900000111');
	$tenant->settled;
	is( log_of($id, qw(state reason status_code)),
		join("\n", ('FAILED|RETRIES_EXHAUSTED|503') x 3),
		'a token endpoint that is down is asked again');
	$tenant->provider(
		'SMS', 'GENESYS_CLOUD', $peer->url('/genesys'), %genesys,
		sender => '+15550100000',
		settings => '{"token_url": "http://10.0.0.1/oauth/token"}');
	$id = $tenant->schedule(phone => '+306900000112');
	$tenant->settled;
	like(log_of($id, qw(state reason error)), qr/^FAILED\|ADDRESS_NOT_ALLOWED\|.*may not be contacted/, 'and may not be anywhere');
}

# A gateway as the row describes it.
{
	my $tenant = tenant();
	$tenant->provider(
		'SMS', 'HTTP', $peer->url('/gateway/ok?to={{to}}&sender={{from}}&ref={{id}}'),
		sender => 'My Clinic',
		username => 'me',
		secret => 'secret',
		settings =>
			'{"method": "GET", "success_path": "messages[0].status", "success_value": "0", "message_id_path": "messages[0].message-id"}');
	my $id = $tenant->schedule(phone => '+306900000200');
	$tenant->settled;
	my ($request) = $peer->wait_for(1);
	my $uid = $node->query("SELECT uid FROM appt.notification WHERE appointment_id = '$id'");
	is("$request->{method} $request->{path}", "GET /gateway/ok?to=%2B306900000200&sender=My%20Clinic&ref=$uid",
		'a GET, its URL filled in');
	is($request->{body}, '', 'without a body');
	is($request->{headers}{authorization}, 'Basic bWU6c2VjcmV0', 'with basic authentication');
	is(log_of($id, qw(state status_code provider provider_message_id)), 'SENT|200|HTTP|' . md5_hex(''), 'the log has the gateway\'s id');

	$peer->forget;
	$tenant->provider(
		'SMS', 'HTTP', $peer->url('/gateway/busy/2'),
		sender => 'Clinic',
		secret => 'top "secret"',
		settings =>
			'{"method": "PUT", "headers": {"X-Api-Key": "key {{secret}}", "Idempotency-Key": "{{id}}"}, "body": "{\"recipients\": [\"{{to}}\"], \"body\": \"{{text}}\"}", "success_path": "messages[0].status", "success_value": ["0", "queued"], "message_id_path": "messages[0].message-id"}'
	);
	$node->query(
		"INSERT INTO appt.template (application_id, type, channel, locale, text_body)
			VALUES ('@{[ $tenant->application ]}', 'CREATE', 'SMS', 'en', E'Hello {{firstName}},\n\"{{title}}\" ☎ {{{applicationName}}}')"
	);
	$id = $tenant->schedule(phone => '+306900000201');
	$tenant->settled;
	my @requests = $peer->wait_for(3);
	is(scalar @requests, 3, 'tried until the answer says that it was taken');
	is($requests[0]{method}, 'PUT', 'a PUT');
	is_deeply(
		decode_json($requests[0]{body}),
		{ recipients => ['+306900000201'], body => "Hello Ann,\n\"A test\" \x{260e} tests" },
		'its body filled in');
	is($requests[0]{headers}{'x-api-key'}, 'key top "secret"', 'the secret in a header');
	$uid = $node->query("SELECT uid FROM appt.notification WHERE appointment_id = '$id'");
	is_deeply(
		[ map { $_->{headers}{'idempotency-key'} } @requests ],
		[ ($uid) x 3 ],
		'the same id each time: a gateway can know a retry by it');
	is( log_of($id, qw(state outcome error provider_message_id)),
		join("\n",
			("SENT|FAILED|the gateway's answer has busy in messages[0].status|") x 2,
			'SENT|DELIVERED||' . md5_hex($requests[2]{body})),
		'and the log tells it all');

	# One handle, one connection: a POST after a PUT after a GET.
	$peer->forget;
	$tenant->provider('SMS', 'HTTP', $peer->url('/gateway'), settings => '{"content_type": "application/x-www-form-urlencoded"}');
	$id = $tenant->schedule(phone => '+306900000202');
	$tenant->settled;
	($request) = $peer->wait_for(1);
	is($request->{method}, 'POST', 'a POST');
	is($request->{headers}{'content-type'}, 'application/x-www-form-urlencoded', 'of a form');
	is(form($request)->{text}, encode_utf8("Hello Ann,\n\"A test\" \x{260e} tests"), 'with the text in UTF-8');
	ok(!exists $request->{headers}{authorization}, 'and no authentication left over');

	# Echoed text.
	$tenant->provider(
		'SMS', 'HTTP', $peer->url('/echo'),
		username => 'me',
		secret => 'top/secret word',
		settings => '{"headers": {"X-Key": "{{secret}}", "X-Open": "open"}}');
	$id = $tenant->schedule(phone => '+306900000203');
	$tenant->settled;
	my $response = log_of($id, 'answer');
	like($response, qr/X-Open: open/, 'an echo is kept');
	like($response, qr/Authorization: Basic \*{8}$/m, 'but not the authentication in it');
	like($response, qr/X-Key: \*{8}$/m, 'nor the secret header');
	like($response, qr/"to":"\+306900000203"/, 'only that');
	is($node->query("SELECT count(*) FROM appt.notification_log WHERE answer LIKE '%top/secret%'"), 0, 'it is nowhere');

	# A message that cannot be composed does not affect others.
	$tenant->provider('SMS', 'HTTP', $peer->url('/gateway'), settings => '{"headers": {"X-Text": "{{text}}"}}');
	$id = $tenant->schedule(phone => '+306900000204');
	$tenant->settled;
	is( log_of($id, qw(state reason detail)),
		"SKIPPED|TEMPLATE_ERROR|a header's value must not contain line breaks or other control characters",
		'a header of two lines is not sent');

	# A secret that is gone, for a provider whose row was changed by hand.
	$node->query(
		"UPDATE appt.provider SET settings = '{\"headers\": {\"X-Key\": \"{{secret}}\"}}'
			WHERE application_id = '@{[ $tenant->application ]}' AND enabled"
	);
	$id = $tenant->schedule(phone => '+306900000205');
	$tenant->settled;
	is(log_of($id, qw(state reason detail)), "SKIPPED|BAD_CONFIGURATION|the provider's secret is not stored",
		'nor one without its secret');
}

# Nobody knows whether an interrupted text message arrived: a person decides, unless told otherwise.
{
	my $tenant = tenant();
	$tenant->provider('SMS', 'TWILIO', $peer->url('/twilio'), %twilio);
	my ($worker) = $node->wait_for_workers;
	my $id = $tenant->schedule(phone => '+306900000999');
	$peer->wait_for(1);
	$node->kill_processes($worker);
	ok($tenant->settled, 'settled after the worker was killed');
	is(log_of($id, qw(state reason outcome provider_message_id)), 'FAILED|INTERRUPTED|INTERRUPTED|', 'FAILED, INTERRUPTED');
	is(scalar $peer->entries, 1, 'and not sent again');
	my $failed = $node->query("SELECT notification_id FROM appt.latest_failure WHERE appointment_id = '$id'");
	$node->query("UPDATE appt.participant SET phone = '+306900000300' WHERE appointment_id = '$id'");
	$node->query("SELECT appt.retry_notification($failed)");
	ok($node->wait_for_query("SELECT state FROM appt.notification WHERE id = $failed", 'SENT'), 'a person may send it again');

	$node->append_conf('postgresql.conf', 'appt.resend_interrupted_sms = on');
	$node->reload;
	$tenant->provider('SMS', 'HTTP', $peer->url('/gateway/hang/1'), settings => '{"headers": {"Idempotency-Key": "{{id}}"}}');
	$peer->forget;
	($worker) = $node->wait_for_workers;
	$id = $tenant->schedule(phone => '+306900000301');
	$peer->wait_for(1);
	$node->kill_processes($worker);
	ok($tenant->settled, 'settled after the worker was killed');
	is( log_of($id, qw(attempt_number state outcome)),
		"1|SENT|INTERRUPTED\n2|SENT|DELIVERED",
		'with appt.resend_interrupted_sms it goes again');
	my @requests = $peer->wait_for(2);
	is(scalar @requests, 2, 'once');
	is($requests[1]{body}, $requests[0]{body}, 'in the same words');
	is($requests[1]{headers}{'idempotency-key'}, $requests[0]{headers}{'idempotency-key'}, 'under the same id');
}

$node->stop('immediate');
done_testing();
