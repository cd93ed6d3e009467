#define _GNU_SOURCE
#include "network_namespace.h"

#include <errno.h>

#ifdef __linux__

#include "perform.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// The connection table by netlink: what `conntrack -L`, `-U` and `-F` of conntrack-tools do.

static int open_netfilter(struct request *request) {
  (void)request;
  return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
}

int namespace_netfilter_socket(int namespace_fd) { return perform(namespace_fd, NULL, open_netfilter); }

static int open_events(struct request *request) {
  (void)request;
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_NETFILTER);
  struct sockaddr_nl any = {.nl_family = AF_NETLINK};
  int group = NFNLGRP_CONNTRACK_NEW;
  if (fd < 0 || (bind(fd, (struct sockaddr *)&any, sizeof any) == 0 &&
                 setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) == 0)) {
    return fd;
  }
  int error = errno;
  close(fd);
  errno = error;
  return -1;
}

int namespace_conntrack_events(int namespace_fd) { return perform(namespace_fd, NULL, open_events); }

struct message {
  struct nlmsghdr header;
  struct nfgenmsg netfilter;
  uint8_t attributes[192];
};

static struct message message(int type, int flags) {
  struct message message;
  memset(&message, 0, sizeof message);
  message.header.nlmsg_len = NLMSG_LENGTH(sizeof message.netfilter);
  message.header.nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type);
  message.header.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
  message.netfilter.nfgen_family = AF_INET;
  message.netfilter.version = NFNETLINK_V0;
  return message;
}

/// Appends an attribute; `length` must fit, and does: names are the longest.
static void put(struct message *message, int type, const void *value, unsigned length) {
  struct nlattr attribute = {.nla_len = (uint16_t)(NLA_HDRLEN + length), .nla_type = (uint16_t)type};
  uint8_t *end = (uint8_t *)message + message->header.nlmsg_len;
  memcpy(end, &attribute, sizeof attribute);
  memcpy(end + NLA_HDRLEN, value, length);
  message->header.nlmsg_len += (uint32_t)NLA_ALIGN(NLA_HDRLEN + length);
}

/// Sends it and waits for the kernel's word on it.
static int tell(int netfilter_fd, const struct message *message) {
  if (send(netfilter_fd, message, message->header.nlmsg_len, 0) < 0) return -1;
  struct {
    struct nlmsghdr header;
    struct nlmsgerr error;
    char rest[512];
  } answer;
  if (recv(netfilter_fd, &answer, sizeof answer, 0) < (ssize_t)(sizeof answer.header + sizeof answer.error)) return -1;
  errno = -answer.error.error;
  return answer.error.error == 0 ? 0 : -1;
}

int conntrack_flush(int netfilter_fd) {
  struct message ask = message(IPCTNL_MSG_CT_DELETE, NLM_F_ACK);
  return tell(netfilter_fd, &ask);
}

int conntrack_set_seconds(int netfilter_fd, const struct conntrack_row *row, uint32_t seconds) {
  struct message ask = message(seconds == 0 ? IPCTNL_MSG_CT_DELETE : IPCTNL_MSG_CT_NEW, NLM_F_ACK);
  put(&ask, CTA_TUPLE_ORIG | NLA_F_NESTED, row->name, row->name_length);
  uint32_t timeout = htonl(seconds);
  if (seconds != 0) put(&ask, CTA_TIMEOUT, &timeout, sizeof timeout);
  return tell(netfilter_fd, &ask);
}

/// The attributes of a message or of another attribute, by type; what has a type beyond `count` is left out.
static void split(const uint8_t *bytes, unsigned length, const struct nlattr *found[], int count) {
  memset(found, 0, (size_t)count * sizeof *found);
  while (length >= NLA_HDRLEN) {
    const struct nlattr *attribute = (const struct nlattr *)bytes;
    unsigned whole = NLA_ALIGN(attribute->nla_len);
    if (attribute->nla_len < NLA_HDRLEN || attribute->nla_len > length) return;
    int type = attribute->nla_type & NLA_TYPE_MASK;
    if (type < count) found[type] = attribute;
    bytes += whole;
    length = whole < length ? length - whole : 0;
  }
}

static const uint8_t *value(const struct nlattr *attribute) { return (const uint8_t *)attribute + NLA_HDRLEN; }
static unsigned length(const struct nlattr *attribute) { return attribute ? attribute->nla_len - NLA_HDRLEN : 0; }

/// A number of the attribute's own width; 0 where there is none.
static uint32_t number(const struct nlattr *attribute) {
  uint32_t result = 0;
  for (unsigned i = 0; i < length(attribute) && i < 4; i++) result = result << 8 | value(attribute)[i];
  return result;
}

static void split_nested(const struct nlattr *attribute, const struct nlattr *found[], int count) {
  split(attribute ? value(attribute) : NULL, length(attribute), found, count);
}

static struct conntrack_tuple read_tuple(const struct nlattr *attribute) {
  const struct nlattr *tuple[CTA_TUPLE_MAX + 1], *ip[CTA_IP_MAX + 1], *proto[CTA_PROTO_MAX + 1];
  split_nested(attribute, tuple, CTA_TUPLE_MAX + 1);
  split_nested(tuple[CTA_TUPLE_IP], ip, CTA_IP_MAX + 1);
  split_nested(tuple[CTA_TUPLE_PROTO], proto, CTA_PROTO_MAX + 1);
  struct conntrack_tuple result = {
      .source = number(ip[CTA_IP_V4_SRC]),
      .destination = number(ip[CTA_IP_V4_DST]),
      .protocol = (uint8_t)number(proto[CTA_PROTO_NUM]),
      .source_port = (uint16_t)number(proto[CTA_PROTO_SRC_PORT]),
      .destination_port = (uint16_t)number(proto[CTA_PROTO_DST_PORT]),
      .icmp_type = (uint8_t)number(proto[CTA_PROTO_ICMP_TYPE]),
      .icmp_code = (uint8_t)number(proto[CTA_PROTO_ICMP_CODE]),
  };
  if (proto[CTA_PROTO_ICMP_ID]) result.source_port = result.destination_port = (uint16_t)number(proto[CTA_PROTO_ICMP_ID]);
  return result;
}

static int read_row(const struct nlmsghdr *header, struct conntrack_row *row) {
  const struct nlattr *entry[CTA_MAX + 1], *info[CTA_PROTOINFO_MAX + 1], *tcp[CTA_PROTOINFO_TCP_MAX + 1];
  const struct nlattr *sctp[CTA_PROTOINFO_SCTP_MAX + 1];
  unsigned head = NLMSG_LENGTH(sizeof(struct nfgenmsg));
  if (header->nlmsg_len < head) return -1;
  split((const uint8_t *)header + head, header->nlmsg_len - head, entry, CTA_MAX + 1);
  const struct nlattr *name = entry[CTA_TUPLE_ORIG];
  if (!name || !entry[CTA_TUPLE_REPLY] || length(name) > sizeof row->name) return -1;
  split_nested(entry[CTA_PROTOINFO], info, CTA_PROTOINFO_MAX + 1);
  split_nested(info[CTA_PROTOINFO_TCP], tcp, CTA_PROTOINFO_TCP_MAX + 1);
  split_nested(info[CTA_PROTOINFO_SCTP], sctp, CTA_PROTOINFO_SCTP_MAX + 1);
  memset(row, 0, sizeof *row);
  row->original = read_tuple(name);
  row->reply = read_tuple(entry[CTA_TUPLE_REPLY]);
  row->tcp_state = (uint8_t)number(tcp[CTA_PROTOINFO_TCP_STATE]);
  row->sctp_state = (uint8_t)number(sctp[CTA_PROTOINFO_SCTP_STATE]);
  row->status = number(entry[CTA_STATUS]);
  row->seconds = number(entry[CTA_TIMEOUT]);
  row->name_length = (uint16_t)length(name);
  memcpy(row->name, value(name), row->name_length);
  return 0;
}

int conntrack_next(int events_fd, struct conntrack_row *row) {
  _Alignas(struct nlmsghdr) uint8_t buffer[4096];
  // Each event is a datagram.
  ssize_t received = recv(events_fd, buffer, sizeof buffer, 0);
  if (received < 0) return errno == EAGAIN ? 0 : -1;
  struct nlmsghdr *header = (void *)buffer;
  if (NLMSG_OK(header, (unsigned)received) && read_row(header, row) == 0) return 1;
  errno = EBADMSG;
  return -1;
}

int conntrack_get(int netfilter_fd, struct conntrack_row *row) {
  struct message ask = message(IPCTNL_MSG_CT_GET, 0);
  put(&ask, CTA_TUPLE_ORIG | NLA_F_NESTED, row->name, row->name_length);
  if (send(netfilter_fd, &ask, ask.header.nlmsg_len, 0) < 0) return -1;
  _Alignas(struct nlmsghdr) uint8_t buffer[4096];
  ssize_t received = recv(netfilter_fd, buffer, sizeof buffer, 0);
  if (received < 0) return -1;
  struct nlmsghdr *header = (void *)buffer;
  errno = EBADMSG;
  if (!NLMSG_OK(header, (unsigned)received)) return -1;
  if (header->nlmsg_type == NLMSG_ERROR) {
    errno = -((struct nlmsgerr *)NLMSG_DATA(header))->error;
    return errno == ENOENT ? 0 : -1;
  }
  struct conntrack_row found;
  if (read_row(header, &found) < 0) return -1;
  // Another entry may have this as the tuple of its answers.
  if (found.name_length != row->name_length || memcmp(found.name, row->name, row->name_length) != 0) return 0;
  *row = found;
  return 1;
}

int conntrack_count(int netfilter_fd) {
  struct message ask = message(IPCTNL_MSG_CT_GET, NLM_F_DUMP);
  if (send(netfilter_fd, &ask, ask.header.nlmsg_len, 0) < 0) return -1;
  int count = 0;
  for (;;) {
    _Alignas(struct nlmsghdr) uint8_t buffer[32768];
    ssize_t received = recv(netfilter_fd, buffer, sizeof buffer, 0);
    if (received < 0) return -1;
    unsigned left = (unsigned)received;
    for (struct nlmsghdr *header = (void *)buffer; NLMSG_OK(header, left); header = NLMSG_NEXT(header, left)) {
      if (header->nlmsg_type == NLMSG_DONE) return count;
      if (header->nlmsg_type == NLMSG_ERROR) {
        errno = -((struct nlmsgerr *)NLMSG_DATA(header))->error;
        return -1;
      }
      count++;
    }
  }
}

#else

int namespace_netfilter_socket(int namespace_fd) { errno = ENOSYS; return -1; }
int conntrack_flush(int netfilter_fd) { errno = ENOSYS; return -1; }
int namespace_conntrack_events(int namespace_fd) { errno = ENOSYS; return -1; }
int conntrack_next(int events_fd, struct conntrack_row *row) { errno = ENOSYS; return -1; }
int conntrack_get(int netfilter_fd, struct conntrack_row *row) { errno = ENOSYS; return -1; }
int conntrack_count(int netfilter_fd) { errno = ENOSYS; return -1; }
int conntrack_set_seconds(int netfilter_fd, const struct conntrack_row *row, uint32_t seconds) { errno = ENOSYS; return -1; }

#endif
