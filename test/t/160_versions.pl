# A router and shards of other versions: columns, arguments and functions that one side lacks, and shards that are updated while
# sessions are open.

use strict;
use warnings;

use Appt::Cluster;
use Appt::Router;
use Appt::Session;
use Test::More;

my $node = Appt::Cluster->create('main', preload => 0);
Appt::Router->install($node);
my ($version) = $node->query("SELECT extversion FROM pg_extension WHERE extname = 'appt'", 'shard0');

my $service = Appt::Router->service($node);
my ($organization, $here, $there) = Appt::Router->tenants($service);
my ($mine, $yours) = map { schedule($_) } $here, $there;

sub schedule
{
	my ($application) = @_;

	return $service->run(
		"SELECT id FROM appt.schedule_appointment('$application', '2030-05-01 10:00+00', '1 hour', organizer_id => 'ann', title => 'Talk')");
}

# Replaces a function of an extension, as the next version does.
sub replace
{
	my ($database, $extension, $signature, $definition) = @_;

	$node->query(
		"BEGIN; ALTER EXTENSION $extension DROP FUNCTION appt.$signature; DROP FUNCTION appt.$signature; $definition;
		GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA appt TO appt_service, appt_agent; COMMIT", $database);
	return;
}

sub update_shards
{
	my ($to) = @_;

	$node->query("UPDATE pg_extension SET extversion = '$to' WHERE extname = 'appt'", $_) foreach qw(shard0 shard1);
	return;
}

# ---- the router is newer: a column ----

my $found = 'SELECT string_agg(c.title || coalesce(c.%s, \'-\'), \' \' ORDER BY c.title) FROM appt.find_appointments(%s) p, unnest(p.content) c';
is($service->run(sprintf $found, 'location', "application_id => '$here'"), 'Talk-', 'a page of a function that is already known');
$node->query('ALTER TYPE appt.appointment_details ADD ATTRIBUTE colour text', 'router');
my $columns = 'id, title, archived_at, colour';
is($service->run("SELECT $columns FROM appt.get_appointment('$mine')"), "$mine|Talk||", 'a column that the shard lacks is null') foreach 1, 2;
is($service->run("SELECT $columns FROM appt.update_appointment('$yours', title => 'Tea')"), "$yours|Tea||", 'also of a call that writes');
is($service->run(sprintf $found, 'colour', "application_id => '$here'"), 'Talk-', 'within a page, too');
is($service->run(sprintf $found, 'colour', 'page_size => 10'), 'Talk- Tea-', 'and within one of all shards');
is($service->try('SELECT appt.get_appointment(gen_random_uuid())'), 'PT404', 'an error is the same as ever');
my $token = Appt::Session->open($node, database => 'router', user => 'postgrest');
$token->run(
	"SET ROLE appt_agent; SELECT set_config('request.jwt.claims', '{\"sub\": \"ann\", \"application_id\": \"$here\"}', false)");
is($token->run("SELECT $columns FROM appt.get_appointment('$mine')"), "$mine|Talk||", 'callers with a token get it, too');
is($token->try("SELECT FROM appt.get_appointment('$yours')"), 'PT404', 'and no more than before');

# ---- the router is newer: an argument ----

replace(
	'router', 'appt_router', 'cancel_appointment(uuid, text)',
	"CREATE FUNCTION appt.cancel_appointment(id uuid DEFAULT NULL, loudly boolean DEFAULT 1 > 2, reason text DEFAULT NULL)
		RETURNS appt.appointment_details LANGUAGE appt_router AS 'id id'");
is($service->run("SELECT state, cancel_reason FROM appt.cancel_appointment('$mine', reason => 'ill')"),
	'CANCELLED|ill', 'an argument that the shard lacks does not matter if it is not given');
$mine = schedule($here);
is($service->run("SELECT state FROM appt.cancel_appointment('$mine', false)"), 'CANCELLED', 'nor if it has its default');
$mine = schedule($here);
is($service->try("SELECT appt.cancel_appointment('$mine', loudly => $_)"), '55000', "with $_ it is refused") foreach qw(true NULL);
like(
	$service->errors,
	qr/ERROR:  55000: shard has another version of appt\nDETAIL:  Shard 0 has version \Q$version\E and the router \Q$version\E: its function appt\.cancel_appointment has no argument "loudly"\.\nHINT:  Update/,
	'with what is missing, and where');
is($service->run("SELECT state FROM appt.get_appointment('$mine')"), 'ACTIVATED', 'and nothing is done');

# The shard gets the argument, at another place.
$node->query('ALTER FUNCTION appt.cancel_appointment RENAME TO old_cancel', $_) foreach qw(shard0 shard1);
$node->query(
	'CREATE FUNCTION appt.cancel_appointment(id uuid DEFAULT NULL, reason text DEFAULT NULL, loudly boolean DEFAULT false)
		RETURNS appt.appointment_details LANGUAGE sql AS $$SELECT appt.old_cancel(id, reason || repeat($x$!$x$, loudly::integer))$$;
	GRANT EXECUTE ON FUNCTION appt.cancel_appointment TO appt_service', $_) foreach qw(shard0 shard1);
update_shards('9.1');
is($service->run("SELECT state, cancel_reason FROM appt.cancel_appointment('$mine', true, 'ill')"),
	'CANCELLED|ill!', 'once the shard has it, it is given');

# ---- the router is older ----

replace(
	'router', 'appt_router', 'get_appointment(uuid)',
	"CREATE TYPE appt.older AS (title text, id uuid);
	CREATE FUNCTION appt.get_appointment(id uuid DEFAULT NULL) RETURNS appt.older LANGUAGE appt_router AS 'id id'");
is($service->run("SELECT * FROM appt.get_appointment('$yours')"), "Tea|$yours", 'columns are matched by their names');
$service->run("SELECT appt.user_names('$there')");
replace(
	'shard1', 'appt', 'user_names(uuid)',
	'CREATE FUNCTION appt.user_names(of_whom text DEFAULT NULL, application_id uuid DEFAULT NULL)
		RETURNS TABLE (rank integer, name text, id text) LANGUAGE sql AS $$VALUES (1, $1, $2::text)$$');
is($service->run("SELECT * FROM appt.user_names('$there')"), "$there|", 'and arguments, of a function that is already known') foreach 1, 2;
is($service->run("SELECT * FROM appt.user_names('$here')"), '', 'while another shard has it as it was');

# ---- a function is missing ----

$service->run("SELECT appt.count_appointments('$_', now(), '1 day')") foreach $here, $there;
$node->query('ALTER FUNCTION appt.count_appointments RENAME TO gone', 'shard1');
is($service->try("SELECT appt.count_appointments('$there', now(), '1 day')"), '55000', 'a function that the shard lacks is refused');
like($service->errors, qr/DETAIL:  Shard 1 has no function appt\.count_appointments of version \Q$version\E\./, 'with its name');
is($service->try("SELECT appt.count_appointments('$here', now(), '1 day')"), '00000', 'other shards have it');
$node->query(
	"DROP FUNCTION appt.user_names; CREATE FUNCTION appt.user_names(application_id uuid, more text)
		RETURNS TABLE (id text, name text) LANGUAGE sql AS 'VALUES (NULL, more)'; GRANT EXECUTE ON FUNCTION appt.user_names TO appt_service",
	'shard1');
is($service->try("SELECT appt.user_names('$there')"), '55000', 'as is a call without an argument that the shard demands');
like($service->errors, qr/DETAIL:  Shard 1 refuses the call: function appt\.user_names/, 'with what the shard says');

# ---- shards that are updated meanwhile ----

# Each change of a result: what the shards return, and what the router's function then gives.
$node->query('CREATE TYPE public.triple AS (c text, b text, a text); CREATE TYPE public.box AS (size integer, content public.triple[])',
	'router');
$node->query(
	"CREATE FUNCTION public.one() RETURNS SETOF public.triple LANGUAGE appt_router AS 'any';
	CREATE FUNCTION public.many() RETURNS public.box LANGUAGE appt_router AS 'any';
	CREATE FUNCTION public.number() RETURNS integer LANGUAGE appt_router AS 'any'", 'router');
my $change =
	q{DROP TYPE IF EXISTS public.triple CASCADE; DROP TYPE IF EXISTS public.box CASCADE; DROP FUNCTION IF EXISTS public.number();
	CREATE TYPE public.triple AS (%1$s); CREATE TYPE public.box AS (content public.triple[], size integer);
	CREATE FUNCTION public.one() RETURNS SETOF public.triple LANGUAGE sql AS $$VALUES (%2$s)$$;
	CREATE FUNCTION public.many() RETURNS public.box LANGUAGE sql AS $$SELECT ROW(ARRAY(SELECT t FROM public.one() t), 1)::public.box$$;
	CREATE FUNCTION public.number() RETURNS %3$s LANGUAGE sql AS $$SELECT 7::%3$s$$};
my $answers = 'SELECT o.*, (m).size, (m).content, public.number() FROM public.one() o, public.many() m';
my @steps = (
	[ 'a text, b text', q('a', 'b'), 'integer', '|b|a|1|{"(,b,a)"}|7', 'a column is missing' ],
	[ 'a text, c text, d text, b text', q('a', 'c', 'd', 'b'), 'smallint', 'c|b|a|1|{"(c,b,a)"}|7', 'it is there, and one more' ],
	[ 'c text, b text, a text', q('c', 'b', 'a'), 'integer', 'c|b|a|1|{"(c,b,a)"}|7', 'all are there' ],
	[ 'b text', q('b'), 'integer', '|b||1|{"(,b,)"}|7', 'two are missing' ]);
my $minor = 1;
foreach my $named ('true', 'false')
{
	$node->query("UPDATE appt.shard SET named_statements = $named", 'router');
	foreach my $step (@steps)
	{
		my (@what) = @$step;

		$node->query(sprintf($change, @what[ 0 .. 2 ]), 'shard0');
		update_shards('9.' . ++$minor);
		# The answer of a shard that has got what it lacked may still be without it: it shows the version.
		$service->run($answers);
		is($service->run($answers), $what[3], "named_statements = $named: $what[4]");
	}
}

done_testing();
