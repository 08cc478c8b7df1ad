// Hands mails in with nodemailer: by STARTTLS, by implicit TLS, and by a pool of connections.
// Arguments: port, port of implicit TLS, path of the CA in PEM. Standard input: user, key, subject, one a line.
// Prints the queue ids that it heard, sorted.

const fs = require("fs");
const nodemailer = require("nodemailer");

const [port, tlsPort, ca] = process.argv.slice(2);
const [user, pass, subject] = fs.readFileSync(0, "utf8").split("\n");

const common = {
  host: "localhost",
  name: "client.example",
  auth: { user, pass },
  tls: { ca: fs.readFileSync(ca) },
};
const mail = {
  from: "株式会社さくら <release@example.jp>",
  to: ["reader@example.jp", "reader2@example.jp"],
  subject,
  text: "hello\n.leading dot\n..\n本文です。\n",
  textEncoding: "quoted-printable",
  dsn: { id: "some id", return: "headers", notify: ["never"], recipient: "release@example.jp" },
};

async function main() {
  const starttls = nodemailer.createTransport({ ...common, port, requireTLS: true });
  const implicit = nodemailer.createTransport({ ...common, port: tlsPort, secure: true });
  const pool = nodemailer.createTransport({ ...common, port, requireTLS: true, pool: true, maxConnections: 3 });
  const sent = [await starttls.sendMail(mail), await implicit.sendMail(mail)];
  sent.push(...(await Promise.all(Array.from({ length: 10 }, () => pool.sendMail(mail)))));
  pool.close();
  for (const { response, rejected } of sent) {
    if (rejected.length || !/^250 2\.0\.0 Ok: queued as m\d+$/.test(response)) throw new Error(response);
  }
  console.log(sent.map(({ response }) => response.split(" ").pop()).sort().join("\n"));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
