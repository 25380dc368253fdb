/*
 * probe.c - trivet-probe: asks an HTTP server on this machine for one path. 0 when it answers 200, else 1. It is there for
 * health checks in images that have no shell and no curl, so it takes numbers only and looks nothing up.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "entry/ask.h"

#define PATIENCE_MS 2000
#define EXIT_USAGE  2

static const char *ask_path(struct ask *ask, const char *path)
{
    static const char good[] = "HTTP/1.1 200";
    char request[512];
    int length = snprintf(request, sizeof request,
                          "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);
    if (length < 0 || (size_t)length >= sizeof request)
        return "the path is too long";
    const char *wrong = ask_send(ask, request, (size_t)length);
    while (!wrong && ask->length < sizeof good)
        wrong = ask_more(ask);
    if (wrong)
        return wrong;
    return memcmp(ask->bytes, good, sizeof good - 1) == 0 ? NULL : "the answer is not 200";
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char *end = NULL;
    long port = argc == 3 ? strtol(argv[1], &end, 10) : 0;
    if (argc != 3 || !end || *end || port < 1 || port > 65535 || argv[2][0] != '/' ||
        strpbrk(argv[2], " \r\n")) {
        fputs("Usage: trivet-probe PORT PATH\nAsks 127.0.0.1:PORT for PATH: 0 when it answers 200, else 1.\n",
              stderr);
        return EXIT_USAGE;
    }
    address.sin_port = htons((uint16_t)port);
    struct ask ask;
    const char *wrong =
        ask_connect(&ask, (const struct sockaddr *)&address, sizeof address, tv_clock_ms() + PATIENCE_MS);
    if (!wrong)
        wrong = ask_path(&ask, argv[2]);
    ask_close(&ask);
    if (wrong)
        fprintf(stderr, "trivet-probe: %s%s: %s\n", argv[1], argv[2], wrong);
    return wrong ? 1 : 0;
}
