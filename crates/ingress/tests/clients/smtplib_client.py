"""Hands mails in with Python's smtplib: by STARTTLS and by implicit TLS, each with AUTH PLAIN and LOGIN.

Arguments: port, port of implicit TLS, path of the CA in PEM. Standard input: user, key, subject, one a line.
Prints the queue ids that it heard, sorted. A wrong key is tried first, and must be refused.
"""

import base64
import smtplib
import ssl
import sys

port, tls_port, ca = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
user, key, subject = sys.stdin.buffer.read().decode().split("\n")[:3]
context = ssl.create_default_context(cafile=ca)
message = f"Subject: {subject}\r\n\r\nhello\r\n.leading dot\r\n..\r\n".encode()
heard = []


def starttls():
    client = smtplib.SMTP("localhost", port, timeout=20)
    client.starttls(context=context)
    return client


def implicit():
    return smtplib.SMTP_SSL("localhost", tls_port, timeout=20, context=context)


def expect(wanted, answer):
    code, text = answer
    assert code == wanted, (code, text)
    return text.decode()


def log_in(client, mechanism):
    """smtplib's own login takes ASCII keys alone."""
    if mechanism == "PLAIN":
        expect(235, client.docmd("AUTH PLAIN " + base64.b64encode(f"\0{user}\0{key}".encode()).decode()))
        return
    expect(334, client.docmd("AUTH LOGIN"))
    expect(334, client.docmd(base64.b64encode(user.encode()).decode()))
    expect(235, client.docmd(base64.b64encode(key.encode()).decode()))


def send(client):
    expect(250, client.mail("release@example.jp", ["SMTPUTF8", "BODY=8BITMIME", f"SIZE={len(message)}"]))
    for recipient in ("reader@example.jp", "花子@example.jp"):
        expect(250, client.rcpt(recipient))
    heard.append(expect(250, client.data(message)).rsplit(" ", 1)[1])


with starttls() as client:
    try:
        client.login(user, "wrong")
        sys.exit("a wrong key was taken")
    except smtplib.SMTPAuthenticationError as error:
        assert error.smtp_code == 535, error

for connect in (starttls, implicit):
    for mechanism in ("PLAIN", "LOGIN"):
        with connect() as client:
            client.ehlo("client.example")
            log_in(client, mechanism)
            send(client)
print("\n".join(sorted(heard)))
