# Hints at new messages in inboxes: they come after the message, are few, and cost delivery nothing, whoever holds the lock that
# NOTIFY takes.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Inbox;
use Appt::Peers;
use Appt::Session;
use Appt::Tenant;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $node = Appt::Cluster->create('main', streaming => 1, conf => "synchronous_commit = local\nmax_wal_senders = 5");
$node->query('CREATE EXTENSION appt_test');
my $tenant = Appt::Tenant->create($node);
my $application = $tenant->application;
add_users($tenant, 'ann', 'bob', 'cleo');
my %key = map { $_ => inbox($tenant, $_)->{notify_key} } qw(ann bob cleo);
$node->wait_for_workers;
my $listener = Appt::Session->open($node);
$listener->run('LISTEN appt_inbox');
my @heard;

# A hint, and what it is about.
{
	plan_messages($tenant, 'ann', 1);
	is(hear(1), 1, 'a listener gets a hint');
	is($heard[0], $key{ann}, 'with the key of the user');
	is_deeply(texts_of(inbox($tenant, 'ann')), ['Text 1'], 'whose message is there');

	# Each time the message is there when its hint comes, as a session sees it that looks at once.
	my $missing = 0;
	foreach my $number (2 .. 20)
	{
		plan_messages($tenant, 'ann', 1);
		hear(1);
		my $count = $listener->run("SELECT count(*) FROM appt.notification WHERE recipient_id = 'ann' AND state = 'SENT'");
		$missing++ if lines($count) !~ /^$number$/m;
	}
	is($missing, 0, 'no hint comes before its message');
	plan_messages($tenant, [ 'bob', 'cleo' ], 1);
	hear(2);
	is(join(' ', sort @heard), join(' ', sort @key{qw(bob cleo)}), 'each user has a key of its own');
}

# Only what is delivered is hinted at.
{
	plan_messages($tenant, 'ann', 1, text => "repeat('x', 70000)");
	plan_messages($tenant, 'nobody', 1);
	ok($tenant->settled, 'one message is too large, one is for a user without a profile');
	plan_messages($tenant, 'bob', 1);
	is(hear(1), 1, 'then another is delivered');
	is("@heard", $key{bob}, 'there are no other hints');
}

# Many messages, few hints.
{
	my $begin = time;
	plan_messages($tenant, 'ann', 10000);
	ok($tenant->settled, '10,000 messages to one user are delivered');
	hear(1);
	my $seconds = time - $begin;
	# The last ones may be on their way.
	plan_messages($tenant, 'bob', 1);
	hear_until($key{bob});
	my $hints = grep { $_ eq $key{ann} } @heard;
	cmp_ok($hints, '>=', 1, 'they cause hints');
	cmp_ok($hints, '<=', 2 + 20 * $seconds, 'at most twenty a second');
	cmp_ok($hints, '<', 1000, 'and far fewer than messages');
}

# A stranger holds the lock.
my $hook = Appt::Peers->webhook;
$tenant->only('CREATE', 'WEBHOOK');
$tenant->subscribe($hook->url('/ok'));
my $stranger = Appt::Session->open($node);
{
	$stranger->run('BEGIN; SELECT appt_test.hold_notify_lock()');
	is_undisturbed('a session that holds the lock');
	$stranger->run('ROLLBACK');
	hear_until($key{ann});
	ok(1, 'when it is free the hint comes');
}

# A commit waits for a standby that is not there, as it may wherever somebody else uses NOTIFY. The worker's commits do not.
{
	$node->append_conf('postgresql.conf', "synchronous_standby_names = 'nobody'");
	$node->reload;
	$node->wait_for_query("SHOW synchronous_standby_names", 'nobody') or die 'not reloaded';
	$stranger->run('CREATE TABLE business (number integer); SET synchronous_commit = on');
	# The checkpointer tells commits to wait, some time after the reload.
	do { $stranger->start('BEGIN; INSERT INTO business VALUES (1); NOTIFY something; COMMIT') } until waits_for_standby($stranger);
	is_undisturbed('a commit that waits for a standby');
	$node->query("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
	is($stranger->end, '00000', 'its wait is cut short');
	hear_until($key{ann});
	ok(1, 'and the hint comes');
}

# Only hints are lost with a worker.
{
	$stranger->run('BEGIN; SELECT appt_test.hold_notify_lock()');
	plan_messages($tenant, 'cleo', 1, text => "'Not hinted at'");
	ok($tenant->settled, 'a message is delivered and can not be hinted at');
	$node->query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid IN (' . join(', ', $node->worker_pids) . ')');
	$stranger->run('ROLLBACK');
	$node->wait_for_workers;
	is(inbox($tenant, 'cleo')->{content}[0]{text}, 'Not hinted at', 'the message is in the inbox after the worker was restarted');
	plan_messages($tenant, 'bob', 1);
	hear_until($key{bob});
	ok(1, 'and the next hints come');
}

$node->stop;
done_testing();

# While the lock is taken, messages are delivered at once, and no hint comes.
sub is_undisturbed
{
	my ($what) = @_;

	forget();
	plan_messages($tenant, 'ann', 5);
	ok($tenant->settled, "$what: messages to inboxes are delivered");
	$tenant->is_prompt(sub { plan_messages($tenant, 'ann', 1); $tenant->schedule_many(20) }, "$what: messages start on time");
	is($node->query("SELECT count(*) FROM pg_locks WHERE locktype = 'object' AND NOT granted"), 0, "$what: nobody waits for a lock");
	$listener->run('SELECT 1');
	take();
	is(scalar @heard, 0, "$what: hints wait");
	return;
}

# Waits until the session waits for a standby (true) or is done (false).
sub waits_for_standby
{
	my ($session) = @_;

	while (1)
	{
		return 1 if $node->query("SELECT wait_event = 'SyncRep' FROM pg_stat_activity WHERE pid = $session->{pid}") eq 't';
		return 0 if !$session->is_running;
	}
	return;
}

# What the listener was told since the last look; psql shows it after each statement.
sub take
{
	push @heard, lines($listener->output) =~ /^Asynchronous notification "appt_inbox" with payload "([^"]*)"/mg;
	return;
}

sub lines { return join "\n", split /\n/, $_[0]; }

# Waits until there are so many hints since the last time; how many there are.
sub hear
{
	my ($count) = @_;

	forget();
	return wait_for(sub { @heard >= $count });
}

# Waits for a hint to this user.
sub hear_until
{
	my ($user) = @_;

	wait_for(
		sub {
			grep { $_ eq $user } @heard;
		}) or die "no hint for $user";
	return;
}

sub wait_for
{
	my ($enough) = @_;
	my $until = time + $PostgreSQL::Test::Utils::timeout_default;

	while (time < $until)
	{
		$listener->run('SELECT 1');
		take();
		last if $enough->();
		sleep 0.01;
	}
	return scalar @heard;
}

sub forget { @heard = (); return; }
