-- Numbers of rows tell the node that gave them, and no two nodes give the same.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT * FROM no_plan();

SELECT is(appt.node_of(id), node, id || ' is of node ' || node)
FROM (VALUES (0, 0), (1, 0), ((1::bigint << 43) - 1, 0), (1::bigint << 43, 1), (5 * (1::bigint << 43) + 7, 5), ((1::bigint << 53) - 1, 1023)) n (id, node);
SELECT throws_ok(format('SELECT appt.set_node(%s)', node), '22023', NULL, coalesce(node::text, 'none') || ' is no node')
FROM unnest(ARRAY[-1, 1024, NULL]) node;

-- Every table of a tenant, by the catalog: what counts rows must be known here.
CREATE TEMP TABLE identity AS SELECT t.relname::text AS name, a.attname::text AS attribute, a.atttypid::regtype::text AS type,
		pg_get_serial_sequence('appt.' || t.relname, a.attname)::regclass AS sequence
	FROM pg_class t JOIN pg_attribute a ON a.attrelid = t.oid WHERE t.relnamespace = 'appt'::regnamespace AND a.attidentity <> '';
SELECT is(string_agg(name, ' ' ORDER BY name), 'attempt change inbound_message notification one_time_code response rule secret '
	'suppression template user_event user_preference', 'these tables number their rows') FROM identity;
SELECT is(string_agg(DISTINCT attribute || ' ' || type, ', '), 'id bigint', 'by a bigint') FROM identity;
SELECT is_empty($$SELECT sequencename FROM pg_sequences WHERE schemaname = 'appt' EXCEPT
	SELECT relname FROM identity JOIN pg_class ON oid = sequence$$, 'nothing else counts');
SELECT is_empty($$SELECT sequence FROM identity EXCEPT SELECT unnest(extconfig)::regclass FROM pg_extension WHERE extname = 'appt'$$,
	'dumps have where each is');

SELECT is_empty('SELECT FROM pg_sequences WHERE schemaname = ''appt'' AND (start_value <> 1 OR last_value IS NOT NULL)', 'a database is node 0 at first');
SELECT appt.set_node(3), appt.set_node(1023);
CREATE FUNCTION pg_temp.next(sequence regclass) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	number bigint;
BEGIN
	EXECUTE format('SELECT CASE WHEN is_called THEN last_value + 1 ELSE last_value END FROM %s', sequence) INTO number;
	RETURN number;
END $$;
SELECT is(pg_temp.next(sequence), 1023 * (1::bigint << 43), name || ' starts at the node''s first number') FROM identity ORDER BY name;

SELECT appt.create_organization('org') AS org \gset
SELECT appt.create_application(:'org', 'app') AS app \gset
SELECT appt.set_provider(:'app', 'EMAIL', 'SMTP', 'smtp://mail.example', 'Acme <info@bank.example>', username => 'u', secret => 's') \gset
SELECT id AS first FROM appt.schedule_appointment(:'app', '2031-01-01', '1 hour',
	'{"name": {"firstName": "Bob"}, "contact": {"primaryEmail": "bob@customer.example"}}', organizer_id => 'ann') \gset
SELECT is(array_agg(DISTINCT appt.node_of(id)), '{1023}', 'rows of ' || name || ' are of the node')
FROM (SELECT 'rule', id FROM appt.rule UNION ALL SELECT 'notification', id FROM appt.notification
	UNION ALL SELECT 'secret', id FROM appt.secret) r (name, id) GROUP BY name ORDER BY name;
SELECT ok(max(id) < 1::bigint << 53, 'exact in JSON') FROM appt.notification;
SELECT throws_ok('SELECT appt.set_node(0)', 'PT409', 'the database has numbered rows already', 'a node with rows stays what it is');

SELECT * FROM finish();
ROLLBACK;
