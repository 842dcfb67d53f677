# A destination that keeps failing is probed by one message at a time; messages held back keep their windows; others are not
# affected.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Rounds;
use Appt::Tenant;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Appt::Cluster->create('main', conf => "fsync = off\nappt.max_concurrency = 32");
my $hook = Appt::Peers->webhook;
my $start = $node->log_end;
$node->wait_for_workers;

# A subscription whose answers are all 503.
{
	my $tenant = tenant(retry_base => '1 second', max_attempts => 100);
	my $others = tenant();
	my $subscription = $tenant->subscribe($hook->url('/broken/a'));
	$others->subscribe($hook->url('/ok'));
	$tenant->schedule_many(40);
	ok($node->wait_for_query('SELECT count(*) FROM appt.circuit', 1), 'ten failures open a circuit');
	is( $node->query(
			"SELECT slot, destination, application_id = '@{[ $tenant->application ]}', channel, subscription_id, failures >= 10,
				opened_at < now(), last_error FROM appt.circuit"
		),
		"1|@{[ $hook->url ]}|t|WEBHOOK|$subscription|t|t|the receiver answered with HTTP status 503",
		'it is shown');
	is($node->query('SELECT open_circuits FROM appt.worker_status'), 1, 'and counted');
	my $opened = $node->query('SELECT extract(epoch FROM opened_at) * 1e6 FROM appt.circuit');

	# Others of the same host, meanwhile.
	$others->is_prompt(sub { $others->schedule_many(20) }, 'others of the same host are not late');
	is( $others->query(
			"SELECT string_agg(DISTINCT state, ' ') FROM appt.notification WHERE application_id = '@{[ $others->application ]}'"),
		'SENT',
		'and are sent');

	# Single messages, further and further apart.
	my $probes = "SELECT extract(epoch FROM started_at) * 1e6 FROM appt.attempt WHERE application_id = '@{[ $tenant->application ]}'
			AND extract(epoch FROM started_at) * 1e6 > $opened ORDER BY started_at LIMIT 2";
	ok($node->wait_for_query("SELECT count(*) FROM ($probes) p", 2), 'it is probed');
	my @probes = split /\n/, $node->query($probes);
	cmp_ok($probes[0] - $opened, '>=', 950_000, 'after a second');
	cmp_ok($probes[1] - $probes[0], '>=', 1_950_000, 'and two more');
	is( $node->query(
			"SELECT count(*) > 0 AND bool_and(state = 'PENDING' OR attempt_count > 0) FROM appt.notification
				WHERE application_id = '@{[ $tenant->application ]}' AND attempt_count <= 1"
		),
		't',
		'what is held back was not attempted');

	# It answers again.
	$hook->ask('/mend/a');
	ok($tenant->settled, 'the first success closes the circuit, and all are sent');
	is($node->query("SELECT count(*) FROM appt.notification WHERE application_id = '@{[ $tenant->application ]}' AND state = 'SENT'"),
		40, 'SENT');
	is( $node->query("SELECT sum(attempt_count) FROM appt.notification WHERE application_id = '@{[ $tenant->application ]}'"),
		scalar(grep { $_->{path} eq '/broken/a' } $hook->entries),
		'each attempt was one');
	ok($node->wait_for_query('SELECT count(*) FROM appt.circuit', 0), 'it is shown no more');
	is( scalar $node->log_since($start,
			"appt holds back messages of subscription $subscription to @{[ $hook->url ]}: 10 failures in a row"),
		1,
		'one line in the log when it opened');
	is(scalar $node->log_since($start, "appt sends messages of subscription $subscription to @{[ $hook->url ]} again"),
		1, 'one when it closed');
}

# Messages that wait are judged as usual: their window may have passed.
{
	my $reminder = "SELECT count((appt.schedule_appointment('%s', now() + interval '%s s', '1 hour', organizer_id => 'a')).id)
			FROM generate_series(1, %d)";
	my $tried = "SELECT concat_ws(' ', state, reason, count(*)) FROM appt.notification WHERE application_id = '%s' AND attempt_count %s
			GROUP BY state, reason";
	my ($opened, @ends) = in_rounds(
		sub {
			my ($round, $seconds) = @_;
			my $tenant = tenant(retry_base => '300 milliseconds', max_attempts => 100);
			my $application = $tenant->application;
			$tenant->only('REMINDER', 'WEBHOOK', "$seconds seconds");
			my $subscription = $tenant->subscribe($hook->url('/broken/b'));
			# Ten fail, and would be tried again in time; two come due while they are held back. Only of the ten one is
			# tried before they start.
			$tenant->query('BEGIN; '
					. sprintf($reminder, $application, 1.5 + $seconds, 10) . '; '
					. sprintf($reminder, $application, 1.5 + $seconds * 1.5, 2)
					. '; COMMIT');
			ok( $node->wait_for_query(
					"SELECT count(*) FROM appt.notification WHERE application_id = '$application' AND settled_at IS NULL", 0),
				'all are settled');
			return (scalar $node->log_since($start, "holds back messages of subscription $subscription"),
				map { $tenant->query(sprintf $tried, $application, $_) } '> 0', '= 0');
		},
		sub { "@_" eq '1 FAILED RETRY_TOO_LATE 10 MISSED WINDOW_PASSED 2' },
		2,
		8,
		20);
	is($opened, 1, 'ten reminders open a circuit');
	is($ends[0], 'FAILED RETRY_TOO_LATE 10', 'what was tried and could not be tried again in time');
	is($ends[1], 'MISSED WINDOW_PASSED 2', 'what was held back before its first attempt');
}

# Nobody listens: one circuit for all messages to that host.
{
	my ($port, $bound) = Appt::Peers->nobody;
	my @tenants = map { tenant(retry_base => '500 milliseconds', max_attempts => 100) } 1 .. 3;
	$_->subscribe("http://127.0.0.1:$port/ok/$_") foreach @tenants;
	$_->schedule_many(10) foreach @tenants;
	my $circuit = "SELECT count(*) FROM appt.circuit WHERE destination = 'http://127.0.0.1:$port' AND application_id IS NULL";
	ok($node->wait_for_query($circuit, 1), 'a host that refuses connections has a circuit of its own');
	is($node->query('SELECT count(*) FROM appt.circuit WHERE application_id IS NOT NULL AND destination LIKE \'%' . $port . '\''),
		0, 'and its lanes have none');
	my $mine = "application_id IN ('" . join("', '", map { $_->application } @tenants) . "')";
	my $probed = "FROM appt.attempt WHERE $mine AND started_at > (SELECT opened_at FROM appt.circuit WHERE destination LIKE '%:$port')";
	ok($node->wait_for_query("SELECT count(*) > 1 $probed"), 'it is probed');
	is( $node->query(
			"SELECT bool_and(started_at > before + interval '950 milliseconds')
				FROM (SELECT started_at, lag(started_at) OVER (ORDER BY started_at) AS before $probed) probe WHERE before IS NOT NULL"
		),
		't',
		'by one message at a time of all its lanes');
	my $back = Appt::Peers->webhook('--port', $port);
	$node->reload;
	ok($_->settled, 'and all are sent when it is back') foreach @tenants;
	is(scalar $node->log_since($start, "appt holds back messages to http://127.0.0.1:$port: 10 failures"), 1, 'the log tells');
	is(scalar $node->log_since($start, "appt sends messages to http://127.0.0.1:$port again"), 1, 'both');
}

# A change of configuration, a retry by hand, or a reload triggers a probe at once.
{
	my $sent = "SELECT count(*) > 0 FROM appt.notification WHERE application_id = '%s' AND state = 'SENT'";
	my %mended = (
		'another endpoint' => sub {
			my ($tenant, $path) = @_;
			$tenant->query(
				"UPDATE appt.subscription SET url = replace(url, '$path', '/ok') WHERE application_id = '@{[ $tenant->application ]}'");
		},
		'a retry by hand' => sub {
			my ($tenant, $path) = @_;
			$hook->ask($path =~ s/broken/mend/r);
			$tenant->query(
				"SELECT appt.retry_notification(min(id)) FROM appt.notification WHERE application_id = '@{[ $tenant->application ]}'
					AND state = 'FAILED'"
			);
		},
		'an endpoint that was mended, and a reload' => sub {
			my ($tenant, $path) = @_;
			$hook->ask($path =~ s/broken/mend/r);
			$node->reload;
		});
	my $number = 0;

	# Longer waits for the probe show on a busy machine, too: four seconds, then eight, sixteen.
	foreach my $name (sort keys %mended)
	{
		my $at_once = in_rounds(
			sub {
				my ($round, $failures) = @_;
				my $tenant = tenant(retry_base => '500 milliseconds', max_attempts => $name eq 'a retry by hand' ? 1 : 100);
				my $path = '/broken/mended' . ++$number;
				my $id = $tenant->subscribe($hook->url($path));
				$tenant->schedule_many(10);
				$node->wait_for_query("SELECT failures >= 10 FROM appt.circuit WHERE subscription_id = '$id'");
				$tenant->schedule_many($failures);
				ok($node->wait_for_query("SELECT failures >= 10 + $failures FROM appt.circuit WHERE subscription_id = '$id'"),
					'it has some time to wait');
				my $probe_at = $node->query("SELECT probe_at FROM appt.circuit WHERE subscription_id = '$id'");
				$mended{$name}->($tenant, $path);
				ok($node->wait_for_query(sprintf $sent, $tenant->application), $name);
				return $node->query(
					"SELECT min(started_at) < '$probe_at' FROM appt.attempt WHERE application_id = '@{[ $tenant->application ]}'
						AND outcome = 'DELIVERED'"
				);
			},
			sub { $_[0] eq 't' },
			2,
			3,
			4);
		is($at_once, 't', "$name: is tried at once");
	}
}

# Mail: a server that is unavailable (421), and one that refuses recipients, which does not count as a failure.
{
	my $file = PostgreSQL::Test::Utils::tempdir() . '/busy';
	append_to_file($file, '');
	my $busy = Appt::Peers->smtp('--reply', '421 4.3.2 too busy', '--at', 'MAIL', '--while', $file);
	my $picky = Appt::Peers->smtp('--reply', '450 4.2.0 greylisted', '--at', 'RCPT', '--times', 12);
	my ($to_busy, $to_picky) = map { tenant(retry_base => '500 milliseconds', max_attempts => 100) } 1 .. 2;
	$_->only('CREATE', 'EMAIL') foreach $to_busy, $to_picky;
	$to_busy->email($busy->url);
	$to_picky->email($picky->url);
	$_->schedule_many(12) foreach $to_busy, $to_picky;
	ok( $node->wait_for_query(
			"SELECT count(*) FROM appt.circuit WHERE application_id = '@{[ $to_busy->application ]}' AND channel = 'EMAIL'
				AND subscription_id IS NULL",
			1),
		'421 opens the circuit of an application\'s mail');
	unlink $file;
	ok($_->settled, 'all is sent in the end') foreach $to_busy, $to_picky;
	is(scalar $node->log_since($start, "holds back messages of application @{[ $to_busy->application ]} by EMAIL"),
		1, 'the log tells whose');
	is(scalar $node->log_since($start, 'The last failure was: the receiver answered with status 421'), 1, 'and why');
	is(scalar $node->log_since($start, 'too busy'), 0, 'not in the words of the other side, which may be those of a message');
	is(scalar $node->log_since($start, "application @{[ $to_picky->application ]}"), 0, 'refused recipients open none');
}

# A failure to get a token counts for the lane that needs it, not for the host.
{
	my $tenant = tenant(retry_base => '500 milliseconds', max_attempts => 100);
	my $id = $tenant->query(
		"SELECT id FROM appt.create_subscription('@{[ $tenant->application ]}', '@{[ $hook->url('/ok/token') ]}', auth => 'OAUTH2',
		username => 'client', secret => 'secret', token_url => '@{[ $hook->url('/broken/token') ]}')");
	$tenant->schedule_many(12);
	ok($node->wait_for_query("SELECT count(*) FROM appt.circuit WHERE subscription_id = '$id'", 1),
		'no token: the circuit of the subscription opens');
	is($node->query("SELECT count(*) FROM appt.circuit WHERE application_id IS NULL"), 0, 'not that of the host');
}

# Requests that never end, with few slots: the tenth opens the circuit, which then uses only one slot.
{
	my $tenant = tenant(retry_base => '500 milliseconds', max_attempts => 100);
	my $others = tenant();
	$node->append_conf('postgresql.conf', "appt.request_timeout = '2s'");
	$node->reload;
	my $id = $tenant->subscribe($hook->url('/hang'));
	$others->subscribe($hook->url('/ok'));
	$tenant->schedule_many(30);
	ok($node->wait_for_query("SELECT count(*) FROM appt.circuit WHERE subscription_id = '$id'", 1), 'timeouts open a circuit');
	ok($node->wait_for_query("SELECT count(*) <= 1 FROM appt.notification WHERE subscription_id = '$id' AND state = 'SENDING'"),
		'at most one is under way');
	$others->is_prompt(sub { $others->schedule_many(20) }, 'others are not late');
	cmp_ok(
		$node->query(
			"SELECT max(n) FROM (SELECT count(*) AS n FROM appt.attempt a JOIN appt.attempt b ON b.started_at <= a.started_at
				AND coalesce(b.finished_at, 'infinity') > a.started_at
			JOIN appt.notification m ON m.id = a.notification_id JOIN appt.notification n ON n.id = b.notification_id
			WHERE m.subscription_id = '$id' AND n.subscription_id = '$id'
				AND least(a.started_at, b.started_at) > (SELECT opened_at FROM appt.circuit WHERE subscription_id = '$id')
					GROUP BY a.id) x"),
		'<=',
		1,
		'never two of its messages at once');
}

$node->stop('immediate');
done_testing();

sub tenant
{
	my (%settings) = @_;
	my $tenant = Appt::Tenant->create($node, %settings);

	$tenant->only('CREATE', 'WEBHOOK');
	return $tenant;
}
