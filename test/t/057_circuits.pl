# Who keeps failing is probed by one message at a time; what is held back keeps its windows; nobody else notices.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Tenant;
use HTTP::Tiny;
use IO::Socket::INET;
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
	is($node->query("SELECT slot, destination, application_id = '@{[ $tenant->application ]}', channel, subscription_id, failures >= 10, opened_at < now(), last_error FROM appt.circuit"),
		"1|@{[ $hook->url ]}|t|WEBHOOK|$subscription|t|t|the receiver answered with HTTP status 503", 'it is shown');
	is($node->query('SELECT open_circuits FROM appt.worker_status'), 1, 'and counted');
	my $opened = $node->query('SELECT extract(epoch FROM opened_at) * 1e6 FROM appt.circuit');

	# Others of the same host, meanwhile.
	$others->schedule_many(20);
	ok($others->settled, 'others of the same host are sent');
	lateness($others, 'none of them late');

	# Single messages, further and further apart.
	ok($node->wait_for_query('SELECT failures FROM appt.circuit', $node->query('SELECT failures FROM appt.circuit') + 2), 'it is probed');
	my @probes = grep { $_ > $opened + 200_000 } map { $_->{wall_us} } grep { $_->{path} eq '/broken/a' } $hook->entries;
	cmp_ok($probes[0] - $opened, '>=', 950_000, 'after a second');
	cmp_ok($probes[1] - $probes[0], '>=', 1_950_000, 'and two more');
	is($node->query("SELECT count(*) > 0 AND bool_and(state = 'PENDING' OR attempt_count > 0) FROM appt.notification WHERE application_id = '@{[ $tenant->application ]}' AND attempt_count <= 1"),
		't', 'what is held back was not attempted');
	is($node->query("SELECT sum(attempt_count) FROM appt.notification WHERE application_id = '@{[ $tenant->application ]}'"),
		scalar(grep { $_->{path} eq '/broken/a' } $hook->entries), 'each attempt was one');

	# It answers again.
	HTTP::Tiny->new->get($hook->url('/mend/a'));
	ok($tenant->settled, 'the first success closes the circuit, and all are sent');
	is($node->query("SELECT count(*) FROM appt.notification WHERE application_id = '@{[ $tenant->application ]}' AND state = 'SENT'"), 40, 'SENT');
	ok($node->wait_for_query('SELECT count(*) FROM appt.circuit', 0), 'it is shown no more');
	is(scalar $node->log_since($start, "appt holds back messages of subscription $subscription to @{[ $hook->url ]}: 10 failures in a row"), 1, 'one line in the log when it opened');
	is(scalar $node->log_since($start, "appt sends messages of subscription $subscription to @{[ $hook->url ]} again"), 1, 'one when it closed');
}

# What waits is judged as ever: its time may have passed.
{
	my $tenant = tenant(retry_base => '300 milliseconds');
	my $mine = "application_id = '@{[ $tenant->application ]}'";
	my $reminder = "SELECT count((appt.schedule_appointment('@{[ $tenant->application ]}', now() + interval '%s', '1 hour', organizer_id => 'a')).id) FROM generate_series(1, %d)";
	$tenant->only('REMINDER', 'WEBHOOK', '2 seconds');
	$tenant->subscribe($hook->url('/broken/b'));
	# Ten fail, and would be tried again in time; two come due while they are held back. One of the ten probes after a
	# second; at the second probe all have started.
	$tenant->query('BEGIN; ' . sprintf($reminder, '3.5 s', 10) . '; ' . sprintf($reminder, '4.5 s', 2) . '; COMMIT');
	ok($node->wait_for_query("SELECT count(*) FROM appt.circuit WHERE $mine", 1, seconds => 30), 'ten reminders open a circuit');
	ok($node->wait_for_query("SELECT count(*) FROM appt.notification WHERE $mine AND settled_at IS NULL", 0), 'all are settled');
	is($tenant->query("SELECT string_agg(DISTINCT concat_ws(' ', state, reason), ', ') FROM appt.notification WHERE $mine AND attempt_count BETWEEN 1 AND 2"),
		'FAILED RETRY_TOO_LATE', 'what was tried and could not be tried again in time');
	is($tenant->query("SELECT string_agg(concat_ws(' ', state, reason), ', ') FROM appt.notification WHERE $mine AND attempt_count = 0"),
		'MISSED WINDOW_PASSED, MISSED WINDOW_PASSED', 'what was held back before its first attempt');
}

# Nobody listens: one circuit for all who go there.
{
	my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1, ReuseAddr => 1) or die $!;
	my $port = $listener->sockport;
	close $listener;
	my @tenants = map { tenant(retry_base => '500 milliseconds', max_attempts => 100) } 1 .. 3;
	$_->subscribe("http://127.0.0.1:$port/ok/$_") foreach @tenants;
	$_->schedule_many(10) foreach @tenants;
	my $circuit = "SELECT count(*) FROM appt.circuit WHERE destination = 'http://127.0.0.1:$port' AND application_id IS NULL";
	ok($node->wait_for_query($circuit, 1), 'a host that refuses connections has a circuit of its own');
	is($node->query('SELECT count(*) FROM appt.circuit WHERE application_id IS NOT NULL AND destination LIKE \'%' . $port . '\''), 0, 'and its lanes have none');
	my $before = $node->query('SELECT count(*) FROM appt.attempt');
	my $failures = $node->query("SELECT failures FROM appt.circuit WHERE destination LIKE '%:$port'");
	ok($node->wait_for_query("SELECT failures > $failures + 1 FROM appt.circuit WHERE destination LIKE '%:$port'"), 'it is probed');
	cmp_ok($node->query("SELECT count(*) FROM appt.attempt"), '<=', $before + 4, 'by one message at a time of all its lanes');
	my $back = Appt::Peers->webhook('--port', $port);
	$node->reload;
	ok($_->settled, 'and all are sent when it is back') foreach @tenants;
	is(scalar $node->log_since($start, "appt holds back messages to http://127.0.0.1:$port: 10 failures"), 1, 'the log tells');
	is(scalar $node->log_since($start, "appt sends messages to http://127.0.0.1:$port again"), 1, 'both');
}

# What is mended is tried at once by a change of configuration, a retry by hand, or a reload.
{
	my $tenant = tenant(retry_base => '500 milliseconds', max_attempts => 100);
	my $reloaded = tenant(retry_base => '500 milliseconds', max_attempts => 100);
	my $by_hand = tenant(max_attempts => 1);
	$tenant->subscribe($hook->url('/broken/c'));
	$reloaded->subscribe($hook->url('/broken/d'));
	$by_hand->subscribe($hook->url('/broken/e'));
	$_->schedule_many(10) foreach $tenant, $reloaded, $by_hand;
	ok($by_hand->settled, 'ten fail for good');
	$by_hand->schedule_many(2);
	ok($node->wait_for_query('SELECT count(*) FROM appt.circuit WHERE failures >= 12', 3), 'three have four seconds to wait');
	my $probe_at = $node->query('SELECT min(probe_at) FROM appt.circuit');
	$tenant->query("UPDATE appt.subscription SET url = '@{[ $hook->url('/ok/c') ]}' WHERE application_id = '@{[ $tenant->application ]}'");
	ok($node->wait_for_query("SELECT count(*) = 10 FROM appt.notification WHERE application_id = '@{[ $tenant->application ]}' AND state = 'SENT'"),
		'another endpoint');
	HTTP::Tiny->new->get($hook->url("/mend/$_")) foreach qw(d e);
	my $failed = $node->query("SELECT min(id) FROM appt.notification WHERE application_id = '@{[ $by_hand->application ]}'");
	$node->query("SELECT appt.retry_notification($failed)");
	ok($node->wait_for_query("SELECT state FROM appt.notification WHERE id = $failed", 'SENT'), 'a retry by hand');
	$node->reload;
	ok($node->wait_for_query("SELECT count(*) = 10 FROM appt.notification WHERE application_id = '@{[ $reloaded->application ]}' AND state = 'SENT'"),
		'an endpoint that was mended, and a reload');
	foreach ($tenant, $by_hand, $reloaded)
	{
		is($node->query("SELECT min(started_at) < '$probe_at' FROM appt.attempt WHERE application_id = '@{[ $_->application ]}' AND outcome = 'DELIVERED'"),
			't', 'is tried at once');
	}
}

# Mail: a server that has no time (421), and one that refuses recipients, which is no trouble of its own.
{
	my $busy = Appt::Peers->smtp('--reply', '421 4.3.2 too busy', '--at', 'MAIL', '--times', 13);
	my $picky = Appt::Peers->smtp('--reply', '450 4.2.0 greylisted', '--at', 'RCPT', '--times', 12);
	my ($to_busy, $to_picky) = map { tenant(retry_base => '500 milliseconds', max_attempts => 10) } 1 .. 2;
	$_->only('CREATE', 'EMAIL') foreach $to_busy, $to_picky;
	$to_busy->email($busy->url);
	$to_picky->email($picky->url);
	$_->schedule_many(12) foreach $to_busy, $to_picky;
	ok($node->wait_for_query("SELECT count(*) FROM appt.circuit WHERE application_id = '@{[ $to_busy->application ]}' AND channel = 'EMAIL' AND subscription_id IS NULL", 1),
		'421 opens the circuit of an application\'s mail');
	ok($_->settled, 'all is sent in the end') foreach $to_busy, $to_picky;
	is(scalar $node->log_since($start, "holds back messages of application @{[ $to_busy->application ]} by EMAIL"), 1, 'the log tells whose');
	is(scalar $node->log_since($start, 'The last one: the receiver answered with status 421'), 1, 'and why');
	is(scalar $node->log_since($start, 'too busy'), 0, 'not in the words of the other side, which may be those of a message');
	is(scalar $node->log_since($start, "application @{[ $to_picky->application ]}"), 0, 'refused recipients open none');
}

# A token that can't be had is the trouble of who needs it, not of the host.
{
	my $tenant = tenant(retry_base => '500 milliseconds', max_attempts => 100);
	my $id = $tenant->query("SELECT id FROM appt.create_subscription('@{[ $tenant->application ]}', '@{[ $hook->url('/ok/token') ]}', auth => 'OAUTH2',
		username => 'client', secret => 'secret', token_url => '@{[ $hook->url('/broken/token') ]}')");
	$tenant->schedule_many(12);
	ok($node->wait_for_query("SELECT count(*) FROM appt.circuit WHERE subscription_id = '$id'", 1), 'no token: the circuit of the subscription opens');
	is($node->query("SELECT count(*) FROM appt.circuit WHERE application_id IS NULL"), 0, 'not that of the host');
}

# Requests that never end, in a small window: the tenth opens the circuit, and one place is all it takes from then on.
{
	my $tenant = tenant(retry_base => '500 milliseconds', max_attempts => 100);
	my $others = tenant();
	$node->append_conf('postgresql.conf', "appt.request_timeout = '500ms'");
	$node->reload;
	my $id = $tenant->subscribe($hook->url('/hang'));
	$others->subscribe($hook->url('/ok'));
	$tenant->schedule_many(30);
	ok($node->wait_for_query("SELECT count(*) FROM appt.circuit WHERE subscription_id = '$id'", 1), 'timeouts open a circuit');
	ok($node->wait_for_query("SELECT count(*) <= 1 FROM appt.notification WHERE subscription_id = '$id' AND state = 'SENDING'"), 'at most one is under way');
	$others->schedule_many(20);
	ok($others->settled, 'others are sent');
	lateness($others, 'none of them late');
	cmp_ok($node->query("SELECT max(n) FROM (SELECT count(*) AS n FROM appt.attempt a JOIN appt.attempt b ON b.started_at <= a.started_at AND coalesce(b.finished_at, 'infinity') > a.started_at
			JOIN appt.notification m ON m.id = a.notification_id JOIN appt.notification n ON n.id = b.notification_id
			WHERE m.subscription_id = '$id' AND n.subscription_id = '$id'
				AND a.started_at > (SELECT opened_at + interval '300 milliseconds' FROM appt.circuit WHERE subscription_id = '$id') GROUP BY a.id) x"),
		'<=', 1, 'never two of its messages at once');
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

# A test: the worst of its lateness is under a second.
sub lateness
{
	my ($tenant, $name) = @_;

  SKIP:
	{
		skip 'times under a sanitizer', 1 if $ENV{APPT_SANITIZE};
		cmp_ok($tenant->query("SELECT max(extract(epoch FROM lateness)) FROM appt.notification_log WHERE application_id = '@{[ $tenant->application ]}'"),
			'<', 1, $name);
	}
	return;
}
