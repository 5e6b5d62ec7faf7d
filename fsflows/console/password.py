"""`python -m fsflows.console.password NAME ROLE`: a line for `console.users` of the settings; asks for the password."""

from __future__ import annotations

import getpass
import sys

from werkzeug.security import generate_password_hash

from fsflows.console.access import Role, parse_users

MIN_PASSWORD = 10


def main(arguments: list[str]) -> int:
    """Ask, and print the line; the exit status."""
    if len(arguments) != 2 or arguments[1] not in list(Role):
        _complain(f"usage: python -m fsflows.console.password NAME {'|'.join(Role)}")
        return 2
    try:
        password = getpass.getpass("password: ")
        if len(password) < MIN_PASSWORD:
            _complain(f"a password must have {MIN_PASSWORD} characters or more")
            return 1
        if getpass.getpass("again: ") != password:
            _complain("the two are not the same")
            return 1
    except EOFError:
        _complain("the password is asked for twice; a program that gives it writes two lines")
        return 1
    except UnicodeDecodeError:
        _complain("the password is not text (UTF-8)")
        return 1
    except KeyboardInterrupt:
        return 130
    line = f"{arguments[0]}:{arguments[1]}:{generate_password_hash(password)}"
    try:
        parse_users([line])
    except ValueError as error:
        _complain(str(error))
        return 1
    sys.stdout.write(f"{line}\n")
    return 0


def _complain(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
