# Addresses that must not be written to, where it takes the worker: what is committed before a claim, messages that wait, open
# transactions of others, mail servers that know no such mailbox, and crashes.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Session;
use Appt::Tenant;
use Test::More;

my $node = Appt::Cluster->create('main', conf => "appt.enabled = on\nmax_prepared_transactions = 2\ndeadlock_timeout = '100ms'");
my $mail = Appt::Peers->smtp;

# ---- before a claim ----

my $tenant = tenant($mail);
my $application = $tenant->application;
$node->append_conf('postgresql.conf', 'appt.enabled = off');
$node->reload;
my $late = send_to('late@example.org');
my $other = send_to('other@example.org');
suppress('late@example.org', 'OPTED_OUT');
$node->append_conf('postgresql.conf', 'appt.enabled = on');
$node->reload;
ok(settled($other, 'SENT'), 'what nobody has objected to is sent');
ok(settled($late, 'SUPPRESSED OPTED_OUT'), 'an opt-out that is committed before the claim stops the message');
is($node->query("SELECT count(*) FROM appt.attempt WHERE notification_id = $late"), 0, 'without an attempt');
is($node->query("SELECT count(*) FROM appt.due WHERE notification_id = $late"), 0, 'and it is not due any more');
unsuppress('late@example.org');
is(state($late), 'SUPPRESSED OPTED_OUT', 'released, the address does not get it after all');
ok(settled(send_to('late@example.org'), 'SENT'), 'but the next one');

# A message that waits for another attempt.
my $busy = Appt::Peers->smtp('--reply', '451 4.3.0 try later', '--at', 'RCPT', '--times', 1);
my $waiting_tenant = tenant($busy, retry_base => '2 s');
my $waiting = send_to('waits@example.org', $waiting_tenant);
ok(settled($waiting, 'RETRYING WILL_RETRY'), 'a message waits for another attempt');
suppress('waits@example.org', 'OPTED_OUT', $waiting_tenant);
ok(settled($waiting, 'SUPPRESSED OPTED_OUT'), 'an opt-out stops it, too');
is($node->query("SELECT count(*) FROM appt.attempt WHERE notification_id = $waiting"), 1, 'after one attempt');
is(scalar(grep { defined $_->{message} } $busy->entries), 0, 'and nothing was sent');

# ---- open transactions ----

{
	my ($one, $two) = map { Appt::Session->open($node) } 1 .. 2;

	$one->run("BEGIN; SELECT appt.suppress('$application', 'EMAIL', 'twice\@example.org', 'OPTED_OUT')");
	$two->start("BEGIN; SELECT appt.suppress('$application', 'EMAIL', 'twice\@example.org', 'OPTED_OUT')");
	ok(!$two->is_blocked, 'who suppresses an address does not wait for who is doing the same');
	ok(settled(send_to('twice@example.org'), 'SENT'), 'nor does a message; the opt-out is not committed');
	$_->run('COMMIT') foreach $one, $two;
	ok(settled(send_to('twice@example.org'), 'SUPPRESSED OPTED_OUT'), 'then it is');
	$one->run("BEGIN; SELECT appt.unsuppress('$application', 'EMAIL', 'twice\@example.org')");
	ok(settled(send_to('twice@example.org'), 'SUPPRESSED OPTED_OUT'), 'nobody waits for who releases it');
	$one->run('COMMIT');
	ok(settled(send_to('twice@example.org'), 'SENT'), 'one call releases what two have suppressed');

	# The first suppressions of an application: each transaction makes a key.
	my $fresh = tenant($mail);
	my $id = $fresh->application;
	$one->run("BEGIN; SELECT appt.suppress('$id', 'EMAIL', 'one\@example.org')");
	$two->run("BEGIN; SELECT appt.suppress('$id', 'EMAIL', 'two\@example.org')");
	$_->run('COMMIT') foreach $one, $two;
	is($node->query("SELECT count(*) FROM appt.secret WHERE application_id = '$id' AND name = 'ADDRESS_KEY'"), 2, 'two keys');
	ok(settled(send_to("$_\@example.org", $fresh), 'SUPPRESSED BLOCKED'), "both count: $_") foreach qw(one two);
	ok(settled(send_to('three@example.org', $fresh), 'SENT'), 'and no other address is affected');
}

# ---- no such mailbox ----

foreach my $case (
	[ 'RCPT', '550 5.1.1 no such user', 'UNDELIVERABLE' ],
	[ 'RCPT', '550 5.1.10 no mail is taken', 'UNDELIVERABLE' ],
	[ 'RCPT', '550 no such user', '' ],
	[ 'RCPT', '550 5.7.1 you are on a list', '' ],
	[ 'RCPT', '553 5.1.1 no such user', '' ],
	[ 'MAIL', '550 5.1.1 no such user', '' ],
	[ 'DATA', '550 5.1.1 no such user', '' ],
	[ 'MESSAGE', '550 5.1.1 no such user', '' ])
{
	my ($stage, $reply, $reason) = @$case;
	foreach my $pipelining ([], [ '--pipelining', 'always' ])
	{
		my $peer = Appt::Peers->smtp('--reply', $reply, '--at', $stage, '--times', 1, @$pipelining);
		my $bouncing = tenant($peer);
		my $first = send_to('Nobody@example.org', $bouncing);
		my $name = "$reply to $stage" . (@$pipelining ? ', pipelined' : '');

		ok(settled($first, 'FAILED REJECTED'), "$name fails");
		is( $node->query(
				"SELECT coalesce(string_agg(concat_ws(' ', address, reason, notification_id, source), ','), '') FROM appt.suppression
					WHERE application_id = '@{[ $bouncing->application ]}'"
			),
			$reason && "Nobody\@example.org $reason $first $reply",
			$reason ? 'and suppresses the address' : 'and suppresses nothing');
		ok(settled(send_to('nobody@example.org', $bouncing), $reason ? "SUPPRESSED $reason" : 'SENT'), 'the next message');
	}
}

# Where the application does not want that.
my $unknown = Appt::Peers->smtp('--reply', '550 5.1.1 no such user', '--at', 'RCPT', '--only', 'nobody');
my $trusting = tenant($unknown);
$node->query("UPDATE appt.application SET suppress_undeliverable = false WHERE id = '@{[ $trusting->application ]}'");
ok(settled(send_to('nobody@example.org', $trusting), 'FAILED REJECTED'), 'without suppress_undeliverable') foreach 1 .. 2;

# A weaker reason stays beside it, and comes to light again.
my $weary = tenant($unknown);
ok(settled(send_to('nobody1@example.org', $weary), 'FAILED REJECTED'), 'an address bounces');
suppress('nobody1@example.org', 'OPTED_OUT', $weary);
ok(settled(send_to('nobody1@example.org', $weary), 'SUPPRESSED UNDELIVERABLE'), 'who opts out does not weaken that');

# While others have open transactions about the same address and application.
{
	my %open = map { $_ => Appt::Session->open($node) } qw(suppress release application prepared);
	my $bouncing = tenant($unknown);
	my $id = $bouncing->application;

	suppress('nobody2@example.org', 'UNDELIVERABLE', $bouncing);
	$open{suppress}->run("BEGIN; SELECT appt.suppress('$id', 'EMAIL', 'nobody1\@example.org', 'UNDELIVERABLE')");
	$open{release}->run("BEGIN; SELECT appt.unsuppress('$id', 'EMAIL', 'nobody2\@example.org')");
	ok(settled(send_to('nobody1@example.org', $bouncing), 'FAILED REJECTED'), 'a bounce does not wait for who suppresses its address');
	ok($node->wait_for_query("SELECT count(*) FROM appt.suppression WHERE application_id = '$id' AND address LIKE 'nobody1%'", 1),
		'and suppresses it');
	$open{release}->run('COMMIT');
	$open{suppress}->run('COMMIT');
	ok(settled(send_to("nobody$_\@example.org", $bouncing), $_ == 2 ? 'FAILED REJECTED' : 'SUPPRESSED UNDELIVERABLE'), "afterwards: $_")
		foreach 1 .. 2;

	# Planning checks the foreign key and waits for who has locked the application; the worker must not.
	my $locked = tenant($unknown);
	my $bounced = send_to('nobody3@example.org', $locked, "now() + interval '2 seconds'");
	my $where = "application_id = '@{[ $locked->application ]}' AND reason = 'UNDELIVERABLE'";
	$open{application}->run("BEGIN; SELECT FROM appt.application WHERE id = '@{[ $locked->application ]}' FOR UPDATE");
	$open{prepared}
		->run("BEGIN; SELECT FROM appt.secret FOR UPDATE; SELECT FROM appt.suppression FOR UPDATE; PREPARE TRANSACTION 'secrets'");
	ok(settled($bounced, 'FAILED REJECTED'), 'nor for who has locked the application');
	ok(settled(send_to('somebody@example.org', $trusting), 'SENT'), 'others are sent their messages meanwhile');
	is($node->query("SELECT count(*) FROM appt.suppression WHERE $where"), 0, 'the address is not suppressed yet');
	$open{application}->run('COMMIT');
	ok($node->wait_for_query("SELECT count(*) FROM appt.suppression WHERE $where", 1), 'but once it can be');
	$node->query("ROLLBACK PREPARED 'secrets'");
	ok(settled(send_to('nobody3@example.org', $locked), 'SUPPRESSED UNDELIVERABLE'), 'and stops the next message');
	unlike(
		$node->log_since(0),
		qr/still waiting for .* appt worker|canceling statement due to lock timeout/,
		'the worker has waited for nobody');
}

# The worker is killed while addresses bounce: whatever is FAILED has its address suppressed.
{
	my $bouncing = tenant($unknown);
	my $id = $bouncing->application;
	my ($worker) = $node->wait_for_workers;

	$node->query(
		"SELECT count(appt.send_message('$id', 'EMAIL', 'nobody' || i || '\@example.org', 'm', 's')) FROM generate_series(1, 300) i");
	ok($node->wait_for_query("SELECT count(*) > 20 FROM appt.notification WHERE application_id = '$id' AND state = 'FAILED'"),
		'some have bounced');
	kill 'KILL', $worker;
	ok($bouncing->settled, 'all are settled after the worker was killed');
	is( $node->query(
			"SELECT count(*) FROM appt.notification n WHERE application_id = '$id' AND state = 'FAILED'
			  AND NOT EXISTS (SELECT FROM appt.suppression s WHERE s.application_id = n.application_id AND s.address = n.address)"
		),
		0,
		'with each its suppression');
}

$node->stop;
done_testing();

sub tenant
{
	my ($peer, %settings) = @_;
	my $made = Appt::Tenant->create($node, %settings);

	$made->email($peer->url);
	return $made;
}

sub send_to
{
	my ($address, $sender, $due_at) = @_;

	return $node->query(
		"SELECT id FROM appt.send_message('@{[ ($sender // $tenant)->application ]}', 'EMAIL', '$address', 'm', 's',
		due_at => @{[ $due_at // 'NULL' ]})");
}

sub suppress
{
	my ($address, $reason, $sender) = @_;

	return $node->query("SELECT appt.suppress('@{[ ($sender // $tenant)->application ]}', 'EMAIL', '$address', '$reason')");
}

sub unsuppress
{
	my ($address) = @_;

	return $node->query("SELECT appt.unsuppress('$application', 'EMAIL', '$address')");
}

sub state { return $node->query("SELECT concat_ws(' ', state, reason) FROM appt.notification WHERE id = $_[0]"); }

sub settled
{
	my ($id, $state) = @_;

	return $node->wait_for_query("SELECT concat_ws(' ', state, reason) FROM appt.notification WHERE id = $id", $state, seconds => 20);
}
