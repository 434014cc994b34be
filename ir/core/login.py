"""Who runs this process, by the kernel: its user id. What the environment says of it can be set by anybody, so that is a remark."""

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
    """What the environment says instead, such as `LOGNAME=bob`; "" where it agrees or says nothing."""
    mine = login()
    return ", ".join(f"{name}={os.environ[name][:40]}" for name in _SAID if os.environ.get(name, mine) != mine)
