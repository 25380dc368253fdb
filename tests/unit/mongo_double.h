/*
 * mongo_double.h - a server that speaks as much of MongoDB's wire protocol as the driver needs (hello, ping, buildInfo, find,
 * getMore, killCursors, insert, endSessions) and misbehaves as told. It listens at two places and can pose as a replica set
 * of both. For tests only; it stores nothing.
 */
#ifndef TRIVET_TESTS_MONGO_DOUBLE_H
#define TRIVET_TESTS_MONGO_DOUBLE_H

#include <bson/bson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum fault {
    FAULT_NONE,
    FAULT_CLOSE,       /* reads the command, closes without a word */
    FAULT_CLOSE_AFTER, /* answers, then closes: the connection dies while it is idle */
    FAULT_HALF,        /* half of the reply, then closes */
    FAULT_LATE,        /* answers after late_ms */
    FAULT_STRAY,       /* answers, then sends a few bytes that nobody asked for */
    FAULT_ERROR,       /* answers with error_code */
    FAULT_WRITE_ERROR, /* answers ok, with a writeError of error_code */
    FAULT_UNCONFIRMED, /* answers ok, with a writeConcernError of error_code */
    FAULT_GARBAGE,     /* bytes that are no message */
};

static struct {
    char paths[2][100];
    int listeners[2];
    pthread_t threads[2];
    _Atomic bool replica_set;
    _Atomic int primary; /* which of the two */
    /* how the next command of that name is treated; once */
    _Atomic(const char *) command;
    _Atomic int fault;
    _Atomic int late_ms;
    _Atomic int error_code;
    _Atomic int batches;      /* of three documents each, that a find gives */
    _Atomic bool connections; /* serverStatus tells of them: 7, and 93 more are possible */
    /* what was seen */
    _Atomic int accepted, closed, strays, finds, finds_at[2], inserts, get_mores, kills, farewells;
    _Atomic int64_t max_time_ms;
} mongo = {.command = "", .batches = 1};

static void fault_on(const char *command, enum fault fault)
{
    atomic_store(&mongo.command, command);
    atomic_store(&mongo.fault, fault);
}

/* Until one of the counts of what was seen is over `before`: what a connection's thread does after its answer comes when it comes. */
static void mongo_await(_Atomic int *count, int before)
{
    for (int i = 0; i < 1000 && *count <= before; i++)
        usleep(10000);
}

static bool read_all(int fd, void *to, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t count = recv(fd, (char *)to + done, length - done, 0);
        if (count <= 0)
            return false;
        done += (size_t)count;
    }
    return true;
}

static void append_batch(bson_t *reply, const char *name, int64_t cursor, int first)
{
    static const char *const keys[] = {"0", "1", "2"};
    bson_t inside;
    BSON_APPEND_DOCUMENT_BEGIN(reply, "cursor", &inside);
    BSON_APPEND_INT64(&inside, "id", cursor);
    BSON_APPEND_UTF8(&inside, "ns", "d.c");
    bson_t list = BSON_INITIALIZER;
    for (int i = 0; i < 3; i++) {
        bson_t document = BSON_INITIALIZER;
        BSON_APPEND_INT32(&document, "n", first + i);
        BSON_APPEND_DOCUMENT(&list, keys[i], &document);
        bson_destroy(&document);
    }
    BSON_APPEND_ARRAY(&inside, name, &list);
    bson_destroy(&list);
    bson_append_document_end(reply, &inside);
}

static void append_hello(int place, bson_t *reply)
{
    bool primary = !mongo.replica_set || mongo.primary == place;
    BSON_APPEND_BOOL(reply, "ismaster", primary);
    BSON_APPEND_BOOL(reply, "isWritablePrimary", primary);
    if (mongo.replica_set) {
        bson_t hosts = BSON_INITIALIZER;
        BSON_APPEND_UTF8(&hosts, "0", mongo.paths[0]);
        BSON_APPEND_UTF8(&hosts, "1", mongo.paths[1]);
        BSON_APPEND_ARRAY(reply, "hosts", &hosts);
        bson_destroy(&hosts);
        BSON_APPEND_UTF8(reply, "setName", "rs");
        BSON_APPEND_BOOL(reply, "secondary", !primary);
    }
    BSON_APPEND_BOOL(reply, "helloOk", true);
    BSON_APPEND_INT32(reply, "maxBsonObjectSize", 16777216);
    BSON_APPEND_INT32(reply, "maxMessageSizeBytes", 48000000);
    BSON_APPEND_INT32(reply, "maxWriteBatchSize", 100000);
    BSON_APPEND_INT32(reply, "logicalSessionTimeoutMinutes", 30);
    BSON_APPEND_INT32(reply, "minWireVersion", 0);
    BSON_APPEND_INT32(reply, "maxWireVersion", 21);
}

static void append_error(bson_t *reply, const char *list, int code)
{
    bson_t array = BSON_INITIALIZER, one = BSON_INITIALIZER;
    BSON_APPEND_INT32(&one, "index", 0);
    BSON_APPEND_INT32(&one, "code", code);
    BSON_APPEND_UTF8(&one, "errmsg", "told so");
    if (list[5] == 'C') /* writeConcernError is one, writeErrors are a list */
        BSON_APPEND_DOCUMENT(reply, list, &one);
    else {
        BSON_APPEND_DOCUMENT(&array, "0", &one);
        BSON_APPEND_ARRAY(reply, list, &array);
    }
    bson_destroy(&one);
    bson_destroy(&array);
}

static void answer_command(const char *name, enum fault fault, int place, int *given, bson_t *reply)
{
    if (fault == FAULT_ERROR) {
        BSON_APPEND_DOUBLE(reply, "ok", 0);
        BSON_APPEND_INT32(reply, "code", mongo.error_code);
        BSON_APPEND_UTF8(reply, "errmsg", "told so");
        return;
    }
    if (strcmp(name, "hello") == 0 || strcasecmp(name, "ismaster") == 0)
        append_hello(place, reply);
    else if (strcmp(name, "buildInfo") == 0)
        BSON_APPEND_UTF8(reply, "version", "7.0.0");
    else if (strcmp(name, "serverStatus") == 0 && mongo.connections) {
        bson_t inside;
        BSON_APPEND_DOCUMENT_BEGIN(reply, "connections", &inside);
        BSON_APPEND_INT32(&inside, "current", 7);
        BSON_APPEND_INT32(&inside, "available", 93);
        bson_append_document_end(reply, &inside);
    } else if (strcmp(name, "find") == 0 || strcmp(name, "getMore") == 0) {
        bool first = name[0] == 'f';
        *given = first ? 0 : *given + 1;
        append_batch(reply, first ? "firstBatch" : "nextBatch", *given + 1 < mongo.batches ? 77 : 0,
                     *given * 3);
        first ? mongo.finds++ : mongo.get_mores++;
        mongo.finds_at[place] += first;
    } else if (strcmp(name, "insert") == 0) {
        mongo.inserts++;
        BSON_APPEND_INT32(reply, "n", fault == FAULT_WRITE_ERROR ? 0 : 1);
        if (fault == FAULT_WRITE_ERROR)
            append_error(reply, "writeErrors", mongo.error_code);
        if (fault == FAULT_UNCONFIRMED)
            append_error(reply, "writeConcernError", mongo.error_code);
    } else if (strcmp(name, "killCursors") == 0)
        mongo.kills++;
    else if (strcmp(name, "endSessions") == 0)
        mongo.farewells++;
    BSON_APPEND_DOUBLE(reply, "ok", 1);
}

static void put32(uint8_t *to, int32_t value)
{
    uint32_t bits = BSON_UINT32_TO_LE((uint32_t)value);
    memcpy(to, &bits, 4);
}

/* One message in, one out. False ends the connection. */
static bool serve_one(int fd, int place, int *given)
{
    uint8_t head[16], front[36] = {0};
    int32_t length, opcode, request;
    if (!read_all(fd, head, sizeof head))
        return false;
    memcpy(&length, head, 4);
    memcpy(&request, head + 4, 4);
    memcpy(&opcode, head + 12, 4);
    size_t rest = (size_t)length - sizeof head;
    uint8_t *body = malloc(rest);
    bson_t command, reply = BSON_INITIALIZER;
    bson_iter_t at;
    /* OP_MSG: flags, kind, document; OP_QUERY: flags, name, two numbers, document */
    bool read = read_all(fd, body, rest);
    size_t from = opcode == 2013 ? 5 : read ? 4 + strlen((char *)body + 4) + 1 + 8 : 0;
    int32_t size = 0;
    if (read)
        memcpy(&size, body + from, 4);
    if (!read || !bson_init_static(&command, body + from, (size_t)size) || !bson_iter_init(&at, &command) ||
        !bson_iter_next(&at)) {
        free(body);
        return false;
    }
    char name[32];
    snprintf(name, sizeof name, "%s", bson_iter_key(&at));
    if (bson_iter_find(&at, "maxTimeMS"))
        mongo.max_time_ms = bson_iter_as_int64(&at);
    enum fault fault =
        strcmp(name, mongo.command) == 0 ? (enum fault)atomic_exchange(&mongo.fault, FAULT_NONE) : FAULT_NONE;
    answer_command(name, fault, place, given, &reply);
    free(body);
    size_t front_length = opcode == 2013 ? 21 : 36;
    put32(front, (int32_t)(front_length + reply.len));
    put32(front + 8, request);
    put32(front + 12, opcode == 2013 ? 2013 : 1);
    if (opcode != 2013)
        put32(front + 32, 1); /* documents in an OP_REPLY */
    uint8_t *message = malloc(front_length + reply.len);
    memcpy(message, front, front_length);
    memcpy(message + front_length, bson_get_data(&reply), reply.len);
    size_t whole = front_length + reply.len;
    bson_destroy(&reply);
    if (fault == FAULT_LATE)
        usleep((useconds_t)mongo.late_ms * 1000);
    if (fault == FAULT_GARBAGE)
        memset(message, 0xEE, whole);
    if (fault == FAULT_HALF)
        whole /= 2;
    bool sent = fault != FAULT_CLOSE && send(fd, message, whole, MSG_NOSIGNAL) == (ssize_t)whole;
    if (fault == FAULT_STRAY) {
        sent = send(fd, "stray", 5, MSG_NOSIGNAL) == 5;
        mongo.strays++;
    }
    free(message);
    return sent && fault != FAULT_HALF && fault != FAULT_CLOSE_AFTER;
}

static void *serve_connection(void *context)
{
    int fd = (int)((intptr_t)context / 2), place = (int)((intptr_t)context % 2), given = 0;
    while (serve_one(fd, place, &given))
        ;
    close(fd);
    mongo.closed++;
    return NULL;
}

static void *accept_connections(void *context)
{
    int place = (int)(intptr_t)context;
    for (;;) {
        int fd = accept(mongo.listeners[place], NULL, NULL);
        if (fd < 0)
            return NULL;
        mongo.accepted++;
        pthread_t thread;
        if (pthread_create(&thread, NULL, serve_connection, (void *)(intptr_t)(fd * 2 + place)) == 0)
            pthread_detach(thread);
        else
            close(fd);
    }
}

static bool mongo_listen(int place)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int *listener = &mongo.listeners[place];
    unlink(mongo.paths[place]);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", mongo.paths[place]);
    *listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return bind(*listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(*listener, 16) == 0 &&
           pthread_create(&mongo.threads[place], NULL, accept_connections, (void *)(intptr_t)place) == 0;
}

/* New connections are refused from now on; those that are open stay. */
static void mongo_unlisten(int place)
{
    shutdown(mongo.listeners[place], SHUT_RDWR);
    pthread_join(mongo.threads[place], NULL);
    close(mongo.listeners[place]);
    unlink(mongo.paths[place]);
}

#endif
