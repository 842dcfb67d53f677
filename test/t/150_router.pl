# A router answers as one database would: every function that is for applications, by every role, about what is its own, another
# application's of its organization on another shard, another organization's, and what does not exist. The calls are those of
# pgtap/function_access.sql; each is made on the router and in a database that has all tenants itself, and result, error, status and
# headers must be the same.

use strict;
use warnings;

use Appt::Cluster;
use Appt::Router;
use Appt::Session;
use PostgreSQL::Test::Utils;
use Test::More;

# Nothing is sent, so nothing changes but by calls.
my $node = Appt::Cluster->create('main', conf => "appt.enabled = off\nmax_connections = 60");
Appt::Router->install($node, direct => 1);

# The tables of the tenants lie in these databases.
my %tables = (direct => ['direct'], router => [qw(shard0 shard1)]);
my @sides = qw(direct router);

# ---- the catalogs ----

# As the router has it, of which two functions have one argument more.
my $functions = q{SELECT string_agg(concat_ws('|', p.oid::regprocedure, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid),
		provolatile, proisstrict, proretset, md5(obj_description(p.oid, 'pg_proc')), ARRAY(SELECT rolname FROM pg_roles
			WHERE has_function_privilege(oid, p.oid, 'EXECUTE') AND NOT rolsuper ORDER BY 1)), E'\n' ORDER BY p.oid::regprocedure::text)
	FROM pg_proc p WHERE pronamespace = 'appt'::regnamespace AND proname = ANY ('{%s}') AND proname !~ '^create_(application|organization)$'};
my $names = $node->query(
	"SELECT string_agg(DISTINCT proname, ',') FROM pg_proc p JOIN pg_language l ON l.oid = prolang WHERE lanname = 'appt_router'",
	'router');
my ($direct, $router) = map { $node->query(sprintf($functions, $names), $_) } @sides;
cmp_ok(scalar(my @list = split /,/, $names), '>', 75, 'the router has the functions');
is($router, $direct, 'with signatures, volatility, comments and privileges of appt');
is( $node->query(
		q{SELECT string_agg(proname || ': ' || pg_get_function_arguments(oid), E'\n' ORDER BY 1) FROM pg_proc
			WHERE proname ~ '^create_(application|organization)$'}, 'router'),
	$node->query(
		q{SELECT string_agg(proname || ': ' || pg_get_function_arguments(oid) || ', node integer DEFAULT NULL::integer', E'\n' ORDER BY 1)
			FROM pg_proc WHERE proname ~ '^create_(application|organization)$'}, 'direct'),
	'but that the node can be named where something is created');

my $types =
	q{SELECT string_agg(t.oid::regtype || ' ' || (SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum)
		FROM pg_attribute a WHERE a.attrelid = t.typrelid AND attnum > 0), E'\n' ORDER BY typname) FROM pg_type t
	WHERE typnamespace = 'appt'::regnamespace AND typtype = 'c' AND typname = ANY ('{%s}')};
my $type_names =
	$node->query("SELECT string_agg(relname, ',') FROM pg_class WHERE relnamespace = 'appt'::regnamespace AND relkind = 'c'", 'router');
is( $node->query(sprintf($types, $type_names), 'router'),
	$node->query(sprintf($types, $type_names), 'direct'),
	'composite types have the same columns');

# ---- tenants ----

my %service = map { $_ => Appt::Session->open($node, database => $_, user => 'my_app') } @sides;
$_->run('SET client_min_messages = error') foreach values %service;
my (%organization, %target, %renewed);
foreach my $side (@sides)
{
	my $at = $side eq 'router' ? sub { ", node => $_[0]" } : sub { '' };
	$organization{$side} = { map { $_ => $service{$side}->run("SELECT appt.create_organization('$_'" . $at->(0) . ')') } qw(acme globex) };
	foreach my $place ([ own => 'acme', 0 ], [ sister => 'acme', 1 ], [ foreign => 'globex', 1 ])
	{
		my ($name, $organization, $where) = @$place;
		my $id = $organization{$side}{$organization};
		my $application =
			$service{$side}->run("SELECT appt.create_application('$id', '$name', agent_scope => 'OWN'" . $at->($where) . ')');
		$target{$side}{$name} = { organization => $id, application => $application };
		fill($side, $target{$side}{$name});
	}
}

sub fill
{
	my ($side, $target) = @_;
	my $session = $service{$side};

	$session->run("SELECT appt.set_provider('$target->{application}', $_)")
		foreach "'EMAIL', 'SMTP', 'smtp://mail.example', 'sales\@example.com'", "'SMS', 'HTTP', 'https://sms.example'";
	$target->{subscription} = $session->run("SELECT id FROM appt.create_subscription('$target->{application}', 'https://hooks.example')");
	foreach my $table (@{ $tables{$side} })
	{
		$node->query(
			"INSERT INTO appt.user_profile (application_id, id) SELECT id, u FROM appt.application, unnest('{ann,ada}'::text[]) u
				WHERE id = '$target->{application}';
			INSERT INTO appt.line (application_id, name) SELECT id, 'common' FROM appt.application WHERE id = '$target->{application}'", $table);
		my $line = $node->query("SELECT id FROM appt.line WHERE application_id = '$target->{application}'", $table);
		$target->{line} = $line if $line ne '';
	}
	return;
}

# A new appointment, at another time than all others, with what belongs to it.
sub renew
{
	my ($side, $target) = @_;
	my $session = $service{$side};
	my $hours = $renewed{$side}++;

	$target->{id} = $session->run(
		"SELECT id FROM appt.schedule_appointment('$target->{application}', '2030-05-01 10:00+00'::timestamptz + interval '$hours hours',
		'1 hour',
		'{\"contact\": {\"primaryEmail\": \"c\@example.com\", \"primaryPhone\": \"+306900000000\"}}', organizer_id => 'ann')");
	($target->{ticket}, $target->{customer}, $target->{conference}) = split /\|/, $session->run(
		"SELECT room_access->>'ticket', jsonb_path_query_first(participant_ids, '\$[*] ? (@.type == \"CUSTOMER\")')->>'id', conference_id
			FROM appt.get_appointment('$target->{id}')");
	$target->{notification} = join '',
		map { $node->query("SELECT min(id) FROM appt.notification WHERE appointment_id = '$target->{id}' AND channel = 'EMAIL'", $_) }
		@{ $tables{$side} };
	return;
}

foreach my $side (@sides)
{
	renew($side, $target{$side}{$_}) foreach qw(own sister foreign);
	$target{$side}{none} = {
		(map { $_ => sprintf '3b1ab1ea-0000-4000-8000-%012d', length } qw(organization application id line subscription)),
		ticket => 'no-such-tic',
		customer => 'nobody',
		notification => 0 };
}

# ---- callers ----

my @callers = (
	[ 'an agent', 'appt_agent', 'ann', 'application_id' ],
	[ 'a supervisor', 'appt_supervisor', 'sue', 'application_id' ],
	[ 'a client service', 'appt_client_service', 'ann', 'application_id' ],
	[ 'the customer', 'appt_customer', undef, 'application_id', 'conference_id' ],
	[ 'an admin', 'appt_admin', 'ada', 'organization_id' ],
	[ 'anybody', 'appt_anonymous' ],
	[ 'an agent of another tenant', 'appt_agent', 'ann', 'application_id', 'foreign' ],
	['an SQL application'],
	['who has no role']);

sub claims_of
{
	my ($side, $role, $sub, @claims) = @_;
	my $target = $target{$side}{ grep({ $_ eq 'foreign' } @claims) ? 'foreign' : 'own' };
	my %value = (
		application_id => $target->{application},
		organization_id => $target->{organization},
		conference_id => $target->{conference});

	return
		'{'
		. join(', ', '"sub": "' . ($sub // $target->{customer}) . '"', map { "\"$_\": \"$value{$_}\"" } grep { $value{$_} } @claims) . '}';
}

my %token_session = map { $_ => Appt::Session->open($node, database => $_, user => 'postgrest') } @sides;
my %nobody = map { $_ => Appt::Session->open($node, database => $_, user => 'nobody') } @sides;

sub session_of
{
	my ($side, $name, $role, @claims) = @_;

	return $name =~ /SQL/ ? $service{$side} : $nobody{$side} if !defined $role;
	my $claims = @claims ? claims_of($side, $role, @claims) : '{}';
	$token_session{$side}->run("RESET ROLE; SET ROLE $role; SELECT set_config('request.jwt.claims', '$claims', false)");
	return $token_session{$side};
}

# ---- calls ----

my $list = slurp_file("$ENV{REPOSITORY}/test/pgtap/function_access.sql");
my ($table) = $list =~ /^INSERT INTO expectation VALUES\n(.*?);$/ms;
my %is_there = map { $_ => 1 } split /,/, $names;
# Of those that are only for the owner of the extension the router has none.
my @calls = grep { $is_there{ (/^(\w+)/)[0] } } map { s/''/'/gr } $table =~ /^\t\('((?:[^']|'')+)',/mg;
cmp_ok(scalar @calls, '>', 90, 'calls of the other test were found');

sub statement
{
	my ($call, $target) = @_;
	my %value = (
		ID => "'$target->{id}'",
		APP => "'$target->{application}'",
		ORG => "'$target->{organization}'",
		CUSTOMER => "'$target->{customer}'",
		TICKET => "'$target->{ticket}'",
		LINE => "'$target->{line}'",
		SUBSCRIPTION => "'$target->{subscription}'",
		NOTIFICATION => $target->{notification},
		START => "'2030-05-07 10:00+00'::timestamptz",
		SELF => "'ann'");

	return $call =~ s/\b(ID|APP|ORG|CUSTOMER|TICKET|LINE|SUBSCRIPTION|NOTIFICATION|START|SELF)\b/$value{$1}/gr;
}

# What it says, but ids, numbers, times and secrets, which differ from database to database, and where in the source it was raised.
sub answer
{
	my ($session, $call) = @_;

	$session->try(
		"BEGIN; SELECT * FROM appt.$call;
		SELECT current_setting('response.status', true), current_setting('response.headers', true); COMMIT");
	my $answer = $session->errors . "\n" . $session->output;
	my ($code) = $answer =~ /ERROR:  (\w{5})/;
	$answer =~ s/\\x[0-9a-f]+/pack('H*', substr($&, 2))/ge;
	$answer =~ s/^psql:.*?: (?=ERROR|NOTICE|WARNING)//mg;
	$answer =~ s/^(?:LOCATION|CONTEXT|LINE \d+|\s*\^).*\n//mg;
	$answer =~ s/^ERROR:  25P02:.*\n//mg;
	$answer =~ s/^NOTICE:  00000: organization is on 2 shards\nDETAIL: .*\n//m;
	$answer =~ s/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/<uuid>/g;
	$answer =~ s/whsec_[\w+\/=]+/<key>/g;
	$answer =~ s/\b[a-z]{3}-[a-z]{3}-[a-z]{3}\b/<ticket>/g;
	$answer =~ s/nonce-[\w+\/=-]+|nonce="[^"]+"|\b[0-9a-f]{16}\b|\d{8}T\d{6}Z/<other>/g;
	$answer =~ s/(?<!ERROR:  )(?<!ERROR:  PT)\b\d[\d.]*/#/g;
	# Rows and participants have no order that is the same everywhere.
	$answer =~ s/\[(\{[^\]]*\})\]/'[' . join(', ', sort split m{, (?=\{)}, $1) . ']'/ge;
	return { code => $code // 'answer', text => join("\n", sort split /\n/, $answer) };
}

# The first line that is another one.
sub difference
{
	my @lines = map { [ split /\n/ ] } @_;

	while (@{ $lines[0] } && @{ $lines[1] } && $lines[0][0] eq $lines[1][0])
	{
		shift @$_ foreach @lines;
	}
	return sprintf "directly %s, by the router %s", map { substr $_->[0] // 'nothing more', 0, 300 } @lines;
}

my ($compared, %differs, %codes) = (0);
foreach my $caller (@callers)
{
	my ($name, @identity) = @$caller;
	my @places = $name =~ /admin/ ? qw(own sister foreign none) : $name =~ /role/ ? 'own' : qw(own sister none);
	foreach my $place (@places)
	{
		my %session = map { $_ => session_of($_, $name, @identity) } @sides;
		foreach my $call (@calls)
		{
			my %answer = map { $_ => answer($session{$_}, statement($call, $target{$_}{$place})) } @sides;
			$compared++;
			$codes{ $answer{direct}{code} }++;
			push @{ $differs{$name} }, "$call about $place: " . difference(map { $answer{$_}{text} } @sides)
				if $answer{direct}{text} ne $answer{router}{text};
			next if $place eq 'none' || $answer{direct}{code} ne 'answer' || $call !~ /\b(?:ID|NOTIFICATION)\b/;
			renew($_, $target{$_}{$place}) foreach @sides;
		}
	}
}
foreach my $caller (@callers)
{
	my @differ = @{ $differs{ $caller->[0] } // [] };
	ok(!@differ, "$caller->[0] gets the same answers")
		or diag(scalar(@differ) . " differ:\n" . join("\n", @differ[ 0 .. ($#differ < 19 ? $#differ : 19) ]));
}
note("$compared calls: " . join ', ', map { "$_ $codes{$_}" } sort keys %codes);
cmp_ok($codes{$_} // 0, '>', 50, "many answers were $_") foreach qw(answer 42501 PT404 22023);

done_testing();
