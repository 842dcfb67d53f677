# Where appt is built: in a folder of its own, with the server that is chosen, and an error that says what is missing.
use strict;
use warnings;

use File::Path qw(make_path);
use PostgreSQL::Test::Utils qw(run_command slurp_file system_or_bail);
use Test::More;

my $tree = "$ENV{APPT_RUN}/tmp/tree";
my $elsewhere = "$ENV{APPT_RUN}/tmp/elsewhere";
my $programs = "$ENV{APPT_RUN}/tmp/programs";
make_path($tree, $elsewhere, $programs);
system_or_bail('cp', '-R', (map { "$ENV{REPOSITORY}/$_" } qw(Makefile appt.control scripts web src)), $tree);
# In the tree there is nothing that was built, as `make clean` leaves it.
make_path("$tree/sql");
system_or_bail('cp', grep({ !/appt--[^-]*\.sql$/ } glob("$ENV{REPOSITORY}/sql/*.sql")), "$tree/sql");
system_or_bail('find', $tree, '-name', '*.[od]', '-delete');

# What make does elsewhere, and what it complains of.
sub made
{
	my (@arguments) = @_;

	return run_command([ 'make', '-C', $elsewhere, '-f', "$tree/Makefile", 'with_llvm=no', @arguments ]);
}

sub complaint
{
	my ($output, $errors) = made(@_, 'all');

	return $errors;
}

# A program of this name before all others, which this shell script is.
sub pretend
{
	my ($name, $script) = @_;

	open my $file, '>', "$programs/$name" or die $!;
	print $file "#!/bin/sh\n$script\n";
	close $file;
	chmod 0755, "$programs/$name";
	return;
}

# ---- elsewhere ----

my ($plan) = made('-n', 'all');
my @objects = $plan =~ / -o (src\S+\.o)/g;
my @sources = glob "$tree/src/*/*.c";
is(scalar @objects, scalar @sources, 'in another folder every source file is compiled');
my ($link) = $plan =~ /^(.* -shared .* -o appt\.so .*|.* -shared -o appt\.so .*)$/m;
is(scalar(() = ($link // '') =~ /src\S+\.o/g), scalar @sources, 'all of them are linked');

made('src/core/json.o', 'src/render/builtin_templates.o', 'src/pages/web_files.o');
ok(-s "$elsewhere/$_", "$_ is compiled there") foreach qw(src/core/json.o src/render/builtin_templates.o src/pages/web_files.o);
my ($version) = slurp_file("$tree/appt.control") =~ /^default_version = '(.*)'/m;
my $script = "sql/appt--$version.sql";
made($script);
is(slurp_file("$elsewhere/$script"), slurp_file("$ENV{REPOSITORY}/$script"), 'the install script is the one of the tree');
is(join(' ', grep { -e } glob("$tree/src/*/*.o"), "$tree/build", "$tree/$script"), '', 'nothing is written into the tree');

# ---- which server ----

$ENV{PATH} = "$programs:$ENV{PATH}";
my $server = delete $ENV{PG_CONFIG};
delete $ENV{PG_MAJOR};

like(complaint('PG_CONFIG=/nowhere/pg_config'), qr{/nowhere/pg_config --pgxs.*install.*18 17 16 15}s,
	'a server that is not there: what to do');
pretend('pg_config', 'echo /nowhere/pgxs.mk');
like(complaint('PG_CONFIG=pg_config'), qr{names no file: install}, 'a server without the files to build with: likewise');
like(complaint('PG_MAJOR=14'), qr{appt supports PostgreSQL 18 17 16 15, not PG_MAJOR=14},
	'a version that is not supported: which are');

my $choose = "$tree/scripts/pg-config";
sub chosen { return (run_command([@_]))[0] }
is(chosen('env', 'PG_MAJOR=16', $choose), '/usr/lib/postgresql/16/bin/pg_config', 'PG_MAJOR names a package');
is(chosen('env', 'PG_MAJOR=16', 'PG_CONFIG=/mine', $choose), '/mine', 'PG_CONFIG goes before it');
my @packaged = grep { -e "/usr/include/postgresql/$_/server/postgres.h" } 18, 17, 16, 15;
is(chosen($choose), @packaged ? "/usr/lib/postgresql/$packaged[0]/bin/pg_config" : "$programs/pg_config",
	'without both the newest package, or else the one in the PATH');

# ---- libraries ----

pretend('pkg-config', 'case "$*" in *--exists*7.87*) echo "libcurl is 7.74.0"; exit 1;; esac');
like(complaint("PG_CONFIG=$server"), qr{appt needs libcurl 7\.87 or later: libcurl is 7\.74\.0}, 'an old libcurl');

# ---- packages ----

# What scripts/deps says on a Debian whose apt has these packages, and where those are installed.
sub wanted
{
	my ($had, $installed, @command) = @_;
	my $last = 'for last; do :; done';

	pretend('apt-cache', qq{$last\ncase " $had " in *" \$last "*) echo "\$last | 1";; esac});
	pretend('dpkg-query', qq{$last\ncase " $installed " in *" \$last "*) printf installed;; esac});
	my ($output, $errors) = run_command([ 'env', @command ]);
	return "$output\n$errors";
}

pretend('sudo', 'echo asks for sudo');
my @deps = ('bash', "$tree/scripts/deps");
my $all = join ' ', map { "postgresql-$_" } 15 .. 18;
like(wanted('postgresql-15', '', @deps, 'build'), qr{needs .* postgresql-15 postgresql-server-dev-15 .*asks for sudo}s,
	'a distribution that has one version: that one');
like(wanted('postgresql-17', '', @deps, 'check'), qr{ postgresql-17 postgresql-server-dev-17 .* postgresql-17-pgtap },
	'also for the tests');
like(wanted($all, '', @deps, 'build'), qr{ postgresql-18 postgresql-server-dev-18 }, 'of several the newest');
like(wanted($all, 'postgresql-server-dev-16', @deps, 'build'), qr{ postgresql-16 (?!postgresql)},
	'but the one that is installed to build with');
like(wanted($all, 'postgresql-server-dev-16', 'PG_MAJOR=15', @deps, 'build'), qr{ postgresql-15 postgresql-server-dev-15 },
	'and the one that is chosen');
unlike(wanted($all, '', 'PG_CONFIG=/mine', @deps, 'check'), qr{postgresql}, 'none if PG_CONFIG names a server');
like(wanted($all, '', 'PG_MAJOR=14', @deps, 'build'), qr{^\s*deps: appt supports PostgreSQL 18 17 16 15, not 14$},
	'a version that is not supported');

pretend('id', 'echo 0');
pretend('apt-get', 'exit 0');
like(wanted('postgresql-15', '', 'PG_MAJOR=17', @deps, 'build'), qr{no packages of PostgreSQL 17; appt supports 18 17 16 15},
	'a version that the distribution does not have');

done_testing();
