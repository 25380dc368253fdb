/*
 * dates.h - BSON's dates (milliseconds since 1970, 64 bits) from and to ISO 8601.
 */
#ifndef TRIVET_DOC_DATES_H
#define TRIVET_DOC_DATES_H

#include "trivet.h"

#define DOC_DATE_SIZE 40

/* "2022-01-12T02:33:23.067Z"; years outside 0..9999 get a sign and at least six digits. The length written. */
size_t doc_date_write(int64_t milliseconds, char out[DOC_DATE_SIZE]);
/* YYYY-MM-DDTHH:MM[:SS[.fraction]] and Z, +HH:MM or +HHMM. False for anything else. */
bool doc_date_read(struct tv_slice text, int64_t *milliseconds) TV_MUST_CHECK;

#endif
