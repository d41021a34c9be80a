"""`python -m lectern` is the command `lectern`."""

from lectern.tools.main import main

if __name__ == "__main__":
    main()
