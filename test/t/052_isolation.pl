# Nobody who hangs delays anybody else.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Tenant;
use Test::More;

my $node = Appt::Cluster->create('main');
my $hook = Appt::Peers->webhook;
my $hole = Appt::Peers->silent;
my $mute = Appt::Peers->smtp('--silent-on-quit');

sub lateness_ms
{
	my ($tenant, $subscription) = @_;

	return $tenant->query("SELECT ceil(max(extract(epoch FROM lateness)) * 1000) FROM appt.notification_log l
		JOIN appt.notification n ON n.id = l.notification_id WHERE n.subscription_id = '$subscription'");
}

my $tenant = Appt::Tenant->create($node, max_attempts => 1);
$tenant->only('CREATE', 'WEBHOOK');
my $fast = $tenant->subscribe($hook->url('/ok'));
$tenant->subscribe($hook->url('/hang'));
$tenant->subscribe($hole->url('/x'));
my $mails = Appt::Tenant->create($node);
$mails->only('CREATE', 'EMAIL');
$mails->email($mute->url);

$node->wait_for_workers;
foreach my $round (1 .. 30)
{
	$tenant->schedule;
	$mails->schedule;
}
$hook->wait_for(30, sub { $_->{path} eq '/ok' });
$mute->wait_for(30);
ok($mails->settled, 'a mail server silent on QUIT gets its mail');
ok($node->wait_for_query("SELECT count(*) FILTER (WHERE state = 'SENT') FROM appt.notification WHERE subscription_id = '$fast'", 30),
	'what goes to the quick endpoint is SENT');
cmp_ok($node->query("SELECT count(*) FROM appt.notification WHERE state = 'SENDING'"), '>', 0, 'while others still hang');
SKIP:
{
	skip 'times under a sanitizer', 1 if $ENV{APPT_SANITIZE};
	cmp_ok(lateness_ms($tenant, $fast), '<', 1000, 'none of it was late');
}
$node->stop('fast');
done_testing();
