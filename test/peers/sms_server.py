#!/usr/bin/python3
"""The providers of SMS that appt speaks to, as far as it does: Twilio, Genesys Cloud (its email, too) and a plain gateway.

A webhook_server with more paths; its options, records and misbehaviours are there as well. What is sent is judged as the
real ones do: who has not the secret, or says what the API does not know, is refused with their kind of error.

    /twilio/2010-04-01/Accounts/ACCOUNT/Messages.json       form, basic authentication by ACCOUNT, or SK..., and "secret"
    /genesys/oauth/token                                    client credentials: "client" and "secret"
    /genesys/api/v2/conversations/messages/agentless        JSON, a token of that endpoint
    /genesys/api/v2/conversations/emails/agentless
    /gateway                                                anything; {"messages": [{"status": "0", "message-id": ID}]}
    /gateway/STATUS/TIMES                                   the same with that "status" the first TIMES times for the same body
    /gateway/hang/TIMES                                     no answer so many times

The last digits of the number that a text message is for tell how it goes:

    400, 403, 404   is the answer's status
    429, 503        is the status the first time; 429 has a Retry-After of a second
    401             Genesys Cloud: the first token is refused
    998             the connection is closed without an answer, once it was taken
    999             no answer, ever

The end of an email's subject does so too. The id of a message is the MD5 of the request's body, in hexadecimal digits, behind
"SM" or "genesys-" where those have such. What a gateway is asked by GET has that of no bytes.
"""

import base64
import hashlib
import json
import re
import urllib.parse

import webhook_server

TWILIO_FIELDS = {"To", "From", "MessagingServiceSid", "Body", "StatusCallback"}
SMS_FIELDS = {"fromAddress": str, "toAddress": str, "toAddressMessengerType": str, "textBody": str,
              "useExistingActiveConversation": bool}
EMAIL_FIELDS = {"senderType": str, "fromAddress": dict, "toAddresses": list, "replyToAddress": dict, "subject": str,
                "textBody": str, "htmlBody": str}
REQUIRED_OF_SMS = {"fromAddress", "toAddress", "toAddressMessengerType", "textBody"}
REQUIRED_OF_EMAIL = {"senderType", "fromAddress", "toAddresses"}


def digest(body):
    return hashlib.md5(body).hexdigest()


class Provider(webhook_server.Handler):
    def credentials(self):
        scheme, _, value = self.headers.get("authorization", "").partition(" ")
        return tuple(base64.b64decode(value).decode().split(":", 1)) if scheme == "Basic" else None

    def answer_json(self, body, status, answer, headers=None):
        self.answer(body, status, json.dumps(answer).encode(), {"Content-Type": "application/json", **(headers or {})})

    def fate(self, body, digits, refuse):
        """What the number says. True: it was answered, or never will be."""
        first = self.server.count_try((self.path, body)) == 1
        if digits in ("400", "403", "404"):
            refuse(int(digits))
        elif digits in ("429", "503") and first:
            refuse(int(digits))
        elif digits == "998":
            self.on_close(body, "")
        elif digits == "999":
            self.on_hang(body, "")
        else:
            return False
        return True

    # Twilio

    def refuse_twilio(self, body, status, code=20500, message="as asked"):
        self.answer_json(body, status, {"code": code, "message": message, "status": status,
                                        "more_info": "https://www.twilio.com/docs/errors/%d" % code},
                         {"Retry-After": "1"} if status == 429 else None)

    def on_twilio(self, body, argument):
        path = re.fullmatch(r"/twilio/2010-04-01/Accounts/(AC[0-9a-fA-F]{32})/Messages\.json", self.path)
        user, password = self.credentials() or ("", "")
        form = urllib.parse.parse_qs(body.decode(), keep_blank_values=True, strict_parsing=True)
        if path is None or self.command != "POST":
            self.refuse_twilio(body, 404, 20404, "The requested resource %s was not found" % self.path)
        elif password != "secret" or not (user == path[1] or user.startswith("SK")):
            self.refuse_twilio(body, 401, 20003, "Authenticate")
        elif self.headers["content-type"] != "application/x-www-form-urlencoded":
            self.refuse_twilio(body, 400, 20001, "Unknown content type")
        elif set(form) - TWILIO_FIELDS or any(len(values) > 1 for values in form.values()):
            self.refuse_twilio(body, 400, 20001, "Unknown parameters")
        elif not form.get("Body", [""])[0]:
            self.refuse_twilio(body, 400, 21602, "Message body is required.")
        elif ("From" in form) == ("MessagingServiceSid" in form):
            self.refuse_twilio(body, 400, 21603, "A 'From' phone number is required.")
        elif not re.fullmatch(r"\+[1-9][0-9]{6,14}", form.get("To", [""])[0]):
            self.refuse_twilio(body, 400, 21211, "Invalid 'To' Phone Number: %s" % form.get("To"))
        elif not self.fate(body, form["To"][0][-3:], lambda status: self.refuse_twilio(body, status)):
            self.answer_json(body, 201, {"account_sid": path[1], "body": form["Body"][0], "to": form["To"][0],
                                         "sid": "SM" + digest(body), "status": "queued", "error_code": None})

    # Genesys Cloud

    def refuse_genesys(self, body, status, code="as.asked", message="as asked"):
        self.answer_json(body, status, {"message": message, "code": code, "status": status, "contextId": "c", "details": [],
                                        "errors": []}, {"Retry-After": "1"} if status == 429 else None)

    def on_genesys(self, body, argument):
        if self.path == "/genesys/oauth/token":
            self.grant(body)
        elif self.path == "/genesys/api/v2/conversations/messages/agentless":
            self.on_agentless(body, SMS_FIELDS, REQUIRED_OF_SMS, lambda message: message["toAddress"][-3:])
        elif self.path == "/genesys/api/v2/conversations/emails/agentless":
            self.on_agentless(body, EMAIL_FIELDS, REQUIRED_OF_EMAIL, lambda message: message.get("subject", "")[-3:])
        else:
            self.refuse_genesys(body, 404, "not.found", "HTTP 404 Not Found")

    def grant(self, body):
        if self.credentials() != ("client", "secret"):
            self.answer_json(body, 401, {"error": "invalid_client", "description": "client not found: secret"})
        else:
            self.on_token(body, "")

    def on_agentless(self, body, fields, required, digits_of):
        token = self.headers.get("authorization", "").removeprefix("Bearer token-")
        try:
            message = json.loads(body)
        except ValueError:
            message = {}
        if not token.isdigit():
            self.refuse_genesys(body, 401, "bad.credentials", "Invalid login credentials.")
        elif self.command != "POST" or self.headers["content-type"] != "application/json":
            self.refuse_genesys(body, 415, "unsupported.media.type", "Unsupported media type.")
        elif required - set(message) or not all(isinstance(message[name], fields.get(name, ())) for name in message):
            self.refuse_genesys(body, 400, "bad.request", "The request could not be understood by the server.")
        elif digits_of(message) == "401" and int(token) == 1:
            self.refuse_genesys(body, 401, "token.expired", "The token has expired: token-%s" % token)
        elif not self.fate(body, digits_of(message), lambda status: self.refuse_genesys(body, status)):
            self.answer_json(body, 202, {"conversationId": "c", "id": "genesys-" + digest(body), **message})

    # A gateway

    def on_gateway(self, body, argument):
        words = self.path.split("?")[0].split("/")[2:]
        failing = len(words) == 2 and self.server.count_try((self.path, body)) <= int(words[1])
        status = words[0] if failing else "0"
        if status == "hang":
            self.on_hang(body, "")
            return
        self.answer_json(body, 200, {"messages": [{"status": status, "message-id": digest(body)}]})


if __name__ == "__main__":
    webhook_server.main(Provider, "SMS providers; see the head of this file for their paths")
