import WeftWire

private let server = Endpoint(Lab.server, 53)
private let web = Endpoint(Lab.server, 80)

private func vm(_ port: UInt16) -> Endpoint { Endpoint(Lab.vm, port) }
private func external(_ port: UInt16) -> Endpoint { Endpoint(Lab.external, port) }

extension Stimulus {
  /// Time is real here, so there are few, and each asks several things at once.
  static let timeouts: [Stimulus] = [
    Stimulus(
      "timeouts: entries that nobody keeps", .hasShortTimeouts,
      [
        .out(.udp(vm(40000), server)), .out(.ping(Lab.vm, Lab.server, id: 77)), .out(.tcp(vm(41000), web, .syn)),
        // Answered, and thereby a stream; netfilter wants to see it last two seconds first.
        .out(.udp(vm(40001), server)), .back(.udp(server, external(40001))),
        .out(.tcp(vm(41001), web, .syn)),
        .back(.tcp(web, external(41001), [.syn, .ack], sequence: 9, acknowledgment: 5001)),
        .out(.tcp(vm(41001), web, .ack, sequence: 5001, acknowledgment: 10)),
        .back(.tcp(web, external(41001), .rst, sequence: 10)),
        .pause(milliseconds: 1300),
        .back(.udp(server, external(40000))), .back(.pong(Lab.server, Lab.external, id: 77)),
        .back(.tcp(web, external(41000), [.syn, .ack], sequence: 9, acknowledgment: 5001)),
        .back(.udp(server, external(40001))),
        .back(.tcp(web, external(41001), .ack, sequence: 10, acknowledgment: 5001)),
      ]),
    Stimulus(
      "timeouts: entries that packets keep", .hasShortTimeouts,
      [
        .out(.udp(vm(40000), server)), .out(.udp(vm(40001), server)), .back(.udp(server, external(40001))),
        .out(.ping(Lab.vm, Lab.server, id: 77)), .out(.ping(Lab.vm, Lab.server, id: 78)),
        .pause(milliseconds: 700),
        .out(.udp(vm(40000), server)), .back(.udp(server, external(40001))), .out(.ping(Lab.vm, Lab.server, id: 77)),
        .back(.pong(Lab.server, Lab.external, id: 78)),
        .pause(milliseconds: 700),
        .back(.udp(server, external(40000))), .back(.udp(server, external(40001))),
        .back(.pong(Lab.server, Lab.external, id: 77)), .back(.pong(Lab.server, Lab.external, id: 78)),
      ]),
  ]
}
