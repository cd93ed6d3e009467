// What Swift can't say of Linux's network namespaces. Every function answers -1 and sets errno where it fails; on other
// systems they all do (ENOSYS).

#ifndef NETWORK_NAMESPACE_H
#define NETWORK_NAMESPACE_H

#include <stdint.h>

/// Makes a namespace that lives as long as the descriptor, and the sockets in it: it leaves nothing behind, however the
/// process ends.
int namespace_create(void);

/// A non-blocking packet socket on an interface of the namespace; it doesn't hear what it sends itself.
int namespace_packet_socket(int namespace_fd, const char *interface);

/// A frame from such a socket with its VLAN tag, which the kernel takes out of it on the way; -1 and EAGAIN where none is waiting.
long packet_receive(int packet_fd, void *buffer, unsigned long size);

/// Turns checksum and segmentation offloads of an interface off: what is captured is what a wire would carry.
int namespace_offloads_off(int namespace_fd, const char *interface);

/// What rules know packets of a raw socket by (`meta mark`).
#define RAW_SOCKET_MARK 69

/// A raw socket of the namespace: it sends IPv4 packets with their headers as the box's own, through its routes and rules.
int namespace_raw_socket(int namespace_fd);

/// A bound UDP socket of the namespace, which keeps the kernel from refusing what comes to the port.
int namespace_udp_socket(int namespace_fd, uint16_t port);

/// A netlink socket for the `conntrack_` functions.
int namespace_netfilter_socket(int namespace_fd);

/// Forgets all entries of the connection table of the socket's namespace.
int conntrack_flush(int netfilter_fd);

/// The ends of a flow in one direction, in host order. The ports of an ICMP query are its identifier; other protocols have none.
struct conntrack_tuple {
  uint32_t source, destination;
  uint16_t source_port, destination_port;
  uint8_t protocol, icmp_type, icmp_code;
};

/// An entry of the connection table.
struct conntrack_row {
  struct conntrack_tuple original, reply;
  /// Of TCP (enum tcp_conntrack); 0 for others.
  uint8_t tcp_state, sctp_state;
  /// IPS_SEEN_REPLY is 2, IPS_ASSURED 4.
  uint32_t status;
  /// Left to live, rounded down.
  uint32_t seconds;
  /// The original tuple as netlink writes it: how the entry is named.
  uint8_t name[128];
  uint16_t name_length;
};

/// A non-blocking netlink socket for `conntrack_next`.
int namespace_conntrack_events(int namespace_fd);

/// The next entry that was made in the events socket's namespace, as it was then; 0 where none was, 1 where one was.
int conntrack_next(int events_fd, struct conntrack_row *row);

/// The entry of that name as it is now; 0 where there is none any more, 1 where there is. To ask for entries that are known
/// takes microseconds, and to list them milliseconds, as the kernel's table is one for all namespaces.
int conntrack_get(int netfilter_fd, struct conntrack_row *row);

/// How many entries the socket's namespace has.
int conntrack_count(int netfilter_fd);

/// Lets an entry live so many seconds from now; with 0 it is gone.
int conntrack_set_seconds(int netfilter_fd, const struct conntrack_row *row, uint32_t seconds);

/// Keeps the calling thread on the CPU that it is on, and lets it go again.
int thread_pin(void);
int thread_unpin(void);

#endif
