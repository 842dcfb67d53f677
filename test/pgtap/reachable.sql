-- Which addresses may be contacted: every special range, and what appt.allowed_addresses makes of them.
BEGIN;
SELECT plan(127);

-- address, what it is, may it be contacted without a list?
CREATE TEMPORARY TABLE known (address text, name text, reachable boolean);
INSERT INTO known VALUES
	('0.0.0.0', 'this host', false), ('0.255.255.255', 'this network', false), ('1.0.0.0', 'public', true),
	('9.255.255.255', 'public', true), ('10.0.0.0', 'private', false), ('10.255.255.255', 'private', false), ('11.0.0.0', 'public', true),
	('100.63.255.255', 'public', true), ('100.64.0.0', 'CGNAT', false), ('100.127.255.255', 'CGNAT', false),
		('100.128.0.0', 'public', true),
	('126.255.255.255', 'public', true), ('127.0.0.1', 'loopback', false), ('127.255.255.255', 'loopback', false),
		('128.0.0.0', 'public', true),
	('169.253.255.255', 'public', true), ('169.254.0.1', 'link-local', false), ('169.254.169.254', 'cloud metadata', false),
		('169.255.0.0', 'public', true),
	('172.15.255.255', 'public', true), ('172.16.0.0', 'private', false), ('172.31.255.255', 'private', false),
		('172.32.0.0', 'public', true),
	('191.255.255.255', 'public', true), ('192.0.0.1', 'protocol assignments', false), ('192.0.1.0', 'public', true),
	('192.0.2.1', 'documentation', false), ('192.0.3.0', 'public', true), ('192.88.99.1', '6to4 relay', false),
		('192.88.100.0', 'public', true),
	('192.167.255.255', 'public', true), ('192.168.0.1', 'private', false), ('192.169.0.0', 'public', true),
	('198.17.255.255', 'public', true), ('198.18.0.0', 'benchmarks', false), ('198.19.255.255', 'benchmarks', false),
		('198.20.0.0', 'public', true),
	('198.51.100.7', 'documentation', false), ('198.51.101.0', 'public', true), ('203.0.113.9', 'documentation', false),
		('203.0.114.0', 'public', true),
	('223.255.255.255', 'public', true), ('224.0.0.1', 'multicast', false), ('239.255.255.255', 'multicast', false),
	('240.0.0.1', 'reserved', false), ('255.255.255.255', 'broadcast', false),
	('::', 'unspecified', false), ('::1', 'loopback', false), ('::2', 'reserved', false), ('::8.8.8.8', 'IPv4-compatible', false),
	('::127.0.0.1', 'IPv4-compatible', false), ('::ffff:8.8.8.8', 'IPv4-mapped', false), ('::ffff:127.0.0.1', 'IPv4-mapped', false),
	('64:ff9b::808:808', 'NAT64', false), ('64:ff9b::7f00:1', 'NAT64', false), ('64:ff9b:1::1', 'local NAT64', false),
		('100::1', 'discard', false),
	('1fff:ffff::1', 'reserved', false), ('2001::1', 'Teredo', false), ('2001:0:7f00:1::', 'Teredo', false),
		('2001:2::1', 'benchmarks', false),
	('2001:20::1', 'ORCHID', false), ('2001:1ff:ffff::1', 'protocol assignments', false), ('2001:200::1', 'public', true),
	('2001:db7::1', 'public', true), ('2001:db8::1', 'documentation', false), ('2001:db9::1', 'public', true),
	('2002:7f00:1::', '6to4', false), ('2002:808:808::1', '6to4', false), ('2003::1', 'public', true), ('2606:4700::1111', 'public', true),
	('2a00:1450::1', 'public', true), ('3ffe::1', 'public', true), ('3fff::1', 'documentation', false),
		('3fff:fff::1', 'documentation', false),
	('3fff:1000::1', 'public', true), ('4000::1', 'reserved', false), ('5f00::1', 'segment routing', false),
		('fbff::1', 'reserved', false),
	('fc00::1', 'unique local', false), ('fd12:3456::1', 'unique local', false), ('fe00::1', 'reserved', false),
		('fe80::1', 'link-local', false),
	('febf::1', 'link-local', false), ('fec0::1', 'site-local', false), ('ff02::1', 'multicast', false), ('ff0e::1', 'multicast', false),
	('/tmp/socket', 'no internet address', false);
SELECT is(appt_test.address_is_reachable(address, 443, ''), reachable, address || ', ' || name) FROM known;

-- list, address, port, contacted?
CREATE TEMPORARY TABLE listed (list text, address text, port integer, reachable boolean);
INSERT INTO listed VALUES
	('127.0.0.0/8', '127.1.2.3', 1, true), ('127.0.0.1', '127.0.0.1', 1, true), ('127.0.0.1', '127.0.0.2', 1, false),
	('10.0.0.0/8, 127.0.0.0/8:8080', '127.0.0.1', 8080, true), ('10.0.0.0/8,127.0.0.0/8:8080', '127.0.0.1', 8081, false),
	('127.0.0.1:25', '127.0.0.1', 25, true), ('127.0.0.1:25', '127.0.0.1', 26, false), ('127.0.0.1:25', '8.8.8.8', 26, true),
	('172.16.0.0/12', '172.31.0.1', 1, true), ('172.16.0.0/13', '172.24.0.1', 1, false), ('0.0.0.0/0', '10.0.0.1', 1, true),
	('0.0.0.0/0', '::1', 1, false), ('0.0.0.0/0', '::ffff:10.0.0.1', 1, false), ('::/0', '10.0.0.1', 1, false),
		('::/0', '::ffff:10.0.0.1', 1, true),
	('::1', '::1', 1, true), ('[::1]:25', '::1', 25, true), ('[::1]:25', '::1', 26, false), ('[fd00::/8]:25', 'fd01::1', 25, true),
	('[fd00::]/8:25', 'fd01::1', 25, true), ('fd00::/8:25', 'fd01::1', 26, false), ('  10.0.0.0/8 ', '10.1.1.1', 1, true),
	('10.0.0.0/33, 127.0.0.0/8', '10.0.0.1', 1, false);
SELECT is(appt_test.address_is_reachable(address, port, list), reachable, list || ' and ' || address || ' port ' || port) FROM listed;

SELECT is(count(*), 8::bigint, 'lists that parse')
	FROM unnest(ARRAY['', ' ', '127.0.0.1', '127.0.0.0/8:80', '::/0', '[::1]', '[::1/128]:80', '1.2.3.4/0,::1'])
	AS list WHERE appt_test.reachable_list_error(list) IS NULL;
SELECT ok(appt_test.reachable_list_error(list) LIKE '"%" is not an address block such as %', 'refused: ' || list)
	FROM unnest(ARRAY[',', '10.0.0.1,', 'a', '10.0.0.0/33', '::/129', '10.0.0.1:0', '10.0.0.1:65536', '[10.0.0.1]:80', '[::1',
		'[::1/8]/8', '10.0.0.1:80:81',
		'10.0.0.0/08', '10.0.0.1 10.0.0.2', 'localhost', repeat('1', 200)]) AS list;
SELECT * FROM finish();
ROLLBACK;
