"""Reads a JSON list of base64 mails on stdin, prints for each its fields and the tree of its parts, as Python's `email` sees it."""

import base64
import email
import email.header
import email.policy
import email.utils
import json
import sys


def people(octets, field):
    raw = email.message_from_bytes(octets, policy=email.policy.compat32).get_all(field, [])
    seen = []
    for name, address in email.utils.getaddresses(raw):
        seen.append([str(email.header.make_header(email.header.decode_header(name))), address])
    return seen


def read(octets):
    message = email.message_from_bytes(octets, policy=email.policy.default)
    parts = []
    for part in message.walk():
        content = None if part.is_multipart() else part.get_payload(decode=True)
        if part.get_content_maintype() == "text" and part.get_filename() is None:
            content = part.get_content().replace("\r\n", "\n").rstrip("\n")
        elif content is not None:
            content = content.hex()
        parts.append([part.get_content_type(), part.get_filename(), part["Content-ID"], part.get_content_disposition(), content])
    defects = [type(d).__name__ for part in message.walk() for d in part.defects]
    for name, value in message.items():
        defects += [f"{name}: {type(d).__name__}" for d in getattr(value, "defects", [])]
    return {
        "fields": [name for name, _ in message.items()],
        "subject": message["Subject"],
        "from": people(octets, "From"),
        "to": people(octets, "To"),
        "cc": people(octets, "Cc"),
        "parts": parts,
        "defects": defects,
    }


json.dump([read(base64.b64decode(mail)) for mail in json.load(sys.stdin)], sys.stdout)
