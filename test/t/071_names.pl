# Forbidden hosts: whether a name exists is not revealed; a forbidden address in a URL is reported at once.

use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Tenant;
use JSON::PP qw(decode_json);
use PostgreSQL::Test::Utils;
use Test::More;

# The sanitizers' own library must be loaded first.
plan skip_all => 'replaces a function of libc' if $ENV{APPT_SANITIZE};

my $lookups = $ENV{LOOKUP_LOG} = PostgreSQL::Test::Utils::tempdir() . '/lookups';
my $hook = Appt::Peers->webhook;
my $reached = '127.0.0.1/32:' . $hook->port;
my $node = Appt::Cluster->create(
	'main',
	start => 0,
	conf => "appt.allowed_addresses = '$reached'\nappt.request_timeout = '10min'\nappt.connect_timeout = '10min'");
{
	local $ENV{LD_PRELOAD} = Appt::Peers->lookup_library;
	$node->start;
}
$node->install_appt;
$node->wait_for_workers;
my $told = 'the host name could not be looked up or may not be contacted';

# An application that sends to this host in one of these ways.
my %ways = (
	webhook => sub { my ($tenant, $host) = @_; $tenant->only('CREATE', 'WEBHOOK'); $tenant->subscribe("http://$host/"); },
	mail => sub {
		my ($tenant, $host) = @_;
		$tenant->only('CREATE', 'EMAIL');
		$tenant->provider('EMAIL', 'SMTP', "smtp://$host", sender => 'a@b.example');
	},
	gateway => sub {
		my ($tenant, $host) = @_;
		$tenant->only('CREATE', 'SMS');
		$tenant->provider('SMS', 'HTTP', "https://$host/", sender => 'a');
	},
	token => sub {
		my ($tenant, $host) = @_;
		$tenant->only('CREATE', 'WEBHOOK');
		$tenant->query(
			"SELECT appt.create_subscription('@{[ $tenant->application ]}', '@{[ $hook->url('/ok') ]}', auth => 'OAUTH2',
				username => 'me', secret => 'word', token_url => 'https://$host/token')"
		);
	});

sub sending
{
	my ($way, $host, %settings) = @_;
	my $tenant = Appt::Tenant->create($node, %settings);
	$ways{$way}->($tenant, $host);
	return $tenant;
}

# The log of its messages, without values that differ between any two.
sub shown
{
	my ($tenant) = @_;
	return $tenant->query(
		"SELECT string_agg((to_jsonb(l) - array(SELECT column_name::text FROM information_schema.columns WHERE table_schema = 'appt'
			AND table_name = 'notification_log'
			AND (data_type LIKE 'timestamp%' OR column_name LIKE '%\_id' OR column_name IN ('lateness', 'text_body'))))::text, E'\\n'
			ORDER BY notification_id, attempt_number)
		FROM appt.notification_log l WHERE application_id = '@{[ $tenant->application ]}'");
}

# An unknown name and one with an internal address: the log, the retries, the look-ups and the circuits are the same.
foreach my $way (sort keys %ways)
{
	my (%shown, %looked_up, %attempts);
	foreach my $kind ('unknown', 'private')
	{
		my $name = "$way.$kind.test";
		my $tenant = sending($way, $name, max_attempts => 3, retry_base => '10 ms');
		$tenant->schedule(phone => '+306900000001');
		ok($tenant->settled, "$way: $kind: it ends");
		$shown{$kind} = shown($tenant) =~ s/\Q$name\E/NAME/gr;
		$looked_up{$kind} = grep { /\b\Q$name\E$/ } split /\n/, slurp_file($lookups);
		like($shown{$kind}, qr/"error": "(no token could be fetched: )?$told"/, "$way: $kind: what is told");
		is( $tenant->query(
				"SELECT concat_ws(' ', state, reason, attempt_count, detail) FROM appt.notification
					WHERE application_id = '@{[ $tenant->application ]}'"
			),
			'FAILED RETRIES_EXHAUSTED 3',
			"$way: $kind: it is tried again");
	}
	is($shown{private}, $shown{unknown}, "$way: the log tells no difference");
	is("$looked_up{private} $looked_up{unknown}", '3 3', "$way: nor does what is looked up");
}
foreach my $way ('webhook', 'mail', 'token')
{
	my @circuits = map {
		my $tenant = sending($way, "many.$way.$_.test", max_attempts => 100, retry_base => '10 ms');
		$tenant->schedule_many(12);
		my $mine = $way eq 'token' ? "application_id = '@{[ $tenant->application ]}'" : "destination LIKE '%many.$way.$_.test%'";
		ok($node->wait_for_query("SELECT count(*) FROM appt.circuit WHERE $mine", 1), "$way: $_: ten failures open a circuit");
		$node->query("SELECT application_id IS NULL, last_error FROM appt.circuit WHERE $mine");
	} 'unknown', 'private';
	is($circuits[1], $circuits[0], "$way: neither do the circuits");
}
# Names that libcurl resolves by itself.
{
	my $tenant = sending('webhook', 'localhost', max_attempts => 1);
	$tenant->schedule;
	ok($tenant->settled, 'localhost');
	like(shown($tenant), qr/"error": "$told"/, 'is a name, too');
}

# An address: final at once, however often; once it is allowed, it can be retried.
my %forbidden =
	(webhook => [ '10.0.0.1', '[::1]', '2130706433' ], mail => ['127.0.0.1'], gateway => ['[fd00::1]'], token => ['192.168.0.1']);
foreach my $way (sort keys %forbidden)
{
	foreach my $host (@{ $forbidden{$way} })
	{
		my $tenant = sending($way, $host);
		$tenant->schedule(phone => '+306900000001') foreach 1 .. 12;
		ok($tenant->settled, "$way to $host: it ends");
		is( $tenant->query(
				"SELECT DISTINCT concat_ws(' ', n.state, n.reason, n.attempt_count, a.outcome, a.status_code, a.error), count(*)
					FROM appt.notification n
				JOIN appt.attempt a ON a.notification_id = n.id WHERE n.application_id = '@{[ $tenant->application ]}' GROUP BY 1"),
			'FAILED ADDRESS_NOT_ALLOWED 1 FAILED '
				. ($way eq 'token' ? 'no token could be fetched: ' : '')
				. "the host's address may not be contacted (appt.allowed_addresses)|12",
			"$way to $host: at once");
		is( $node->query(
				"SELECT count(*) FROM appt.circuit WHERE application_id = '@{[ $tenant->application ]}'
					OR (application_id IS NULL AND destination LIKE '%/$host:%')"
			),
			0,
			"$way to $host: nothing is held back");
	}
}
is( $node->query("SELECT explanation FROM appt.reason WHERE reason = 'ADDRESS_NOT_ALLOWED'"),
	'The URL names an address that may not be contacted: appt.allowed_addresses lists private ones that may.',
	'what the reason means');
{
	my $other = Appt::Peers->webhook;
	my $tenant = sending('webhook', '127.0.0.1:' . $other->port . '/ok');
	$tenant->schedule;
	$tenant->settled;
	my ($id) = $tenant->query("SELECT id FROM appt.notification WHERE application_id = '@{[ $tenant->application ]}'");
	my $state = "SELECT concat_ws(' ', state, reason, attempt_count) FROM appt.notification WHERE id = $id";
	$node->query("SELECT appt.retry_notification($id)");
	ok($node->wait_for_query($state, 'FAILED ADDRESS_NOT_ALLOWED 2'), 'a retry by hand fares no better');
	$node->append_conf('postgresql.conf', "appt.allowed_addresses = '127.0.0.0/8'");
	$node->reload;
	# The worker may not have read it yet.
	foreach (1 .. 100)
	{
		$node->query("SELECT appt.retry_notification($id)");
		$tenant->settled or last;
		last if $node->query($state) =~ /^SENT/;
	}
	like($node->query($state), qr/^SENT \d/, 'until the address is allowed');
}
$node->stop('fast');
done_testing();
