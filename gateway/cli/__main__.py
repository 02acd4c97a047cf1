"""`python -m gateway.cli`, where the entry point is not installed."""

from gateway.cli.main import main

if __name__ == "__main__":
    main()
