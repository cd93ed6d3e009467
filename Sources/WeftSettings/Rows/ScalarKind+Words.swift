extension ScalarKind {
  /// What a value should be, for messages.
  package var words: String {
    switch self {
    case .text: "text"
    case .boolean: "true or false"
    case .always(let value): "\(value)"
    case .integer: "a whole number"
    case .duration: "a duration"
    case .interval: "a duration of more than 0"
    case .rate: "a rate"
    case .bytes: "a size"
    case .fraction: "a percentage"
    case .address, .addressPattern: "an IPv4 address"
    case .prefix: "a subnet"
    case .mac, .macPattern: "a MAC address"
    case .port: "a port"
    case .ports: "a port or a range of ports"
    case .network: "an address or a subnet"
    case .protocolNumber: "tcp, udp, icmp, sctp, udplite or a number"
    case .range: "a range of addresses"
    case .choice(let words): words.count == 1 ? "\"\(words[0])\"" : "one of \(words.joined(separator: ", "))"
    case .reference(let sort): "the name of a \(sort)"
    case .namePattern: "a name with {n}"
    case .destination: "a node or an address"
    case .endpoint: "node:port"
    case .http: "an http:// address"
    case .path: "a path"
    case .forward: "a port forward (8080:web:80/tcp)"
    case .forwardTarget: "VM:port or VM:port-port"
    case .link: "a link (laptop.uplink)"
    case .uplink: "\"segment address\" or a segment"
    case .roundTrip: "a bound (< 5 ms)"
    case .reason: "a drop reason"
    case .own(let words): words
    }
  }
}
