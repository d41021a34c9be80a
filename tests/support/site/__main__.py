"""Serve the site until it is interrupted: python -m tests.support.site [PORT]."""

import sys
import threading

from tests.support.site import serve

with serve(int(sys.argv[1]) if len(sys.argv) > 1 else 0) as site:
    print(site.address, flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        sys.exit()
