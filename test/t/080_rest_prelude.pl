# The contract's functions by PostgREST's own statements: its login, its transaction and settings, its way of passing
# arguments, its putting together of the answer; as each role. 081_postgrest.pl sends the same by HTTP.

use strict;
use warnings;

use Appt::Api;
use Appt::Cluster;
use Appt::Prelude;
use JSON::PP qw(decode_json);
use Test::More;

my $node = Appt::Cluster->create('main');
my $api = Appt::Api->create($node);
my $prelude = Appt::Prelude->start($node);

$api->run($prelude);
subtest 'six wrong codes in a row' => sub {
	my %booking =
		(application_id => $api->{application}, contact => 'six@codes.example', start_at => '2099-07-01T10:00:00Z', duration => 'PT1H');
	my $guess = sub {
		my ($code) = @_;
		return $prelude->call($api->claims('AN'), 'POST', 'schedule_appointment_as_customer', { %booking, code => $code });
	};

	is( $prelude->call($api->claims('AN'), 'POST', 'request_customer_code', { map { $_ => $booking{$_} } qw(application_id contact) })
			->{status},
		204,
		'a code is sent');
	my $code = $api->code_sent_to($booking{contact}, 0);
	my @wrong = map { $guess->(sprintf '%06d', ($code + $_) % 1_000_000) } 1 .. 6;
	is($_->{status}, 401, 'wrong') foreach @wrong;
	is($wrong[0]{message}, 'no valid one-time code', 'with a message');
	like($wrong[0]{error}, qr/DETAIL:  It is not the code.*HINT:  Request another one/s, 'a detail and a hint');
	is($guess->($code)->{status}, 401, 'lock the code');
	is( $prelude->call($api->claims('AN'), 'POST', 'request_customer_code', { map { $_ => $booking{$_} } qw(application_id contact) })
			->{status},
		204,
		'another code is sent');
	my $new = $api->code_sent_to($booking{contact}, 1);
	my @booked = map { $guess->($new) } 1 .. 2;
	is("$_->{status} $_->{json}{id}", "200 $booked[0]{json}{id}", 'which books once, however often the request is sent') foreach @booked;
	is( $prelude->call($api->claims('AN'), 'POST', 'schedule_appointment_as_customer', { %booking, code => $new, title => 'x' })->{status},
		401,
		'and is used up for any other');
};

subtest 'a wrong code for a sender' => sub {
	my $confirm = sub {
		my ($code) = @_;
		return $prelude->call($api->claims('AD'), 'POST', 'confirm_email_verification',
			{ application_id => $api->{application}, code => $code });
	};
	my $sent = $api->mails_to('bank@example.org');

	is( $prelude->call(
			$api->claims('AD'), 'POST',
			'initiate_email_verification', { application_id => $api->{application}, email => 'bank@example.org' })->{status},
		204,
		'a code is sent');
	my $code = $api->code_sent_to('bank@example.org', $sent);
	my $wrong = $confirm->(sprintf '%06d', ($code + 1) % 1_000_000);
	is("$wrong->{status} $wrong->{message}", '400 wrong one-time code', 'a wrong one');
	is($confirm->($code)->{status}, 204, 'the right one');
	my $used = $confirm->($code);
	is("$used->{status} $used->{message}", '404 no valid one-time code', 'and then there is none');
};

subtest 'a request that is sent again under its key' => sub {
	my %booking = (application_id => $api->{application}, start_at => '2099-08-01T10:00:00Z', duration => 'PT1H');
	my $send = sub {
		my ($key, %more) = @_;
		return $prelude->call(
			$api->claims('AG', $api->shared_appointment),
			'POST', 'schedule_appointment',
			{ %booking, %more },
			headers => { 'idempotency-key' => $key });
	};
	my $first = $send->('one');

	is($first->{status}, 200, 'is answered');
	is_deeply($send->('one')->{json}, $first->{json}, 'with the same appointment');
	isnt($send->('two')->{json}{id}, $first->{json}{id}, 'under another key with another');
	is($send->('one', title => 'Another')->{status}, 409, 'and refused with another body');
	is($send->('x' x 256)->{status}, 400, 'or a key that is too long');
};

subtest 'the examples of doc/rest.md' => sub {
	$api->run_examples(
		sub {
			my ($request, $claims) = @_;
			my ($function) = $request->{path} =~ m{^/rpc/(\w+)$} or return;
			# Its body is its one argument, without a name: t/121_receive.pl calls it so.
			return if $function eq 'receive_sms';

			return $prelude->call(
				$claims, $request->{method}, $function,
				$request->{body} ? decode_json($request->{body}) : $request->{query},
				headers => { map { lc $_ => $request->{headers}{$_} } keys %{ $request->{headers} } });
		});
};
$node->stop;
done_testing();
