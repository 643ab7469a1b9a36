"""What can go wrong before a local Kafka and Redis run, each with its remedy in the message."""

from __future__ import annotations

from services.runtime.errors import ConfigurationError, DependencyError


class MissingTool(ConfigurationError):
    """No Java, no Redis, or a Python package of the `stack` dependency group is not installed."""


class PortTaken(ConfigurationError):
    """A port that was asked for is in use by somebody else."""


class DiskFull(ConfigurationError):
    """There is less free space than the download or the stack's data needs."""


class StackRunning(ConfigurationError):
    """Another process runs the stack in this data folder; `newsloom status` tells which."""


class DownloadFailed(DependencyError):
    """An artifact could not be fetched: no network, a proxy in the way, or a mirror without it."""


class ChecksumMismatch(DependencyError):
    """What was fetched is not the file whose SHA-256 is committed; nothing of it was kept."""


class StartFailed(DependencyError):
    """A server ended, or did not answer in time, while it was being started; the message quotes its log."""
