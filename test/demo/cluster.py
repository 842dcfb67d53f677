"""A throw-away cluster."""

import copy
import json
import os
import subprocess
import textwrap

from awaited import expect


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
