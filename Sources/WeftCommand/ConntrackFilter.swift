import ArgumentParser
import Weft

/// Which entries, in conntrack's options.
struct ConntrackFilter: ParsableArguments {
  @Option(name: [.customShort("p"), .customLong("proto")], help: "tcp, udp, icmp, sctp, udplite or a number.")
  var transport: String?

  @Option(name: [.customShort("s"), .customLong("src"), .customLong("orig-src")], help: "Who began it: an address or a network.")
  var source: String?

  @Option(name: [.customShort("d"), .customLong("dst"), .customLong("orig-dst")], help: "Whom it was sent to.")
  var destination: String?

  @Option(name: [.customShort("r"), .customLong("reply-src")], help: "Whom the answers come from.")
  var replySource: String?

  @Option(name: [.customShort("q"), .customLong("reply-dst")], help: "Whom the answers go to, before translation.")
  var replyDestination: String?

  @Option(name: [.customLong("sport"), .customLong("orig-port-src")], help: "From which port.")
  var sourcePort: String?

  @Option(name: [.customLong("dport"), .customLong("orig-port-dst")], help: "To which port.")
  var destinationPort: String?

  @Option(name: .long, help: "Of TCP, in netfilter's words.")
  var state: FlowFilter.State?

  @Option(name: [.customShort("u"), .customLong("status")], help: "ASSURED, SEEN_REPLY or UNSET.")
  var status: Status?

  enum Status: String, ExpressibleByArgument, CaseIterable { case assured = "ASSURED", seenReply = "SEEN_REPLY", unset = "UNSET" }

  var isEmpty: Bool {
    [transport, source, destination, replySource, replyDestination, sourcePort, destinationPort].allSatisfy { $0 == nil }
      && state == nil && status == nil
  }

  func filter() throws -> FlowFilter {
    var filter = FlowFilter()
    do {
      filter.protocol = try transport.map { (text) throws(Complaint) in try Parse.protocolNumber(text) }
      filter.source = try Self.network(source)
      filter.destination = try Self.network(destination)
      filter.replySource = try Self.network(replySource)
      filter.replyDestination = try Self.network(replyDestination)
      filter.sourcePort = try Self.port(sourcePort)
      filter.port = try Self.port(destinationPort)
    } catch { throw ValidationError(error.message) }
    filter.state = state
    switch status {
    case .assured: filter.isAssured = true
    case .seenReply: filter.hasReply = true
    case .unset: (filter.hasReply, filter.isAssured) = (false, false)
    case nil: break
    }
    return filter
  }

  private static func network(_ text: String?) throws(Complaint) -> IPv4Prefix? {
    guard let text else { return nil }
    return try Parse.network(text)
  }

  private static func port(_ text: String?) throws(Complaint) -> UInt16? {
    guard let text else { return nil }
    return try Parse.port(text)
  }
}

extension FlowFilter.State: ExpressibleByArgument {}
