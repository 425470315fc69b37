"""The command `kith`; also `python -m kith_local`."""

import signal


def main() -> None:
    # Ctrl-C while modules are being loaded ends us there and then: nothing runs yet, nobody wants a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from kith_local.cli import app  # noqa: PLC0415 -- the loading is what is guarded

    signal.signal(signal.SIGINT, signal.default_int_handler)
    app()


if __name__ == "__main__":
    main()
