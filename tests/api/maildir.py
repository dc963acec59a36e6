"""The mails of a Maildir, read with Python's own library, one line of JSON each.
usage: maildir.py FOLDER"""
import json
import mailbox
import sys
from email import message_from_bytes, policy

folder = mailbox.Maildir(sys.argv[1], create=True)
for key in sorted(folder.keys()):
    raw = folder.get_bytes(key)
    message = message_from_bytes(raw, policy=policy.default.clone(utf8=True))
    print(json.dumps({
        "to": str(message["Envelope-to"]), "from": str(message["Return-path"]).strip("<>"),
        "headers": {name.lower(): str(value) for name, value in message.items()},
        "received": [str(value) for value in message.get_all("Received", [])],
        "text": message.get_content(), "raw": raw.decode("utf-8"),
    }))
