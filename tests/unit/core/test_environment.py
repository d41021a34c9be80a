"""A shell in which the environment is not active."""

import subprocess
import sys


def test_a_python_without_the_packages_says_what_to_do() -> None:
    # -S leaves site-packages out, as another python would
    done = subprocess.run([sys.executable, "-S", "-m", "stages.fetch"], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"error: {sys.executable} lacks the packages of this project. Run `make setup`"
    )
