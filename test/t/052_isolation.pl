# Hanging endpoints delay no other messages.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Tenant;
use Test::More;

my $node = Appt::Cluster->create('main', conf => "appt.request_timeout = '10min'");
my $hook = Appt::Peers->webhook;
my $hole = Appt::Peers->silent;
my $mute = Appt::Peers->smtp('--silent-on-quit');

my ($quick, $hanging, $mails) = map { Appt::Tenant->create($node, max_attempts => 1) } 1 .. 3;
$_->only('CREATE', 'WEBHOOK') foreach $quick, $hanging;
$quick->subscribe($hook->url('/ok'));
$hanging->subscribe($_) foreach $hook->url('/hang'), $hole->url('/x');
$mails->only('CREATE', 'EMAIL');
$mails->email($mute->url);

$node->wait_for_workers;
$quick->is_prompt(
	sub {
		foreach my $round (1 .. 30)
		{
			$_->schedule foreach $hanging, $quick, $mails;
		}
	},
	'what goes to the quick endpoint is not late');
is($quick->query("SELECT string_agg(DISTINCT state, ' ') FROM appt.notification WHERE application_id = '@{[ $quick->application ]}'"),
	'SENT', 'and is SENT');
ok($mails->settled, 'a mail server silent on QUIT gets its mail');
is($mails->query("SELECT string_agg(DISTINCT state, ' ') FROM appt.notification WHERE application_id = '@{[ $mails->application ]}'"),
	'SENT', 'that is SENT, too');
cmp_ok($node->query("SELECT count(*) FROM appt.notification WHERE state = 'SENDING'"), '>', 0, 'while others still hang');
$node->stop('fast');
done_testing();
