#!/usr/bin/python3
"""A peer that accepts connections, reads what comes and never answers; with --dribble it sends one byte a second.

Listens on 127.0.0.1, on a port that it prints as its first line ("port 12345"), and appends one JSON object per
connection to a file: {"number", "monotonic_us", "wall_us"}.
"""

import argparse
import asyncio
import json
import time


async def serve(options):
    count = 0

    async def keep_silent(reader, writer):
        nonlocal count
        count += 1
        entry = {"number": count, "monotonic_us": time.monotonic_ns() // 1000, "wall_us": time.time_ns() // 1000}
        with open(options.record, "a", encoding="utf-8") as record:
            record.write(json.dumps(entry) + "\n")
        try:
            if options.dribble:
                while True:
                    writer.write(b"2")
                    await writer.drain()
                    await asyncio.sleep(1)
            while await reader.read(65536):
                pass
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(keep_silent, "127.0.0.1", 0, backlog=1024)
    print("port", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main():
    parser = argparse.ArgumentParser(description="accepts and never answers")
    parser.add_argument("--record", required=True, help="file that connections are noted in")
    parser.add_argument("--dribble", action="store_true", help="send one byte a second")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
