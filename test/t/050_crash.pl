# After a crash nothing is lost, and nothing is sent twice unless the log shows an interrupted attempt before.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Rounds;
use Appt::Tenant;
use Test::More;

my $node = Appt::Cluster->create('main', conf => "appt.request_timeout = '10min'");
my $hook = Appt::Peers->webhook;
my $mail = Appt::Peers->smtp('--reply', 'hang', '--at', 'MESSAGE', '--times', 1);

# kill -9 of the worker between sending and settling.
{
	my $tenant = Appt::Tenant->create($node);
	$tenant->only('CREATE', 'WEBHOOK');
	$tenant->rule('CREATE', 'EMAIL');
	$tenant->subscribe($hook->url('/hold/first'));
	$tenant->email($mail->url);
	my ($worker) = $node->wait_for_workers;
	$tenant->schedule;
	$_->wait_for(1) foreach $hook, $mail;
	kill 'KILL', $worker;
	$hook->release('first');
	ok($tenant->settled, 'all is settled after the worker was killed');

	my @requests = $hook->wait_for(2);
	is(scalar @requests, 2, 'the webhook was sent again, once');
	is($requests[1]{headers}{'webhook-id'}, $requests[0]{headers}{'webhook-id'}, 'under the same webhook-id');
	is($requests[1]{body}, $requests[0]{body}, 'with the stored body');
	is_deeply($tenant->states, { 'CREATE WEBHOOK' => 'SENT', 'CREATE EMAIL' => 'SENT' }, 'both are SENT in the end');
	is( $node->query(
			"SELECT string_agg(outcome, ',' ORDER BY attempt_number) FROM appt.attempt
		  JOIN appt.notification n ON n.id = notification_id WHERE channel = 'WEBHOOK'"),
		'INTERRUPTED,DELIVERED',
		'the log says that the first attempt was interrupted');
	my %ids = map { $_->{message} =~ /^Message-ID: (\S+)/m ? ($1 => 1) : () } $mail->wait_for(2);
	is(scalar keys %ids, 1, 'the email kept its Message-ID');
}

# kill -9 of the whole server under load.
{
	my $tenant = Appt::Tenant->create($node);
	my $load = Appt::Peers->webhook;
	$tenant->only('CREATE', 'WEBHOOK');
	$tenant->subscribe($load->url($_)) foreach qw(/delay/0.02 /hold/crash);
	$tenant->query(
		"SELECT count(appt.schedule_appointment('@{[ $tenant->application ]}', now() + interval '1 day', '1 hour',
			organizer_id => 'a')) FROM generate_series(1, 200)"
	);
	foreach my $path (qw(/delay/0.02 /hold/crash))
	{
		$load->wait_for(30, sub { $_->{path} eq $path });
	}
	$node->stop('immediate');
	$load->release('crash');
	$node->start;
	$node->wait_for_workers;
	ok($tenant->settled, 'all is settled after the server was killed');

	is( $tenant->query(
			"SELECT string_agg(DISTINCT state, ',') FROM appt.notification
		WHERE application_id = '@{[ $tenant->application ]}'"),
		'SENT',
		'every notification is SENT');
	my %times;
	$times{ $_->{headers}{'webhook-id'} }++ foreach $load->entries;
	is(scalar keys %times, 400, 'none was lost');
	my %interrupted = map { $_ => 1 } split /\n/, $tenant->query(
		"SELECT uid FROM appt.notification n WHERE application_id = '@{[ $tenant->application ]}'
		   AND EXISTS (SELECT FROM appt.attempt WHERE notification_id = n.id AND outcome = 'INTERRUPTED')");
	cmp_ok(scalar keys %interrupted, '>', 0, 'the crash did interrupt some');
	is_deeply([ grep { $times{$_} > 1 && !$interrupted{$_} } keys %times ], [], 'none came twice without its log saying so');
}

# The commit that would settle fails: outcomes are kept and tried again.
{
	my $tenant = Appt::Tenant->create($node);
	my $sink = Appt::Peers->webhook;
	$tenant->only('CREATE', 'WEBHOOK');
	$tenant->subscribe($sink->url('/delay/0.5'));
	$tenant->query(
		q{
		CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'disk full, say'; END $$;
		CREATE TRIGGER refuse AFTER UPDATE ON appt.attempt FOR EACH ROW EXECUTE FUNCTION refuse();});
	$tenant->schedule;
	$sink->wait_for(1);
	ok($node->wait_for_query("SELECT last_error LIKE '%disk full, say%' FROM appt.worker_status"), 'worker_status shows what is wrong');
	is_deeply($tenant->states, { 'CREATE WEBHOOK' => 'SENDING' }, 'not settled while nothing can be committed');
	$tenant->query('DROP TRIGGER refuse ON appt.attempt');
	ok($tenant->settled, 'settled once that is over');
	is_deeply($tenant->states, { 'CREATE WEBHOOK' => 'SENT' }, 'as what it was');
	is(scalar $sink->entries, 1, 'and sent only once');
}

# A shutdown grants 3 seconds to what is in flight, no more.
{
	my $tenant = Appt::Tenant->create($node);
	my $slow = Appt::Peers->webhook;
	$tenant->only('CREATE', 'WEBHOOK');
	$tenant->subscribe($slow->url($_)) foreach qw(/delay/1 /hang);
	my ($took, $outcomes) = in_rounds(
		sub {
			my $id = $tenant->schedule;
			$slow->wait_for(2, sub { $_->{body} =~ /$id/ });
			my $begin = time;
			$node->stop('fast');
			my $end = time;
			$node->start;
			return (
				$end - $begin,
				$node->query(
					"SELECT string_agg(outcome, ',' ORDER BY outcome) FROM appt.attempt JOIN appt.notification n ON n.id = notification_id
				WHERE attempt_number = 1 AND appointment_id = '$id'"));
		},
		sub { $_[0] <= 8 && $_[1] eq 'DELIVERED,INTERRUPTED' });
	cmp_ok($took, '<=', 8, 'a hanging endpoint does not hold up a fast shutdown');
	is($outcomes, 'DELIVERED,INTERRUPTED', 'what could finish did, the rest is INTERRUPTED');
}

is( $node->query("SELECT count(*) > 0, count(*) FILTER (WHERE (outcome = 'DELIVERED') = (error IS NOT NULL)) FROM appt.attempt
		WHERE outcome IS NOT NULL"),
	't|0', 'each attempt that failed or was interrupted has an error, no other');
$node->stop('immediate');
done_testing();
