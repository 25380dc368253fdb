"""load.py: keeps a number of HTTP connections busy, GET and POST in turn, and compares every answer with what was asked.
usage: load.py PORT PATH CONNECTIONS SECONDS REQUESTS; prints one JSON line. It goes on for at least so many requests, though
for no more than another minute. A program of its own so that it does not share the backend's interpreter."""

import asyncio
import hashlib
import json
import os
import sys
import time


async def client(number, port, path, goes_on, result):
    reader = writer = None
    count = 0
    body = os.urandom(3000 + 500 * number)
    digest = hashlib.sha256(body).hexdigest()
    while goes_on():
        count += 1
        token = "%d-%d" % (number, count)
        try:
            if writer is None:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            post = count % 2 == 0
            head = "%s %s HTTP/1.1\r\nHost: h\r\nX-Token: %s\r\n" % ("POST" if post else "GET", path, token)
            head += "Content-Length: %d\r\n\r\n" % len(body) if post else "\r\n"
            writer.write(head.encode() + (body if post else b""))
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            status, answer = int(head[9:12]), b""
            if "chunked" in head:
                while True:
                    size = int(await reader.readline(), 16)
                    answer += (await reader.readexactly(size + 2))[:size]
                    if size == 0:
                        break
            else:
                length = [line for line in head.split("\r\n") if line.lower().startswith("content-length:")]
                answer = await reader.readexactly(int(length[0].split(":")[1]))
            told = json.loads(answer)
            if status != 200 or told["token"] != token or (post and told["body_sha256"] != digest):
                result["failed"].append([token, status, answer.decode("latin-1")[:200]])
            result["requests"] += 1
            if "Connection: close" in head:
                writer.close()
                writer = None
        except (OSError, asyncio.IncompleteReadError, ValueError, KeyError) as error:
            result["failed"].append([token, 0, repr(error)])
            if writer:
                writer.close()
            writer = None
    if writer:
        writer.close()


async def main(port, path, connections, seconds, requests):
    result = {"requests": 0, "failed": []}
    end = time.monotonic() + seconds

    def goes_on():
        return time.monotonic() < end + (60 if result["requests"] < requests else 0)
    await asyncio.gather(*(client(n, port, path, goes_on, result) for n in range(connections)))
    print(json.dumps(result))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5])))
