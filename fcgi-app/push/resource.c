/*
 * resource.c - service.name and its kin.
 */
#include "resource.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void set(struct resource *resource, const char *key, const char *value)
{
    size_t i = 0;
    while (i < resource->count && strcmp(resource->attributes[i].key, key) != 0)
        i++;
    if (i == RESOURCE_ATTRIBUTES_MAX)
        return;
    snprintf(resource->attributes[i].key, sizeof resource->attributes[i].key, "%s", key);
    snprintf(resource->attributes[i].value, sizeof resource->attributes[i].value, "%s", value);
    if (i == resource->count)
        resource->count++;
}

const char *resource_get(const struct resource *resource, const char *key)
{
    for (size_t i = 0; i < resource->count; i++)
        if (strcmp(resource->attributes[i].key, key) == 0)
            return resource->attributes[i].value;
    return NULL;
}

/* "key=value,key=value", percent-encoded as W3C Baggage writes it. */
static bool read_list(struct resource *out, struct tv_slice list)
{
    while (list.length > 0) {
        size_t end = tv_slice_find(list, ',');
        struct tv_slice pair = tv_slice_trim(tv_slice_cut(list, 0, end));
        list = tv_slice_cut(list, end + 1, list.length);
        if (pair.length == 0)
            continue;
        struct tv_arena arena;
        struct tv_error error;
        char key[128], value[256];
        size_t equals = tv_slice_find(pair, '=');
        struct tv_slice name = tv_slice_trim(tv_slice_cut(pair, 0, equals)), text = {0};
        tv_arena_init(&arena, 65536);
        bool good = equals < pair.length && name.length > 0 && name.length < sizeof key &&
                    tv_url_decode(&arena, tv_slice_trim(tv_slice_cut(pair, equals + 1, pair.length)),
                                  TV_URL_PATH, &text, &error) &&
                    text.length < sizeof value;
        if (good) {
            snprintf(key, sizeof key, "%.*s", (int)name.length, name.data);
            snprintf(value, sizeof value, "%.*s", (int)text.length, text.length ? text.data : "");
            set(out, key, value);
        }
        tv_arena_free(&arena);
        if (!good)
            return false;
    }
    return true;
}

void resource_read(struct resource *resource)
{
    char host[256] = "";
    const char *list = getenv("OTEL_RESOURCE_ATTRIBUTES"), *name = getenv("OTEL_SERVICE_NAME");
    struct resource given = {.count = 0};
    if (gethostname(host, sizeof host - 1) != 0 || !*host)
        snprintf(host, sizeof host, "localhost");
    resource->count = 0;
    set(resource, "service.name", "trivet");
    set(resource, "service.version", tv_version());
    /* in Kubernetes the pod's name: one Trivet a pod, and it stays the same when this program is started anew */
    set(resource, "service.instance.id", host);
    set(resource, "host.name", host);
    if (list && !read_list(&given, tv_slice_of(list)))
        tv_log(TV_LOG_WARN, "push.resource",
               "OTEL_RESOURCE_ATTRIBUTES is no list of key=value; it is left out");
    else
        for (size_t i = 0; i < given.count; i++)
            set(resource, given.attributes[i].key, given.attributes[i].value);
    if (name && *name)
        set(resource, "service.name", name);
}

void resource_open(struct otlp *otlp, const struct resource *resource, const struct otlp_field *list,
                   const struct otlp_field *scopes)
{
    static const struct otlp_field RESOURCE = {1, "resource"}, ATTRIBUTES = {1, "attributes"},
                                   SCOPE = {1, "scope"}, NAME = {1, "name"}, VERSION = {2, "version"};
    otlp_list(otlp, list);
    otlp_item(otlp);
    otlp_open(otlp, &RESOURCE);
    otlp_list(otlp, &ATTRIBUTES);
    for (size_t i = 0; i < resource->count; i++)
        otlp_attribute_text(otlp, resource->attributes[i].key, tv_slice_of(resource->attributes[i].value));
    otlp_list_end(otlp);
    otlp_close(otlp);
    otlp_list(otlp, scopes);
    otlp_item(otlp);
    otlp_open(otlp, &SCOPE);
    otlp_text(otlp, &NAME, TV_SLICE("trivet"));
    otlp_text(otlp, &VERSION, tv_slice_of(tv_version()));
    otlp_close(otlp);
}

void resource_close(struct otlp *otlp)
{
    otlp_close(otlp);
    otlp_list_end(otlp);
    otlp_close(otlp);
    otlp_list_end(otlp);
}
