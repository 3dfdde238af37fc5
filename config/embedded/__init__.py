"""The parts that stand in for services where there are none: a broker and a mail server, each ending with its owner."""


class EmbeddedError(Exception):
    """An embedded part could not be started; the text says what to do."""
