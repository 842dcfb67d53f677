# Secrets stand in appt.secret and in what is sent, nowhere else: not in the server's log at its most talkative, not in
# a table, view, error or what monitoring sees, whatever endpoints echo. Nor has the log a word of what is sent.

use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Tenant;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

my $mail = Appt::Peers->smtp('--username', 'postman', '--password', 's3cret mail word');
my $refusing = Appt::Peers->smtp('--username', 'postman', '--password', 'another word');
my $hook = Appt::Peers->webhook;
my $node = Appt::Cluster->create('main', conf => <<'END');
log_min_messages = debug3
log_statement = all
log_min_duration_statement = 0
log_parameter_max_length = -1
log_parameter_max_length_on_error = -1
log_error_verbosity = verbose
debug_print_parse = on
debug_print_plan = on
log_line_prefix = '%m [%p] %b '
track_activity_query_size = 100kB
session_preload_libraries = auto_explain
auto_explain.log_min_duration = 0
auto_explain.log_analyze = on
auto_explain.log_verbose = on
auto_explain.log_nested_statements = on
END

# Callers must hide their own statements: these sessions log nothing, the worker logs everything.
my $quietly =
	"SET log_statement = none; SET log_min_duration_statement = -1; SET log_min_error_statement = panic; SET log_min_messages = error;
	SET debug_print_parse = off; SET debug_print_plan = off; SET auto_explain.log_min_duration = -1;\n";

my %secret = (
	hmac => 's3cret hmac',
	basic => 's3cret "basic" word',
	oauth => 's3cret+oauth/word',
	header => 's3cret header',
	mail => 's3cret mail word',
	wrong => 's3cret wrong word',
	sms => 's3cret "sms"/word');
my $tenant = Appt::Tenant->create($node, max_attempts => 2, retry_base => '100 milliseconds');
my $application = $tenant->application;
$node->query("DELETE FROM appt.rule WHERE NOT (type = 'CREATE' AND channel <> 'SMS')");
my $headers = qq([{"name": "X-Key", "value": "$secret{header}", "type": "SECRET"}]);

foreach my $path ('/echo', '/fail-first/1', '/reset', '/status/400')
{
	my $url = $hook->url($path);
	$node->query(
		"$quietly SELECT id FROM appt.create_subscription('$application', '$url', hmac_key => '$secret{hmac}', auth => 'BASIC',
			username => 'me', secret => '$secret{basic}', headers => '$headers')"
	);
	foreach my $asked (['/token'], ['/echo'], ['/status/401'], [ '/token', 'BODY' ], [ '/echo/400', 'BODY' ])
	{
		my $token_url = $hook->url($asked->[0]);
		my $token_auth = $asked->[1] // 'BASIC';
		$node->query(
			"$quietly SELECT id FROM appt.create_subscription('$application', '$url', hmac_key => '$secret{hmac}', auth => 'OAUTH2',
				username => 'me', secret => '$secret{oauth}', token_url => '$token_url', token_auth => '$token_auth')"
		);
	}
}
$node->query(
	"$quietly INSERT INTO appt.template (application_id, type, channel, locale, subject, text_body)
	SELECT '$application', 'CREATE', 'EMAIL', 'en', 'a confidential subject', 'a confidential body'");
# The part of a URL after the question mark may be a token: who may read subscriptions sees it, the log does not have it.
my $with_token = $hook->url('/status/400?key=url-token');
$node->query("$quietly SELECT id FROM appt.create_subscription('$application', '$with_token')");
my $provider =
	"SELECT appt.set_provider('$application', 'EMAIL', 'SMTP', '%s', sender => 'a\@example.org', username => 'postman', secret => '%s')";
$node->query($quietly . sprintf($provider, $mail->url, $secret{mail}));
my $first = $tenant->schedule;
$tenant->settled;
$node->query($quietly . sprintf($provider, $refusing->url, $secret{wrong}));
$tenant->schedule;
$tenant->settled;

my $texts = Appt::Tenant->create($node, max_attempts => 2, retry_base => '100 milliseconds');
$texts->only('CREATE', 'SMS');
my $echo = $hook->url('/echo');
foreach my $way (
	qq('HTTP', '$echo', settings => '{"headers": {"X-Key": "key {{secret}}"}}'),
	qq('HTTP', '$echo', username => 'me', settings => '{"success_path": "sid", "success_value": 1}'),
	qq('TWILIO', '$echo/Messages.json', sender => '+15550100000', username => 'me'),
	map {
		my $token_url = $hook->url($_);
		qq('GENESYS_CLOUD', '$echo', sender => '+15550100000', username => 'me', settings => '{"token_url": "$token_url"}')
	} '/token',
	'/echo',
	'/status/401')
{
	$node->query("$quietly SELECT appt.set_provider('@{[ $texts->application ]}', 'SMS', $way, secret => '$secret{sms}')");
	$texts->schedule(phone => '+306900000000');
	$texts->settled;
}

is($tenant->states($first)->{'CREATE EMAIL'}, 'SENT', 'the password was used');
is( $node->query(
		"$quietly SELECT count(*) FROM appt.attempt WHERE subject = 'a confidential subject' AND text_body = 'a confidential body'"),
	2,
	'the words were the application\'s');
ok(scalar(grep { ($_->{headers}{authorization} // '') eq 'Basic bWU6czNjcmV0ICJiYXNpYyIgd29yZA==' } $hook->entries),
	'a receiver got its user name and password');
ok(scalar(grep { ($_->{headers}{'x-key'} // '') eq "key $secret{sms}" } $hook->entries), 'a gateway\'s too');
is( $node->query(
		"SELECT count(DISTINCT notification_id) FROM appt.attempt WHERE application_id = '@{[ $texts->application ]}' AND outcome IS NOT NULL"
	),
	6,
	'each way was tried');
ok(scalar(grep { ($_->{headers}{'x-key'} // '') eq $secret{header} } $hook->entries), 'the header too');
ok(scalar(grep { ($_->{headers}{authorization} // '') =~ /^Bearer / } $hook->entries), 'and the client\'s secret');
ok(scalar(grep { $_->{body} =~ /&client_id=me&client_secret=s3cret%2Boauth%2Fword$/ } $hook->entries), 'in a body, too');

cmp_ok($node->query("SELECT count(*) FROM appt.attempt WHERE response LIKE '%****%'"), '>', 3, 'there were echoes');

# Plain, inside JSON, URL-encoded, and in base64 at the end of a pair.
my @forms = ('s3cret', 's3cret%20', 'token-\d');
push @forms,
	map { my $pair = $_; require MIME::Base64; my $coded = MIME::Base64::encode_base64($pair, ''); quotemeta substr($coded, 0, -4) } (
	"me:$secret{sms}", 'me:s3cret%20%22sms%22%2Fword', "me:$secret{basic}", "me:$secret{oauth}",
	'me:s3cret%2Boauth%2Fword', "\0postman\0$secret{mail}", "\0postman\0$secret{wrong}");
my $any = join '|', @forms;
my @tables = grep { $_ ne 'appt.secret' } split /\n/,
	$node->query("SELECT oid::regclass FROM pg_class WHERE relnamespace = 'appt'::regnamespace AND relkind IN ('r', 'v')");
foreach my $table (@tables)
{
	is($node->query("$quietly SELECT string_agg(left(t::text, 2000), chr(10)) FROM $table t WHERE t::text ~ '$any'"),
		'', "$table holds none");
}
is($node->query("$quietly SELECT count(*) FROM appt.$_ t WHERE t::text ~ 'url-token'"), 0, "$_ holds no URL's token")
	foreach qw(attempt notification notification_log latest_failure);
cmp_ok($node->query("SELECT count(*) FROM appt.attempt WHERE recipient LIKE '%/status/400?********'"), '>', 0, 'which was masked');
my $other = Appt::Tenant->create($node);
$node->query("$quietly SELECT id FROM appt.create_subscription('" . $other->application . "', '$with_token')");
my $previewed = $other->schedule;
like(
	$node->query(
		"SELECT recipient FROM appt.participant c, appt.preview_notification(c.appointment_id, c.id, 'CREATE', 'WEBHOOK')
	WHERE c.appointment_id = '$previewed' AND c.type = 'CUSTOMER'"),
	qr{/status/400[?][*]{8}$},
	'in a preview, too');
is($node->query("$quietly SELECT string_agg(query, chr(10)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query ~ '$any'"),
	'', 'activity shows none');

# Errors about bad secrets do not repeat them.
my $id = '00000000-0000-0000-0000-000000000000';
foreach my $bad (
	"appt.create_subscription('$application', 'https://me:s3cret\@hooks.example/')",
	"appt.create_subscription('$application', 'https://hooks.example/', hmac_key => 'whsec_s3cret*')",
	"appt.create_subscription('$application', 'https://hooks.example/', secret => 's3cret')",
	"appt.create_subscription('$application', 'https://hooks.example/', auth => 'BASIC', username => 'me', secret => E's3cret\\n')",
	"appt.create_subscription('$application', 'https://hooks.example/',
		headers => '[{\"name\": \"X\", \"value\": \"s3cret\\n\", \"type\": \"SECRET\"}]')",
	"appt.create_subscription('$application', 'https://hooks.example/',
		headers => '[{\"name\": \"X\", \"value\": \"s3cret\", \"type\": \"SECRET?\"}]')",
	"appt.create_subscription('$id', 'https://hooks.example/', hmac_key => 's3cret')",
	"appt.set_provider('$application', 'EMAIL', 'SMTP', 'smtp://mail.example', sender => 'nobody', secret => 's3cret')",
	"appt.set_provider('$application', 'EMAIL', 'SMTP', 'smtp://mail.example', sender => 'a\@example.org', secret => E's3cret\\r\\n')",
	"appt.set_provider('$application', 'SMS', 'TWILIO', 'https://api.twilio.com', sender => 'nobody at all', username => 'me',
		secret => 's3cret')",
	"appt.set_provider('$application', 'SMS', 'HTTP', 'https://me:s3cret\@gw.example/', secret => 's3cret')",
	"appt.set_provider('$application', 'SMS', 'HTTP', 'https://gw.example/{{', secret => 's3cret')",
	"appt.set_provider('$id', 'EMAIL', 'SMTP', 'smtp://mail.example', sender => 'a\@example.org', secret => 's3cret')")
{
	my ($output, $errors);
	$node->psql(
		'postgres', "$quietly SELECT * FROM $bad",
		stdout => \$output,
		stderr => \$errors,
		on_error_stop => 0,
		extra_params => [ '-v', 'VERBOSITY=verbose', '-v', 'SHOW_CONTEXT=always' ]);
	# psql shows the line of an error if the server names one; appt's errors name none.
	like($errors, qr/ERROR:  (?:22023|PT404):/, "refused: $bad");
	unlike($errors, qr/s3cret/, 'without repeating it');
}
$node->stop;
my @leaks = grep { /$any/ } split /\n/, slurp_file($node->logfile);
is(scalar(grep { /confidential/ } split /\n/, slurp_file($node->logfile)), 0, 'the log has no word of what is sent');
is(scalar @leaks, 0, 'the log has none') or diag(join "\n", map { substr($_, 0, 400) } @leaks[ 0 .. ($#leaks > 9 ? 9 : $#leaks) ]);
cmp_ok(-s $node->logfile, '>', 1_000_000, 'and the log is talkative');
done_testing();
