/*
 * trivet.h - the public page of libtrivet: everything that a worker needs, and nothing else.
 *
 * A worker fills a struct tv_app and calls tv_main; fcgi-app/hello is the smallest one. Only what the headers below
 * declare is exported by the library; its other headers are private to it.
 */
#ifndef TRIVET_H
#define TRIVET_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json_reader.h"
#include "base/json_writer.h"
#include "base/option.h"
#include "base/slice.h"
#include "base/url.h"
#include "base/version.h"
#include "cache/cache.h"
#include "serve/app.h"
#include "serve/request.h"
#include "serve/response.h"
#include "serve/setup.h"
#include "serve/tool.h"
#include "store/limits.h"
#include "store/mongo.h"
#include "store/mysql.h"
#include "store/redis.h"
#include "store/store.h"
#include "watch/activity.h"
#include "watch/expected.h"
#include "watch/log.h"
#include "watch/push_state.h"
#include "watch/ring.h"
#include "watch/scoreboard.h"

#endif
