"""The REST front of several shards: HAProxy with doc/haproxy.cfg."""

import os
import re
import subprocess

from awaited import expect
from documents import read
from programs import HERE, Server, free_port
from rest import SECRET

ROOT = os.path.abspath(os.path.join(HERE, "../.."))
HAPROXY = "/usr/sbin/haproxy"


def replaced(text, pattern, replacement, times):
    text, count = re.subn(pattern, replacement, text, flags=re.M)
    expect("doc/haproxy.cfg has %s" % pattern, count == times)
    return text


class Front:
    """In front of the REST servers of nodes 0 and 1, and of the one of the router."""

    def __init__(self, demo, shards, router):
        self.folder = os.path.join(demo.folder, "front")
        self.maps = os.path.join(self.folder, "maps")
        self.socket = os.path.join(self.folder, "admin.sock")
        self.port = free_port()
        os.makedirs(self.maps)
        for name in ("tags.map", "organizations.map"):
            self.write("maps/" + name, "")
        self.write("haproxy.lua", read("haproxy.lua"))
        self.write("haproxy.cfg", self.configuration(shards, router))
        demo.beside(Server(
            "haproxy", demo.folder, self.port, [HAPROXY, "-db", "-f", os.path.join(self.folder, "haproxy.cfg")], APPT_JWT_SECRET=SECRET))

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
            file.write(text)

    def configuration(self, shards, router):
        """The document's, with the addresses of the demo."""
        text = replaced(read("haproxy.cfg"), r"^\t(?:user|group) haproxy\n", "", 2)
        text = replaced(text, r"/run/haproxy/admin\.sock", self.socket, 1)
        text = replaced(text, r"bind 127\.0\.0\.1:3000", "bind 127.0.0.1:%d" % self.port, 1)
        for address, server, times in (("10", shards[0], 2), ("11", shards[1], 2), ("9", router, 1)):
            text = replaced(text, r"\b10\.0\.0\.%s:3000" % address, "127.0.0.1:%d" % server.port, times)
        return text

    def maps_command(self, dsn, *options):
        """scripts/front-maps for this front, as words of a command."""
        return ["scripts/front-maps", "--dsn", dsn, "--socket", self.socket, *options, self.maps]

    def write_maps(self, dsn):
        done = subprocess.run(self.maps_command(dsn), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        expect("front-maps writes the maps:\n" + done.stdout, done.returncode == 0)

    def map(self, name):
        with open(os.path.join(self.maps, name), encoding="ascii") as file:
            return file.read()
