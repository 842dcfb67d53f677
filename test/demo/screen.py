"""How a demo is shown."""

import os
import sys
import textwrap


class Screen:
    """Output for a person; colours only on a terminal."""

    def __init__(self):
        self.is_terminal = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self.step = 0

    def paint(self, code, text):
        return "\033[%sm%s\033[0m" % (code, text) if self.is_terminal else text

    def line(self, text=""):
        print(text, flush=True)

    def heading(self, text):
        self.step += 1
        self.line()
        self.line(self.paint("1", "%d. %s" % (self.step, text)))

    def say(self, text):
        self.line(textwrap.fill(" ".join(text.split()), 110, initial_indent="   ", subsequent_indent="   "))

    def sql(self, text, prompt="sql>"):
        for line in textwrap.dedent(text).strip("\n").splitlines():
            self.line("   " + self.paint("36", prompt) + " " + line)
            prompt = ">".rjust(len(prompt))

    def command(self, text):
        self.line("   " + self.paint("36", "$") + " " + text)

    def table(self, text):
        for line in text.rstrip("\n").splitlines():
            self.line("        " + line.rstrip())

    def arrived(self, mark, text, lateness_ms=None):
        late = "" if lateness_ms is None else "%7.1f ms after it was due" % lateness_ms
        colour = "32" if mark == "<-" else "31"
        self.line("   %s %-74s %s" % (self.paint(colour, mark), text, self.paint("1", late)))

    def quoted(self, text):
        for line in text.splitlines():
            for piece in textwrap.wrap(line, 100, break_long_words=False) or [""]:
                self.line(("        | " + piece).rstrip())
