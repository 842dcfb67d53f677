# What describes the API to machines: the files that scripts/describe makes from the catalog are valid, say what is so, and are what
# clients need; and the programs of doc/clients.md run.
use strict;
use warnings;

use Appt::Api;
use Appt::Cluster;
use Appt::Rest;
use Appt::Tenant;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $root = $ENV{REPOSITORY} // '.';
my $node = Appt::Cluster->create('main');
my $made = PostgreSQL::Test::Utils::tempdir();
my $modules = "$root/build/node_modules";
local $ENV{NODE_PATH} = $modules;

run_ok([ "$root/scripts/describe", '--dsn', $node->connstr('postgres'), $made ], 'the catalog is described');
run_ok([ 'node', "$root/test/peers/openapi.js", 'documents', map { "$made/$_" } qw(openapi.json compatible.openapi.json) ],
	'the documents are valid, and their examples fit');

my $rpc = decode_json(slurp_file("$made/openapi.json"));
my $compatible = decode_json(slurp_file("$made/compatible.openapi.json"));
is(scalar(map { keys %$_ } values %{ $compatible->{paths} }), 21, 'the compatible API has 21 operations');
ok($rpc->{paths}{'/rpc/get_appointment'}{get}, 'what only reads can be called by GET');
ok(!$rpc->{paths}{'/rpc/schedule_appointment'}{get}, 'what writes can not');
is_deeply(
	$rpc->{paths}{'/rpc/schedule_appointment'}{post}{requestBody}{content}{'application/json'}{schema}{required},
	[qw(application_id start_at duration)],
	'required arguments are known');
is(join(' ', sort keys %{ $rpc->{paths}{'/rpc/schedule_appointment'}{post}{responses} }), '200 400 401 403 404 409', 'and the errors');
is_deeply(
	$rpc->{components}{schemas}{appointment_state_code}{enum},
	[qw(SCHEDULED ACTIVATED ENDED CANCELLED)],
	'and the codes');
is_deeply($compatible->{paths}{'/api/appointments/basic'}{post}{security}, [ { code => [] } ], 'HTTP Basic');
my @without = grep { !$_->{summary} || !%{ $_->{responses} } } map { values %$_ } map { values %{ $_->{paths} } } $rpc, $compatible;
is(scalar @without, 0, 'every operation has a summary and answers');

# Types for postgrest-js: right programs compile, wrong ones do not.
my $folder = PostgreSQL::Test::Utils::tempdir();
symlink $modules, "$folder/node_modules" or die "cannot link: $!";
append_to_file("$folder/database.types.ts", slurp_file("$made/database.types.ts"));
append_to_file("$folder/database.ts", slurp_file("$root/test/clients/database.ts"));
run_ok(
	[   'node', "$modules/typescript/bin/tsc", qw(--noEmit --strict --skipLibCheck --module nodenext --target es2022),
		"$folder/database.ts" ],
	'the types compile');

# The programs of doc/clients.md.
my $tenant = Appt::Tenant->create($node);
my $rest = Appt::Rest->serve($node);
local $ENV{API} = $rest->url;
local $ENV{APPLICATION} = $tenant->application;
local $ENV{TOKEN} = $rest->token({ role => 'appt_agent', sub => 'agent-7', application_id => $tenant->application });
my %programs = slurp_file("$root/doc/clients.md") =~ /^```(\w+)\n(.*?)^```$/msg;
is(join(' ', sort keys %programs), 'js python sh sql', 'the document has four programs');
append_to_file("$folder/program.$_->[0]", $programs{ $_->[1] })
	foreach [ mjs => 'js' ], [ py => 'python' ], [ sh => 'sh' ], [ sql => 'sql' ];
foreach my $command (
	[ 'bash', "$folder/program.sh" ],
	[ 'node', "$folder/program.mjs" ],
	[ 'python3', "$folder/program.py" ],
	[ 'psql', '-X', '-d', $node->connstr('postgres'), '-v', 'application=' . $tenant->application, '-f', "$folder/program.sql" ])
{
	like(run_ok($command, "$command->[0]: the program runs"), qr/CREATE\b.*EMAIL/s, 'and prints what is planned');
}
is($node->query("SELECT count(*) FROM appt.appointment WHERE title = 'Your mortgage'"), 4, 'each has scheduled an appointment');

# Each answer to a function in the examples of doc/rest.md is as the document says.
my @answers;
subtest 'the examples of doc/rest.md' => sub {
	my $api = Appt::Api->create($node);

	$api->run_examples(
		sub {
			my ($request, $claims) = @_;
			my $query = Appt::Rest::query($request->{query});
			return if $request->{path} !~ m{^/rpc/};

			my $answer = $rest->request(
				$request->{method}, $request->{path} . ($query eq '' ? '' : "?$query"),
				claims => $claims,
				headers => $request->{headers},
				defined $request->{body} ? (body => $request->{body}) : ());
			push @answers,
				{ method => $request->{method},
					path => $request->{path},
					status => $answer->{status},
					type => $answer->{headers}{'content-type'},
					defined $answer->{json} ? (body => $answer->{json}) : () };
			return $answer;
		});
};
my $problems = '';
my $told = join '', map { encode_json($_) . "\n" } @answers;
cmp_ok(scalar @answers, '>', 60, 'there are many');
ok( IPC::Run::run([ 'node', "$root/test/peers/openapi.js", 'answers', "$made/openapi.json" ], '<', \$told, '>&', \$problems),
	'their answers are as described') or diag($problems);

$node->stop;
done_testing();

# A program that has to end well; what it prints.
sub run_ok
{
	my ($command, $what) = @_;
	my $output = '';
	my $ended_well = IPC::Run::run($command, '>&', \$output);

	ok($ended_well, $what) or diag($output);
	return $output;
}
