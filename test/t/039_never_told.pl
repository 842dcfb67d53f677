# Who was never told of an appointment is not told that it is cancelled; who was told is.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Tenant;
use Test::More;

my $node = Appt::Cluster->create('main');
my $hook = Appt::Peers->webhook;

$node->wait_for_workers;

# What became of a type of mail to each customer of an appointment.
sub mails
{
	my ($appointment, $type) = @_;

	return $node->query(
		"SELECT string_agg(concat_ws(' ', address, state, reason), ', ' ORDER BY address) FROM appt.notification
		WHERE appointment_id = '$appointment' AND type = '$type' AND channel = 'EMAIL'");
}

# The subjects of the mails that arrived at an address.
sub subjects
{
	my ($mail, $address) = @_;

	return join ', ',
		map { $_->{message} =~ /^Subject: (\w+)/m } grep { defined $_->{message} && $_->{rcpt_to}[0] eq $address } $mail->entries;
}

# Its id.
sub add_customer
{
	my ($appointment, $address) = @_;

	$node->query(qq(SELECT id FROM appt.add_customer('$appointment', '{"contact": {"primaryEmail": "$address"}}')));
	return $node->query("SELECT id FROM appt.participant WHERE appointment_id = '$appointment' AND email = '$address'");
}

# The provider comes when it is too late for the CREATE.
{
	my $mail = Appt::Peers->smtp;
	my $tenant = Appt::Tenant->create($node);
	$tenant->subscribe($hook->url('/ok'));
	my $id = $tenant->schedule(customer => 'early@example.org');
	ok($tenant->settled, 'scheduled before there is a provider');
	is(mails($id, 'CREATE'), 'early@example.org SKIPPED NO_PROVIDER', 'nobody is told');
	$tenant->email($mail->url);
	add_customer($id, 'late@example.org');
	ok($tenant->settled, 'another customer is added when there is one');
	$node->query("SELECT id FROM appt.cancel_appointment('$id')");
	ok($tenant->settled, 'then the appointment is cancelled');
	is(mails($id, 'CANCELLED'), 'early@example.org SUPPRESSED NEVER_TOLD, late@example.org SENT', 'who knew of it is told');
	is( $node->query(
			"SELECT DISTINCT reason || ': ' || explanation FROM appt.notification_log WHERE appointment_id = '$id'
				AND type = 'CANCELLED' AND recipient = 'early\@example.org'"
		),
		$node->query("SELECT reason || ': ' || explanation FROM appt.reason WHERE reason = 'NEVER_TOLD'"),
		'the log says why the other is not');
	is($tenant->states($id)->{'CANCELLED WEBHOOK'}, 'SENT', 'the subscriber is told in any case');
	is(subjects($mail, 'early@example.org'), '', 'the one got nothing');
	is(scalar(split /, /, subjects($mail, 'late@example.org')), 2, 'the other both');
}

# The mail server refuses one customer's CREATE; the appointment is deleted, and a customer removed before.
{
	my $mail = Appt::Peers->smtp('--reply', '550 5.1.1 no such mailbox', '--at', 'RCPT', '--only', 'refused', '--times', 2);
	my $tenant = Appt::Tenant->create($node);
	$tenant->email($mail->url);
	my $id = $tenant->schedule(customer => 'told@example.org');
	add_customer($id, 'refused@example.org');
	my $removed = add_customer($id, 'refused-too@example.org');
	ok($tenant->settled, 'scheduled with three customers');
	is( mails($id, 'CREATE'),
		'refused-too@example.org FAILED REJECTED, refused@example.org FAILED REJECTED, told@example.org SENT',
		'of whom one is told');
	$node->query("SELECT id FROM appt.remove_participant('$id', '$removed')");
	$node->query("SELECT appt.delete_appointment('$id')");
	ok($tenant->settled, 'one is removed, then all is deleted');
	is( mails($id, 'CANCELLED'),
		'refused-too@example.org SUPPRESSED NEVER_TOLD, refused@example.org SUPPRESSED NEVER_TOLD, told@example.org SENT',
		'who knew of it is told');
	is(subjects($mail, 'refused@example.org') . subjects($mail, 'refused-too@example.org'),
		'', 'the others not, although the server would take it now');
}

# An application may choose to send it anyway.
{
	my $mail = Appt::Peers->smtp;
	my $tenant = Appt::Tenant->create($node);
	my $id = $tenant->schedule(customer => 'early@example.org');
	ok($tenant->settled, 'nobody is told');
	$tenant->email($mail->url);
	$node->query(
		"UPDATE appt.rule SET even_if_never_told = true WHERE application_id = '@{[ $tenant->application ]}' AND type = 'CANCELLED'
			AND channel = 'EMAIL'"
	);
	$node->query("SELECT id FROM appt.cancel_appointment('$id')");
	ok($tenant->settled, 'then the appointment is cancelled');
	is_deeply(
		[ @{ $tenant->states($id) }{ 'CANCELLED EMAIL', 'CANCELLED SMS' } ],
		[ 'SENT', 'SUPPRESSED NEVER_TOLD' ],
		'by the rule that says so, it goes out');
	is(scalar(split /, /, subjects($mail, 'early@example.org')), 1, 'and arrives');
}

$node->stop;
done_testing();
