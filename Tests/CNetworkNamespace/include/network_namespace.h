// What Swift can't say of Linux's network namespaces. Every function answers -1 and sets errno where it fails; on other
// systems they all do (ENOSYS).

#ifndef NETWORK_NAMESPACE_H
#define NETWORK_NAMESPACE_H

/// Makes a namespace that lives as long as the descriptor, and the sockets in it: it leaves nothing behind, however the
/// process ends.
int namespace_create(void);

/// A non-blocking packet socket on an interface of the namespace; it doesn't hear what it sends itself.
int namespace_packet_socket(int namespace_fd, const char *interface);

/// Turns checksum and segmentation offloads of an interface off: what is captured is what a wire would carry.
int namespace_offloads_off(int namespace_fd, const char *interface);

/// A netlink socket for `conntrack_flush`.
int namespace_netfilter_socket(int namespace_fd);

/// Forgets all entries of the connection table of the socket's namespace.
int conntrack_flush(int netfilter_fd);

/// Keeps the calling thread on the CPU that it is on, and lets it go again.
int thread_pin(void);
int thread_unpin(void);

#endif
