/// The table of docs/nat-vs-linux.md.
extension AcceptedDifference {
  static let all: [AcceptedDifference] = [
    AcceptedDifference(
      "checksums-on-known-flows", .wePass,
      [
        "udp with a bad checksum in a known flow": [1], "tcp out: bad checksum in data": [3],
        "tcp in: bad checksum in data": [3],
      ]),
    AcceptedDifference(
      "fragments-one-by-one", .wePass,
      [
        "fragments that overlap": [2], "only the first fragment": [0], "fragments with a bad udp checksum": [1],
        "a middle fragment of odd length": [1],
      ]),
    AcceptedDifference(
      "fragments-one-by-one", .bothSend,
      [
        "a fragment with ttl one": [1], "too big fragments": [1],
      ]),
    AcceptedDifference(
      "fragments-one-by-one", .kernelAnswers,
      [
        "fragments to nobody": [1]
      ]),
    AcceptedDifference(
      "port-zero", .bothSend,
      [
        "udp from port zero": [0]
      ]),
    AcceptedDifference(
      "ip-options-as-they-are", .bothSend,
      [
        "options: record route": [0], "options: timestamp": [0], "box: ping with options": [1],
      ]),
    AcceptedDifference(
      "icmp-queries", .kernelPasses,
      [
        "timestamp request and reply": [0, 1], "address mask request": [0],
      ]),
    AcceptedDifference(
      "icmp-queries", .kernelAnswers,
      [
        "box: timestamp request": [0]
      ]),
    AcceptedDifference(
      "martian-sources", .kernelPasses,
      [
        "martian inside: from 0.1.2.3": [0], "martian outside: from 0.1.2.3": [1], "martian inside: from class e": [0],
        "martian outside: from class e": [1], "martian inside: from the inside broadcast address": [0],
        "martian outside: from the inside broadcast address": [1],
        "martian inside: from the outside broadcast address": [0],
      ]),
    AcceptedDifference(
      "martian-sources", .kernelAnswers,
      [
        "martian outside: from 0.1.2.3": [0, 2], "martian outside: from class e": [0, 2],
        "martian outside: from the inside broadcast address": [0, 2],
        "martian outside: from the outside broadcast address": [0, 2],
      ]),
    AcceptedDifference(
      "spoofed-sources", .kernelPasses,
      [
        "spoofed inside: a source of another network": [0], "spoofed inside: the network address": [0],
        "spoofed outside: a private source": [0],
      ]),
    AcceptedDifference(
      "private-destinations", .kernelPasses,
      [
        "to the network address inside": [0], "to another inside host through the gateway": [0], "land attack": [1],
      ]),
    AcceptedDifference(
      "broken-options-are-silent", .kernelAnswers,
      [
        "options: broken length": [0], "options: length of one": [0],
      ]),
    AcceptedDifference(
      "link-broadcast", .kernelAnswers,
      [
        "unicast in a link broadcast": [1]
      ]),
    AcceptedDifference(
      "strong-host", .kernelAnswers,
      [
        "box: to its inside address from outside": [0, 1]
      ]),
  ]
}
