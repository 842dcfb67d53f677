# No tenant delays another: not by the number of its messages, nor of its subscriptions, nor by slow endpoints.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Tenant;
use PostgreSQL::Test::Utils;
use Test::More;

my $folder = PostgreSQL::Test::Utils::tempdir();
system_or_bail('cc', '-O2', '-D_GNU_SOURCE', '-o', "$folder/receiver", "$ENV{REPOSITORY}/test/bench/receiver.c");
my $pid = open my $receiver, '-|', "$folder/receiver", "$folder/received" or die "cannot start the receiver: $!";
my ($port) = <$receiver> =~ /^port (\d+)/ or die 'the receiver did not start';
my $hook = Appt::Peers->webhook;
my $node = Appt::Cluster->create('main', conf => "fsync = off\nmax_wal_size = '2GB'");

# A window of eight, and a tenant whose endpoint never answers; on a host that all use.
{
	my ($slow, $other, $quick) = begin(3, "appt.max_concurrency = 8\nappt.request_timeout = '10min'");

	$slow->subscribe($hook->url('/hang'));
	$other->subscribe($hook->url('/hang/other'));
	$quick->subscribe($hook->url('/ok'));
	$slow->schedule_many(12);
	$hook->wait_for(6);
	$other->schedule;
	$hook->wait_for(1, sub { $_->{path} eq '/hang/other' });
	$quick->is_prompt(sub { $quick->schedule_many(20) }, 'another tenant\'s are sent while they hang, and on time');
	is( $node->query(
			"SELECT application_id = '@{[ $slow->application ]}', count(*) FROM appt.notification WHERE state = 'SENDING' GROUP BY 1
				ORDER BY 1"
		),
		"f|1\nt|6",
		'who hangs holds six places of eight');
}

# A host's slots likewise: many tenants use it, one of them never gets an answer.
{
	my $host = Appt::Peers->webhook;
	my ($slow, $quick) = begin(2, "appt.max_concurrency = 256\nappt.max_per_host = 8");

	$slow->subscribe($host->url("/hang/$_")) foreach 1 .. 4;
	$quick->subscribe($host->url('/ok'));
	$slow->schedule_many(5);
	$host->wait_for(7);
	$quick->is_prompt(sub { $quick->schedule_many(20) }, 'another tenant\'s get through to the same host, on time');
	is($node->query("SELECT count(*) FROM appt.notification WHERE state = 'SENDING'"), 7, 'who hangs holds seven of its eight places');
}

# 100,000 of one, 10,000 in 200 subscriptions of a second, ten of a third; all to the same host.
{
	my ($large, $wide, $small) = begin(3, "appt.max_per_host = 64\nappt.enabled = off");
	my $url = "http://127.0.0.1:$port/";
	$large->subscribe($url);
	$wide->query("SELECT count(appt.create_subscription('@{[ $wide->application ]}', '$url' || i)) FROM generate_series(1, 200) i");
	$small->subscribe($url);
	flood($large, 100_000);
	flood($wide, 10_000);
	$node->append_conf('postgresql.conf', 'appt.enabled = on');
	$node->reload;
	ok( $node->wait_for_query(
			"SELECT count(*) > 1 FROM (SELECT FROM appt.notification WHERE application_id = '@{[ $_->application ]}'
				AND state = 'SENT' LIMIT 2) n"
		),
		'sending has begun') foreach $large, $wide;
	$small->is_prompt(
		sub {
			foreach my $round (1 .. 10)
			{
				$small->schedule;
				select undef, undef, undef, 0.05;
			}
		},
		'the ten are sent on time');
	cmp_ok($node->query("SELECT count(*) FROM appt.due WHERE application_id = '@{[ $large->application ]}'"),
		'>', 0, 'in the midst of the 100,000');
	# The shares show only after some messages.
	$node->wait_for_query(
		"SELECT count(*) > 2000 FROM (SELECT FROM appt.attempt WHERE application_id = '@{[ $large->application ]}' LIMIT 2001) a");
	my ($by_large, $by_wide) = split /\|/, $node->query(
		"SELECT count(*) FILTER (WHERE application_id = '@{[ $large->application ]}'),
			count(*) FILTER (WHERE application_id = '@{[ $wide->application ]}') FROM appt.attempt"
	);
	note("attempts: $by_large of the one with 100,000, $by_wide of the one with 200 subscriptions");
	cmp_ok($by_wide, '<', 1.5 * $by_large, 'many subscriptions do not get more than one');
	$node->stop('immediate');
}

kill 'TERM', $pid;
close $receiver;
done_testing();

# So many tenants with CREATE by webhook, under these settings; what went before is over.
sub begin
{
	my ($count, $settings) = @_;
	my @tenants = map { Appt::Tenant->create($node) } 1 .. $count;

	$_->only('CREATE', 'WEBHOOK') foreach @tenants;
	$node->query('UPDATE appt.subscription SET enabled = false');
	$node->append_conf('postgresql.conf', $settings);
	$node->stop('immediate');
	$node->start;
	$node->wait_for_query('SELECT count(*) FROM appt.worker_status WHERE pid IS NOT NULL', 1);
	return @tenants;
}

# So many due messages, spread over the tenant's subscriptions: what planning writes, without the calls.
sub flood
{
	my ($tenant, $count) = @_;
	my $application = $tenant->application;

	$tenant->query(
		"SELECT count(appt.schedule_appointment('$application', now() + interval '1 day', '1 hour', organizer_id => 'a'))
			FROM generate_series(1, 5);
		DELETE FROM appt.due WHERE application_id = '$application'; DELETE FROM appt.notification WHERE application_id = '$application'");
	$tenant->query(
		"WITH about AS MATERIALIZED (SELECT row_number() OVER () - 1 AS place, a.* FROM appt.appointment a
			WHERE application_id = '$application'),
		endpoint AS MATERIALIZED (SELECT row_number() OVER () - 1 AS place, count(*) OVER () AS size, s.id,
			appt.lane(s.application_id, 'WEBHOOK', s.id) AS lane
			FROM appt.subscription s WHERE application_id = '$application'),
		planned AS (INSERT INTO appt.notification (application_id, appointment_id, recipient_kind, recipient_id, subscription_id,
			rule_id, type, channel,
				due_at, next_attempt_at, lane, start_at, end_at)
			SELECT '$application', a.id, 'SUBSCRIBER', e.id, e.id, r.id, 'CREATE', 'WEBHOOK', now(), now(), e.lane, a.start_at, a.end_at
			FROM generate_series(1, $count) i JOIN about a ON a.place = i % 5 JOIN endpoint e ON e.place = i % e.size
				JOIN appt.rule r ON r.application_id = '$application'
			RETURNING lane, due_at, id, application_id, due_at)
		INSERT INTO appt.due (lane, due_at, notification_id, application_id, first_due_at) SELECT * FROM planned");
	return;
}
