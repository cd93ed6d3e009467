#ifndef PERFORM_H
#define PERFORM_H

#include <stdint.h>

// A namespace belongs to a thread: each request gets a thread of its own, which ends with it, so that no thread of the
// process is ever left in a namespace that it didn't choose.
struct request {
  int namespace_fd;
  const char *interface;
  uint16_t port;
  int (*run)(struct request *);
  int result;
  int error;
};

/// What `run` says there; errno is as it left it. A negative descriptor stands for a new namespace.
int perform(int namespace_fd, const char *interface, int (*run)(struct request *));

#endif
