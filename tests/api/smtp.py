"""An SMTP server for the tests (aiosmtpd), on a port of 127.0.0.1, with STARTTLS when a certificate is given. Each message that it
takes is one line of JSON on standard output. What the recipient's name begins with says what happens: `busy` is told 451 the first
time, `gone` 550, `policy` gets 554 after the text, `slow` is answered after a second.
usage: smtp.py PORT [CERTIFICATE KEY]"""
import asyncio
import json
import ssl
import sys
from email import message_from_bytes, policy

from aiosmtpd.controller import Controller


def say(what):
    print(json.dumps(what), flush=True)


def parts(message):
    """What a mail of several parts holds: type, method and name of each, and its text."""
    return [{
        "type": part.get_content_type(), "method": part.get_param("method"), "filename": part.get_filename(),
        "text": part.get_payload(decode=True).decode("utf-8"),
    } for part in message.walk() if not part.is_multipart()]


class Handler:
    seen = set()

    async def handle_RCPT(self, server, session, envelope, address, options):
        name = address.split("@")[0].lower()
        say({"rcpt": address})
        if name.startswith("gone"):
            return "550 5.1.1 no such mailbox"
        if name.startswith("busy") and address not in self.seen:
            self.seen.add(address)
            return "451 4.7.1 come back later"
        envelope.rcpt_tos.append(address)
        return "250 fine"

    async def handle_DATA(self, server, session, envelope):
        name = envelope.rcpt_tos[0].split("@")[0]
        if name.startswith("policy"):
            return "554 5.7.1 we do not like it"
        if name.startswith("slow"):
            await asyncio.sleep(1)
        message = message_from_bytes(envelope.content, policy=policy.default)
        say({
            "from": envelope.mail_from, "to": envelope.rcpt_tos, "tls": session.ssl is not None,
            "headers": {key.lower(): str(value) for key, value in message.items()},
            "text": message.get_body(("plain",)).get_content(), "parts": parts(message), "raw": envelope.content.decode("latin-1"),
        })
        return "250 taken"


context = None
if len(sys.argv) > 2:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(sys.argv[2], sys.argv[3])
controller = Controller(Handler(), hostname="127.0.0.1", port=int(sys.argv[1]), tls_context=context)
controller.start()
say({"ready": True})
sys.stdin.read()  # until the test ends
controller.stop()
