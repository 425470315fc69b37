from typing import Self

from pydantic import Field, model_validator

from kith_chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """The settings of delivery, beside those of every service."""

    allow_loopback_webhooks: bool = Field(
        default=False, description="Also send to this machine, and there over plain http; never in production."
    )
    webhook_timeout_seconds: float = Field(default=15.0, gt=0, le=60, description="Per attempt, body included.")
    webhook_concurrency: int = Field(default=256, ge=1, description="Attempts under way at once in one process.")
    webhook_endpoint_concurrency: int = Field(default=32, ge=1, description="Of these, to one endpoint.")
    webhook_poll_seconds: float = Field(default=0.25, gt=0, description="How often an idle sender looks for work.")

    @model_validator(mode="after")
    def _loopback_stays_at_home(self) -> Self:
        if self.allow_loopback_webhooks and self.environment == "production":
            raise ValueError("KITH_ALLOW_LOOPBACK_WEBHOOKS is for the environments local and test; unset it")
        return self
