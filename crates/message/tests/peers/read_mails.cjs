// Reads a JSON list of base64 mails on stdin, prints what npm mailparser makes of each.
const { simpleParser } = require("mailparser");

async function read(octets) {
  const mail = await simpleParser(octets, { skipImageLinks: true, skipTextToHtml: true });
  const [author] = mail.from.value;
  const [recipient] = mail.to.value;
  return {
    subject: mail.subject,
    from_name: author.name,
    reply_to: mail.replyTo.value[0].address,
    to_name: recipient.name,
    to: recipient.address,
    text: mail.text,
    html: mail.html,
    files: mail.attachments.map((file) => file.filename),
    defects: [],
  };
}

async function main() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  const seen = [];
  for (const mail of JSON.parse(Buffer.concat(chunks))) seen.push(await read(Buffer.from(mail, "base64")));
  process.stdout.write(JSON.stringify(seen));
}

main();
