"""The router's directory, which says where a tenant is, and the command that tells others of a change of it."""

import subprocess

# Where an organization has no application any more, it shall not get another one.
SET_HOME = """
UPDATE appt.home h SET node = t.node FROM appt.tenant t
WHERE t.application_id = %s AND h.organization_id = t.organization_id
	AND NOT EXISTS (SELECT FROM appt.tenant o WHERE o.organization_id = h.organization_id AND o.node = h.node)
"""


class NotAnnounced(Exception):
    pass


class Directory:
    def __init__(self, database, announce, tenant):
        """database and announce (a command) may be None: then there is no such thing to change, or to run."""
        self.database, self.announce, self.tenant = database, announce, tenant

    def set(self, state, node=None):
        """The tenant's state, and its node unless that is None."""
        if self.database is not None:
            self.database.run("BEGIN")
            self.database.run("UPDATE appt.tenant SET state = %s, node = coalesce(%s, node) WHERE application_id = %s",
                              state, node, self.tenant)
            self.database.run(SET_HOME, self.tenant)
            self.database.run("COMMIT")
        if self.announce is not None and subprocess.run(self.announce, shell=True, check=False).returncode != 0:
            raise NotAnnounced("the command of --announce failed")
