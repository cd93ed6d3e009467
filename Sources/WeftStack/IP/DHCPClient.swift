import WeftCore
import WeftIP
import WeftWire

/// The state of a DHCP client on one interface (RFC 2131, figure 5).
struct DHCPClient: Codable {
  struct Lease: Codable {
    var address: IPv4Address
    var server: IPv4Address
    var renewal: Instant
    var rebinding: Instant
    var expiry: Instant
    /// … by the clock outside, which is its server's: it goes on while the machine stands still.
    var serverExpiry: Instant
  }

  enum State: Codable {
    case stopped
    case selecting
    case requesting(address: IPv4Address, server: IPv4Address)
    /// After the cable came back: asks whether the address it has still holds (INIT-REBOOT).
    case rebooting(address: IPv4Address)
    case bound
    case renewing
    case rebinding
  }

  var state = State.stopped
  var lease: Lease?
  var transaction: UInt32 = 0
  /// Requests sent in this state.
  var attempts = 0
  /// When to send again.
  var retry = Instant.never

  var deadline: Instant { min(retry, lease?.expiry ?? .never) }
}

extension Interface {
  /// Looks for a server: all is forgotten but the address, which stays until its lease is over.
  mutating func startDHCP(hostname: String, _ random: inout RandomStream, now: Instant, _ out: inout Effects) {
    var client = dhcp ?? DHCPClient()
    client.state = .selecting
    client.transaction = UInt32(truncatingIfNeeded: random.next())
    client.attempts = 0
    dhcp = client
    sendDHCP(hostname: hostname, &random, now: now, &out)
  }

  /// The cable is back: it may be another network. A lease is asked for again by name, without one all starts anew.
  mutating func restartDHCP(hostname: String, _ random: inout RandomStream, now: Instant, _ out: inout Effects) {
    guard let lease = dhcp?.lease, lease.expiry > now else {
      return startDHCP(hostname: hostname, &random, now: now, &out)
    }
    dhcp?.state = .rebooting(address: lease.address)
    dhcp?.transaction = UInt32(truncatingIfNeeded: random.next())
    dhcp?.attempts = 0
    sendDHCP(hostname: hostname, &random, now: now, &out)
  }

  mutating func wakeDHCP(hostname: String, _ random: inout RandomStream, now: Instant, _ out: inout Effects) {
    guard let client = dhcp, client.deadline <= now else { return }
    if let lease = client.lease, lease.expiry <= now {
      dhcp?.lease = nil
      dropAddress(&out)
      return startDHCP(hostname: hostname, &random, now: now, &out)
    }
    switch client.state {
    case .stopped:
      dhcp?.retry = .never
    case .selecting, .renewing, .rebinding:
      break
    case .requesting where client.attempts >= 4, .rebooting where client.attempts >= 3:
      // The server is silent (RFC 2131, 3.1 step 5): look for another.
      return startDHCP(hostname: hostname, &random, now: now, &out)
    case .requesting, .rebooting:
      break
    case .bound:
      dhcp?.state = .renewing
      dhcp?.transaction = UInt32(truncatingIfNeeded: random.next())
    }
    if case .renewing = dhcp?.state, let lease = client.lease, lease.rebinding <= now { dhcp?.state = .rebinding }
    sendDHCP(hostname: hostname, &random, now: now, &out)
  }

  /// Takes in a server's message; others', and answers to what wasn't asked, are ignored (false).
  mutating func receiveDHCP(
    _ message: DHCPMessage, hostname: String, _ random: inout RandomStream, now: Instant, _ out: inout Effects
  ) -> Bool {
    guard let client = dhcp, message.isReply, message.transaction == client.transaction, message.clientMAC == mac else {
      return false
    }
    switch (client.state, message.kind) {
    case (.selecting, .offer):
      guard let server = message.serverIdentifier, message.yourAddress.isUsableSource else { return false }
      dhcp?.state = .requesting(address: message.yourAddress, server: server)
      dhcp?.attempts = 0
      sendDHCP(hostname: hostname, &random, now: now, &out)
      return true
    case (.requesting, .nak), (.rebooting, .nak), (.renewing, .nak), (.rebinding, .nak):
      dhcp?.lease = nil
      if !address.isUnspecified { dropAddress(&out) }
      startDHCP(hostname: hostname, &random, now: now, &out)
      return true
    case (.requesting, .ack), (.rebooting, .ack), (.renewing, .ack), (.rebinding, .ack):
      return bind(message, now: now, &out)
    default:
      return false
    }
  }

  private mutating func bind(_ message: DHCPMessage, now: Instant, _ out: inout Effects) -> Bool {
    guard message.yourAddress.isUsableSource, let seconds = message.leaseTime, seconds > 0 else { return false }
    let length = UInt8(message.subnetMask.map { (~$0.rawValue).leadingZeroBitCount } ?? 24)
    let server = message.serverIdentifier ?? dhcp?.lease?.server ?? .broadcast
    // T1 and T2 are half and seven eighths of the lease (RFC 2131, 4.4.5); all ones means for ever.
    let lease = Nanoseconds.seconds(UInt64(seconds))
    let endless = seconds == .max
    let lag = lag
    dhcp?.lease = DHCPClient.Lease(
      address: message.yourAddress, server: server, renewal: endless ? .never : now + lease / 2,
      rebinding: endless ? .never : now + lease / 8 * 7, expiry: endless ? .never : now + lease,
      serverExpiry: endless ? .never : now + lag + lease)
    dhcp?.state = .bound
    dhcp?.retry = endless ? .never : now + lease / 2
    dhcp?.attempts = 0
    let prefix = IPv4Prefix(message.yourAddress, length: length)
    if message.yourAddress != address || prefix != self.prefix || message.router != gateway {
      setAddress(message.yourAddress, prefix, gateway: message.router, &out)
    }
    return true
  }

  private mutating func sendDHCP(hostname: String, _ random: inout RandomStream, now: Instant, _ out: inout Effects) {
    guard let client = dhcp else { return }
    var message = DHCPMessage(isReply: false, kind: .request, transaction: client.transaction, clientMAC: mac)
    message.hostname = hostname
    var unicast: IPv4Address?
    switch client.state {
    case .stopped, .bound: return
    case .selecting: message.kind = .discover
    case .requesting(let address, let server):
      message.requestedAddress = address
      message.serverIdentifier = server
    case .rebooting(let address): message.requestedAddress = address
    case .renewing:
      message.clientAddress = address
      unicast = client.lease?.server
    case .rebinding: message.clientAddress = address
    }
    dhcp?.attempts += 1
    let retry = now + wait(client, now: now, &random)
    dhcp?.retry = retry
    let payload = message.bytes
    let source = message.clientAddress
    let destination = unicast ?? .broadcast
    var frame = out.frame(count: 14 + 28 + payload.count)
    var span = frame.mutableBytes
    var ip = span.slice(14..<42 + payload.count)
    IPv4Header(protocol: .udp, source: source, destination: destination).write(
      to: &ip, payloadLength: 8 + payload.count)
    var udp = ip.slice(20..<28 + payload.count)
    udp.put(payload.span.bytes, at: 8)
    UDPHeader(sourcePort: DHCPMessage.clientPort, destinationPort: DHCPMessage.serverPort)
      .write(to: &udp, source: source, destination: destination)
    if unicast == nil {
      neighbours.broadcast(frame, &out)
    } else {
      neighbours.send(frame, to: prefix.contains(destination) ? destination : gateway ?? destination, now: now, &out)
    }
  }

  /// Looking for a server: 4 s, doubled up to 64, each ± 1 s (RFC 2131, 4.1). With a lease: half of what is left until
  /// the next step, but a minute at least (4.4.5).
  private func wait(_ client: DHCPClient, now: Instant, _ random: inout RandomStream) -> Nanoseconds {
    switch client.state {
    case .renewing:
      let left = (client.lease?.rebinding ?? now) - now
      return min(max(left / 2, .seconds(60)), max(left, Nanoseconds(1)))
    case .rebinding:
      let left = (client.lease?.expiry ?? now) - now
      return min(max(left / 2, .seconds(60)), max(left, Nanoseconds(1)))
    default:
      let base = Nanoseconds.seconds(4 << UInt64(min(client.attempts, 4)))
      return base - .seconds(1) + Nanoseconds(random.next(below: 2_000_000_001))
    }
  }
}
