# A ROOM message waits for activation, or triggers it; the messages of a deletion are sent, and then their content is removed.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Tenant;
use Test::More;

my $node = Appt::Cluster->create('main');
my $hook = Appt::Peers->webhook;
my $mail = Appt::Peers->smtp;

$node->wait_for_workers;

sub room_tenant
{
	my (%settings) = @_;
	my $tenant = Appt::Tenant->create($node, auto_activate => 'false', %settings);

	$tenant->email($mail->url);
	$tenant->only('ROOM', 'EMAIL', '15 minutes');
	$mail->forget;
	return $tenant;
}

# Due, it waits; activation sends it at once.
{
	my $tenant = room_tenant();
	my $id = $tenant->schedule(start_at => "clock_timestamp() + interval '14 minutes'");
	ok( $node->wait_for_query(
			"SELECT next_attempt_at > due_at + interval '5 minutes' AND state = 'PENDING' FROM appt.notification
				WHERE appointment_id = '$id'"
		),
		'a ROOM that is due waits, PENDING, until its window is over');
	is(scalar $mail->entries, 0, 'nothing was sent');
	$node->query("SELECT appt.activate_appointment('$id')");
	my ($message) = $mail->wait_for(1);
	ok($message, 'activation sends it');
	ok($tenant->settled, 'it settles');
	is($tenant->states($id)->{'ROOM EMAIL'}, 'SENT', 'SENT');
}

# With room_activates, sending it activates.
{
	my $tenant = room_tenant(room_activates => 'true');
	my $id = $tenant->schedule(start_at => "clock_timestamp() + interval '14 minutes'");
	$mail->wait_for(1);
	ok($tenant->settled, 'with room_activates it goes when it is due');
	is($node->query("SELECT state FROM appt.appointment WHERE id = '$id'"), 'ACTIVATED', 'and activates the appointment');
	is( $node->query(
			"SELECT count(*) FROM appt.attempt t JOIN appt.notification n ON n.id = t.notification_id JOIN appt.room_access r
				USING (appointment_id)
		WHERE n.appointment_id = '$id' AND t.text_body LIKE '%' || r.url || '%'"),
		'1',
		'with the join link in it');
	is($node->query("SELECT count(*) FROM appt.notification WHERE appointment_id = '$id' AND type = 'ACTIVATE'"),
		'0', 'which is no explicit activation');
}

# Not activated in time.
{
	my $tenant = room_tenant();
	my $id = $tenant->schedule(start_at => "clock_timestamp() + interval '9 minutes'");
	ok($tenant->settled, 'past its window it settles');
	is($tenant->states($id)->{'ROOM EMAIL'}, 'MISSED NOT_ACTIVATED', 'MISSED, NOT_ACTIVATED');
}

# Deleted: its messages are sent, then bodies and context are removed.
{
	my $tenant = Appt::Tenant->create($node, public_url => 'https://front.example');
	$tenant->email($mail->url);
	$tenant->subscribe($hook->url('/ok'));
	$tenant->query("UPDATE appt.rule SET buttons = '{ACCEPT}' WHERE application_id = '@{[ $tenant->application ]}' AND channel = 'EMAIL'");
	$mail->forget;
	$hook->forget;
	my $id = $tenant->schedule();
	$mail->wait_for(1);
	$hook->wait_for(1);
	$node->query("SELECT appt.delete_appointment('$id')");
	my @mails = $mail->wait_for(2);
	my @hooks = $hook->wait_for(2);
	like($hooks[1]{body}, qr/"CANCELLED"/, 'subscribers are told');
	ok($tenant->settled, 'all settles');
	is($tenant->states($id)->{'CANCELLED EMAIL'}, 'SENT', 'customers too');
	ok( $node->wait_for_query(
			"SELECT count(n.context) + count(t.subject) + count(t.text_body) + count(t.html_body) + count(t.shown) = 0 AND count(t.id) >= 4
		FROM appt.notification n LEFT JOIN appt.attempt t ON t.notification_id = n.id WHERE n.appointment_id = '$id'"),
		'bodies and context are blanked, the log stays');
}

$node->stop;
done_testing();
