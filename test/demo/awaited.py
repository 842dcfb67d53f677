"""What a demo promises: everything is awaited, and what does not happen ends it.

wait_for() polls a condition and, when it does not come true in time, fails with what it waited for.
"""

import time

# How long anything may take before the demo says that it did not happen, seconds.
PATIENCE = 60


class DidNotHappen(Exception):
    """A promise of the demo failed."""


def wait_for(what, condition, seconds=PATIENCE):
    """The first true value of condition(), looked for every 10 ms."""
    until = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > until:
            raise DidNotHappen("waited %d s in vain for this: %s" % (seconds, what))
        time.sleep(0.01)


def expect(what, condition):
    if not condition:
        raise DidNotHappen(what)
