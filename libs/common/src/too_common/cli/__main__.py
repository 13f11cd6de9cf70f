"""``python -m too_common.cli``."""

from too_common.cli import main

if __name__ == "__main__":
    main()
