"""Who may look at the console, and who may change something."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from werkzeug.security import check_password_hash, generate_password_hash

MIN_TOKEN = 16
"""Characters; a shorter token can be guessed."""

_HASHES = ("scrypt:", "pbkdf2:")
_NOBODY = generate_password_hash("nobody", salt_length=16)
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Role(StrEnum):
    """What somebody may do."""

    VIEWER = "viewer"
    """Sees everything that isn't private; private values are hidden for all."""
    EDITOR = "editor"
    """May also delete a record, send a webhook again, and set log levels."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may look. `secret`: a password's hash, or the token."""

    name: str
    role: Role
    secret: str = field(repr=False, default="")

    @property
    def may_edit(self) -> bool:
        """Whether changes are allowed."""
        return self.role is Role.EDITOR

    def fingerprint(self, key: str) -> str:
        """Changes with the password, so that sessions begun with an old one end.

        `key`: what signs sessions. Who has a session can read it, and must not be able to try out tokens on it.
        """
        what = f"{self.name}:{self.role}:{self.secret}".encode()
        return hmac.new(key.encode(), what, hashlib.sha256).hexdigest()[:24]


LOCAL = User("local", Role.EDITOR)
"""Who looks at a console on the loopback address that has no credentials."""


class Access:
    """The credentials of a console.

    Args:
        token: one shared secret, for an editor; "": none.
        users: with hashed passwords.

    Raises:
        ValueError: the token is too short.
    """

    def __init__(self, token: str = "", users: Iterable[User] = ()) -> None:
        if token and len(token) < MIN_TOKEN:
            raise ValueError(
                f"console.token must have {MIN_TOKEN} characters or more (openssl rand -hex 24 makes one)"
            )
        self._token = User("token", Role.EDITOR, token) if token else None
        self._users = {user.name: user for user in users}

    @property
    def open(self) -> bool:
        """Whether nobody is asked for anything."""
        return self._token is None and not self._users

    @property
    def names(self) -> bool:
        """Whether a login needs a name, too."""
        return bool(self._users)

    def with_token(self, token: str) -> User | None:
        """Whose token it is; None: nobody's."""
        if self._token is None:
            return None
        same = hmac.compare_digest(token.encode(), self._token.secret.encode())
        return self._token if same else None

    def with_password(self, name: str, password: str) -> User | None:
        """Who has that name and password; None: nobody. Takes as long for a name that doesn't exist. Slow: ~0.1 s."""
        user = self._users.get(name)
        matches = check_password_hash(user.secret if user else _NOBODY, password)
        return user if user is not None and matches else None

    def known(self, name: str, fingerprint: str, key: str) -> User | None:
        """The user of a session, if the credentials are still the ones it began with."""
        user = self._token if self._token and name == self._token.name else self._users.get(name)
        if user is None or not hmac.compare_digest(
            user.fingerprint(key).encode(), fingerprint.encode()
        ):
            return None
        return user


def parse_users(lines: Iterable[str]) -> list[User]:
    """Users as the settings have them: "NAME:ROLE:HASH", the hash by `python -m fsflows.console.password`.

    Raises:
        ValueError: with the line's place; never with its hash.
    """
    users: list[User] = []
    for number, line in enumerate(lines, 1):
        name, role, secret = [*line.split(":", 2), "", ""][:3]
        if not name or role not in list(Role) or not secret.startswith(_HASHES):
            roles = " or ".join(Role)
            raise ValueError(
                f"console.users: entry {number} must be NAME:ROLE:HASH; the role is {roles}, and"
                " `python -m fsflows.console.password` makes the hash"
            )
        if any(user.name == name for user in users) or name == "token":
            raise ValueError(f"console.users: entry {number}: the name {name!r} is taken")
        users.append(User(name, Role(role), secret))
    return users


def check_listen(host: str, access: Access) -> None:
    """Refuse to be reachable by others without credentials.

    Raises:
        ValueError: what to set.
    """
    if access.open and not is_loopback(host):
        raise ValueError(
            f"the console would listen on {host or 'all addresses'}, where others can reach it: set console.token"
            " or console.users, or let it listen on 127.0.0.1"
        )


def is_loopback(host: str) -> bool:
    """Whether only this host can reach an address, or a name that a browser sent."""
    bare = host.strip("[]").lower()
    if bare in _LOOPBACK:
        return True
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return False
