# What the planner expects is told to nobody who acts by a token: it comes from statistics of all tenants' rows, and tells of those
# that row level security hides.

use strict;
use warnings;

use Appt::Cluster;
use Appt::Tenant;
use Test::More;

my $node = Appt::Cluster->create('main');
$node->query(
	'CREATE ROLE authenticator LOGIN NOINHERIT IN ROLE appt_authenticator; CREATE ROLE application LOGIN IN ROLE appt_service; CREATE ROLE stranger LOGIN'
);
my $rich = Appt::Tenant->create($node);
my $poor = Appt::Tenant->create($node);
$rich->schedule_many(200);
$node->query('ANALYZE');

# The question of "Prefer: count=planned", with a condition of the client's.
my $question = q(EXPLAIN (FORMAT JSON) SELECT 1 FROM appt.appointment WHERE organizer_id >= 'a');
my ($rows) = $node->query($question) =~ /"Plan Rows": (\d+)/;
cmp_ok($rows, '>=', 100, 'the answer tells how many there are');

my $claims = sprintf '{"sub": "x", "application_id": "%s", "organization_id": "%s", "conference_id": "%1$s"}', $poor->application,
	$poor->organization;
foreach my $role (qw(appt_agent appt_supervisor appt_client_service appt_customer appt_admin appt_anonymous))
{
	my $as = "SET SESSION AUTHORIZATION authenticator; SELECT set_config('request.jwt.claims', '$claims', false); SET ROLE $role;";
	$node->refused_with('42501', "$as $_", "$role: " . s/\(.*?\) //r)
		foreach $question, q(EXPLAIN (COSTS OFF, ANALYZE) SELECT FROM pg_class), "DO 'BEGIN EXECUTE ''EXPLAIN SELECT 1''; END'",
		'PREPARE look AS SELECT 1; EXPLAIN EXECUTE look';
}
$node->refused_with('42501', "SET SESSION AUTHORIZATION authenticator; EXPLAIN SELECT 1", 'nor to the login that becomes them');
like($node->query("SET request.jwt.claims = '$claims'; SET ROLE appt_agent; $question"),
	qr/Plan Rows/, 'who can become another again may look at its plans');
like($node->query("SET SESSION AUTHORIZATION application; $question"), qr/"Plan Rows": $rows/, 'an SQL application sees it');
like($node->query('SET SESSION AUTHORIZATION stranger; EXPLAIN SELECT 1'), qr/Result/, 'and others explain what is theirs');

$node->stop;
done_testing();
