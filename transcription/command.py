"""`./run whisperx-api`: starts the service; `add-key`, `list-keys` and `remove-key` look after its keys."""
from __future__ import annotations

import argparse
import ipaddress
import sys

from transcription import logs
from transcription.jobs import keys
from transcription.settings import Settings, SettingsError


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="./run whisperx-api", description="The transcription service: words, times, speakers and subtitles.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8001)
    commands = parser.add_subparsers(dest="command")
    add = commands.add_parser("add-key", help="makes an API key, writes its hash to API_KEYS_FILE, prints it once")
    add.add_argument("name", help="whose it is; keys of one name see the same jobs")
    add.add_argument("--rate-per-minute", type=int, help="submissions a minute (default RATE_LIMIT_PER_MINUTE)")
    add.add_argument("--hours-per-day", type=float, help="hours of audio a day (default: no limit)")
    add.add_argument("--address", action="append", default=[], help="network it may be used from, such as 10.0.0.0/8")
    commands.add_parser("list-keys", help="prints name and hash of each key")
    remove = commands.add_parser("remove-key", help="takes a key out at once")
    remove.add_argument("hash", help="the first 8 or more digits of its hash")
    arguments = parser.parse_args(argv)
    if not 0 < arguments.port < 65_536:
        parser.error(f"--port: {arguments.port} is none, they go from 1 to 65535")
    try:
        settings = Settings.from_env()
        return _serve(settings, arguments) if arguments.command is None else _keys(settings, arguments)
    except SettingsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print("error:", ": ".join(str(part) for part in (error.filename, error.strerror or error) if part),
              file=sys.stderr)
        return 1


def _serve(settings: Settings, arguments: argparse.Namespace) -> int:
    if not (settings.api_keys_file or settings.allow_anonymous or _is_loopback(arguments.host)):
        raise SettingsError("API_KEYS_FILE is not set: without keys only this machine is served; make one with "
                            "add-key, or set ALLOW_ANONYMOUS=true behind a gateway that checks callers")
    import uvicorn

    from transcription.http.app import create_app

    logs.configure(settings.log_level)
    app = create_app(settings)
    print(f"http://{arguments.host}:{arguments.port}/ (engine: {app.state.service.can.engine})", file=sys.stderr)
    uvicorn.run(app, host=arguments.host, port=arguments.port, log_config=None, access_log=False,
                timeout_graceful_shutdown=5, timeout_keep_alive=75, server_header=False)
    return 0


def _keys(settings: Settings, arguments: argparse.Namespace) -> int:
    path = settings.api_keys_file
    if path is None:
        raise SettingsError("API_KEYS_FILE is not set: it names the file that the hashes are written to")
    if arguments.command == "add-key":
        print(keys.add(path, arguments.name, rate_per_minute=arguments.rate_per_minute,
                       hours_per_day=arguments.hours_per_day, addresses=arguments.address))
    elif arguments.command == "list-keys":
        for key in keys.read(path) if path.exists() else ():
            print(key.name, key.sha256[:16])
    else:
        count = keys.remove(path, arguments.hash)
        print(f"{count} removed")
        return 0 if count else 1
    return 0


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
