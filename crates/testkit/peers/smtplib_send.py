"""Sends one mail through a relay with Python's smtplib, a client that shares nothing with ours.

Arguments: port, path of the CA in PEM ("" for no TLS), user ("" for no AUTH), mechanism. The secret comes as the
first line of standard input, the message (CRLF) after it. Prints "sent" or the name of what went wrong.
"""

import smtplib
import ssl
import sys

port, ca, user, mechanism = sys.argv[1:]
secret, _, message = sys.stdin.buffer.read().partition(b"\n")
try:
    with smtplib.SMTP("127.0.0.1", int(port), timeout=20) as client:
        client.ehlo()
        if ca:
            client.starttls(context=ssl.create_default_context(cafile=ca))
            client.ehlo()
        if user:
            client.user, client.password = user, secret.decode()
            method = {"PLAIN": client.auth_plain, "LOGIN": client.auth_login, "CRAM-MD5": client.auth_cram_md5}
            client.auth(mechanism, method[mechanism], initial_response_ok=mechanism == "PLAIN")
        client.sendmail("release@client.example", ["reader@outlet.example"], message)
        print("sent")
except smtplib.SMTPException as error:
    print(type(error).__name__)
