# REST over a router: PostgREST, or what stands in for it, is told by the router what it would be told by a database with appt.

use strict;
use warnings;

use Appt::Cluster;
use Appt::Rest;
use Appt::Router;
use Appt::Token;
use Test::More;

# The router is the database that PostgREST's login goes to.
my $node = Appt::Cluster->create('main', preload => 0, extension => 0);
Appt::Router->install($node, router => 'postgres');
my ($organization, $here, $there) = Appt::Router->tenants(Appt::Router->service($node, 'postgres'));

my %server =
	('the stand-in' => sub { Appt::Rest->stand_in($node) }, PostgREST => sub { Appt::Rest->start($node, schemas => 'appt') });
foreach my $name (sort keys %server)
{
	next if $name eq 'PostgREST' && Appt::Rest->missing;
	subtest $name => sub { answers($server{$name}->()) };
}

done_testing();

sub answers
{
	my ($rest) = @_;

	foreach my $application ($there, $here)
	{
		my $agent = Appt::Token::claims('AG', sub => 'ann', application_id => $application);
		my %booking = (application_id => $application, start_at => '2030-05-01T10:00:00Z', duration => 'PT1H');
		my $key = { 'Idempotency-Key' => "key of $application, " . $rest->url };

		my $booked = $rest->request('POST', '/rpc/schedule_appointment', claims => $agent, body => \%booking, headers => $key);
		is($booked->{status}, 200, 'a booking') or diag($booked->{content});
		my $id = $booked->{json}{id};
		is($rest->request('POST', '/rpc/schedule_appointment', claims => $agent, body => \%booking, headers => $key)->{json}{id},
			$id, 'its header goes on: the same key is the same booking');
		is($rest->call($agent, 'GET', 'get_appointment', { id => $id })->{json}{id}, $id, 'a GET of a function that reads');
		is($rest->call($agent, 'GET', 'cancel_appointment', { id => $id })->{status}, 405, 'and of one that writes');
		my $counted = $rest->call(undef, 'GET', 'count_overlapping', { %booking{qw(application_id start_at duration)} });
		like($counted->{content}, qr/\b1\b/, 'a count without a token');

		my $file = $rest->call(undef, 'GET', 'ical_event', { id => $id });
		is($file->{status}, 200, 'a file');
		like($file->{headers}{'content-type'}, qr{^text/calendar}, 'whose type the shard set');
		like($file->{content}, qr/^BEGIN:VCALENDAR/, 'arrives');
		my $elsewhere = $rest->call(undef, 'GET', 'google_calendar_event', { id => $id });
		is($elsewhere->{status}, 302, 'a status that the shard set');
		like($elsewhere->{headers}{location}, qr{^https://calendar\.google\.com/}, 'and where to');

		my $other = Appt::Token::claims('AG', sub => 'ann', application_id => $application eq $here ? $there : $here);
		my $foreign = $rest->call($other, 'POST', 'cancel_appointment', { id => $id });
		is($foreign->{status}, 404, "another tenant's appointment is not found");
		is($foreign->{json}{message}, 'appointment not found', 'in the words of appt');
		is($rest->call($agent, 'POST', 'set_notifications_enabled', { organization_id => $organization, enabled => 'false' })->{status},
			403, 'a function for others');
		is($rest->call($agent, 'POST', 'schedule_appointment', { %booking, duration => 'PT0S' })->{status}, 400, 'a bad argument');
		is($rest->call($agent, 'POST', 'cancel_appointment', { id => $id })->{json}{state}, 'CANCELLED', 'a POST writes');
	}

	$node->query("LOAD 'appt_router'; ALTER SYSTEM SET appt_router.move_timeout = '100ms'");
	$node->reload;
	$node->query("UPDATE appt.tenant SET state = 'MOVING' WHERE application_id = '$there'");
	my $answer = $rest->call(undef, 'GET', 'count_overlapping',
		{ application_id => $there, start_at => '2030-05-01T10:00:00Z', duration => 'PT1H' });
	$node->query("UPDATE appt.tenant SET state = 'ACTIVE'");
	is($answer->{status}, 503, 'a tenant on its way');
	is_deeply($answer->{headers}{'retry-after'}, [ 0, 2 ], 'with the time to try again, behind that of PostgREST');
	is($answer->{json}{message}, 'tenant is being moved', 'and why');
	done_testing();
	return;
}
