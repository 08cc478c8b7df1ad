"""Reads a JSON list of base64 mails on stdin, prints what Python's `email` makes of each.

Display names go through `email.header`: the newer `email.policy.default` of Python 3.11 and 3.12 puts a space between
adjacent encoded words of a name, which RFC 2047 section 6.2 forbids.
"""

import base64
import email
import email.header
import email.policy
import email.utils
import json
import sys


def mailbox(octets, field):
    raw = email.message_from_bytes(octets, policy=email.policy.compat32)[field]
    name, address = email.utils.parseaddr(raw)
    return str(email.header.make_header(email.header.decode_header(name))), address


def read(octets):
    message = email.message_from_bytes(octets, policy=email.policy.default)
    author, recipient = mailbox(octets, "From"), mailbox(octets, "To")
    defects = [type(d).__name__ for part in message.walk() for d in part.defects]
    for name, value in message.items():
        defects += [f"{name}: {type(d).__name__}" for d in getattr(value, "defects", [])]
    return {
        "subject": message["Subject"],
        "from_name": author[0],
        "reply_to": message["Reply-To"].addresses[0].addr_spec,
        "to_name": recipient[0],
        "to": recipient[1],
        "text": message.get_body(("plain",)).get_content(),
        "html": message.get_body(("html",)).get_content(),
        "files": [part.get_filename() for part in message.iter_attachments()],
        "defects": defects,
    }


json.dump([read(base64.b64decode(mail)) for mail in json.load(sys.stdin)], sys.stdout)
