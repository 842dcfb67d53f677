# What a webhook carries, as its receiver has it: headers of the subscription and of the appointment, metadata, and
# signatures that hold without a gap while a key is exchanged.

use strict;
use warnings;

use utf8;
use Encode qw(encode_utf8);
use Appt::Cluster;
use Appt::Peers;
use Appt::Tenant;
use Digest::SHA qw(hmac_sha256_base64 hmac_sha256_hex);
use JSON::PP qw(decode_json);
use MIME::Base64 qw(decode_base64);
use Test::More;

my $node = Appt::Cluster->create('main');
my $hook = Appt::Peers->webhook;
my $tenant = Appt::Tenant->create($node);
my $application = $tenant->application;

$tenant->only('CREATE', 'WEBHOOK');
$tenant->rule('UPDATE', 'WEBHOOK');

# The next request, with the payload of its body.
my $seen = 0;

sub next_request
{
	my @requests = $hook->wait_for(++$seen);
	my $request = $requests[ $seen - 1 ];

	$request->{envelope} = decode_json($request->{body});
	$request->{payload} = decode_json(encode_utf8($request->{envelope}{payload}));
	return $request;
}

# Is this the standard signature of the request, by this key?
sub standard_signature
{
	my ($request, $key) = @_;
	my $secret = $key =~ /^whsec_(.*)/ ? decode_base64($1) : $key;
	my $signature = hmac_sha256_base64(join('.', @{ $request->{headers} }{qw(webhook-id webhook-timestamp)}, $request->{body}), $secret);

	return 'v1,' . $signature . '=' x (-length($signature) % 4);
}

# Which keys signed a request, by name, for each header.
sub signers
{
	my ($request, %keys) = @_;
	my %by =
		map { hmac_sha256_hex(encode_utf8($request->{envelope}{payload}), $keys{$_}) => $_, standard_signature($request, $keys{$_}) => $_ }
		keys %keys;

	return {
		map {
			my $header = $_;
			($header => join ' ', map { $by{$_} // 'nobody' } split / /, $request->{headers}{$header} // '')
		} qw(x-signature x-signature-previous webhook-signature) };
}

# Headers and metadata.
my ($subscription, $first) = split /\|/, $tenant->query(
	"SELECT * FROM appt.create_subscription('$application', '" . $hook->url('/ok') . "',
	headers => '[{\"name\": \"X-Default\", \"value\": \"shown\", \"type\": \"DEFAULT\"}, {\"name\": \"X-Secret\", \"value\": \"hidden\", \"type\": \"SECRET\"}, {\"name\": \"X-Both\", \"value\": \"subscription\"}]')"
);
my $id = $tenant->query(
	encode_utf8(
		"SELECT id FROM appt.schedule_appointment('$application', now() + interval '2 days', '1 hour', organizer_id => 'a',
	metadata => '{\"crm\": {\"ref\": \"3nv\"}, \"name\": \"Änne\"}',
		notification_headers => '{\"X-Trace\": \"t1\", \"X-Both\": \"appointment\", \"X-Name\": \"Änne\"}')"
	));
my $request = next_request();
is($request->{headers}{'x-default'}, 'shown', 'a DEFAULT header of the subscription');
is($request->{headers}{'x-secret'}, 'hidden', 'a SECRET one');
is( $tenant->query("SELECT string_agg(h->>'value', ' ') FROM appt.subscription, jsonb_array_elements(headers) h"),
	'shown ******** subscription',
	'which nobody reads');
is($request->{headers}{'x-trace'}, 't1', 'a header of the appointment');
is($request->{headers}{'x-both'}, 'subscription', 'of two of a name the subscription\'s');
is_deeply($request->{payload}{metadata}, { crm => { ref => '3nv' }, name => 'Änne' }, 'the metadata are in the payload');
is_deeply(
	signers($request, first => $first),
	{ 'x-signature' => 'first', 'x-signature-previous' => '', 'webhook-signature' => 'first' },
	'signed by its key');

# A change of metadata alone is told, with the headers that it was scheduled with.
$tenant->query("SELECT appt.update_appointment('$id', metadata => '{\"n\": 1}')");
$request = next_request();
is_deeply($request->{payload}{metadata}, { n => 1 }, 'changed metadata');
is("$request->{envelope}{type} $request->{headers}{'x-trace'}", 'UPDATE t1', 'and the appointment\'s headers with every message');

# Keys are exchanged: both sign for the overlap, whichever header a receiver looks at.
my $second = $tenant->query("SELECT hmac_key FROM appt.rotate_subscription_key('$subscription', '1 hour')");
my %keys = (first => $first, second => $second);
$tenant->query("SELECT appt.update_appointment('$id', notes => 'second')");
is_deeply(
	signers(next_request(), %keys),
	{ 'x-signature' => 'second', 'x-signature-previous' => 'first', 'webhook-signature' => 'second first' },
	'both keys sign');

$keys{third} = $tenant->query("SELECT hmac_key FROM appt.rotate_subscription_key('$subscription', '2 hours')");
$tenant->query("SELECT appt.update_appointment('$id', notes => 'third')");
$request = next_request();
is( $request->{headers}{'x-signature'},
	hmac_sha256_hex(encode_utf8($request->{envelope}{payload}), $keys{third}),
	'exchanged once more, the newest signs first');
is(join(' ', sort split / /, signers($request, %keys)->{'webhook-signature'}), 'first second third', 'and all that last sign');
is(join(' ', sort split / /, signers($request, %keys)->{'x-signature-previous'}), 'first second', 'in either form');

# When the overlap ends, so do their signatures, without any action.
$tenant->query("UPDATE appt.secret SET expires_at = statement_timestamp() WHERE subscription_id = '$subscription' AND value = '$second'");
$tenant->query("SELECT appt.update_appointment('$id', notes => 'one')");
is_deeply(
	signers(next_request(), %keys),
	{ 'x-signature' => 'third', 'x-signature-previous' => 'first', 'webhook-signature' => 'third first' },
	'one has expired');
$tenant->query(
	"UPDATE appt.secret SET expires_at = statement_timestamp() + interval '1 second' WHERE subscription_id = '$subscription'
		AND value = '$first'"
);
$node->wait_for_query(
	"SELECT count(*) FROM appt.secret WHERE subscription_id = '$subscription' AND name = 'HMAC_KEY'
		AND coalesce(expires_at > statement_timestamp(), true)",
	1);
$tenant->query("SELECT appt.update_appointment('$id', notes => 'none')");
is_deeply(
	signers(next_request(), %keys),
	{ 'x-signature' => 'third', 'x-signature-previous' => '', 'webhook-signature' => 'third' },
	'and the other');

# A receiver that wants a token: what it is asked for is the subscription's. Another scope is another token.
{
	my $issuer = Appt::Peers->webhook;
	my $guarded = Appt::Peers->webhook;
	my $fresh = Appt::Tenant->create($node);

	$fresh->only('CREATE', 'WEBHOOK');
	$fresh->query(
			  "SELECT id FROM appt.create_subscription('"
			. $fresh->application . "', '"
			. $guarded->url($_->[0])
			. "', auth => 'OAUTH2', username => 'me', secret => 'a+b',
		token_url => '" . $issuer->url('/token') . "', $_->[1])")
		foreach [ '/bearer/1', "scope => 'hooks:write', audience => 'https://crm.example', token_auth => 'BODY'" ],
		[ '/bearer/1/again', "scope => 'hooks:all'" ];
	my $sent = $fresh->schedule;
	ok($fresh->settled, 'both settle');
	is($fresh->query("SELECT count(*) FROM appt.notification WHERE appointment_id = '$sent' AND state = 'SENT'"),
		2, 'with tokens that the receiver takes');
	is_deeply(
		[ sort map { ($_->{headers}{authorization} // 'none') . " $_->{body}" } $issuer->wait_for(2) ],
		[   'Basic bWU6YSUyQmI= grant_type=client_credentials&scope=hooks%3Aall',
			'none grant_type=client_credentials&scope=hooks%3Awrite&audience=https%3A%2F%2Fcrm.example&client_id=me&client_secret=a%2Bb' ],
		'each asked for in its way');
}

# A subscription cannot override appt's own headers.
$node->refused_with(
	'22023',
	"SELECT appt.schedule_appointment('$application', now() + interval '1 day', '1 hour', organizer_id => 'a',
		notification_headers => '{\"X-Signature-Previous\": \"x\"}')",
	'an appointment cannot sign');
ok($tenant->settled, 'all settles');
is( $tenant->query(
		"SELECT string_agg(DISTINCT state, ' ') || ' ' || count(*) FROM appt.notification WHERE application_id = '$application'"),
	'SENT 6',
	'as SENT');

$node->stop;
done_testing();
