import WeftWire

private let vm = Endpoint(Lab.vm, 40000)
private let server = Endpoint(Lab.server, 53)
private let external = Endpoint(Lab.external, 40000)
/// As a VM sent it, and as it is seen outside.
private let udpInside = Packet.udp(vm, server)
private let udpOutside = Packet.udp(external, server).ttl(63)
private let synInside = Packet.tcp(vm, Endpoint(Lab.server, 80), .syn)
private let synOutside = Packet.tcp(external, Endpoint(Lab.server, 80), .syn).ttl(63)
private let pingInside = Packet.ping(Lab.vm, Lab.server, id: 77)
private let pingOutside = Packet.ping(Lab.external, Lab.server, id: 77).ttl(63)

private let flows: [(name: String, inside: Packet, outside: Packet)] = [
  ("udp", udpInside, udpOutside), ("tcp", synInside, synOutside), ("echo", pingInside, pingOutside),
]
private let kinds: [(type: UInt8, code: UInt8, rest: UInt32)] = [
  (3, 0, 0), (3, 1, 0), (3, 2, 0), (3, 3, 0), (3, 4, 1200), (3, 13, 0), (11, 0, 0), (11, 1, 0), (12, 0, 0x1400_0000),
]

extension Stimulus {
  static let icmpQueries: [Stimulus] = [
    Stimulus(
      "echo out and answered",
      [
        .out(pingInside), .back(.pong(Lab.server, Lab.external, id: 77)),
        .out(.ping(Lab.vm, Lab.server, id: 77, sequence: 2)),
        .back(.pong(Lab.server, Lab.external, id: 77, sequence: 2)),
      ]),
    Stimulus(
      "echo answered twice",
      [
        .out(pingInside), .back(.pong(Lab.server, Lab.external, id: 77)),
        .back(.pong(Lab.server, Lab.external, id: 77)),
      ]),
    Stimulus(
      "echo of two hosts with one identifier to one server", .choosesPorts,
      [
        .out(pingInside), .out(.ping(Lab.vm2, Lab.server, id: 77)),
        .back { .pong(Lab.server, Lab.external, id: $0.ports.count > 1 ? $0.ports[1] : 0) },
        .back(.pong(Lab.server, Lab.external, id: 77)),
      ]),
    Stimulus(
      "echo of two hosts with one identifier to two servers",
      [
        .out(pingInside), .out(.ping(Lab.vm2, Lab.server2, id: 77)),
        .back { .pong(Lab.server2, Lab.external, id: $0.port) }, .back(.pong(Lab.server, Lab.external, id: 77)),
      ]),
    Stimulus(
      "echo reply without a request",
      [
        .back(.pong(Lab.server, Lab.external, id: 5)), .out(.pong(Lab.vm, Lab.server, id: 5)),
      ]),
    Stimulus("echo reply with another identifier", [.out(pingInside), .back(.pong(Lab.server, Lab.external, id: 78))]),
    Stimulus("echo reply from another host", [.out(pingInside), .back(.pong(Lab.server2, Lab.external, id: 77))]),
    Stimulus("echo request with a bad checksum", [.out(pingInside.flipped(at: 2))]),
    Stimulus(
      "echo reply with a bad checksum",
      [.out(pingInside), .back(Packet.pong(Lab.server, Lab.external, id: 77).flipped(at: 2))]),
    Stimulus("echo with a code", [.out(.icmp(8, code: 3, rest: 0x4d_0001, Lab.vm, Lab.server))]),
    Stimulus("echo cut short", [.out(Packet(.icmp, Lab.vm, Lab.server, body: [8, 0, 0xf7, 0xff]))]),
    Stimulus(
      "timestamp request and reply",
      [
        .out(.icmp(13, rest: 0x9_0001, Lab.vm, Lab.server, data: [UInt8](repeating: 0, count: 12))),
        .back(.icmp(14, rest: 0x9_0001, Lab.server, Lab.external, data: [UInt8](repeating: 1, count: 12))),
      ]),
    Stimulus("address mask request", [.out(.icmp(17, rest: 0x9_0001, Lab.vm, Lab.server, data: [0, 0, 0, 0]))]),
    Stimulus("router solicitation through", [.out(.icmp(10, Lab.vm, Lab.server, data: []))]),
    Stimulus(
      "icmp of an unknown type", [.out(.icmp(42, rest: 5, Lab.vm, Lab.server)), .out(.icmp(200, Lab.vm, Lab.server))]),
  ]

  static let icmpErrors: [Stimulus] =
    kinds.flatMap { kind in
      flows.map { flow in
        Stimulus(
          "icmp \(kind.type)/\(kind.code) about \(flow.name), from a router and from the target",
          [
            .out(flow.inside),
            .back(.error(kind.type, kind.code, rest: kind.rest, from: Lab.hop, to: Lab.external, about: flow.outside)),
            .back(
              .error(
                kind.type, kind.code, rest: kind.rest, from: Lab.server, to: Lab.external, about: flow.outside,
                quoting: 28)),
            .out(flow.inside),
          ])
      }
    }
    + flows.map { flow in
      Stimulus(
        "icmp error about an answer, from inside, \(flow.name)",
        [
          .out(flow.inside), answer(flow.name),
          .out(.error(3, 3, from: Lab.vm, to: Lab.server, about: answerInside(flow.name))),
        ])
    } + [
      Stimulus(
        "icmp error with a bad checksum",
        [
          .out(udpInside), .back(Packet.error(3, 3, from: Lab.hop, to: Lab.external, about: udpOutside).flipped(at: 2)),
        ]),
      Stimulus(
        "icmp error with a bad quoted ip checksum",
        [
          .out(udpInside),
          .back(.error(3, 3, from: Lab.hop, to: Lab.external, about: udpOutside.damaged { $0[10] ^= 0x40 })),
        ]),
      Stimulus(
        "icmp error with a bad quoted udp checksum",
        [
          .out(udpInside),
          .back(.error(3, 3, from: Lab.hop, to: Lab.external, about: udpOutside.flipped(at: 6), quoting: 20)),
        ]),
      Stimulus(
        "icmp error with a quoted checksum of zero",
        [
          .out(
            udpInside.damaged {
              $0[26] = 0
              $0[27] = 0
            }),
          .back(
            .error(
              3, 3, from: Lab.hop, to: Lab.external,
              about: udpOutside.damaged {
                $0[26] = 0
                $0[27] = 0
              })),
        ]),
      Stimulus(
        "icmp error that quotes four bytes of udp",
        [
          .out(udpInside), .back(.error(3, 3, from: Lab.hop, to: Lab.external, about: udpOutside, quoting: 4)),
        ]),
      Stimulus(
        "icmp error that quotes only a header",
        [
          .out(udpInside), .back(.error(3, 3, from: Lab.hop, to: Lab.external, about: udpOutside, quoting: 0)),
        ]),
      Stimulus(
        "icmp error that quotes half a header",
        [
          .out(udpInside),
          .back(.icmp(3, code: 3, Lab.hop, Lab.external, data: Array(udpOutside.bytes.prefix(12)))),
        ]),
      Stimulus("icmp error that quotes nothing", [.back(.icmp(3, code: 3, Lab.hop, Lab.external, data: []))]),
      Stimulus(
        "icmp error about a whole tcp segment",
        [
          .out(synInside), .back(.error(3, 1, from: Lab.hop, to: Lab.external, about: synOutside, quoting: 20)),
        ]),
      Stimulus(
        "icmp error about a packet with options",
        [
          .out(udpInside),
          .back(.error(3, 3, from: Lab.hop, to: Lab.external, about: udpOutside.options([1, 1, 1, 0]))),
        ]),
      Stimulus(
        "icmp error about an unknown flow",
        [
          .back(.error(3, 3, from: Lab.hop, to: Lab.external, about: udpOutside)),
          .out(.error(3, 3, from: Lab.vm, to: Lab.server, about: .udp(server, vm))),
        ]),
      Stimulus(
        "icmp error about a later fragment",
        [
          .out(udpInside),
          .back(
            .error(
              11, 1, from: Lab.hop, to: Lab.external,
              about: Packet.udp(external, server, count: 40).fragment(24..<48, id: 0x5999), quoting: 20)),
        ]),
      Stimulus(
        "icmp error from inside about an inbound flow",
        [
          .back(.udp(Endpoint(Lab.server, 9000), Endpoint(Lab.external, 5353))),
          .out(
            .error(
              3, 3, from: Lab.vm, to: Lab.server,
              about: Packet.udp(Endpoint(Lab.server, 9000), Endpoint(Lab.vm, 53)).ttl(63), quoting: 20)),
        ]),
      Stimulus(
        "icmp error from another inside host about an inbound flow",
        [
          .back(.udp(Endpoint(Lab.server, 9000), Endpoint(Lab.external, 5353))),
          .out(
            .error(
              3, 1, from: Lab.vm2, to: Lab.server,
              about: Packet.udp(Endpoint(Lab.server, 9000), Endpoint(Lab.vm, 53)).ttl(63))),
        ]),
      Stimulus(
        "icmp error about the flow of another direction",
        [
          .out(udpInside), .back(.error(3, 3, from: Lab.hop, to: Lab.external, about: .udp(server, external))),
        ]),
      Stimulus(
        "icmp error about an icmp error",
        [
          .out(udpInside),
          .back(
            .error(
              3, 3, from: Lab.hop, to: Lab.external,
              about: .error(11, 0, from: Lab.external, to: Lab.server, about: .udp(server, external)), quoting: 36)),
        ]),
      Stimulus(
        "icmp error with padding behind the packet",
        [
          .out(udpInside),
          .back(Packet.error(3, 3, from: Lab.hop, to: Lab.external, about: udpOutside).damaged { $0 += [0, 0, 0, 0] }),
        ]),
      Stimulus(
        "icmp error with a ttl of one",
        [
          .out(udpInside), .back(Packet.error(3, 3, from: Lab.hop, to: Lab.external, about: udpOutside).ttl(1)),
        ]),
      Stimulus(
        "redirect about a known flow",
        [
          .out(udpInside),
          .back(.error(5, 1, rest: Lab.neighbour.rawValue, from: Lab.router, to: Lab.external, about: udpOutside)),
        ]),
      Stimulus(
        "redirect from inside",
        [
          .out(udpInside), .back(.udp(server, external)),
          .out(.error(5, 1, rest: Lab.vm2.rawValue, from: Lab.vm, to: Lab.server, about: .udp(server, vm))),
        ]),
      Stimulus(
        "source quench", [.out(udpInside), .back(.error(4, 0, from: Lab.hop, to: Lab.external, about: udpOutside))]),
    ]

  private static func answer(_ flow: String) -> Step {
    switch flow {
    case "udp": .back(.udp(server, external))
    case "tcp": .back(.tcp(Endpoint(Lab.server, 80), external, [.syn, .ack], sequence: 9, acknowledgment: 5001))
    default: .back(.pong(Lab.server, Lab.external, id: 77))
    }
  }

  private static func answerInside(_ flow: String) -> Packet {
    switch flow {
    case "udp": .udp(server, vm).ttl(63)
    case "tcp": .tcp(Endpoint(Lab.server, 80), vm, [.syn, .ack], sequence: 9, acknowledgment: 5001).ttl(63)
    default: .pong(Lab.server, Lab.vm, id: 77).ttl(63)
    }
  }
}
