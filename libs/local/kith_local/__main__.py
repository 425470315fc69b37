"""The command `kith`; also `python -m kith_local`."""

import signal
import sys


def main() -> None:
    # Ctrl-C while modules are being loaded ends us there and then: nothing runs yet, nobody wants a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from kith_local.cli import app  # noqa: PLC0415 -- the loading is what is guarded
    from kith_local.errors import LocalError  # noqa: PLC0415 -- the same

    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        app()
    except LocalError as error:
        sys.exit(f"\n{error}")


if __name__ == "__main__":
    main()
