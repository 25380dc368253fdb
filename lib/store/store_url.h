/*
 * store_url.h - private: the parts that the stores' URLs share. All work in place on a terminated copy of the URL. Errors
 * (status 500) begin with the option's name and never repeat a part that could be a secret.
 */
#ifndef TRIVET_STORE_STORE_URL_H
#define TRIVET_STORE_STORE_URL_H

#include <stdbool.h>

#include "base/error.h"

/* "OPTION: what". Returns false. */
bool tv_store_url_refuse(const char *option, const char *what, struct tv_error *error);
/* Percent-decodes. A NUL byte would cut the text short without a word, so it is refused. */
bool tv_store_url_decode(const char *option, char *text, struct tv_error *error) TV_MUST_CHECK;
/* user[:password]; NULL for a part that is absent or empty. */
bool tv_store_url_login(const char *option, char *login, const char **user, const char **password,
                        struct tv_error *error) TV_MUST_CHECK;
/* host[:port], where an IPv6 address stands in brackets; *host is NULL when there is none, *port stays without one. */
bool tv_store_url_host(const char *option, char *text, const char **host, int *port,
                       struct tv_error *error) TV_MUST_CHECK;

#endif
