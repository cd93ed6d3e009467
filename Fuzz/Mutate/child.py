"""Runs weft on one damaged file within bounds, and says what came of it."""
import os
import re
import resource
import signal
import subprocess
import time

SECONDS = 5
MEMORY = 1 << 30
DISK = 64 << 20


def limits():
    os.setsid()
    # Address space is more than what is used of it: the bound that counts is looked at afterwards.
    resource.setrlimit(resource.RLIMIT_AS, (4 * MEMORY, 4 * MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (DISK, DISK))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run(command, folder):
    """What became of it: `exit N`, `trap N`, `slow`, `deaf`, `memory`, `files …`; and its last words."""
    before = set(os.listdir(folder))
    errors = open(os.path.join(folder, ".errors"), "w+b")
    start = time.time()
    child = subprocess.Popen(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors, preexec_fn=limits,
        env=dict(os.environ, SWIFT_BACKTRACE="enable=no"))
    asked = None
    while True:
        done, status, usage = os.wait4(child.pid, os.WNOHANG)
        if done:
            break
        spent = time.time() - start
        if asked is None and spent > SECONDS:
            asked = spent
            child.send_signal(signal.SIGTERM)
        elif asked is not None and spent > asked + 3:
            child.kill()
            os.wait4(child.pid, 0)
            child.returncode = -9
            status, usage = None, None
            break
        time.sleep(0.002 if spent < 0.2 else 0.05)
    child.returncode = 0
    errors.seek(0)
    words = errors.read()[-400:].decode("utf8", "replace")
    errors.close()
    os.remove(os.path.join(folder, ".errors"))
    left = sorted(set(os.listdir(folder)) - before)
    if status is None:
        return "deaf", words
    if usage.ru_maxrss * 1024 > MEMORY:
        return "memory", f"{usage.ru_maxrss // 1024} MB {words}"
    if os.WIFSIGNALED(status):
        return f"trap {os.WTERMSIG(status)}", words
    code = os.WEXITSTATUS(status)
    if asked is not None:
        # It ended when asked to: slow, unless virtual time stands still.
        return "slow", (re.search(r"interrupted at ([^;]*) of virtual time", words) or [words, words])[1]
    if code not in (0, 1, 2, 3):
        return f"trap {code}", words
    if left:
        return "files", " ".join(left)
    return f"exit {code}", words
