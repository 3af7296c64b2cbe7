"""Settings of a command: its options over the environment. What Python modules offer. Light: loads no engine."""

import getpass
from functools import cached_property

from orchestrator.cli.lazy import load
from orchestrator.cli.options import Shared
from orchestrator.cli.support.values import read_services
from orchestrator.plugins import Offered, load_modules
from orchestrator.settings import Settings, read_settings


class Setting:
    """Where a command runs.

    Attributes:
        shared: Its options.
        settings: The whole of its settings, but for the modules: these are loaded here, once, though the database may
            be opened several times, and only by commands that need them.
    """

    def __init__(self, shared: Shared, *, serves: bool = False) -> None:
        """Read them.

        Args:
            serves: Nobody sits before it: alerts are logged too when nothing is said of that. Otherwise whoever sits
                there is shown what fails, and would be told twice.

        Raises:
            SettingsError: a setting has a value it cannot have.
        """
        self.shared = shared
        first = read_settings(database=shared.database, log_level=shared.log_level, tenant=shared.tenant)
        self._modules = (*first.modules, *shared.modules)
        services = first.services | read_services(shared.services)
        logs = serves or "log" in first.alerts.model_fields_set
        alerts = first.alerts.model_copy(update={"log": logs and first.alerts.log})
        own = {"services": services, "modules": (), "alerts": alerts}
        self.settings: Settings = first.model_copy(update=own)

    @property
    def only(self) -> str | None:
        """The tenant whose things alone are looked for; None for everybody's."""
        return self.settings.tenant

    @property
    def tenant(self) -> str:
        """The tenant for whom something is begun or published."""
        return self.settings.tenant or str(load("orchestrator.store.values:DEFAULT_TENANT"))

    @property
    def names_modules(self) -> bool:
        """Whether any modules were named, so that what they do not offer is not there."""
        return bool(self._modules)

    @cached_property
    def offered(self) -> Offered:
        """What the modules offer.

        Raises:
            SettingsError: one cannot be loaded.
        """
        return load_modules(self._modules)


def user() -> str | None:
    """Who sits here, for the audit trail; None where the machine does not say."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return None
