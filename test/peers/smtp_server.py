#!/usr/bin/python3
"""An SMTP receiver for tests and the demo, on aiosmtpd.

Listens on 127.0.0.1, on a port that it prints as its first line ("port 12345"), and appends every message to a file as
one JSON object per line:

    {"number", "session", "mail_from", "rcpt_to": [...], "tls", "login", "message", "mail_wall_us", "monotonic_us",
     "wall_us", "reply"}

`message` is the raw message after dot-unstuffing, as Latin-1; `session` the peer's port, one per connection;
`mail_wall_us` when its MAIL command came (null: it never did), the other two times when its final dot, or the refused
command, came; `reply` is what was answered. The line is written before the reply goes out. A command refused by --reply
is recorded with "message": null.
"""

import argparse
import asyncio
import json
import ssl
import time

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

STAGES = ("EHLO", "AUTH", "MAIL", "RCPT", "DATA", "MESSAGE")


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
            "message": None if message is None else message.decode("latin-1"),
            "mail_wall_us": getattr(envelope, "mail_wall_us", None),
            "monotonic_us": time.monotonic_ns() // 1000,
            "wall_us": time.time_ns() // 1000,
            "reply": reply,
        }
        self.record.write(json.dumps(entry) + "\n")
        self.record.flush()

    def refusal(self, stage, address=""):
        """The reply asked for at this stage, or None."""
        options = self.options
        if not options.reply or options.at != stage or self.replies_left == 0:
            return None
        if options.only and options.only not in (address or ""):
            return None
        if self.replies_left is not None:
            self.replies_left -= 1
        return options.reply

    async def handle_MAIL(self, server, session, envelope, address, mail_options):
        envelope.mail_wall_us = time.time_ns() // 1000
        refused = self.refusal("MAIL", address)
        if refused:
            self.note(session, envelope, None, refused)
            return refused
        envelope.mail_from = address
        envelope.mail_options.extend(mail_options)
        return "250 2.1.0 sender ok"

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        refused = self.refusal("RCPT", address)
        if refused:
            self.note(session, envelope, None, refused)
            return refused
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 recipient ok"

    async def handle_DATA(self, server, session, envelope):
        refused = self.refusal("MESSAGE", ",".join(envelope.rcpt_tos))
        reply = refused or "250 2.0.0 accepted"
        if self.options.echo:
            body = envelope.content.partition(b"\r\n\r\n")[2].decode("latin-1")
            reply += " " + " ".join(body.split())[:400]
        delayed = self.options.delay and (not self.options.only or self.options.only in ",".join(envelope.rcpt_tos))
        self.note(session, envelope, envelope.content, None if self.options.drop_after_data else reply)
        if delayed:
            await asyncio.sleep(self.options.delay)
        if self.options.drop_after_data:
            server.transport.abort()
        return reply


class Server(SMTP):
    """The stages that aiosmtpd has no hook for."""

    async def refuse(self, stage):
        refused = self.event_handler.refusal(stage)
        if refused:
            self.event_handler.note(self.session, self.envelope, None, refused)
            await self.push(refused)
        return refused

    async def smtp_EHLO(self, hostname):
        if not await self.refuse("EHLO"):
            await super().smtp_EHLO(hostname)

    async def smtp_AUTH(self, arg):
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
                auth_require_tls=bool(options.certificate) and not options.implicit_tls,
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


def main():
    parser = argparse.ArgumentParser(description="SMTP receiver; see the head of this file")
    parser.add_argument("--record", required=True, help="file that messages are appended to")
    parser.add_argument("--certificate", help="PEM file: offer STARTTLS with this certificate")
    parser.add_argument("--key", help="PEM file: the certificate's key")
    parser.add_argument("--implicit-tls", action="store_true", help="TLS from the first byte (smtps) instead")
    parser.add_argument("--require-starttls", action="store_true", help="refuse mail before STARTTLS")
    parser.add_argument("--username", help="require AUTH with this user name")
    parser.add_argument("--password", default="", help="and this password")
    parser.add_argument("--reply", help='answer this instead at one stage: "451 4.3.0 try later"')
    parser.add_argument("--at", choices=STAGES, default="MESSAGE", help="which stage; MESSAGE: after the final dot")
    parser.add_argument("--times", type=int, help="only that many times")
    parser.add_argument("--only", help="refuse or delay only addresses that contain this")
    parser.add_argument("--echo", action="store_true", help="repeat the message's text in the reply to it")
    parser.add_argument("--delay", type=float, default=0, help="seconds before the reply to a message")
    parser.add_argument("--silent-on-quit", action="store_true", help="never answer QUIT")
    parser.add_argument("--drop-after-data", action="store_true", help="drop the connection instead of the final reply")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
