"""`python -m cli`, where the entry point is not installed."""

from cli.entry import main

if __name__ == "__main__":
    main()
