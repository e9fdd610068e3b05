"""`python -m aezoo`: the same as the command `aezoo`."""

from zoo.cli import main

if __name__ == "__main__":
    main()
