/*
 * names.h - which databases and collections may be spoken of at all.
 */
#ifndef TRIVET_DOC_NAMES_H
#define TRIVET_DOC_NAMES_H

#include "trivet.h"

/* 400 when a name is empty, too long, holds what no name may hold, or belongs to the server itself (admin, local, config,
 * system.*). */
bool doc_check_names(struct tv_slice database, struct tv_slice collection,
                     struct tv_error *error) TV_MUST_CHECK;

#endif
