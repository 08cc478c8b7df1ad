"""SendGrid's own library for Python, unmodified: what its examples do. Arguments: the API's place; key on standard input.
Prints the X-Message-Id of each mail, then what each bad request was answered with."""

import base64
import json
import sys

from python_http_client.exceptions import HTTPError
from sendgrid import SendGridAPIClient
from sendgrid.helpers.mail import (
    Attachment, Bcc, Category, Cc, Content, ContentId, CustomArg, Disposition, Email, FileContent, FileName, FileType,
    Mail, Personalization, ReplyTo, SandBoxMode, MailSettings, Substitution, To,
)

client = SendGridAPIClient(sys.stdin.readline().strip(), host=sys.argv[1])
FROM = Email("pr@sakura.example", "株式会社さくら㈱")


def send(mail):
    answer = client.send(mail)
    print(answer.status_code, answer.headers["X-Message-Id"])


# The kitchen sink of its README: one line, then everything.
send(Mail(from_email=FROM, to_emails="one@example.jp", subject="春の新作①㈱髙🌸", html_content="<strong>こんにちは</strong>"))

many = Mail(from_email=FROM, subject="-name- 様", plain_text_content="-name- 様 ﾆｭｰｽ", html_content="<p>-name-</p>")
for number, name in enumerate(["山田", "鈴木"]):
    person = Personalization()
    person.add_to(To(f"to{number}@example.jp", name))
    person.add_cc(Cc(f"cc{number}@example.jp"))
    person.add_bcc(Bcc(f"bcc{number}@example.jp"))
    person.add_substitution(Substitution("-name-", name))
    person.add_custom_arg(CustomArg("who", name))
    many.add_personalization(person)
many.reply_to = ReplyTo("reply@sakura.example", "返信")
many.add_category(Category("春"))
many.attachment = [
    Attachment(FileContent(base64.b64encode("資料".encode()).decode()), FileName("資料.txt"), FileType("text/plain"),
               Disposition("attachment")),
    Attachment(FileContent(base64.b64encode(b"\x89PNG").decode()), FileName("a.png"), FileType("image/png"),
               Disposition("inline"), ContentId("pic")),
]
send(many)

quiet = Mail(from_email=FROM, to_emails="sandbox@example.jp", subject="x", plain_text_content="x")
quiet.mail_settings = MailSettings(sandbox_mode=SandBoxMode(True))
print(client.send(quiet).status_code)

for wrong in [
    Mail(from_email="pr@other.example", to_emails="a@example.jp", subject="x", plain_text_content="x"),
    Mail(from_email=FROM, to_emails="a@example.jp", subject="x"),
]:
    try:
        client.send(wrong)
        print("taken")
    except HTTPError as error:
        print(error.status_code, json.loads(error.body)["errors"][0]["field"])

print(client.client.mail.batch.post().status_code)
print("mail.send" in json.loads(client.client.scopes.get().body)["scopes"])
made = client.client.api_keys.post(request_body={"name": "made by Python", "scopes": ["mail.send"]})
print(made.status_code, json.loads(made.body)["api_key"].startswith("SG."))
