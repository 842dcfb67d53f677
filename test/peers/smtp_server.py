#!/usr/bin/python3
"""An SMTP receiver for tests and the demo, on aiosmtpd.

Listens on 127.0.0.1, on a port that it prints as its first line ("port 12345"), and appends every message to a file as
one JSON object per line:

    {"number", "session", "mail_from", "rcpt_to": [...], "tls", "login", "mechanism", "message", "mail_wall_us",
     "monotonic_us", "wall_us", "reply", "pipelined"}

`message` is the raw message after dot-unstuffing, as Latin-1; `session` the peer's port, one per connection;
`mail_wall_us` when its MAIL command came (null: it never did), the other two times when its final dot, or the refused
command, came; `reply` is what was answered; `pipelined` whether more commands came with MAIL. The line is written before the reply goes out. A command refused by --reply
is recorded with "message": null.

What --reply answers may also be

    raw:BYTES        exactly these, with \\r, \\n and the like for themselves; raw:BYTES* one byte each tenth of a second
    repeat:BYTES     these over and over, without an end
    drop             the connection is dropped without an answer
    hang             no answer, ever

With --by-name it is the client who chooses, by the name that it says EHLO with: as "STAGE.451" it gets this code at that
stage, as "STAGE.drop" or "STAGE.hang" these, as "STAGE.rN" the Nth --reply, from 0, for there may be several.
"""

import argparse
import asyncio
import base64
import hmac
import json
import os
import re
import ssl
import time
import urllib.request

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

STAGES = ("CONNECT", "EHLO", "HELO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "MESSAGE")
MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2", "OAUTHBEARER", "GSSAPI", "NTLM", "DIGEST-MD5", "EXTERNAL")
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Receiver:
    """aiosmtpd's handler: its hooks are called at each command and return the reply."""

    def __init__(self, options):
        self.options = options
        self.record = open(options.record, "a", encoding="utf-8")
        self.number = 0
        self.replies_left = options.times

    def note(self, session, envelope, message, reply):
        self.number += 1
        login = session.login_data if session.authenticated else None
        if isinstance(login, LoginPassword):
            login = login.login
        entry = {
            "number": self.number,
            "session": session.peer[1],
            "mail_from": envelope.mail_from,
            "rcpt_to": envelope.rcpt_tos,
            "tls": self.options.implicit_tls or session.ssl is not None,
            "login": login.decode() if isinstance(login, bytes) else login,
            "mechanism": getattr(session, "mechanism", None),
            "message": None if message is None else message.decode("latin-1"),
            "mail_wall_us": getattr(envelope, "mail_wall_us", None),
            "monotonic_us": time.monotonic_ns() // 1000,
            "wall_us": time.time_ns() // 1000,
            "reply": reply,
            "pipelined": getattr(envelope, "pipelined", False),
        }
        self.record.write(json.dumps(entry) + "\n")
        self.record.flush()

    def chosen(self, session, stage):
        """The reply that the client asked for by its name."""
        wanted, _, reply = (session.host_name or "").partition(".")
        if wanted.upper() != stage:
            return None
        if reply.startswith("r"):
            return self.options.reply[int(reply[1:])]
        return reply + " 4.3.0 as asked" if reply.isdigit() else reply

    def refusal(self, session, stage, address=""):
        """The reply asked for at this stage, or None."""
        options = self.options
        if options.by_name:
            return self.chosen(session, stage)
        if not options.reply or stage not in options.at or self.replies_left == 0:
            return None
        if options.only and options.only not in (address or ""):
            return None
        if options.while_ and not os.path.exists(options.while_):
            return None
        if self.replies_left is not None:
            self.replies_left -= 1
        return options.reply[0]

    # How to log in; PLAIN and LOGIN are aiosmtpd's own.

    async def auth_CRAM__MD5(self, server, arguments):
        challenge = b"<%d@receiver.test>" % time.monotonic_ns()
        answer = await server.challenge_auth(challenge)
        login, _, digest = answer.rpartition(b" ")
        expected = hmac.new(self.options.password.encode(), challenge, "md5").hexdigest().encode()
        known = login == self.options.username.encode() and digest == expected
        return AuthResult(success=known, handled=False, auth_data=LoginPassword(login, b""))

    async def login_by_token(self, server, arguments, pattern):
        message = base64.b64decode(arguments[1]) if len(arguments) > 1 else await server.challenge_auth("")
        found = re.fullmatch(pattern, message)
        known = found and found[1] == self.options.username.encode() and int(found[2]) >= self.options.bearer
        if not known:
            await server.challenge_auth(json.dumps({"status": "400", "schemes": "Bearer"}))
        return AuthResult(success=bool(known), handled=False, auth_data=LoginPassword(found[1] if found else b"", b""))

    async def auth_XOAUTH2(self, server, arguments):
        return await self.login_by_token(server, arguments, rb"user=(.*)\x01auth=Bearer token-(\d+)\x01\x01")

    async def auth_OAUTHBEARER(self, server, arguments):
        return await self.login_by_token(server, arguments, rb"n,a=(.*),\x01(?:.*\x01)*auth=Bearer token-(\d+)\x01\x01")

    async def auth_GSSAPI(self, server, arguments):
        return AuthResult(success=False, handled=False)

    auth_NTLM = auth_DIGEST__MD5 = auth_EXTERNAL = auth_GSSAPI

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        if self.options.pipelining == "always" or (self.options.pipelining and session.ssl is None):
            responses.insert(1, "250-PIPELINING")
        return responses

    async def handle_MAIL(self, server, session, envelope, address, mail_options):
        envelope.mail_wall_us = time.time_ns() // 1000
        # What the stream has read ahead.
        envelope.pipelined = b"RCPT" in server._reader._buffer
        refused = self.refusal(session, "MAIL", address)
        if refused:
            self.note(session, envelope, None, refused)
            return refused
        envelope.mail_from = address
        envelope.mail_options.extend(mail_options)
        return "250 2.1.0 sender ok"

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        refused = self.refusal(session, "RCPT", address)
        if refused:
            self.note(session, envelope, None, refused)
            return refused
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 recipient ok"

    async def handle_DATA(self, server, session, envelope):
        refused = self.refusal(session, "MESSAGE", ",".join(envelope.rcpt_tos))
        # As Postfix says it.
        reply = refused or "250 2.0.0 Ok: queued as %010X" % (self.number + 1)
        if self.options.echo:
            body = envelope.content.partition(b"\r\n\r\n")[2].decode("latin-1")
            reply += " " + " ".join(body.split())[:400]
        delayed = not self.options.only or self.options.only in ",".join(envelope.rcpt_tos)
        self.note(session, envelope, envelope.content, None if self.options.drop_after_data else reply)
        if delayed and self.options.ask:
            await asyncio.to_thread(DIRECT.open, self.options.ask)
        if delayed:
            await asyncio.sleep(self.options.delay)
        if self.options.drop_after_data:
            server.transport.abort()
        return reply


class Server(SMTP):
    """The stages that aiosmtpd has no hook for, and malformed replies."""

    greeted = False

    async def push(self, status):
        if not self.greeted:
            self.greeted = True
            refused = self.event_handler.refusal(self.session, "CONNECT")
            if refused:
                self.event_handler.note(self.session, self.envelope, None, refused)
                status = refused
        await self.say(status)

    async def say(self, status):
        kind, _, text = status.partition(":") if isinstance(status, str) else ("", "", "")
        reply = text.removesuffix("*").encode().decode("unicode_escape").encode("latin-1")
        if status == "drop":
            self.transport.abort()
        elif status == "hang":
            await asyncio.sleep(86400)
        elif kind == "raw" and text.endswith("*"):
            for byte in reply:
                self._writer.write(bytes([byte]))
                await asyncio.sleep(0.1)
        elif kind == "raw":
            self._writer.write(reply)
            await self._writer.drain()
        elif kind == "repeat":
            while True:
                self._writer.write(reply)
                await self._writer.drain()
        else:
            await super().push(status)

    async def refuse(self, stage):
        refused = self.event_handler.refusal(self.session, stage)
        if refused:
            self.event_handler.note(self.session, self.envelope, None, refused)
            await self.push(refused)
        return refused

    async def smtp_EHLO(self, hostname):
        self.session.host_name = hostname
        if not await self.refuse("EHLO"):
            await super().smtp_EHLO(hostname)

    async def smtp_HELO(self, hostname):
        self.session.host_name = hostname
        if not await self.refuse("HELO"):
            await super().smtp_HELO(hostname)

    async def smtp_STARTTLS(self, arg):
        if not await self.refuse("STARTTLS"):
            await super().smtp_STARTTLS(arg)

    async def smtp_AUTH(self, arg):
        self.session.mechanism = (arg or "").split(" ")[0]
        if not await self.refuse("AUTH"):
            await super().smtp_AUTH(arg)

    async def smtp_DATA(self, arg):
        if not await self.refuse("DATA"):
            await super().smtp_DATA(arg)

    async def smtp_QUIT(self, arg):
        if self.event_handler.options.silent_on_quit:
            await asyncio.sleep(86400)
        await super().smtp_QUIT(arg)


async def serve(options):
    receiver = Receiver(options)
    context = None
    if options.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.certificate, options.key)

    def authenticate(server, session, envelope, mechanism, login):
        known = isinstance(login, LoginPassword) and (login.login, login.password) == (
            options.username.encode(),
            options.password.encode(),
        )
        return AuthResult(success=known, handled=False, auth_data=login if known else None)

    def session():
        arguments = dict(hostname="receiver.test", ident="appt test receiver", enable_SMTPUTF8=True)
        if options.username:
            arguments.update(
                authenticator=authenticate,
                auth_required=True,
                auth_require_tls=bool(options.certificate) and not options.implicit_tls and not options.auth_in_clear,
                auth_exclude_mechanism=set(MECHANISMS) - set(options.auth),
            )
        if context and not options.implicit_tls:
            arguments.update(tls_context=context, require_starttls=options.require_starttls)
        return Server(receiver, loop=loop, **arguments)

    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        session, "127.0.0.1", 0, ssl=context if options.implicit_tls else None, backlog=1024
    )
    print("port", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def words(known):
    def parse(text):
        if not set(text.split(",")) <= set(known):
            raise argparse.ArgumentTypeError("none of " + ", ".join(known))
        return text.split(",")

    return parse


def main():
    parser = argparse.ArgumentParser(description="SMTP receiver; see the head of this file")
    parser.add_argument("--record", required=True, help="file that messages are appended to")
    parser.add_argument("--certificate", help="PEM file: offer STARTTLS with this certificate")
    parser.add_argument("--key", help="PEM file: the certificate's key")
    parser.add_argument("--implicit-tls", action="store_true", help="TLS from the first byte (smtps) instead")
    parser.add_argument("--require-starttls", action="store_true", help="refuse mail before STARTTLS")
    parser.add_argument("--username", help="require AUTH with this user name")
    parser.add_argument("--password", default="", help="and this password")
    parser.add_argument("--bearer", type=int, default=1, help="or, as a token, token-N with at least this N")
    parser.add_argument("--auth", type=words(MECHANISMS), default=["PLAIN", "LOGIN"], help="mechanisms offered, by commas")
    parser.add_argument("--auth-in-clear", action="store_true", help="offer them before STARTTLS too")
    parser.add_argument("--reply", action="append", help='answer this instead at one stage: "451 4.3.0 try later"')
    parser.add_argument("--by-name", action="store_true", help="let the client choose by the name it greets with")
    parser.add_argument(
        "--at", type=words(STAGES), default=["MESSAGE"], help="which stages, by commas; MESSAGE: after the final dot"
    )
    parser.add_argument("--times", type=int, help="only that many times")
    parser.add_argument("--while", dest="while_", help="only while there is this file")
    parser.add_argument("--only", help="refuse or delay only addresses that contain this")
    parser.add_argument("--pipelining", choices=("always", "before-tls"), help="offer it; before-tls: not after STARTTLS")
    parser.add_argument("--echo", action="store_true", help="repeat the message's text in the reply to it")
    parser.add_argument("--delay", type=float, default=0, help="seconds before the reply to a message")
    parser.add_argument("--ask", help="before it, too, wait for the answer of this URL")
    parser.add_argument("--silent-on-quit", action="store_true", help="never answer QUIT")
    parser.add_argument("--drop-after-data", action="store_true", help="drop the connection instead of the final reply")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
