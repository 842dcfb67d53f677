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
	my %booking = (application_id => $api->{application}, contact => 'six@codes.example', start_at => '2099-07-01T10:00:00Z', duration => 'PT1H');
	my $guess = sub { my ($code) = @_; return $prelude->call($api->claims('AN'), 'POST', 'schedule_appointment_as_customer', { %booking, code => $code }); };

	is($prelude->call($api->claims('AN'), 'POST', 'request_customer_code', { map { $_ => $booking{$_} } qw(application_id contact) })->{status}, 204, 'a code is sent');
	my $code = $api->code_sent_to($booking{contact}, 0);
	is($guess->(sprintf '%06d', ($code + $_) % 1_000_000)->{status}, 401, 'wrong') foreach 1 .. 6;
	is($guess->($code)->{status}, 401, 'lock the code, each in a transaction that commits');
};

subtest 'the examples of doc/rest.md' => sub {
	$api->run_examples(
		sub {
			my ($request, $claims) = @_;
			my ($function) = $request->{path} =~ m{^/rpc/(\w+)$} or return;

			return $prelude->call($claims, $request->{method}, $function, $request->{body} ? decode_json($request->{body}) : $request->{query});
		});
};
$node->stop;
done_testing();
