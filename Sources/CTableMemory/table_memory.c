#define _GNU_SOURCE
#include "CTableMemory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { line = 64, page = 2 << 20 };

void *weft_table_allocate(size_t bytes) {
  size_t alignment = bytes >= page ? page : line;
  void *memory = NULL;
  if (posix_memalign(&memory, alignment, bytes) != 0) abort();
#ifdef MADV_HUGEPAGE
  // Before the first touch: a page that is there stays as small as it is.
  if (bytes >= page) madvise(memory, bytes / page * page, MADV_HUGEPAGE);
#endif
  memset(memory, 0, bytes);
  return memory;
}

void weft_table_free(void *memory) { free(memory); }
