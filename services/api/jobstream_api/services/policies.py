"""The retry policy of a job, from its row, its type and the settings."""

from jobstream.backoff import Backoff
from jobstream_api.domain.decisions import Standing
from jobstream_api.domain.retry import RetryPolicy
from jobstream_api.services.catalogue import Catalogue
from jobstream_api.settings import ApiSettings


class Policies:
    """Knows how each job is retried."""

    def __init__(self, settings: ApiSettings, catalogue: Catalogue) -> None:
        self._settings = settings
        self._catalogue = catalogue

    def of(self, row: Standing) -> RetryPolicy:
        """The policy of one job: its own number of retries, else its type's, else the setting's."""
        announced = self._catalogue.get(row.type)
        if announced is None:
            return RetryPolicy(self._settings.max_retries if row.max_retries is None else row.max_retries)
        return RetryPolicy(
            announced.max_retries if row.max_retries is None else row.max_retries,
            Backoff(announced.backoff_base_s, announced.backoff_factor, announced.backoff_cap_s),
        )
