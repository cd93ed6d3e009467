#ifndef WEFT_TABLE_MEMORY_H
#define WEFT_TABLE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

// What is wanted of memory, by tables of millions of entries first of all, and Swift can't say.

/// Zeroed memory that begins on a cache line; large pieces on pages of 2 MiB where the system has them, so that a look-up
/// at random misses in the cache but not in the page tables too. To be given back with `weft_table_free`.
void *weft_table_allocate(size_t bytes);
void weft_table_free(void *memory);

/// The line at this address will be wanted soon. No address is wrong.
static inline void weft_prefetch(const void *address) { __builtin_prefetch(address); }

/// Whether both hold the same: by the widest registers of the machine at hand, which Swift isn't compiled for.
static inline bool weft_equal(const void *a, const void *b, size_t bytes) { return memcmp(a, b, bytes) == 0; }

#endif
