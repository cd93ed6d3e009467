#pragma once
#include <stdint.h>

/// How often this process has allocated memory so far; 0 for ever where it can't be counted (not Linux with glibc).
uint64_t weft_malloc_count(void);
/// Bytes in use in the heap.
uint64_t weft_malloc_in_use(void);
