"""Reads a JSON list of {mail, record} on stdin, prints for each whether dkimpy verifies it. No network."""

import base64
import json
import sys

import dkim


def verifies(case):
    record = case["record"].encode()
    try:
        return dkim.verify(base64.b64decode(case["mail"]), dnsfunc=lambda name, timeout=5: record)
    except dkim.DKIMException as error:
        print(error, file=sys.stderr)
        return False


json.dump([verifies(case) for case in json.load(sys.stdin)], sys.stdout)
