#define _GNU_SOURCE
#include "network_namespace.h"

#include <errno.h>

#ifdef __linux__

#include "perform.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static void *serve(void *argument) {
  struct request *request = argument;
  int entered = request->namespace_fd < 0 ? unshare(CLONE_NEWNET) : setns(request->namespace_fd, CLONE_NEWNET);
  request->result = entered < 0 ? -1 : request->run(request);
  request->error = errno;
  return NULL;
}

static int perform_with(struct request request) {
  request.result = -1;
  pthread_t thread;
  int failure = pthread_create(&thread, NULL, serve, &request);
  if (failure != 0) {
    errno = failure;
    return -1;
  }
  pthread_join(thread, NULL);
  errno = request.error;
  return request.result;
}

int perform(int namespace_fd, const char *interface, int (*run)(struct request *)) {
  return perform_with((struct request){.namespace_fd = namespace_fd, .interface = interface, .run = run});
}

static int open_self(struct request *request) {
  (void)request;
  return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

int namespace_create(void) { return perform(-1, NULL, open_self); }

static int open_packet(struct request *request) {
  int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  int on = 1;
  struct sockaddr_ll address;
  memset(&address, 0, sizeof address);
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = (int)if_nametoindex(request->interface);
  if (address.sll_ifindex == 0 || setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) < 0 ||
      setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof on) < 0 ||
      bind(fd, (struct sockaddr *)&address, sizeof address) < 0) {
    int error = errno;
    close(fd);
    errno = error;
    return -1;
  }
  return fd;
}

int namespace_packet_socket(int namespace_fd, const char *interface) {
  return perform(namespace_fd, interface, open_packet);
}

long packet_receive(int packet_fd, void *buffer, unsigned long size) {
  if (size < 16) {
    errno = EINVAL;
    return -1;
  }
  // Four octets are left free, for the tag.
  unsigned char *bytes = buffer;
  char control[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
  struct iovec place = {.iov_base = bytes + 4, .iov_len = size - 4};
  struct msghdr message = {.msg_iov = &place, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  ssize_t count = recvmsg(packet_fd, &message, 0);
  if (count < 0) return -1;
  for (struct cmsghdr *part = CMSG_FIRSTHDR(&message); part != NULL; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_PACKET || part->cmsg_type != PACKET_AUXDATA || count < 12) continue;
    struct tpacket_auxdata extra;
    memcpy(&extra, CMSG_DATA(part), sizeof extra);
    if (!(extra.tp_status & TP_STATUS_VLAN_VALID)) continue;
    unsigned type = extra.tp_status & TP_STATUS_VLAN_TPID_VALID ? extra.tp_vlan_tpid : ETH_P_8021Q;
    memmove(bytes, bytes + 4, 12);
    bytes[12] = (unsigned char)(type >> 8), bytes[13] = (unsigned char)type;
    bytes[14] = (unsigned char)(extra.tp_vlan_tci >> 8), bytes[15] = (unsigned char)extra.tp_vlan_tci;
    return count + 4;
  }
  memmove(bytes, bytes + 4, (size_t)count);
  return count;
}

static int offloads_off(struct request *request) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  const unsigned commands[] = {ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO, ETHTOOL_STXCSUM, ETHTOOL_SRXCSUM};
  int result = 0;
  for (unsigned i = 0; i < sizeof commands / sizeof commands[0]; i++) {
    struct ethtool_value value = {.cmd = commands[i], .data = 0};
    struct ifreq ask;
    memset(&ask, 0, sizeof ask);
    strncpy(ask.ifr_name, request->interface, IFNAMSIZ - 1);
    ask.ifr_data = (char *)&value;
    if (ioctl(fd, SIOCETHTOOL, &ask) < 0 && errno != EOPNOTSUPP) result = -1;
  }
  close(fd);
  return result;
}

int namespace_offloads_off(int namespace_fd, const char *interface) {
  return perform(namespace_fd, interface, offloads_off);
}

static int open_raw(struct request *request) {
  (void)request;
  int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
  int mark = RAW_SOCKET_MARK;
  if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark) == 0) return fd;
  int error = errno;
  close(fd);
  errno = error;
  return -1;
}

int namespace_raw_socket(int namespace_fd) { return perform(namespace_fd, NULL, open_raw); }

static int open_udp(struct request *request) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(request->port)};
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
  int error = errno;
  close(fd);
  errno = error;
  return -1;
}

int namespace_udp_socket(int namespace_fd, uint16_t port) {
  return perform_with((struct request){.namespace_fd = namespace_fd, .port = port, .run = open_udp});
}

int thread_pin(void) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  return sched_setaffinity(0, sizeof one, &one);
}

int thread_unpin(void) {
  cpu_set_t all;
  memset(&all, 0xff, sizeof all);
  return sched_setaffinity(0, sizeof all, &all);
}

#else

int namespace_create(void) { errno = ENOSYS; return -1; }
int namespace_packet_socket(int namespace_fd, const char *interface) { errno = ENOSYS; return -1; }
int namespace_offloads_off(int namespace_fd, const char *interface) { errno = ENOSYS; return -1; }
int namespace_raw_socket(int namespace_fd) { errno = ENOSYS; return -1; }
int namespace_udp_socket(int namespace_fd, uint16_t port) { errno = ENOSYS; return -1; }
int thread_pin(void) { errno = ENOSYS; return -1; }
int thread_unpin(void) { errno = ENOSYS; return -1; }

#endif
