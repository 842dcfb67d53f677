"""Files of doc/, of which the demos and the figures use what stands there."""

import os
import re

from programs import HERE


def read(name):
    with open(os.path.join(HERE, "../../doc", name), encoding="utf-8") as file:
        return file.read()


def documented(page, beginning):
    """The SQL of a page that begins so."""
    return re.search(r"^ {4}%s.*\n(?: {4}.*\n)*" % re.escape(beginning), read(page), re.MULTILINE).group()


def example(page, beginning):
    """The example of a page that begins so."""
    return re.search(r"^```sql\n(%s.*?)^```$" % re.escape(beginning), read(page), re.MULTILINE | re.DOTALL).group(1)
