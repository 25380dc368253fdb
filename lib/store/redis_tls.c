/*
 * redis_tls.c - TLS to Redis. hiredis' own way to make it (redisInitiateSSLWithContext) does not compare the host's name
 * with the certificate's, so the OpenSSL object is made here.
 */
#include "config.h"

#include "store/redis_tls.h"

#include <stddef.h>

#ifdef HAVE_HIREDIS_SSL

#include <hiredis/hiredis.h>
#include <hiredis/hiredis_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <stdlib.h>
#include <string.h>

struct tv_redis_tls {
    SSL_CTX *settings;
    const char *host;
};

static bool fail(struct tv_error *error, int status, const char *what)
{
    unsigned long code = ERR_peek_last_error();
    const char *why = code ? ERR_reason_error_string(code) : NULL;
    return tv_fail(error, status, NULL, "TLS to Redis: %s%s%s", what, why ? ": " : "", why ? why : "");
}

bool tv_redis_tls_new(const char *host, struct tv_redis_tls **out, struct tv_error *error)
{
    ERR_clear_error();
    struct tv_redis_tls *tls = calloc(1, sizeof *tls);
    if (!tls)
        return tv_fail(error, 500, NULL, "TLS to Redis: out of memory");
    tls->host = host;
    tls->settings = SSL_CTX_new(TLS_client_method());
    if (!tls->settings || !SSL_CTX_set_min_proto_version(tls->settings, TLS1_2_VERSION) ||
        !SSL_CTX_set_default_verify_paths(tls->settings)) {
        tv_redis_tls_free(tls);
        return fail(error, 500, "cannot be prepared");
    }
    SSL_CTX_set_verify(tls->settings, SSL_VERIFY_PEER, NULL);
    *out = tls;
    return true;
}

/* An address is looked for among the certificate's addresses; a name among its names, and is sent along (SNI). */
static bool expect_host(SSL *ssl, const char *host)
{
    char name[256]; /* longer than any name in DNS; OpenSSL's macro takes no constant one */
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host))
        return true;
    if (strlen(host) >= sizeof name)
        return false;
    memcpy(name, host, strlen(host) + 1);
    return SSL_set1_host(ssl, name) && SSL_set_tlsext_host_name(ssl, name);
}

bool tv_redis_tls_start(struct tv_redis_tls *tls, struct redisContext *context, struct tv_error *error)
{
    ERR_clear_error();
    SSL *ssl = SSL_new(tls->settings);
    if (!ssl || !expect_host(ssl, tls->host)) {
        SSL_free(ssl);
        return fail(error, 503, "cannot be prepared");
    }
    if (redisInitiateSSL(context, ssl) == REDIS_OK) /* from here on the context owns it */
        return true;
    long verdict = SSL_get_verify_result(ssl);
    if (verdict != X509_V_OK)
        tv_fail(error, 503, NULL, "TLS to Redis: %s", X509_verify_cert_error_string(verdict));
    else
        fail(error, 503, "the handshake failed");
    SSL_free(ssl);
    return false;
}

void tv_redis_tls_free(struct tv_redis_tls *tls)
{
    if (!tls)
        return;
    SSL_CTX_free(tls->settings);
    free(tls);
}

#else

bool tv_redis_tls_new(const char *host, struct tv_redis_tls **out, struct tv_error *error)
{
    (void)host;
    *out = NULL;
    return tv_fail(
        error, 500, NULL,
        "redis.url asks for TLS (rediss://), but this Trivet was built with a hiredis that has none");
}

bool tv_redis_tls_start(struct tv_redis_tls *tls, struct redisContext *context, struct tv_error *error)
{
    (void)tls;
    (void)context;
    return tv_fail(error, 503, NULL, "TLS to Redis: this Trivet was built without it");
}

void tv_redis_tls_free(struct tv_redis_tls *tls)
{
    (void)tls;
}

#endif
