# Whose the extension is: who may install it, what others get from the installer's defaults, and that it works on, delivery
# too, when it is handed over to somebody with no powers at all.

use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Tenant;
use Test::More;

my $node = Appt::Cluster->create('main', extension => 0);
$node->query('CREATE ROLE installer SUPERUSER LOGIN; CREATE ROLE owner LOGIN; CREATE ROLE reporting LOGIN; CREATE ROLE application LOGIN');
$node->query('GRANT CREATE ON DATABASE postgres TO owner; GRANT CREATE ON SCHEMA public TO owner');
$node->refused_with(
	'42501',
	'SET SESSION AUTHORIZATION owner; CREATE EXTENSION appt',
	'it takes a superuser to install it, not only the right to create');

# Default privileges, as a company may give them to its reporting role.
$node->query('
	SET SESSION AUTHORIZATION installer;
	ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO reporting;
	ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO reporting;
	ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO reporting;
	CREATE EXTENSION appt;
	GRANT appt_service TO application');
my $hook = Appt::Peers->webhook;
my $tenant = Appt::Tenant->create($node);
my $subscription = $tenant->subscribe($hook->url('/ok'));
$tenant->only('CREATE', 'WEBHOOK');
my $appointment = $tenant->schedule;
$hook->wait_for(1);
foreach my $table (split /\n/,
	$node->query("SELECT relname FROM pg_class WHERE relnamespace = 'appt'::regnamespace AND relkind = 'r' ORDER BY 1"))
{
	is($node->query("SET SESSION AUTHORIZATION reporting; SELECT count(*) FROM appt.\"$table\""),
		0, "by the installer's defaults nobody sees a row of $table");
}
my $application = $tenant->application;
$node->refused_with('42501', "SET SESSION AUTHORIZATION reporting; SELECT * FROM appt.$_", 'nor does anything: ' . s/\(.*//r)
	foreach "get_appointment('$appointment')", "find_appointments('$application')", "cancel_appointment('$appointment')",
	"create_organization('x')",
	"rotate_subscription_key('$subscription')", "set_provider('$application', 'EMAIL', 'SMTP', 'smtp://mail.example', 'a\@example.org')",
	'adopt_database()';

# After the change of owner the old owner can be dropped.
$node->query('REASSIGN OWNED BY installer TO owner; DROP OWNED BY installer; DROP ROLE installer');
is( $node->query(
		"SELECT string_agg(DISTINCT o::regrole::text, ' ') FROM (
		SELECT extowner FROM pg_extension WHERE extname = 'appt' UNION ALL SELECT nspowner FROM pg_namespace WHERE nspname = 'appt'
		UNION ALL SELECT relowner FROM pg_class WHERE relnamespace = 'appt'::regnamespace UNION ALL SELECT proowner FROM pg_proc
			WHERE pronamespace = 'appt'::regnamespace) a (o)"
	),
	'owner',
	'all of it has the new owner');
is( $node->query(
		"SET SESSION AUTHORIZATION application; SELECT state
			FROM appt.reschedule_appointment('$appointment', now() + interval '3 days', NULL)"
	),
	'ACTIVATED',
	'an application goes on');
$node->query(
	"SET SESSION AUTHORIZATION application; SELECT id FROM appt.schedule_appointment('$application', now() + interval '1 day',
		'1 hour', '{}', organizer_id => 'agent')"
);
$hook->wait_for(2);
ok($tenant->settled, 'and so does the worker');
is($node->query("SET SESSION AUTHORIZATION owner; SELECT state FROM appt.get_appointment('$appointment')"),
	'ACTIVATED', 'the owner may do everything');
is($node->query("SET SESSION AUTHORIZATION owner; SELECT count(*) FROM appt.secret"), 1, 'and sees everything');
$node->refused_with('42501', 'SET SESSION AUTHORIZATION reporting; DROP EXTENSION appt', 'nobody else drops it');

# DROP drops dependent objects of others only with CASCADE.
$node->query('CREATE VIEW public.report AS SELECT id, title FROM appt.appointment; CREATE TABLE public.wish (channel appt.channel_code)');
$node->refused_with('2BP01', 'DROP EXTENSION appt', 'it is not dropped from under a view');
$node->refused_with('0A000', 'ALTER EXTENSION appt SET SCHEMA public', 'nor moved');
is( $node->query(
		"SET client_min_messages = error; SET SESSION AUTHORIZATION owner; DROP EXTENSION appt CASCADE;
			SELECT to_regclass('public.report'), to_regnamespace('appt')"
	),
	'|',
	'with CASCADE it is dropped, by its owner');
is($node->query("SELECT attname FROM pg_attribute WHERE attrelid = 'public.wish'::regclass AND attnum > 0 AND NOT attisdropped"),
	'', 'with the columns that were of its types');
$node->stop;
done_testing();
