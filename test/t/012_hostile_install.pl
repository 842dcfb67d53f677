# CREATE EXTENSION, and every call afterwards, in a database where somebody put look-alikes of the server's functions,
# operators and types first in search_path: none of them is ever run by the owner.

use strict;
use warnings;

use Appt::Cluster;
use Test::More;

my $node = Appt::Cluster->create('main', preload => 0, extension => 0);
$node->query('CREATE ROLE mallory LOGIN; CREATE ROLE application LOGIN; GRANT CREATE ON SCHEMA public TO mallory');

# Better matches than pg_catalog's for the calls in appt's script and statements; each records who ran it.
my @traps = (
	[ 'ceil(text)', 'numeric', 'SELECT 1.0' ],
	[ 'jsonb_build_object(text, pg_catalog.uuid, text, pg_catalog.uuid)', 'jsonb', 'SELECT NULL::jsonb' ],
	[ 'make_interval(secs double precision)', 'pg_catalog.interval', q(SELECT '0'::pg_catalog.interval) ],
	[ 'num_nonnulls(pg_catalog.uuid, pg_catalog.uuid)', 'integer', 'SELECT 1' ],
	[ 'num_nonnulls(text, text, text)', 'integer', 'SELECT 1' ],
	[ 'unnest(pg_catalog.uuid[])', 'pg_catalog.uuid', 'SELECT $1[1]' ],
	[ 'pg_get_serial_sequence(trap_text, trap_text)', 'text', q(SELECT '') ],
	[ 'now()', 'timestamptz', 'SELECT pg_catalog.now()' ],
	[ 'gen_random_uuid()', 'pg_catalog.uuid', q(SELECT '00000000-0000-0000-0000-000000000000'::pg_catalog.uuid) ],
	[ 'uuid_equals(pg_catalog.uuid, pg_catalog.uuid)', 'boolean', 'SELECT true' ],
	[ 'text_equals(text, text)', 'boolean', 'SELECT true' ],
	[ 'time_minus(timestamptz, pg_catalog.interval)', 'timestamptz', 'SELECT $1' ]);
my $sql = "SET search_path = public;
	CREATE DOMAIN public.trap_text AS text; CREATE DOMAIN public.uuid AS text CHECK (false);
	CREATE TABLE public.trapped (who text DEFAULT current_user, what text); GRANT INSERT, SELECT ON public.trapped TO public;
	-- What a generated column may call must be immutable, and says nothing.
	CREATE FUNCTION public.log(integer, numeric) RETURNS numeric IMMUTABLE LANGUAGE sql AS 'SELECT pg_catalog.log(\$1::numeric, \$2)';
	CREATE FUNCTION public.isfinite(timestamptz) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT true';\n";
foreach my $trap (@traps)
{
	my ($signature, $type, $body) = @$trap;
	$sql .= "CREATE FUNCTION public.$signature RETURNS $type LANGUAGE sql AS \$\$ INSERT INTO public.trapped (what)
			VALUES (\$t\$$signature\$t\$); $body \$\$;\n";
}
$sql .= "CREATE OPERATOR public.= (LEFTARG = pg_catalog.uuid, RIGHTARG = pg_catalog.uuid, FUNCTION = public.uuid_equals);
	CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = text, FUNCTION = public.text_equals);
	CREATE OPERATOR public.- (LEFTARG = timestamptz, RIGHTARG = pg_catalog.interval, FUNCTION = public.time_minus);
	CREATE TABLE public.application (id text); CREATE TABLE public.notification (id text);\n";
$node->safe_psql('postgres', "SET SESSION AUTHORIZATION mallory;\n$sql");

# The trap works.
$node->query("SET search_path = public, pg_catalog; SELECT now()");
is($node->query('SELECT count(*) FROM public.trapped'), 1, 'the trap works');
$node->query('TRUNCATE public.trapped');

$node->query('SET search_path = public, pg_catalog; CREATE EXTENSION appt');
is($node->query('SELECT string_agg(what, chr(10)) FROM public.trapped'), '', 'nothing of it ran when the extension was created');
is( $node->query("
	WITH RECURSIVE ours AS (
		SELECT classid, objid FROM pg_depend WHERE deptype = 'e' AND refclassid = 'pg_extension'::regclass
			AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'appt')
		UNION
		SELECT d.classid, d.objid FROM ours JOIN pg_depend d ON d.refclassid = ours.classid AND d.refobjid = ours.objid
			AND d.deptype IN ('a', 'i', 'n'))
	SELECT string_agg(DISTINCT pg_describe_object(d.refclassid, d.refobjid, 0), ', ')
	FROM ours JOIN pg_depend d ON d.classid = ours.classid AND d.objid = ours.objid
	WHERE (SELECT schema FROM pg_identify_object(d.refclassid, d.refobjid, 0)) = 'public'"),
	'',
	'and nothing of the extension (defaults, checks, views, functions) depends on it');

# A caller's path, with a temporary schema in front, and settings that change what statements mean.
my $calls = "
	SET search_path = pg_temp, public, pg_catalog; SET row_security = off; SET transform_null_equals = on;
	SET standard_conforming_strings = off; SET escape_string_warning = off; SET backslash_quote = on; SET array_nulls = off;
	SET intervalstyle = 'sql_standard'; SET datestyle = 'German, DMY'; SET timezone = 'Asia/Kathmandu'; SET lock_timeout = '10s';
	CREATE TEMPORARY TABLE application (id text); CREATE TEMPORARY TABLE appointment (id text); CREATE TEMPORARY TABLE secret (id text);
	CREATE DOMAIN pg_temp.interval AS text CHECK (false);
	SELECT appt.create_organization('Acme') AS organization \\gset
	SELECT appt.create_application(:'organization', 'Calls') AS application \\gset
	SELECT id AS subscription FROM appt.create_subscription(:'application', 'https://hooks.example/a',
		headers => '[{\"name\": \"X-A\", \"value\": \"b\", \"type\": \"SECRET\"}]') \\gset
	SELECT id FROM appt.rotate_subscription_key(:'subscription');
	SELECT appt.set_provider(:'application', 'EMAIL', 'SMTP', 'smtp://mail.example', sender => 'a\@example.org', secret => 'word');
	SELECT id AS appointment FROM appt.schedule_appointment(:'application', pg_catalog.now() + '1 day'::pg_catalog.interval, '1 hour',
		organizer_id => 'agent',
		customer => '{\"contact\": {\"primaryEmail\": \"ann\@example.org\"}}') \\gset
	SELECT id FROM appt.reschedule_appointment(:'appointment', pg_catalog.now() + '2 days'::pg_catalog.interval, '2 hours');
	SELECT id FROM appt.update_appointment(:'appointment', title => 'x');
	SELECT p.value->>'id' AS customer FROM appt.get_appointment(:'appointment') a,
		pg_catalog.jsonb_array_elements(a.participant_ids) p WHERE p.value->>'type' OPERATOR(pg_catalog.=) 'CUSTOMER' \\gset
	SELECT recipient FROM appt.preview_notification(:'appointment', :'customer', 'CREATE', 'EMAIL');
	SELECT appt.count_overlapping(:'application', pg_catalog.now(), '100 days');
	SELECT appt.ical_text(:'appointment'), appt.ical_event(:'appointment'), appt.google_calendar_url(:'appointment'),
		appt.google_calendar_event(:'appointment'), appt.outlook_calendar_event(:'appointment');
	SELECT appt.record_join(:'appointment', :'customer');
	SELECT id FROM appt.end_appointment(:'appointment');
	SELECT appt.delete_appointment(:'appointment');";
$node->query('GRANT appt_service TO application; TRUNCATE public.trapped');
my ($output, $errors);
my $status =
	$node->psql('postgres', $calls, stdout => \$output, stderr => \$errors, on_error_stop => 1, extra_params => [ '-U', 'application' ]);
is($status, 0, 'every call works') or diag($errors);
is($node->query("SELECT string_agg(DISTINCT what, chr(10)) FROM public.trapped WHERE who <> 'application'"),
	'', 'none of the caller\'s objects ran as the owner');
is($node->query("SELECT string_agg(sequence::text, ' ') FROM appt.appointment"), '', 'and the work is done');

$node->stop;
done_testing();
