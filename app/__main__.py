"""The program `orderwire`, which is `python -m app` too."""

import gc


def main() -> None:
    """Run the command line."""
    # What is imported stays: the garbage collector would go through it again and again, for a tenth of the start.
    gc.disable()
    from app.cli import main as run

    gc.freeze()
    gc.enable()
    run()


if __name__ == "__main__":
    main()
