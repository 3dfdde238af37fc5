"""A child process that ends with its parent, even when the parent is killed.

Linux sends a process the signal it asked for when its parent dies (prctl(2), PR_SET_PDEATHSIG), and the request
survives exec. It is made by running this file in front of the command, since `preexec_fn` is unsafe once the parent
has threads. Elsewhere a child is ended by its owner's own tidying only.

"Parent" is the thread that forked: start tethered children from a thread that lives as long as they should.
"""

import ctypes
import os
import signal
import subprocess
import sys

PR_SET_PDEATHSIG = 1
STOP_SECONDS = 5.0


def tethered(command: list[str]) -> list[str]:
    """The command, to be started by this very process, tethered to it."""
    if sys.platform != "linux":
        return command
    # -I -S: nothing is imported but what stands above, so this costs a few milliseconds.
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def die_with(parent_pid: int) -> None:
    """From here on this process is killed as soon as its parent ends; at once where it already has."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        raise SystemExit(1)


def stop(process: subprocess.Popen[bytes], seconds: float = STOP_SECONDS) -> None:
    """End it: asked first, killed when it has not gone by then."""
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


if __name__ == "__main__":
    die_with(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])
