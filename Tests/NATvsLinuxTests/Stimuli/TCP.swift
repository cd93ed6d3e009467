import WeftWire

private let opening = [c("S"), s("SA"), c("A")]
private let closing = [c("FA"), s("A"), s("FA"), c("A")]

extension Stimulus {
  /// Connections through their states; each both ways, from inside and through a forward.
  static let tcpWalks: [Stimulus] = walks.flatMap { name, segments in
    [outbound("tcp out: \(name)", segments), inbound("tcp in: \(name)", segments)]
  }

  private static let walks: [(String, [Segment])] = [
    ("handshake, data, orderly close", opening + [c("PA", 100), s("A"), s("PA", 1000), c("A")] + closing),
    ("closed by the server first", opening + [s("FA"), c("A"), c("FA"), s("A")]),
    (
      "half closed, data goes on",
      opening + [c("FA"), s("A"), s("PA", 500), c("A"), s("PA", 500), c("A"), s("FA"), c("A")]
    ),
    ("both close at once", opening + [c("FA"), s("FA", acknowledgment: -1), c("A"), s("A")]),
    ("refused", [c("S"), s("RA"), c("S", stray: true)]),
    ("syn sent again", [c("S"), c("S", sequence: -1), s("SA"), s("SA", sequence: -1), c("A")]),
    ("reset by the client in syn-sent", [c("S"), c("R"), s("SA")]),
    ("reset by the server in syn-received", [c("S"), s("SA"), s("R"), c("A")]),
    ("reset by the client in syn-received", [c("S"), s("SA"), c("R"), s("A")]),
    ("reset by the client when established", opening + [c("RA"), s("PA", 10), c("S", sequence: 100_000)]),
    ("reset by the server when established", opening + [s("R"), c("PA", 10), s("R", stray: true)]),
    ("reset in fin-wait", opening + [c("FA"), s("R"), c("A")]),
    ("reset in close-wait", opening + [s("FA"), c("A"), c("R"), s("A")]),
    ("reset in time-wait", opening + closing + [c("R"), s("R")]),
    ("new connection in time-wait", opening + closing + [c("S", sequence: 500_000), s("SA", sequence: 500_000)]),
    ("old segments in time-wait", opening + closing + [s("FA", sequence: -1), c("A")]),
    ("syn-ack in time-wait", opening + closing + [s("SA", sequence: 9000)]),
    (
      "data beyond the window", opening + [c("PA", 10, sequence: 200_000), s("PA", 10, sequence: 200_000), c("PA", 10)]
    ),
    (
      "data just beyond the window",
      opening + [
        c("PA", 10, sequence: 9000), s("A"), c("PA", 10, sequence: 16_370), c("PA", 10, sequence: 16_380),
        c("PA", 10, sequence: 16_390), c("PA", 10, sequence: 17_000), s("A", acknowledgment: 9010), c("PA", 10),
      ]
    ),
    ("data before the window", opening + [c("PA", 1000), s("A"), c("PA", 10, sequence: -900_000), c("A")]),
    ("data sent again", opening + [c("PA", 100), c("PA", 100, sequence: -100), s("A")]),
    ("acknowledgment of what was never sent", opening + [s("A", acknowledgment: 100_000), s("A")]),
    ("reset beyond the window", opening + [s("R", sequence: 500_000), s("PA", 10), c("R", sequence: 500_000), c("A")]),
    ("reset before the window", opening + [c("PA", 10), s("A"), s("R", sequence: -100_000), s("PA", 10), c("A")]),
    ("reset within the window but not exact", opening + [s("R", sequence: 100), c("PA", 10), s("PA", 10)]),
    ("keep-alive", opening + [c("A", sequence: -1), s("A")]),
    (
      "window scale",
      [
        c("S", options: scaled), s("SA", options: scaled), c("A"), c("PA", 1000), s("A"),
        s("PA", 1000, sequence: 500_000, stray: true), c("PA", 10, sequence: 2_000_000),
      ]
    ),
    (
      "window closed and probed",
      opening + [c("PA", 10), s("A", window: 0), c("A", 1, stray: true), s("A", window: 0), s("A")]
    ),
    ("syn with data", [c("S", 20), s("SA"), c("A")]),
    ("syn in an established connection", opening + [c("S", sequence: 50), s("A"), c("PA", 10)]),
    ("syn-ack in an established connection", opening + [s("SA", sequence: -1), c("A"), s("SA", sequence: 3)]),
    ("syn far off in an established connection", opening + [c("S", sequence: 90_000_000), s("A"), c("PA", 10)]),
    ("syn-ack of the client", opening + [c("SA", sequence: -1), c("PA", 10)]),
    ("syn-ack far off in an established connection", opening + [s("SA", sequence: 90_000_000), c("PA", 10)]),
    ("syn of the server in an established connection", opening + [s("S", sequence: -1), c("PA", 10)]),
    (
      "fin before the window",
      opening + [c("PA", 100), s("A"), c("FA", sequence: -90_000), c("PA", 10), s("S", sequence: 5)]
    ),
    ("syn-ack of the client in time-wait", opening + closing + [c("SA", sequence: 9000)]),
    ("new connection from the server in time-wait", opening + closing + [s("S", sequence: 500_000)]),
    ("new connection after a reset", opening + [s("R"), c("S", sequence: 500_000), s("SA")]),
    ("new connection after a refusal", [c("S"), s("RA"), c("S", sequence: 500_000), s("SA", acknowledgment: 500_000)]),
    ("syn with ecn", [c("SEC"), s("SAE"), c("A"), c("PAC", 10), s("AE")]),
    ("urgent data", opening + [c("PAU", 10), s("A")]),
    ("simultaneous open", [c("S"), s("S"), c("SA", sequence: -1), s("SA", sequence: -1), c("A"), s("PA", 10)]),
    ("syn answered by a bare ack", [c("S"), s("A", acknowledgment: 5), c("R", sequence: 4), c("S", sequence: -1)]),
    ("syn answered by a fin", [c("S"), s("FA"), c("A")]),
    (
      "syn-ack with a wrong acknowledgment",
      [c("S"), s("SA", acknowledgment: 7777, stray: true), c("R", sequence: 7777)]
    ),
    ("handshake ended by data", [c("S"), s("SA"), c("PA", 100), s("A")]),
    ("handshake ended by a fin", [c("S"), s("SA"), c("FA"), s("A"), s("FA"), c("A")]),
    ("fin without ack", opening + [c("F"), s("A")]),
    ("bad checksum in data", opening + [c("PA", 10, stray: true, damage: { $0[36] ^= 1 }), c("PA", 10), s("A")]),
    ("bad checksum in a reset", opening + [s("R", stray: true, damage: { $0[36] ^= 1 }), s("PA", 10), c("A")]),
    (
      "bad data offset",
      opening + [
        c("PA", 10, stray: true, damage: { $0[32] = 0xf0 }), c("PA", 10, stray: true, damage: { $0[32] = 0x40 }),
        c("PA", 10),
      ]
    ),
    ("syn-fin in an established connection", opening + [c("SF", stray: true), c("PA", 10)]),
    ("null in an established connection", opening + [c("", stray: true), s("PA", 10)]),
  ]

  private static var scaled: TCPOptions {
    var options = TCPOptions()
    options.windowScale = 7
    options.maximumSegmentSize = 1460
    return options
  }

  /// Segments that belong to no connection.
  static let tcpOdd: [Stimulus] =
    [
      ("syn-fin", "SF"), ("syn-rst", "SR"), ("null", ""), ("xmas", "FPU"), ("fin alone", "F"), ("fin-ack", "FA"),
      ("reset", "R"), ("reset-ack", "RA"), ("syn-ack", "SA"), ("urgent alone", "U"), ("push alone", "P"),
      ("all flags", "SFRPAU"),
    ].flatMap { name, flags in
      [
        outbound("tcp stray out: \(name)", [c(flags, stray: true)]),
        inbound("tcp stray to a forward: \(name)", [c(flags, stray: true)]),
        outbound("tcp stray in: \(name)", [s(flags, stray: true)]),
      ]
    } + [
      outbound("tcp picked up from the middle", [c("PA", 10), s("A"), s("PA", 20), c("A"), c("FA"), s("FA"), c("A")]),
      outbound("tcp picked up from outside", [s("PA", 10), c("A")]),
      inbound("tcp picked up from the middle through a forward", [c("PA", 10), s("A"), c("PA", 10)]),
      outbound("tcp syn with a bad checksum", [c("S", stray: true, damage: { $0[36] ^= 1 }), c("S")]),
      outbound(
        "tcp syn with a bad data offset",
        [c("S", stray: true, damage: { $0[32] = 0x40 }), c("S", stray: true, damage: { $0[32] = 0xa0 })]),
      outbound(
        "tcp cut short in its header",
        [
          c(
            "S", stray: true,
            damage: {
              $0[3] = 30
              repair(&$0)
              $0.removeLast(10)
            })
        ]),
      outbound("tcp syn from outside to no forward", [s("S"), s("SE")]),
      Stimulus(
        "tcp of two hosts from one port to one server", .choosesPorts,
        [
          .out(.tcp(Endpoint(Lab.vm, 41000), Endpoint(Lab.server, 80), .syn)),
          .out(.tcp(Endpoint(Lab.vm2, 41000), Endpoint(Lab.server, 80), .syn, sequence: 90_000)),
          .back { .tcp(Endpoint(Lab.server, 80), $0.endpoint(1), [.syn, .ack], sequence: 7, acknowledgment: 90_001) },
          .back { .tcp(Endpoint(Lab.server, 80), $0.endpoint(0), [.syn, .ack], sequence: 9, acknowledgment: 5001) },
          .out(.tcp(Endpoint(Lab.vm2, 41000), Endpoint(Lab.server, 80), .ack, sequence: 90_001, acknowledgment: 8)),
        ]),
      Stimulus(
        "tcp from the port of a forward", .choosesPorts,
        [
          .out(.tcp(Endpoint(Lab.vm2, 8080), Endpoint(Lab.server, 80), .syn)),
          .back { .tcp(Endpoint(Lab.server, 80), $0.endpoint, [.syn, .ack], acknowledgment: 5001) },
        ]),
      Stimulus(
        "tcp from a forward's own endpoint", .choosesPorts,
        [
          .out(.tcp(Endpoint(Lab.vm, 80), Endpoint(Lab.server, 80), .syn)),
          .back { .tcp(Endpoint(Lab.server, 80), $0.endpoint, [.syn, .ack], acknowledgment: 5001) },
        ]),
    ]
}
