"""What the demos stand on: a throw-away cluster, the programs beside it, and how all of it is shown.

Everything is awaited: wait_for() polls a condition and, when it does not come true in time, fails with what it waited for.
"""

import copy
import datetime
import json
import os
import re
import socket
import subprocess
import sys
import textwrap
import time
import urllib.parse
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))

# How long anything may take before the demo says that it did not happen, seconds.
PATIENCE = 60


class DidNotHappen(Exception):
    """A promise of the demo failed."""


def wait_for(what, condition, seconds=PATIENCE):
    """The first true value of condition(), looked for every 10 ms."""
    until = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > until:
            raise DidNotHappen("waited %d s in vain for this: %s" % (seconds, what))
        time.sleep(0.01)


def expect(what, condition):
    if not condition:
        raise DidNotHappen(what)


def free_port():
    """A free port of the loopback, for a program that needs to be given one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(what, port):
    def answers():
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            return False

    wait_for(what, answers)


class Screen:
    """Output for a person; colours only on a terminal."""

    def __init__(self):
        self.is_terminal = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self.step = 0

    def paint(self, code, text):
        return "\033[%sm%s\033[0m" % (code, text) if self.is_terminal else text

    def line(self, text=""):
        print(text, flush=True)

    def heading(self, text):
        self.step += 1
        self.line()
        self.line(self.paint("1", "%d. %s" % (self.step, text)))

    def say(self, text):
        self.line(textwrap.fill(" ".join(text.split()), 110, initial_indent="   ", subsequent_indent="   "))

    def sql(self, text, prompt="sql>"):
        for line in textwrap.dedent(text).strip("\n").splitlines():
            self.line("   " + self.paint("36", prompt) + " " + line)
            prompt = ">".rjust(len(prompt))

    def command(self, text):
        self.line("   " + self.paint("36", "$") + " " + text)

    def table(self, text):
        for line in text.rstrip("\n").splitlines():
            self.line("        " + line.rstrip())

    def arrived(self, mark, text, lateness_ms=None):
        late = "" if lateness_ms is None else "%7.1f ms after it was due" % lateness_ms
        colour = "32" if mark == "<-" else "31"
        self.line("   %s %-74s %s" % (self.paint(colour, mark), text, self.paint("1", late)))

    def quoted(self, text):
        for line in text.splitlines():
            for piece in textwrap.wrap(line, 100, break_long_words=False) or [""]:
                self.line(("        | " + piece).rstrip())


class Cluster:
    """A PostgreSQL cluster with appt preloaded, and psql to speak to it."""

    def __init__(self, folder, settings=()):
        self.folder = folder
        self.settings = settings
        self.database = "postgres"
        self.data = os.path.join(folder, "data")
        self.log = os.path.join(folder, "server.log")
        # Only the name of a socket in that folder: the cluster listens nowhere else.
        self.port = "54329"
        self.variables = {}

    def start(self):
        self.run("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N")
        with open(os.path.join(self.data, "postgresql.conf"), "a", encoding="utf-8") as conf:
            conf.write(
                "shared_preload_libraries = 'appt'\n"
                # The receivers of the demo; without this appt refuses to connect to the loopback.
                "appt.allowed_addresses = '127.0.0.0/8'\n"
                "listen_addresses = ''\n"
                "unix_socket_directories = '%s'\n"
                "port = %s\n"
                "timezone = 'UTC'\n" % (self.folder, self.port)
            )
            conf.writelines(line + "\n" for line in self.settings)
        self.run("pg_ctl", "-D", self.data, "-l", self.log, "-w", "start")

    def stop(self):
        if os.path.exists(os.path.join(self.data, "postmaster.pid")):
            self.run("pg_ctl", "-D", self.data, "-m", "fast", "-w", "stop")

    def at(self, database):
        """The same cluster and variables, in another database."""
        other = copy.copy(self)
        other.database = database
        return other

    def dsn(self, user="postgres"):
        return "host=%s port=%s user=%s dbname=%s" % (self.folder, self.port, user, self.database)

    def run(self, *command):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        expect("%s failed:\n%s" % (command[0], done.stdout), done.returncode == 0)

    def psql(self, sql, *options):
        command = ["psql", "-X", "-q", "-h", self.folder, "-p", self.port, "-U", "postgres", "-d", self.database]
        command += ["-v", "ON_ERROR_STOP=1", "-P", "footer=off", *options]
        for name, value in self.variables.items():
            command += ["-v", "%s=%s" % (name, value)]
        done = subprocess.run(command, input=textwrap.dedent(sql), capture_output=True, text=True, check=False)
        expect("this SQL failed:\n%s\n%s" % (sql, done.stderr), done.returncode == 0)
        return done.stdout

    def value(self, sql):
        return self.psql(sql, "-A", "-t").strip()

    def rows(self, sql):
        """The rows of a SELECT, as dictionaries."""
        return json.loads(self.value("SELECT coalesce(json_agg(r), '[]') FROM (%s) r" % sql))

    def is_true(self, sql):
        return self.value(sql) == "t"

    def log_text(self):
        if not os.path.exists(self.log):
            return ""
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def log_tail(self):
        return "\n".join(self.log_text().splitlines()[-15:])


class Process:
    """A program beside the cluster; what it prints is in a file of the folder."""

    def __init__(self, name, folder, command, **options):
        self.log = os.path.join(folder, name + ".log")
        # One that stays up must not inherit our output: a reader of the demo through a pipe waits for its end.
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                command, **{"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log, "text": True, "start_new_session": True, **options})

    def log_text(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Server(Process):
    """A program that is told which port to listen on."""

    def __init__(self, name, folder, port, command, **environment):
        super().__init__(name, folder, command, env={**os.environ, **environment})
        self.port = port
        wait_for_port(name, port)


class Peer(Process):
    """A server in Python that prints its port, and the file that it records in what it gets."""

    def __init__(self, name, program, folder, *options):
        """program: its path from this folder."""
        program = os.path.join(HERE, program)
        self.record = os.path.join(folder, name + ".jsonl")
        self.read_up_to = 0
        super().__init__(name, folder, ["/usr/bin/python3", program, "--record", self.record, *options], stdout=subprocess.PIPE)
        first = self.process.stdout.readline()
        expect("%s starts:\n%s" % (program, self.log_text()), first.startswith("port "))
        self.port = int(first.split()[1])
        self.entries = []

    def received(self):
        """Everything so far."""
        with open(self.record, encoding="utf-8") as file:
            file.seek(self.read_up_to)
            for line in iter(file.readline, ""):
                if not line.endswith("\n"):
                    break
                self.read_up_to += len(line.encode())
                self.entries.append(json.loads(line))
        return self.entries

    def put(self, path, **settings):
        """Tell the webhook receiver something about one of its endpoints."""
        url = "http://127.0.0.1:%d%s?%s" % (self.port, path, urllib.parse.urlencode(settings))
        with urllib.request.urlopen(urllib.request.Request(url, method="PUT"), timeout=PATIENCE) as response:
            expect("the receiver is told of %s" % path, response.status == 200)


def documented(page, beginning):
    """The SQL in a page of doc/ that begins so."""
    with open(os.path.join(HERE, "../../doc", page + ".md"), encoding="utf-8") as document:
        return re.search(r"^ {4}%s.*\n(?: {4}.*\n)*" % re.escape(beginning), document.read(), re.MULTILINE).group()


def microseconds(timestamp):
    """Microseconds since the epoch of an ISO 8601 timestamp with offset."""
    # Fractions come with 0 to 6 digits.
    whole = re.sub(r"\.(\d+)", lambda match: "." + match.group(1).ljust(6, "0"), timestamp)
    instant = datetime.datetime.fromisoformat(re.sub(r"([+-]\d\d)$", r"\1:00", whole))
    return round(instant.timestamp() * 1e6)


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
