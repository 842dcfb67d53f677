# The roles: created once per cluster by the first installation, without privileges elsewhere, and kept after DROP EXTENSION.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Document;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Appt::Cluster->create('main', preload => 0, extension => 0);
my @roles = qw(appt_admin appt_agent appt_anonymous appt_authenticator appt_client_service appt_customer appt_service appt_supervisor);
my $drop = 'DROP EXTENSION IF EXISTS appt; DROP ROLE IF EXISTS ' . join(', ', @roles);
$node->query("CREATE DATABASE $_") foreach qw(one two);

# Two installs at once; the first commits, or fails.
foreach my $end ('COMMIT', 'ROLLBACK')
{
	my $one = session('one', "BEGIN; CREATE EXTENSION appt; SELECT 'installed';\n");
	$one->{handle}->pump until $one->{out} =~ /installed/;
	my $two = session('two', "CREATE EXTENSION appt; SELECT 'installed';\n\\q\n");
	$two->{handle}->pump_nb;
	ok($node->wait_for_query("SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = 'two' AND wait_event_type = 'Lock'"),
		'the second install waits for the first');
	$one->{in} .= "$end;\n\\q\n";
	$one->{handle}->finish;
	$two->{handle}->finish;
	like($two->{out}, qr/^installed$/m, "and succeeds after $end") or diag($two->{out});
	is(roles(), join(' ', @roles), 'all roles are there');
	$node->query('DROP EXTENSION IF EXISTS appt', 'one');
	$node->query('DROP EXTENSION appt', 'two');
	is(roles(), join(' ', @roles), 'and stay when the extension goes');
	$node->query($drop);
}

$node->install_appt('one');
is( $node->query(
		"SELECT string_agg(rolname, ' ') FROM pg_roles WHERE rolname ~ '^appt_'
		AND (rolcanlogin OR rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)"),
	'',
	'none has a power');
is( $node->query(
		"SELECT string_agg(r.rolname, ' ' ORDER BY r.rolname) FROM pg_auth_members m
		JOIN pg_roles r ON r.oid = m.roleid WHERE m.member = 'appt_authenticator'::regrole"),
	'appt_admin appt_agent appt_anonymous appt_client_service appt_customer appt_supervisor',
	'appt_authenticator may become the API roles, and not appt_service');
$node->query('CREATE ROLE postgrest LOGIN; GRANT appt_authenticator TO postgrest');
my ($output, $errors);
my @as_postgrest = (extra_params => [ '-U', 'postgrest', '-v', 'VERBOSITY=verbose' ], stdout => \$output, stderr => \$errors);
$node->psql('one', 'SELECT * FROM appt.reason', @as_postgrest);
like($errors, qr/42501/, 'its login has no privilege before SET ROLE, even if it inherits');
$node->psql('one', 'SET ROLE appt_agent; SELECT count(*) > 0 FROM appt.reason', @as_postgrest);
is($output, 't', 'and has the role\'s after it');
$node->psql('one', 'SET ROLE appt_service', @as_postgrest);
like($errors, qr/42501/, 'and cannot become appt_service');
$node->query('SELECT appt.create_roles()', 'one');
is(roles(), join(' ', @roles), 'creating them again does nothing');

# A role that existed before must have no dangerous attributes.
$node->query('DROP ROLE postgrest');
$node->query($drop, 'one');
foreach my $attribute (qw(LOGIN SUPERUSER CREATEROLE CREATEDB REPLICATION BYPASSRLS))
{
	$node->query("CREATE ROLE appt_customer $attribute");
	my $error = $node->refused_with('55000', 'CREATE EXTENSION appt', "a role with $attribute is refused", database => 'one');
	like($error, qr/"appt_customer".*attribute $attribute\b/s, 'by its name');
	is(roles(), 'appt_customer', 'and nothing was made');
	$node->query('DROP ROLE appt_customer');
}
$node->query('CREATE ROLE appt_customer');
$node->install_appt('one');
is(roles(), join(' ', @roles), 'a harmless one is taken');

$node->query(documented('operations.md', 'DROP EXTENSION appt;'), 'one');
is(roles(), '', 'what the document says removes the roles, too');

done_testing();

# A psql session as a hash of handle, in and out, the last two growing.
sub session
{
	my ($database, $commands) = @_;
	my $session = { in => $commands, out => '' };

	$session->{handle} = IPC::Run::start([ 'psql', '-X', '-q', '-A', '-t', '-d', $node->connstr($database) ],
		'<', \$session->{in}, '>', \$session->{out}, '2>', \$session->{out});
	return $session;
}

sub roles
{
	return $node->query("SELECT coalesce(string_agg(rolname, ' ' ORDER BY rolname), '') FROM pg_roles WHERE rolname ~ '^appt_'");
}
