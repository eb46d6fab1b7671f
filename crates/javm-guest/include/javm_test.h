/* Tests of a program in C, as host code: `cargo nub test` makes one of each file in the program's folder `tests`, together
 * with the program's own files and javm_test.c, and runs it. A test is a `main` that returns 0 when all is well.
 *
 *     #include "javm_test.h"
 *
 *     uint64_t add(uint64_t n);
 *
 *     int main(void) {
 *         JAVM_EXPECT(add(5) == 5);
 *         JAVM_EXPECT(JAVM_TRAPS(add(UINT64_MAX)));
 *     }
 *
 * Variables keep what they hold from call to call, as they do in nub; unlike there, a call that traps is not undone. There
 * are stack, scratchpad and heap as JAVM_MEMORY says, and the service LOG; HASH is missing, and gas never ends. */
#ifndef JAVM_TEST_H
#define JAVM_TEST_H

#include "javm.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

/* Ends the test with a message unless the condition holds. */
#define JAVM_EXPECT(condition)                                                                                            \
    ((condition) ? (void)0                                                                                                \
                 : (fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition), exit(1)))

/* Whether evaluating the expression ends in a trap, as JAVM_FAIL, JAVM_REQUIRE and javm_trap do. */
#define JAVM_TRAPS(expression)                                                                                            \
    (javm_test_armed = 1, sigsetjmp(javm_test_trapped, 1) ? 1 : ((void)(expression), javm_test_armed = 0, 0))

extern sigjmp_buf javm_test_trapped;
extern int javm_test_armed;

/* Clears the scratchpad and puts this at its start; ends the test if it does not fit. */
void javm_test_scratchpad(const void *bytes, size_t length);

/* What was logged, in order: how often, and the text of one of them, NULL behind the last. */
size_t javm_test_logs(void);
const char *javm_test_log(size_t number);

#endif
