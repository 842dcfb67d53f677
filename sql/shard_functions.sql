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

Nobody may execute it until it is granted to the router''s login, a member of appt_authenticator. It must come before any other role is taken. With the method GET or HEAD the transaction is read-only. 42501: another role than those of tokens, a login that is no member of appt_authenticator or also one of appt_service, a superuser, or a role has been taken already.';

CREATE FUNCTION appt.hold_application(application_id uuid DEFAULT NULL) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'hold_application';
COMMENT ON FUNCTION appt.hold_application(uuid) IS
'Has the workers leave an application alone: once this is committed they take none of its messages that are due, end none of its appointments, and count and plan none of its reports, until wake_application.

What is under way is finished: see count_sending. Callers may still read and write. A crash and a dump keep the hold. Only the extension''s owner may call it. PT404: no such application.';

CREATE FUNCTION appt.wake_application(application_id uuid DEFAULT NULL) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wake_application';
COMMENT ON FUNCTION appt.wake_application(uuid) IS
'Ends the hold of an application: the workers look for what is due. What has missed its time meanwhile is MISSED.

Only the extension''s owner may call it. PT404: no such application.';

CREATE FUNCTION appt.count_sending(application_id uuid DEFAULT NULL) RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'count_sending';
COMMENT ON FUNCTION appt.count_sending(uuid) IS
'The number of messages of a held application that are still under way. It only falls; at 0 nothing of the application is or will be sent until it is woken. For who moves it: ask again until it is 0.

It waits for the end of the workers'' present transactions, which are short. Only the extension''s owner may call it. 25001: an isolation level above READ COMMITTED. PT404: no such application. PT409: it is not held, or not by a committed transaction.';
