"""The settings of the duplicates service, apart from it: the command line reads them without starting a worker."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.duplicates.redis_index import IndexSettings


class DuplicatesSettings(BaseSettings):
    """The window in which articles can match, and how the index is kept."""

    model_config = SettingsConfigDict(env_prefix="NEWSLOOM_DUPLICATES_", frozen=True)

    window_hours: int = Field(
        default=72, ge=1, le=24 * 60, description="Articles fetched further apart than this never match."
    )
    grace_hours: int = Field(default=24, ge=1, description="How long articles are kept past the window.")
    index: str = Field(
        default="0", pattern=r"^[A-Za-z0-9_-]+$", description="Name of the index in Redis: one index for one name."
    )
    shards: int = Field(
        default=1,
        ge=1,
        le=64,
        description="How many parts the index has, which a Redis Cluster spreads over its nodes; another number makes "
        "another index, filled from clean-articles.",
    )

    def layout(self) -> IndexSettings:
        """The index that these settings describe."""
        return IndexSettings(
            window_hours=self.window_hours, grace_hours=self.grace_hours, name=self.index, shards=self.shards
        )
