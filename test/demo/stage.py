"""What the demos share: their steps, and how these are told and carried out."""

import os
import sys
import time

from awaited import DidNotHappen
from cluster import Cluster
from programs import Peer
from screen import Screen


class Demo:
    """
    A story told in steps: what is done is shown, and what does not happen ends it. A demo has a title, its steps, a summary and,
    for those who look around in it later, addresses.
    """

    title = None

    def __init__(self, folder):
        self.screen = Screen()
        self.cluster = Cluster(folder)
        self.folder = folder
        self.processes = []

    def beside(self, process):
        """The process, which ends with the demo."""
        self.processes.append(process)
        return process

    def peer(self, name, program, *options):
        return self.beside(Peer(name, program, self.folder, *options))

    # ---------- telling and asking ----------

    def shown(self, sql, at):
        """Show SQL, and where it runs, if the demo has several databases."""
        self.screen.sql(sql, at.database + ">" if at else "sql>")
        return at or self.cluster

    def do(self, sql, name=None, columns=False, at=None):
        """Show SQL and run it. Its value becomes a psql variable for what follows, or its columns one each."""
        cluster = self.shown(sql, at)
        if columns:
            row = cluster.rows(sql.strip().rstrip(";"))[0]
            for column, value in row.items():
                cluster.variables[column] = value
            return row
        value = cluster.value(sql)
        if name:
            cluster.variables[name] = value
        return value

    def show(self, sql, at=None):
        """Show SQL, run it and show its result as a table."""
        self.screen.table(self.shown(sql, at).psql(sql))

    # ---------- the frame ----------

    def steps(self):
        raise NotImplementedError

    def summary(self, seconds):
        raise NotImplementedError

    def addresses(self):
        raise NotImplementedError

    def tell(self):
        started = time.monotonic()
        self.screen.line(self.screen.paint("1", self.title))
        for step in self.steps():
            step()
        self.screen.line()
        self.summary(time.monotonic() - started)

    def leave_up(self):
        self.screen.line()
        self.screen.line("The cluster and what is beside it stay up.")
        for name, address in (*self.addresses(), ("stop it all", "scripts/staged --stop " + os.environ["APPT_RUN"])):
            self.screen.line("    %-22s %s" % (name + ":", address))
        # Asks the run to leave its processes and folder alone.
        with open(os.path.join(os.environ["APPT_RUN"], "keep"), "w", encoding="utf-8"):
            pass

    def stop(self):
        self.cluster.stop()
        for process in self.processes:
            process.stop()

    @classmethod
    def play(cls):
        """The whole of a demo's program; KEEP=1 in the environment leaves everything up."""
        folder = os.environ.get("TMPDIR")
        if not os.environ.get("APPT_RUN") or not folder:
            sys.exit("%s wants to be started by scripts/staged" % sys.argv[0])
        demo = cls(folder)
        try:
            demo.tell()
            if os.environ.get("KEEP"):
                demo.leave_up()
            else:
                demo.stop()
        except DidNotHappen as failure:
            demo.screen.line()
            demo.screen.line("This did not happen: %s" % failure)
            demo.screen.line("The end of the server's log:\n" + demo.cluster.log_tail())
            demo.stop()
            sys.exit(1)
