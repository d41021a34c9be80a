#!/bin/sh
# The command `lectern` of an environment: `make setup` copies this to .venv/bin/lectern. It runs the code of the folder
# where it is called, since DVC runs experiments in temporary copies of the project. In any other folder it runs that of
# the project to which the environment belongs.
bin=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
if [ -f lectern/__main__.py ]; then
  exec "$bin/python" -m lectern "$@"
fi
PYTHONPATH=$(dirname -- "$(dirname -- "$bin")")${PYTHONPATH:+:$PYTHONPATH} exec "$bin/python" -P -m lectern "$@"
