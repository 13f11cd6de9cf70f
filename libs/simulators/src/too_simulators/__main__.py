"""``python -m too_simulators``."""

from too_simulators.app import serve

if __name__ == "__main__":
    serve()
