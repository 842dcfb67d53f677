/* ---- tenants that are not where the directory says ---- */

CREATE VIEW appt.misplaced_tenant AS
SELECT a.id AS application_id, t.node, t.state, a.node AS found_on
FROM appt.all_application a LEFT JOIN appt.tenant t ON t.application_id = a.id
WHERE t.node IS DISTINCT FROM a.node
UNION ALL
SELECT t.application_id, t.node, t.state, NULL
FROM appt.tenant t
WHERE NOT EXISTS (SELECT FROM appt.all_application a WHERE a.id = t.application_id AND a.node = t.node);
COMMENT ON VIEW appt.misplaced_tenant IS
'Applications that are not, or not only, where the directory says, on the shards that appt.link_shards knows. None but those that are being moved, unless a shard or the router was restored from a backup, or a call of create_application was undone on the router.';
COMMENT ON COLUMN appt.misplaced_tenant.application_id IS 'The application.';
COMMENT ON COLUMN appt.misplaced_tenant.node IS 'Its shard by the directory; NULL: the directory does not know it, see appt.register_tenants.';
COMMENT ON COLUMN appt.misplaced_tenant.state IS 'Its state in the directory: MOVING if it is being moved.';
COMMENT ON COLUMN appt.misplaced_tenant.found_on IS 'Another shard, which has it, too; NULL: its shard by the directory does not have it.';
GRANT SELECT ON appt.misplaced_tenant TO appt_service;
