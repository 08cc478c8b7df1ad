"""A relay over aiosmtpd that keeps each mail as a file in a Maildir folder.

Reads one JSON object from the file named on the command line:
{host, port, inbox, accounts: {user: secret}, chain, key} (chain and key are PEM files, or null for no TLS).
"""

import asyncio
import itertools
import json
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


class Inbox:
    """Writes what it is handed to tmp/, then moves it to new/: who reads sees whole mails alone."""

    def __init__(self, folder):
        self.folder = folder
        self.numbers = itertools.count(1)

    async def handle_DATA(self, server, session, envelope):
        name = f"{next(self.numbers):09d}"
        trace = f"Return-Path: <{envelope.mail_from}>\r\n"
        trace += "".join(f"Delivered-To: {recipient}\r\n" for recipient in envelope.rcpt_tos)
        written = os.path.join(self.folder, "tmp", name)
        with open(written, "wb") as file:
            file.write(trace.encode() + envelope.original_content)
        os.rename(written, os.path.join(self.folder, "new", name))
        return f"250 2.0.0 kept as {name}"


def authenticator(accounts):
    def judge(server, session, envelope, mechanism, login):
        known = accounts.get(login.login.decode())
        return AuthResult(success=known is not None and known.encode() == login.password, handled=known is None)

    return judge


async def serve(setup):
    context = None
    if setup["chain"]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(setup["chain"], setup["key"])
    inbox = Inbox(setup["inbox"])
    loop = asyncio.get_running_loop()

    def session():
        return SMTP(
            inbox,
            hostname="relay.test",
            enable_SMTPUTF8=True,
            tls_context=context,
            require_starttls=context is not None,
            auth_require_tls=context is not None,
            auth_required=bool(setup["accounts"]),
            authenticator=authenticator(setup["accounts"]),
            loop=loop,
        )

    server = await loop.create_server(session, setup["host"], setup["port"])
    await server.serve_forever()


with open(sys.argv[1], encoding="utf-8") as file:
    asyncio.run(serve(json.load(file)))
