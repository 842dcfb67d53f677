# No message is sent before a synchronous standby has its attempt, however the wait for the standby ends, so a failover sends
# nothing twice.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Tenant;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $count = 20;
my $waiting = "FROM pg_stat_activity WHERE backend_type = 'appt worker' AND wait_event = 'SyncRep'";

# The primary is lost after the worker's wait was cut short; the standby has no attempt.
my %cut = (
	'the postmaster is killed' => sub {
		my ($pair) = @_;
		$pair->{primary}->kill9;
		await_end($pair->{worker});
	},
	'the server is shut down' => sub {
		my ($pair) = @_;
		kill 'INT', $pair->{primary}{_pid};
		await_end($pair->{worker});
	},
	'the worker is terminated' => sub {
		my ($pair) = @_;
		$pair->{primary}->query("SELECT pg_terminate_backend($pair->{worker})");
		await_end($pair->{worker});
	},
	'the wait is canceled' => sub {
		my ($pair) = @_;
		cancel($pair);
	});
my @modes = qw(remote_write on remote_apply on);
foreach my $what (sort keys %cut)
{
	my $pair = pair(shift @modes);
	plan_some($pair);
	start_sending($pair);
	$cut{$what}->($pair);
	is(received($pair), 0, "$what: nothing was sent");

	lose($pair);
	is(received($pair), 0, 'nor later');
	$pair->{standby}->promote;
	$pair->{tenant}{node} = $pair->{standby};
	ok($pair->{tenant}->settled, 'the standby sends instead');
	is( $pair->{standby}->query("SELECT string_agg(DISTINCT outcome || attempt_number, ' '), count(*) FROM appt.attempt"),
		'DELIVERED1|' . ($count + 2),
		'each by its first attempt');
	is(received($pair), $count + 1, 'and nothing twice');
	$pair->{standby}->stop;
}

# The standby comes back.
{
	my $pair = pair('on');
	my ($tenant, $primary) = @$pair{qw(tenant primary)};
	my $held = Appt::Peers->webhook;
	my $first = Appt::Tenant->create($primary);
	$first->only('CREATE', 'WEBHOOK');
	$first->subscribe($held->url('/hold/first'));

	# One that is settled by the transaction that claims the others.
	enable($primary, 'on');
	$first->schedule;
	$held->wait_for(1);
	enable($primary, 'off');
	plan_some($pair);
	start_sending($pair, sub { $held->release('first'); await_answer($held) });
	is($first->query("SELECT state FROM appt.notification WHERE application_id = '@{[ $first->application ]}'"),
		'SENDING', 'what it settles is seen by nobody yet');
	cancel($pair);
	is(received($pair), 0, 'canceled, it sends nothing');
	is_deeply($first->states, { 'CREATE WEBHOOK' => 'SENT' }, 'what it settled is settled');
	is( $primary->query(
			"SELECT string_agg(DISTINCT state, ' ') FROM appt.notification WHERE application_id = '@{[ $tenant->application ]}'
				AND state <> 'SKIPPED'"
		),
		'SENDING',
		'the others are being taken back, which is a commit, too');
	kill 'CONT', $pair->{walsender};
	ok($tenant->settled, 'when the standby is back all go');
	is( $primary->query("SELECT string_agg(DISTINCT outcome || attempt_number, ' '), count(*) FROM appt.attempt"),
		'DELIVERED1|' . ($count + 3),
		'each by its first attempt');
	is(received($pair), $count + 1, 'once');
	is(scalar $held->entries, 1, 'the settled one, too');

	# Without a required standby nothing waits.
	freeze($pair);
	reload($primary, "synchronous_standby_names = ''");
	$tenant->schedule;
	ok($tenant->settled, 'no standby asked for: all goes');
	is($primary->query("SELECT max(attempt_number) FROM appt.attempt"), 1, 'by the first attempt');
	lose($pair);
	$pair->{standby}->stop;
}

done_testing();

# A primary that plans and does not send yet, its synchronous standby, and the receivers. One message was sent while both
# worked. The worker starts while commits do not wait, and reads later that they must wait.
sub pair
{
	my ($mode) = @_;
	my $primary = Appt::Cluster->create(
		"primary_" . ++$::pairs,
		streaming => 1,
		conf => "wal_sender_timeout = 0\nautovacuum = off\nsynchronous_commit = off");
	my %pair = (primary => $primary, hook => Appt::Peers->webhook, sms => Appt::Peers->sms, tenant => Appt::Tenant->create($primary));
	$pair{tenant}->only('CREATE', 'WEBHOOK');
	$pair{tenant}->rule('CREATE', 'SMS');
	$pair{tenant}->subscribe($pair{hook}->url('/ok'));
	$pair{tenant}->provider(
		'SMS', 'TWILIO', $pair{sms}->url('/twilio'),
		sender => '+15550100000',
		username => 'AC0123456789abcdef0123456789abcdef',
		secret => 'secret');
	$primary->backup('base');
	$pair{standby} = Appt::Cluster->new("standby_$::pairs");
	$pair{standby}->init_from_backup($primary, 'base', has_streaming => 1);
	$pair{standby}->start;
	$primary->append_conf('postgresql.conf', "synchronous_standby_names = '*'");
	reload($primary, "synchronous_commit = $mode");
	$primary->wait_for_query('SELECT sync_state FROM pg_stat_replication', 'sync') or die 'no synchronous standby';
	my $well = Appt::Tenant->create($primary);
	$well->only('CREATE', 'WEBHOOK');
	$pair{well} = Appt::Peers->webhook;
	$well->subscribe($pair{well}->url('/ok'));
	$well->schedule;
	ok($well->settled, "synchronous_commit = $mode: with the standby well messages go");
	enable($primary, 'off');
	($pair{worker}) = $primary->wait_for_workers;
	return \%pair;
}

# A text message, too: if it were interrupted, it would not be sent again.
sub plan_some
{
	my ($pair) = @_;

	$pair->{tenant}->schedule_many($count - 1);
	$pair->{tenant}->schedule(phone => '+306900000000');
	return;
}

sub enable
{
	my ($node, $setting) = @_;
	reload($node, "appt.enabled = $setting");
	$node->wait_for_query(
		'SELECT count(*) FROM appt.worker_status WHERE ' . ($setting eq 'on' ? 'why_quiet IS NULL' : "why_quiet = 'DISABLED'"), 1)
		or die "not $setting";
	return;
}

# New sessions have the postmaster's new settings, and all processes have been signalled.
sub reload
{
	my ($node, $setting) = @_;
	my $before = $node->query('SELECT pg_conf_load_time()');

	$node->append_conf('postgresql.conf', $setting);
	$node->reload;
	$node->wait_for_query("SELECT pg_conf_load_time() > '$before'") or die "not reloaded: $setting";
	return;
}

# The peer's answer has arrived and nobody has read it.
sub await_answer
{
	my ($peer) = @_;
	my $until = time + $PostgreSQL::Test::Utils::timeout_default;
	my $port = sprintf '%04X', $peer->port;

	while (slurp_file('/proc/net/tcp') !~ /0100007F:$port 01 [0-9A-F]{8}:(?!0{8})/)
	{
		die 'no answer' if time > $until;
		sleep 0.02;
	}
	return;
}

# The standby has the planned messages, and gets nothing from now on. Then the worker claims and, in the same turn, settles the
# messages that $meanwhile ends.
sub start_sending
{
	my ($pair, $meanwhile) = @_;
	my $primary = $pair->{primary};

	$primary->wait_for_catchup($pair->{standby});
	freeze($pair);
	kill 'STOP', $pair->{worker};
	$meanwhile->() if $meanwhile;
	reload($primary, 'appt.enabled = on');
	kill 'CONT', $pair->{worker};
	ok($primary->wait_for_query("SELECT count(*) $waiting", 1), 'the worker waits for the standby to confirm its claim');
	return;
}

# The walsender is stopped, but not while it holds a lock.
sub freeze
{
	my ($pair) = @_;

	$pair->{walsender} = $pair->{primary}->query('SELECT pid FROM pg_stat_replication');
	while (1)
	{
		kill 'STOP', $pair->{walsender};
		last if $pair->{primary}->query("SELECT wait_event FROM pg_stat_activity WHERE pid = $pair->{walsender}") eq 'WalSenderMain';
		kill 'CONT', $pair->{walsender};
		sleep 0.01;
	}
	return;
}

sub cancel
{
	my ($pair) = @_;
	my $begun = $pair->{primary}->query("SELECT xact_start $waiting");

	$pair->{primary}->query("SELECT pg_cancel_backend($pair->{worker})");
	ok($pair->{primary}->wait_for_query("SELECT count(*) $waiting AND xact_start > '$begun'", 1), 'the worker waits with its next commit');
	return;
}

# A process whose parent was killed may remain as a zombie.
sub await_end
{
	my ($pid) = @_;
	my $until = time + $PostgreSQL::Test::Utils::timeout_default;

	while (-e "/proc/$pid/stat" && slurp_file("/proc/$pid/stat") !~ /\) Z/)
	{
		die "process $pid goes on" if time > $until;
		sleep 0.02;
	}
	return;
}

# The primary is lost, with all WAL that it has not sent to the standby.
sub lose
{
	my ($pair) = @_;

	$pair->{primary}->kill9;
	await_end($pair->{worker});
	kill 'KILL', $pair->{walsender};
	return;
}

sub received
{
	my ($pair) = @_;

	return scalar($pair->{hook}->entries) + scalar($pair->{sms}->entries);
}
