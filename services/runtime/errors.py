"""What can go wrong, by what is done about it: exit, dead letter, or try again."""

from __future__ import annotations


class SuiteError(Exception):
    """A failure with a message for a person: what was wrong with which value, and the remedy."""


class ConfigurationError(SuiteError):
    """A setting or the machine is wrong; the process exits (code 78) before it reads a record."""


class RecordError(SuiteError):
    """This record fails now and always; it becomes a dead letter."""


class DecodeError(RecordError):
    """The record's bytes are not the topic's schema."""


class ProcessingError(RecordError):
    """`process` raised; the cause is `__cause__`."""


class DependencyError(SuiteError):
    """Kafka or Redis did not answer; the same record is tried again."""
