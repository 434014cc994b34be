"""Vendor libraries kept quiet: at DEBUG they log request bodies and answers, and those hold keys."""

import logging


class _OnlyWarnings(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.WARNING


_FILTER = _OnlyWarnings("ir")


def hush(library: str) -> None:
    """Let nothing below WARNING out of any logger of `library` that exists now, whatever levels are set later.

    A level would be lifted by the next `basicConfig` of an application or a test; a filter stays.
    """
    names = [library, *(name for name in logging.root.manager.loggerDict if name.startswith(library + "."))]
    for name in names:
        logger = logging.getLogger(name)
        if _FILTER not in logger.filters:
            logger.addFilter(_FILTER)
    logging.getLogger(library).setLevel(logging.WARNING)
