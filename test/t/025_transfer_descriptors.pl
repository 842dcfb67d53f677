# Few descriptors: transfers wait for one another instead of failing, and the log says so.

use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'replaces a function of libc' if $ENV{APPT_SANITIZE};

my $folder = PostgreSQL::Test::Utils::tempdir();
open my $source, '>', "$folder/few.c" or die $!;
print $source <<'C';
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* No descriptor from FEW_DESCRIPTORS on for TCP. */
int
socket(int domain, int type, int protocol)
{
	int (*real) (int, int, int) = dlsym(RTLD_NEXT, "socket");
	const char *limit = getenv("FEW_DESCRIPTORS");
	int			fd = real(domain, type, protocol);

	if (limit != NULL && domain == AF_INET && fd >= atoi(limit))
	{
		close(fd);
		errno = EMFILE;
		return -1;
	}
	return fd;
}
C
close $source;
system_or_bail('cc', '-shared', '-fPIC', '-o', "$folder/few.so", "$folder/few.c", '-ldl');

my $hook = Appt::Peers->webhook;
my $mail = Appt::Peers->smtp;

# 100 webhooks that take a while and 20 mails, all at once.
sub deliveries
{
	my ($node) = @_;
	my $webhook = sprintf '{"url": "%s", "payload": "{}"}', $hook->url('/delay/0.02');
	my $message =
		sprintf '{"channel": "EMAIL", "url": "%s", "sender": "a@b.example", "recipient": "c@d.example", "subject": "s", "text": "t"}',
		$mail->url;
	return $node->query(
		"\\o /dev/null\nSELECT appt_test.set('appt.allowed_addresses',
			'127.0.0.0/8');\n\\o\nSELECT string_agg(DISTINCT kind || coalesce(error, ''), ','), count(*)
		FROM appt_test.exchange(array_fill('$webhook'::jsonb, ARRAY[100]) || array_fill('$message'::jsonb, ARRAY[20]))");
}

my $small = Appt::Cluster->create('small', preload => 0, conf => 'max_files_per_process = 64');
$small->query('CREATE EXTENSION appt_test');
is(deliveries($small), 'DELIVERED|120', 'a small max_files_per_process');
is(scalar($small->log_since(0, qr/LOG:  appt has file descriptors for \d+ connections, fewer than appt.max_concurrency/)),
	1, 'is told of, once');
$small->stop;

my $scarce = Appt::Cluster->create('scarce', preload => 0, start => 0);
{
	local $ENV{LD_PRELOAD} = "$folder/few.so";
	local $ENV{FEW_DESCRIPTORS} = 40;
	$scarce->start;
}
$scarce->query('CREATE EXTENSION appt; CREATE EXTENSION appt_test');
is(deliveries($scarce), 'DELIVERED|120', 'descriptors that run out');
like($scarce->log_since(0), qr/LOG:  appt has file descriptors for \d\d? connections, fewer than/, 'are told of');
$scarce->stop;
done_testing();
