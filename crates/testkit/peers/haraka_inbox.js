'use strict';
// A Haraka plugin: takes mail from whoever may relay, and keeps each mail as a file in a Maildir folder.
// config/inbox.json: {folder, open} (open: nobody needs to authenticate).

const fs = require('node:fs');
const path = require('node:path');

let setup;
let kept = 0;

exports.register = function () {
    setup = this.config.get('inbox.json');
};

exports.hook_rcpt = function (next, connection) {
    if (setup.open || connection.relaying) return next(OK);
    next(DENY, 'relaying denied');
};

// Mail of authenticated clients would go to the outbound queue, and from there to the world: it ends here too.
exports.hook_queue_outbound = function (next, connection) {
    keep(next, connection);
};

exports.hook_queue = function (next, connection) {
    keep(next, connection);
};

function keep(next, connection) {
    const { mail_from, rcpt_to, message_stream } = connection.transaction;
    kept += 1;
    const name = `${process.pid}-${String(kept).padStart(9, '0')}`;
    const written = path.join(setup.folder, 'tmp', name);
    const file = fs.createWriteStream(written);
    file.write(`Return-Path: ${mail_from.format()}\r\n`);
    for (const recipient of rcpt_to) file.write(`Delivered-To: ${recipient.address}\r\n`);
    file.on('error', (error) => next(DENYSOFT, error.message));
    file.on('finish', () => {
        fs.renameSync(written, path.join(setup.folder, 'new', name));
        next(OK, `kept as ${name}`);
    });
    message_stream.pipe(file);
}
