/* shard_functions.sql: what a database needs to be one of several. */

CREATE FUNCTION appt.set_node(node integer DEFAULT NULL) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'set_node';
COMMENT ON FUNCTION appt.set_node(integer) IS
'Makes this database a node of several: the ids that it counts, of notifications and other rows, start at node x 2^43, so that no two nodes have the same.

Only the extension''s owner may call it, before the first organization is created. 0, which every database is at first, to 1023. A dump that is restored goes on as the same node. ROLLBACK does not undo it. 22023: no such node. PT409: a row has been numbered already.';

CREATE FUNCTION appt.node_of(id bigint) RETURNS integer
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'node_of';
COMMENT ON FUNCTION appt.node_of(bigint) IS
'The node that numbered a row: a notification, attempt, rule, template, response or another row with a bigint as its id. The row may have been moved to another node since.';

CREATE FUNCTION appt.act_as(role text DEFAULT NULL, claims text DEFAULT NULL, headers text DEFAULT NULL, method text DEFAULT NULL) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'act_as';
COMMENT ON FUNCTION appt.act_as(text, text, text, text) IS
'For a router''s connections: takes the role of a request until the end of the transaction, with the claims of its token and its HTTP headers, both as JSON, and its method.

Nobody may execute it until it is granted to the router''s logins, of which there are two: a member of appt_authenticator acts as the roles of tokens, a member of appt_service as appt_service, without claims. It must come before any other role is taken. With the method GET or HEAD the transaction is read-only. 22023: a service with claims. 42501: another login or another role, a superuser, a member of both, or a role has been taken already.';
