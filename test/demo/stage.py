"""What the demo stands on: a throw-away cluster, the receivers beside it, and how all of it is shown.

Everything is awaited: wait_for() polls a condition and, when it does not come true in time, fails with what it waited for.
"""

import datetime
import json
import os
import re
import subprocess
import sys
import textwrap
import time
import urllib.parse
import urllib.request

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

    def sql(self, text):
        prompt = "sql>"
        for line in textwrap.dedent(text).strip("\n").splitlines():
            self.line("   " + self.paint("36", prompt) + " " + line)
            prompt = "   >"

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


class Peer:
    """A receiver in a process of its own, and the file that it records what it gets in."""

    def __init__(self, name, program, folder, *options):
        """program: its path from this folder."""
        program = os.path.join(os.path.dirname(os.path.abspath(__file__)), program)
        self.record = os.path.join(folder, name + ".jsonl")
        self.read_up_to = 0
        log = os.path.join(folder, name + ".log")
        # A receiver that stays up must not inherit our output: a reader of the demo through a pipe waits for its end.
        with open(log, "w", encoding="utf-8") as errors:
            self.process = subprocess.Popen(
                ["/usr/bin/python3", program, "--record", self.record, *options],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True,
            )
        first = self.process.stdout.readline()
        if not first.startswith("port "):
            with open(log, encoding="utf-8") as errors:
                raise DidNotHappen("%s did not start:\n%s" % (program, errors.read()))
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

    def stop(self):
        self.process.terminate()
        self.process.wait()


def microseconds(timestamp):
    """Microseconds since the epoch of an ISO 8601 timestamp with offset."""
    # Fractions come with 0 to 6 digits.
    whole = re.sub(r"\.(\d+)", lambda match: "." + match.group(1).ljust(6, "0"), timestamp)
    instant = datetime.datetime.fromisoformat(re.sub(r"([+-]\d\d)$", r"\1:00", whole))
    return round(instant.timestamp() * 1e6)


def keep_running():
    """Asks the run to leave its processes and folder alone."""
    with open(os.path.join(os.environ["APPT_RUN"], "keep"), "w", encoding="utf-8"):
        pass
