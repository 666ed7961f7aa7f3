"""`python -m citygis.cli` is `citygis`."""

from citygis.cli import main

if __name__ == "__main__":
    main(prog_name="citygis")
