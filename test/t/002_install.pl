# `make install` installs the extension's script of this version, and every update script.
use strict;
use warnings;

use File::Path qw(make_path);
use PostgreSQL::Test::Utils qw(append_to_file slurp_file system_or_bail);
use Test::More;

my $copy = "$ENV{APPT_RUN}/tmp/install";
my $root = "$ENV{APPT_RUN}/tmp/installed";
make_path("$copy/sql", "$copy/build");
my @parts = map { "$ENV{REPOSITORY}/$_" } qw(Makefile appt.control sql);
system_or_bail('cp', '-R', @parts, $copy);
my ($version) = slurp_file("$copy/appt.control") =~ /^default_version = '(.*)'/m;
ok($version, "appt.control names version $version");
append_to_file("$copy/sql/appt--0.9--$version.sql", "SELECT 1;\n");

my $plan = `make -C '$copy' -n install with_llvm=no DESTDIR='$root' 2>&1`;
like($plan, qr{install .*[ /]sql/appt--\Q$version\E\.sql}, 'the script of this version is installed');
like($plan, qr{install .*[ /]sql/appt--0\.9--\Q$version\E\.sql}, 'an update script is installed');

done_testing();
