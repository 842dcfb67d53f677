# OAuth2 client credentials: one token for all messages that wait for it, refreshed once after a 401, with its failures in the
# log.

use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Rounds;
use MIME::Base64;
use Test::More;

my $node = Appt::Cluster->create('main', preload => 0);
$node->query('CREATE EXTENSION appt_test');
our $settings = "SELECT appt_test.set('appt.allowed_addresses', '127.0.0.0/8'),
	appt_test.set('appt.request_timeout', '60000'), appt_test.set('appt.connect_timeout', '60000');";

# Each call is a list of messages; rows as strings "kind status error".
sub exchange
{
	my @calls = map {
		'SELECT kind, status_code, error FROM appt_test.exchange(ARRAY[' . join(', ', map { "'$_'::jsonb" } @$_) . ']) ORDER BY number;'
	} @_;
	return split /\n/, $node->query("\\o /dev/null\n$settings\n\\o\n" . join "\n", @calls);
}

sub message
{
	my ($url, $token_url, %more) = @_;
	my $client = $more{client} // 'my:client';
	my $asked = join '', map { qq(, "$_": "$more{$_}") } grep { exists $more{$_} } qw(scope audience token_auth);
	return qq({"url": "$url", "payload": "{}", "auth": "OAUTH2", "username": "$client", "password": "s3cret word",
			"token_url": "$token_url"$asked});
}

my $hook = Appt::Peers->webhook;
my $issuer = Appt::Peers->webhook;
my @rows = exchange([ map { message($hook->url('/bearer/1'), $issuer->url('/token')) } 1 .. 30 ],
	[ message($hook->url('/bearer/1'), $issuer->url('/token')) ]);
is(scalar(grep { $_ eq 'DELIVERED|200|' } @rows), 31, 'delivered with a token');
my @fetches = $issuer->wait_for(1);
is(scalar(@fetches), 1, 'one token for all of them');
is($fetches[0]{body}, 'grant_type=client_credentials', 'by client credentials');
is($fetches[0]{headers}{'content-type'}, 'application/x-www-form-urlencoded', 'as a form');
is($fetches[0]{headers}{authorization}, 'Basic ' . encode_base64('my%3Aclient:s3cret%20word', ''), 'the client authenticates');
is(($hook->entries)[0]{headers}{authorization}, 'Bearer token-1', 'the token is the authorization');

@rows = exchange(
	[   message($hook->url('/bearer/1'), $issuer->url('/token')),
		message($hook->url('/bearer/1'), $issuer->url('/token'), client => 'other') ]);
is(scalar(grep { $_ eq 'DELIVERED|200|' } @rows), 2, 'two clients');
is(scalar($issuer->wait_for(3)), 3, 'have a token each');

# What the token is for, and how the client says who it is (RFC 6749, 2.3.1 and 3.3); each has a token of its own.
{
	my $strict = Appt::Peers->webhook;
	my @asked = (
		[ {}, 'grant_type=client_credentials', 1 ],
		[ { scope => 'hooks:write a+b' }, 'grant_type=client_credentials&scope=hooks%3Awrite%20a%2Bb', 1 ],
		[   { audience => 'https://crm.example/?a=b&c' },
			'grant_type=client_credentials&audience=https%3A%2F%2Fcrm.example%2F%3Fa%3Db%26c', 1 ],
		[ { scope => 'a', audience => 'b' }, 'grant_type=client_credentials&scope=a&audience=b', 1 ],
		[ { token_auth => 'BODY' }, 'grant_type=client_credentials&client_id=my%3Aclient&client_secret=s3cret%20word', 0 ],
		[   { token_auth => 'BODY', scope => 'a' },
			'grant_type=client_credentials&scope=a&client_id=my%3Aclient&client_secret=s3cret%20word', 0 ]);
	@rows = exchange([ map { my $more = $_->[0]; (message($hook->url('/bearer/1'), $strict->url('/token'), %$more)) x 3 } @asked ]);
	is(scalar(grep { $_ eq 'DELIVERED|200|' } @rows), 18, 'all are delivered');
	my %basic = map { $_->{body} => defined $_->{headers}{authorization} ? 1 : 0 } $strict->wait_for(6);
	is_deeply(\%basic, { map { $_->[1] => $_->[2] } @asked },
		'one token for each, asked for as it is to be: in the header or in the body');
	is(scalar($strict->entries), 6, 'once');
	my $refusal =
		$node->query("\\o /dev/null\n$settings\n\\o\nSELECT response FROM appt_test.exchange(ARRAY['"
			. message($hook->url('/ok'), $strict->url('/echo/400'), token_auth => 'BODY')
			. "'::jsonb])");
	like($refusal, qr/client_secret=\*+/, 'a secret in the body is masked where the endpoint repeats it');
}

# A token that the receiver no longer accepts is refreshed within the attempt, once.
my $before = $hook->entries;
@rows = exchange([ message($hook->url('/bearer/5'), $issuer->url('/token')) ]);
is($rows[0], 'DELIVERED|200|', 'refreshed after a 401');
is(scalar($hook->entries), $before + 2, 'sent twice, once with either token');
@rows = exchange([ message($hook->url('/bearer/99'), $issuer->url('/token')) ]);
like($rows[0], qr/^REJECTED\|401\|/, 'a second 401 is final');
is(scalar($hook->entries), $before + 4, 'and not answered by a third try');

# When the refresh fails, that is the outcome.
foreach my $case ([ 400, 'REJECTED' ], [ 503, 'FAILED' ])
{
	my $lapsing = Appt::Peers->webhook;
	# Its first answer is a token, its second one is not.
	@rows = exchange([ message($hook->url('/status/401'), $lapsing->url("/token-once/$case->[0]")) ]);
	is($rows[0], "$case->[1]|$case->[0]|the token endpoint answered with HTTP status $case->[0]", "refreshing in vain: $case->[0]");
	$lapsing->stop;
}

# A message that waits for a slow token endpoint delays no other, and gets its token.
my $order = in_rounds(
	sub {
		my ($round, $seconds) = @_;
		my $slow = Appt::Peers->webhook;
		my $messages = join ', ', map { "'$_'::jsonb" } (message($hook->url('/bearer/1'), $slow->url("/slow-token/$seconds"))) x 3,
			(message($hook->url('/bearer/1'), $issuer->url('/token'))) x 3;
		return $node->query(
			"\\o /dev/null\n$settings\n\\o\nSELECT string_agg(kind, ' ' ORDER BY number), string_agg(number::text, ' ' ORDER BY ordinality)
				FROM appt_test.exchange(ARRAY[$messages]) WITH ORDINALITY"
		);
	},
	sub { return $_[0] =~ /\|[456 ]+ [123 ]+$/; },
	2,
	10,
	30);
like($order, qr/^DELIVERED( DELIVERED){5}\|[456 ]+ [123 ]+$/, 'a slow endpoint delays its own');

my $short = Appt::Peers->webhook('--token-lifetime', '0');
@rows = exchange([ message($hook->url('/bearer/1'), $short->url('/token')) ], [ message($hook->url('/bearer/1'), $short->url('/token')) ]);
is("@rows", 'DELIVERED|200| DELIVERED|200|', 'a token that expires at once still serves who waited for it');
is(scalar($short->wait_for(2)), 2, 'and is not kept');

# The endpoint's failures.
$before = $hook->entries;
foreach my $case (
	[ 400, 'REJECTED' ],
	[ 401, 'REJECTED' ],
	[ 403, 'REJECTED' ],
	[ 404, 'REJECTED' ],
	[ 302, 'FAILED' ],
	[ 429, 'FAILED' ],
	[ 500, 'FAILED' ],
	[ 503, 'FAILED' ])
{
	my ($status, $kind) = @$case;
	@rows = exchange([ (message($hook->url('/ok'), $issuer->url("/status/$status"))) x 3 ]);
	is($_, "$kind|$status|the token endpoint answered with HTTP status $status", "token endpoint: $status") foreach @rows;
}
@rows = exchange([ message($hook->url('/ok'), $issuer->url('/ok')) ]);
is($rows[0], 'FAILED|200|the token endpoint\'s answer holds no token', 'an answer without a token');
foreach my $path (qw(reset close hang garbage))
{
	local $settings = "$settings SELECT appt_test.set('appt.request_timeout', '1500');" if $path eq 'hang';
	@rows = exchange([ (message($hook->url('/ok'), $issuer->url("/$path"))) x 3 ]);
	like($_, qr/^FAILED\|0\|no token could be fetched: \w/, "token endpoint: $path") foreach @rows;
}
is(scalar($hook->entries), $before, 'without a token nothing is sent');
my $later =
	$node->query("\\o /dev/null\n$settings\n\\o\nSELECT status_code, retry_after_us FROM appt_test.exchange(ARRAY['"
		. message($hook->url('/ok'), $issuer->url('/retry-after/7'))
		. "'::jsonb])");
is($later, '503|7000000', 'its Retry-After is the message\'s');
my $echo =
	$node->query("\\o /dev/null\n$settings\n\\o\nSELECT response FROM appt_test.exchange(ARRAY['"
		. message($hook->url('/echo'), $issuer->url('/token'))
		. "'::jsonb])");
like($echo, qr/Bearer \*+\n/, 'an echoed token is masked');
foreach my $token ('*', '****', 'aaaaaaaa')
{
	$echo =
		$node->query("\\o /dev/null\n$settings\n\\o\nSELECT response FROM appt_test.exchange(ARRAY['"
			. message($hook->url('/echo'), $issuer->url("/token/$token"), client => $token)
			. "'::jsonb])");
	like($echo, qr/Bearer \*+\n/, "also one like $token");
}
my $refusal =
	$node->query("\\o /dev/null\n$settings\n\\o\nSELECT status_code, response FROM appt_test.exchange(ARRAY['"
		. message($hook->url('/ok'), $issuer->url('/echo'))
		. "'::jsonb])");
is($refusal, '200|', 'nothing is kept of an answer that grants, for a token may be in it');
my $refused = $node->query(
		  "\\o /dev/null\n$settings SELECT appt_test.set('appt.allowed_addresses', '127.0.0.1:"
		. $hook->port
		. "');\n\\o\n
	SELECT kind, error FROM appt_test.exchange(ARRAY['" . message($hook->url('/ok'), $issuer->url('/token')) . "'::jsonb])");
like($refused, qr/^REJECTED\|.*may not be contacted/, 'token URLs are refused like any other');
my $took = $node->query(
	"\\o /dev/null\n$settings\n\\o\nSELECT appt_test.abandon('" . message($hook->url('/ok'), $issuer->url('/hang')) . "', 20)");
cmp_ok($took, '<', 20_000, 'those that wait for a token are abandoned too');

# An answer that the database's encoding has no characters for is none; the parser's error goes no further.
$node->query("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'");
$node->query('CREATE EXTENSION appt; CREATE EXTENSION appt_test', 'latin');
is( $node->query(
		q{SELECT count(token), string_agg(token, '') FROM unnest(ARRAY['{"access_token": "t", "a": "\u2028"}',
			'{"access_token": "t", "a": "\u00e9"}']) AS answer,
	appt_test.token_answer(convert_to(answer, 'UTF8'))}, 'latin'),
	'1|t',
	'characters that the database does not have');
$node->stop;
done_testing();
