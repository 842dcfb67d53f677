"""The API of a database by HTTP, and tokens for it.

A real PostgREST, with doc/postgrest.conf, if POSTGREST names one; otherwise test/peers/rest_server.py, which speaks to the database as
PostgREST does.
"""

import base64
import hashlib
import hmac
import json
import os
import time
import urllib.parse

from documents import example
from programs import HERE, Server, free_port

SECRET = "the key of the demo's tokens, which has 32 characters or more"


def secret_file(folder):
    path = folder + "/jwt-secret"
    with open(path, "w", encoding="utf-8") as file:
        file.write(SECRET)
    return path


def start_rest(demo, name, cluster, schemas="appt, appt_rest"):
    """The API of the database that the cluster speaks to; the process has its port."""
    if cluster.value("SELECT to_regrole('authenticator') IS NULL") == "t":
        cluster.psql(example("rest.md", "CREATE ROLE authenticator"))
    secret = secret_file(demo.folder)
    if not os.environ.get("POSTGREST"):
        return demo.peer(name, "../peers/rest_server.py", "--dsn", cluster.dsn("authenticator"), "--secret-file", secret)
    port = free_port()
    where = urllib.parse.urlencode({"host": cluster.folder, "port": cluster.port})
    return demo.beside(Server(
        name, demo.folder, port, [os.environ["POSTGREST"], os.path.join(HERE, "../../doc/postgrest.conf")],
        PGRST_DB_URI="postgresql://authenticator@/%s?%s" % (cluster.database, where), PGRST_DB_SCHEMAS=schemas,
        PGRST_JWT_SECRET="@" + secret, PGRST_SERVER_PORT=str(port)))


def encoded(octets):
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def token_of(**claims):
    """A token with these claims, valid for a day."""
    claims["exp"] = int(time.time()) + 86400
    signed = ".".join(encoded(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    return signed + "." + encoded(hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).digest())


def supervisor_token(application):
    """A token for the console."""
    return token_of(role="appt_supervisor", sub="boss", application_id=application)
