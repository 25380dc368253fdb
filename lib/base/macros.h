/*
 * macros.h - what the compiler is told about functions. Nothing with behaviour belongs here.
 */
#ifndef TRIVET_BASE_MACROS_H
#define TRIVET_BASE_MACROS_H

/* Exported from the shared library; everything else stays hidden. */
#define TV_PUBLIC __attribute__((visibility("default")))
/* The result says whether it worked: ignoring it is a mistake. */
#define TV_MUST_CHECK                   __attribute__((warn_unused_result))
#define TV_PRINTF(format_at, values_at) __attribute__((format(printf, format_at, values_at)))

#define TV_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
