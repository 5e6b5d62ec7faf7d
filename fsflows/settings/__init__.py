"""The server's settings: one YAML file, environment variables on top, secrets from files.

An unknown key is an error that suggests the nearest one. `FSFLOWS_RECORDINGS__STAGING=/dev/shm/x` sets
`recordings.staging`; a secret `x` can be given as `x_file`, the path of a file that holds it.
"""

from fsflows.settings.loading import SettingsError, load
from fsflows.settings.model import Console, Log, Server, Settings

__all__ = ["Console", "Log", "Server", "Settings", "SettingsError", "load"]
