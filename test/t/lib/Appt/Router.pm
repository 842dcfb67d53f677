package Appt::Router;

# A router and shards: databases "router", "shard0", "shard1" and, on request, "direct", which is no shard.
#
#   my $main = Appt::Cluster->create('main', ...);
#   Appt::Router->install($main, shards => [ $main, $other ]);    # shard0 in $main, shard1 in $other; default: both in $main
#     direct => 1                                                 # "direct" in $main, with appt and the same logins
#     router => 'postgres'                                        # the router's database, which may be there
#
#
#   my $service = Appt::Router->service($main);                   # a session of my_app at the router
#   my ($organization, $here, $there) = Appt::Router->tenants($service);      # an organization, its application at each of two shards
#
# Logins everywhere: postgrest (member of appt_authenticator), my_app (of appt_service), nobody. Those of the router and what they need
# are as doc/shards.md says.

use strict;
use warnings;

use Appt::Document;
use Appt::Session;

sub install
{
	my ($class, $main, %options) = @_;
	my $router = $options{router} // 'router';
	my @shards = @{ $options{shards} // [ $main, $main ] };
	my %is_set_up;

	foreach my $node (0 .. $#shards)
	{
		my $server = $shards[$node];
		$server->install_appt("shard$node");
		_create_logins($server) if !$is_set_up{ $server->name }++;
		$server->query(documented('shards.md', 'SELECT appt.set_node(1)') =~ s/set_node\(\K1/$node/r, "shard$node");
	}
	$main->install_appt('direct') if $options{direct};
	$main->query("CREATE DATABASE $router") if $router ne 'postgres';
	$main->query('CREATE EXTENSION appt_router', $router);
	_create_logins($main) if !$is_set_up{ $main->name };
	foreach my $node (0 .. $#shards)
	{
		my ($host, $port) = ($shards[$node]->host, $shards[$node]->port);
		$main->query("INSERT INTO appt.shard (node, conninfo) VALUES ($node, 'host=$host port=$port dbname=shard$node')", $router);
	}
	return;
}

sub service
{
	my ($class, $main, $router) = @_;
	my $session = Appt::Session->open($main, database => $router // 'router', user => 'my_app');

	$session->run('SET client_min_messages = error');
	return $session;
}

sub tenants
{
	my ($class, $service) = @_;
	my $organization = $service->run("SELECT appt.create_organization('Acme', node => 0)");

	return ($organization, map { $service->run("SELECT appt.create_application('$organization', 'a$_', node => $_)") } 0, 1);
}

sub _create_logins
{
	my ($server) = @_;

	$server->query(documented('shards.md', 'CREATE ROLE router_tokens'));
	$server->query("CREATE ROLE $_ LOGIN") foreach qw(postgrest my_app nobody);
	$server->query('GRANT appt_authenticator TO postgrest; GRANT appt_service TO my_app');
	return;
}

1;
