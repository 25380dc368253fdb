/*
 * tests.h - the groups of wire tests, simple ones first.
 */
#ifndef TRIVET_TESTS_WIRE_TESTS_H
#define TRIVET_TESTS_WIRE_TESTS_H

void test_malformed(void);
void test_protocol(void);
void test_crowd(void);

#endif
