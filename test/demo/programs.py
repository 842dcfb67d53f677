"""Programs beside the cluster."""

import json
import os
import socket
import subprocess
import urllib.parse
import urllib.request

from awaited import PATIENCE, expect, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))


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
