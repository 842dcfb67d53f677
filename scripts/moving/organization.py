"""The row of a tenant's organization, which its other applications at the target may have, too."""

SWITCH = """
SELECT notifications_enabled, coalesce(extract(epoch FROM notifications_switched_at), 0) FROM appt.organization WHERE id = %s
"""


def organization_of(database, tenant):
    return database.value("SELECT organization_id FROM appt.application WHERE id = %s", tenant)


def bring_organization(source, target, tenant):
    """Where it has no application, nobody has told its row what has changed."""
    row = source.row("SELECT * FROM appt.organization WHERE id = %s", organization_of(source, tenant))
    columns = [column.name for column in source.cursor.description]
    target.run(
        "INSERT INTO appt.organization AS o (%s) VALUES (%s) ON CONFLICT (id) DO UPDATE SET (%s) = (%s)"
        " WHERE NOT EXISTS (SELECT FROM appt.application a WHERE a.organization_id = o.id)" % (
            ", ".join(columns), ", ".join(["%s"] * len(columns)), ", ".join(columns),
            ", ".join("excluded." + column for column in columns)), *row)


def bring_switch(source, target, tenant):
    """A switch that went off or on at the source after its row was brought."""
    organization = organization_of(target, tenant)
    (is_on, switched_at), (_, known_at) = source.row(SWITCH, organization), target.row(SWITCH, organization)
    if switched_at > known_at:
        target.run("SELECT appt.set_notifications_enabled(%s, %s)", organization, is_on)
