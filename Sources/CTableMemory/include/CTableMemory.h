#ifndef WEFT_TABLE_MEMORY_H
#define WEFT_TABLE_MEMORY_H

#include <stddef.h>

// What tables of millions of entries need of memory and Swift can't say.

/// Zeroed memory that begins on a cache line; large pieces on pages of 2 MiB where the system has them, so that a look-up
/// at random misses in the cache but not in the page tables too. To be given back with `weft_table_free`.
void *weft_table_allocate(size_t bytes);
void weft_table_free(void *memory);

/// The line at this address will be wanted soon. No address is wrong.
static inline void weft_prefetch(const void *address) { __builtin_prefetch(address); }

#endif
