"""The operating system's account that runs this process.

The kernel's user id counts; environment variables can be set freely, so they are a remark.
"""

import os
import pwd

_SAID = ("LOGNAME", "USER", "LNAME", "USERNAME", "SUDO_USER")


def login() -> str:
    """The name that the system has for this process's user id; `uid-N` where it has none."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid-{os.getuid()}"


def remark() -> str:
    """A remark where the environment names another account, such as `LOGNAME=bob`; "" where it agrees or names none."""
    mine = login()
    return ", ".join(f"{name}={os.environ[name][:40]}" for name in _SAID if os.environ.get(name, mine) != mine)
