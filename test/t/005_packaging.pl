# What packaging/ and debian/ name is what the tree has: nobody runs Docker or builds an RPM here.
use strict;
use warnings;

use Appt::Document;
use JSON::PP;
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;

my $root = $ENV{REPOSITORY};

sub read_yaml
{
	my ($file) = @_;

	return decode_json(scalar `python3 -c 'import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))' '$root/$file'`);
}

# The words of a file that stand behind a word, up to the end of the command.
sub words_after
{
	my ($text, $word) = @_;

	return map { s/\\\n//gr =~ /(\S+)/g } map { s/ && .*//sr } $text =~ /\Q$word\E((?:\\\n|[^\n])*)/g;
}

# ---------- the image ----------

my $dockerfile = slurp_file("$root/packaging/docker/Dockerfile");
foreach my $copied ($dockerfile =~ /^COPY (?!--from)(\S+) /mg)
{
	ok($copied =~ m{^build/dist/appt-\*} || -e "$root/$copied", "the image is built from $copied");
}
my ($needed) = slurp_file("$root/scripts/deps") =~ /\[build\]="([^"]*)"/;
my %installed = map { s/^"|"$//gr => 1 } words_after($dockerfile, '--no-install-recommends');
foreach my $package (grep { !/postgresql/ } split ' ', $needed)
{
	ok($installed{$package}, "and with $package, which scripts/deps installs to build");
}
ok((grep { /^postgresql-server-dev-/ } keys %installed), 'and with headers of the server');

my $compose = read_yaml('packaging/docker/compose.yaml');
my %services = %{ $compose->{services} };
is(join(' ', sort keys %services), 'database mail rest', 'the compose file has a server, a mail server and the API');
foreach my $service (sort keys %services)
{
	foreach my $volume (grep { m{^\.} } @{ $services{$service}{volumes} // [] })
	{
		my ($file) = split /:/, $volume;

		ok(-e "$root/packaging/docker/$file", "$service has $file");
	}
}
ok(-e "$root/packaging/docker/$services{database}{build}{context}/$services{database}{build}{dockerfile}", 'the server is built from a file that exists');
like($services{database}{command}, qr/\b\Q$services{mail}{networks}{inside}{ipv4_address}\E\b/, 'and may contact the mail server');
is(slurp_file("$root/packaging/docker/postgrest-login.sh") =~ s/ PASSWORD :'password'//r =~ s/.*<<'SQL'\n|^SQL\n//sgmr,
	example('rest.md', 'CREATE ROLE authenticator'),
	'the login of PostgREST is the one of the document');
foreach my $variable (grep { /^PGRST_/ } keys %{ $services{rest}{environment} })
{
	my $name = lc($variable =~ s/^PGRST_//r) =~ tr/_/-/r;

	like(slurp_file("$root/doc/postgrest.conf"), qr/^\Q$name\E = /m, "$variable overrides $name of doc/postgrest.conf");
}

# ---------- packages ----------

my $spec = slurp_file("$root/packaging/rpm/appt.spec");
my @tools = map { (split ' ')[0] } slurp_file("$root/debian/appt-tools.install") =~ /^(.+)$/mg;
foreach my $tool (@tools)
{
	ok(-e "$root/$tool", "appt-tools has $tool");
	like($spec, qr/^cp .*\Q$tool\E /m, 'as an RPM, too');
}
foreach my $example (slurp_file("$root/debian/appt-tools.examples") =~ /^(.+)$/mg)
{
	ok(scalar(() = glob("$root/$example")), "and $example");
}
my $plan = `make -C '$root' -n install install-router with_llvm=no DESTDIR=/installed 2>&1`;
foreach my $file (qw(appt.so appt_router.so appt.control appt_router.control appt-- appt_router--))
{
	ok($plan =~ /\b\Q$file\E/, "make installs $file");
	ok($spec =~ m{^%\{pginstdir\}/\S+/\Q$file\E}m, 'and the RPM has it');
}

done_testing();
