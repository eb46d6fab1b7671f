#include "javm_test.h"

#include <string.h>

uint64_t add(uint64_t n);
uint64_t get(void);

int main(void) {
    JAVM_EXPECT(add(5) == 5);
    JAVM_EXPECT(JAVM_TRAPS(add(UINT64_MAX)));
    JAVM_EXPECT(get() == 5);
    JAVM_EXPECT(strcmp(javm_test_log(0), "added") == 0);
}
