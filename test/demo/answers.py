"""The demo's customer who answers: by the page behind a button, by text message, and by STOP.

The pages come from the API of rest.py; curl is the browser.
"""

import html
import re
import subprocess

from awaited import expect, wait_for

CUSTOMER, NUMBER, LINE_NUMBER = "cleo@customer.example", "+306900000001", "+15550100002"


def text_of(page):
    """What a reader sees of the page's main part, line by line."""
    main = re.search(r"<main>(.*)</main>", page, re.S).group(1)
    main = re.sub(r"<(script|svg)\b.*?</\1>", "", main, flags=re.S)
    rows = re.sub(r"<dt>(.*?)</dt>\s*<dd>(.*?)</dd>", r"\1: \2", main, flags=re.S)
    buttons = re.sub(r"<(button|a)\b[^>]*>\s*(.*?)\s*</\1>", r"[\2]", rows, flags=re.S)
    lines = (" ".join(html.unescape(re.sub(r"<[^>]*>", "", line)).split()) for line in buttons.splitlines())
    return [line for line in lines if line]


class Answers:
    def __init__(self, demo):
        self.demo = demo
        self.screen = demo.screen
        self.cluster = demo.cluster
        self.url = "http://127.0.0.1:%d" % demo.rest.port

    def curl(self, expected, *arguments):
        """Show and run curl; what it answers with this status."""
        shown = " ".join("'%s'" % word if re.search(r"[^\w./:=@-]", word) else word for word in arguments)
        self.screen.command("curl " + shown)
        done = subprocess.run(
            ["curl", "-s", "-w", "\n%{http_code}", *arguments], capture_output=True, text=True, timeout=60, check=False)
        body, _, status = done.stdout.rpartition("\n")
        expect("curl %s is answered by %s, not %s:\n%s" % (shown, expected, status, body[:2000]), status == str(expected))
        return body

    def booking_state(self):
        return self.cluster.value("SELECT booking_state FROM appt.appointment WHERE id = :'viewing'")

    def told_ann(self, action):
        """Ann, who follows the appointment, is told of a response by email."""
        self.demo.next_user_mails("RESPONSE", ["ann@acme.example"])
        expect("the last response is %s" % action, self.cluster.is_true(
            "SELECT action = '%s' FROM appt.response WHERE appointment_id = :'viewing' ORDER BY id DESC LIMIT 1" % action))

    # ---------- the story ----------

    def set_up(self):
        self.screen.say("Viewings of flats are appointments with a meeting template. It has rules of its own, and most of them send "
                        "only when a person asks for it.")
        self.cluster.variables["public"] = self.url
        self.demo.do("UPDATE appt.application SET public_url = :'public' WHERE id = :'application';")
        self.demo.do(
            "SELECT appt.create_meeting_template(:'application', 'Viewing', duration => '20 minutes',\n"
            "           meeting_type => 'HYBRID', title => '{{#status}}{{status}}: {{/status}}Viewing') AS template;",
            "template",
        )
        self.demo.do(
            "UPDATE appt.rule SET reply_codes = '{\"1\": \"ACCEPT\", \"3\": \"DECLINE\"}'\n"
            "    WHERE meeting_template_id = :'template' AND type = 'REMINDER';"
        )
        self.demo.do(
            "SELECT id FROM appt.schedule_appointment(:'application', now() + interval '3 days', null,\n"
            "           '{\"name\": {\"firstName\": \"Cleo\"}, \"preferredChannel\": \"EMAIL\",\n"
            "             \"contact\": {\"primaryEmail\": \"%s\", \"primaryPhone\": \"%s\"}}',\n"
            "           organizer_id => 'agent-7', location => '5 Harbour Road', meeting_template_id => :'template');"
            % (CUSTOMER, NUMBER),
            "viewing",
        )
        self.demo.do("SELECT title FROM appt.follow_appointment(:'viewing', 'ann');")
        self.demo.good_hooks("CREATE")
        self.demo.nothing_more_arrived("before somebody sends it")
        self.screen.say("The systems know of it. Cleo does not, yet. What would she get?")
        self.demo.show(
            "SELECT recipient_name, channel, can_send, subject\n"
            "    FROM appt.notification_dialog(:'viewing', 'CONFIRMATION_REQUEST');"
        )

    def answer_on_the_page(self):
        self.demo.do("SELECT count(*) FROM appt.send_notification(:'viewing', 'CONFIRMATION_REQUEST');")
        mail = self.demo.next_mail("CONFIRMATION_REQUEST", "Viewing", method="REQUEST", whole=True)
        expect("the booking state is INVITED", self.booking_state() == "INVITED")
        accept = re.search(r"(%s/rpc/landing_page)\?token=([\w-]+)&action=accept" % re.escape(self.url), mail)
        expect("the email has a link to accept", accept is not None)
        page, token = accept.groups()

        self.screen.say("Cleo clicks on \"Accept\". The link shows a page that asks; it changes nothing, because programs that look for "
                        "viruses follow links, too.")
        shown = self.curl(200, "-G", page, "-d", "token=" + token, "-d", "action=accept")
        self.screen.quoted("\n".join(text_of(shown)))
        expect("the page shows the place", "5 Harbour Road" in shown)
        expect("the page changes nothing", self.booking_state() == "INVITED")

        self.screen.say("Its form answers:")
        seen = re.search(r'name="seen" value="(\w+)"', shown)
        form = ["-d", "token=" + token, "-d", "action=ACCEPT"] + (["-d", "seen=" + seen.group(1)] if seen else [])
        self.screen.quoted("\n".join(text_of(self.curl(200, self.url + "/rpc/submit_response", *form))[:4]))
        self.told_ann("ACCEPT")
        self.demo.show("SELECT title, booking_state, notification_state FROM appt.appointment WHERE id = :'viewing';")
        expect("the booking state is CONFIRMED", self.booking_state() == "CONFIRMED")
        self.screen.say("Nobody answers without her token:")
        wrong = token[:20] + ("A" if token[20] != "A" else "B") + token[21:]
        self.screen.quoted("\n".join(text_of(self.curl(404, "-G", page, "-d", "token=" + wrong))))

    def receive(self, text, handled_as, answer):
        """A text message of Cleo's, and the one that answers it."""
        handled = self.demo.do(
            "SELECT handled_as FROM appt.record_inbound_sms(:'application', '%s', '%s', '%s');" % (NUMBER, LINE_NUMBER, text))
        self.screen.table(handled)
        expect("\"%s\" is handled as %s, not %s" % (text, handled_as, handled), handled == handled_as)
        self.demo.next_text("AUTO_REPLY", answer, NUMBER)

    def answer_by_text_message(self):
        self.screen.say("Somebody reminds her by text message. She has changed her mind, and answers with one of its codes, as the "
                        "provider's webhook would bring it:")
        self.demo.do("SELECT count(*) FROM appt.send_notification(:'viewing', 'REMINDER', 'SMS');")
        self.demo.next_text("REMINDER", "3 to decline", NUMBER)
        self.receive(" 3. ", "RESPONSE", "Viewing")
        self.told_ann("DECLINE")
        expect("the booking state is DECLINED", self.booking_state() == "DECLINED")
        self.demo.show("SELECT action, source, participant_id IS NOT NULL AS \"by Cleo\" FROM appt.response\n"
                       "    WHERE appointment_id = :'viewing' ORDER BY id;")

    def stop_messages(self):
        self.screen.say("And she wants no more text messages:")
        self.receive("Stop", "OPT_OUT", "START")
        self.demo.show("SELECT channel, address, reason FROM appt.suppression;")
        self.screen.say("From now on nothing goes to her number. The dialog knows it before anybody sends:")
        self.demo.show("SELECT channel, can_send, reason, explanation FROM appt.notification_dialog(:'viewing', 'REMINDER', 'SMS');")
        message = self.demo.do("SELECT id FROM appt.send_message(:'application', 'SMS', '%s', 'Our offers of this week');" % NUMBER)
        self.cluster.variables["offer"] = message
        wait_for("the message that STOP stops", lambda: self.cluster.is_true(
            "SELECT state = 'SUPPRESSED' AND reason = 'OPTED_OUT' FROM appt.notification WHERE id = :offer"))
        self.demo.show("SELECT state, reason, explanation FROM appt.notification_log WHERE notification_id = :offer;")
        self.demo.nothing_more_arrived("after STOP")
        self.screen.say("Emails still go, so she learns that the viewing is cancelled:")
        self.demo.do("SELECT count(*) FROM appt.send_notification(:'viewing', 'CANCELLED', confirmed => true);")
        self.demo.good_hooks("CANCELLED")
        self.demo.next_mail("CANCELLED", "Viewing", method="CANCEL")

    def console(self):
        address = self.url + "/rpc/console"
        self.screen.say("People look at all of this in the console. It is a page of the same API; who may see what is decided by the "
                        "token that it asks for.")
        page = self.curl(200, address)
        expect("the console is a page", "<html" in page)
        self.screen.say("The console is at %s" % address)

    def tell(self):
        self.set_up()
        self.answer_on_the_page()
        self.answer_by_text_message()
        self.stop_messages()
        self.console()
