"""Becomes a command of a container: its first argument says which, where, as whom and with what environment.

With a root, it is the container's first process, and makes the root, the network and the writable folders first.
"""

import fcntl
import json
import os
import pwd
import socket
import struct
import subprocess
import sys

_SIOCSIFFLAGS, _IFF_UP = 0x8914, 0x1


def enter(entry: dict) -> None:  # type: ignore[type-arg]
    if "root" in entry:
        with socket.socket() as any_socket:
            fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _IFF_UP))
        root = entry["root"]
        for folder in entry["volumes"]:
            subprocess.run(["mount", "--bind", f"{root}{folder}", f"{root}{folder}"], check=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", f"{root}/tmp"], check=True)  # noqa: S108
        subprocess.run(["mount", "-o", "remount,bind,ro", root], check=True)
        subprocess.run(["mount", "-t", "proc", "proc", f"{root}/proc"], check=True)
        os.chroot(root)
    os.chdir(entry["directory"])
    user = entry["user"]
    number = int(user) if user.isdecimal() else pwd.getpwnam(user).pw_uid
    if number:
        group = pwd.getpwuid(number).pw_gid
        os.setgroups([])
        os.setgid(group)
        os.setuid(number)
    command = entry["command"]
    os.execvpe(command[0], command, entry["environment"])  # noqa: S606 - that is what it is for


enter(json.loads(sys.argv[1]))
