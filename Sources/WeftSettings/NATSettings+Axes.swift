import WeftWire

extension NATSettings {
  /// Names for sets of axis values: RFC 3489's old four, and the ones that are asked for most.
  public enum Profile: String, Sendable, Codable, CaseIterable {
    /// What RFC 4787, 5382 and 5508 ask of a NAT.
    case rfc
    /// netfilter's masquerade with its default timeouts.
    case linux
    case fullCone = "full-cone"
    case restrictedCone = "restricted-cone"
    case portRestricted = "port-restricted"
    case symmetric
    case oneToOne = "one-to-one"
  }

  /// What a mapping or a filter depends on. Mapping (RFC 4787, 4.1): when two flows of one inside endpoint share an external
  /// endpoint. Filtering (RFC 4787, 5): who may send to a mapped one, by TCP and UDP; an echo reply always needs its own
  /// request.
  public enum Dependence: String, Sendable, Codable, CaseIterable {
    /// On nothing: always, anyone (REQ-1).
    case endpointIndependent = "endpoint-independent"
    /// On the remote address.
    case addressDependent = "address-dependent"
    /// On the remote address and port.
    case addressAndPortDependent = "address-and-port-dependent"
  }

  /// Which external port a new mapping gets, among those of its range that are free (RFC 4787, 4.2).
  public enum Ports: String, Sendable, Codable, CaseIterable {
    /// The inside one; where it is taken, a random one.
    case preserve
    /// The one after the last given.
    case sequential
    /// Drawn from the run's seed (RFC 6056).
    case random
    /// The first of a block that its inside host has for itself (RFC 6888, 5).
    case block
  }

  /// With several external addresses, which one an inside host gets (RFC 4787, REQ-2).
  public enum Pooling: String, Sendable, Codable, CaseIterable {
    /// The same as long as it has flows.
    case paired
    /// Another for each mapping.
    case arbitrary
  }

  public enum Hairpin: String, Sendable, Codable, CaseIterable {
    /// The other side sees the sender's external endpoint (REQ-9a).
    case externalSource = "external-source"
    /// The other side sees the sender as it is; its answers come back here only from another network.
    case internalSource = "internal-source"
    case off
  }

  /// What a packet that nobody asked for gets.
  public enum Unsolicited: String, Sendable, Codable, CaseIterable {
    case drop
    /// At once: a RST (TCP) or "port unreachable" (UDP).
    case refuse
    /// A SYN gets "port unreachable" after six seconds, unless an outbound SYN has crossed it by then (RFC 5382, REQ-4).
    /// UDP gets it at once.
    case refuseLate = "refuse-late"
  }

  public enum TCPMachine: String, Sendable, Codable, CaseIterable {
    /// With RFC 7857's rule that a RST doesn't end an entry.
    case rfc6146
    case netfilter
  }

  /// Whether segments must fit into the windows that both sides have announced.
  public enum WindowTracking: String, Sendable, Codable, CaseIterable {
    case off
    /// Windows are followed; only a RST outside is invalid (`nf_conntrack_tcp_be_liberal`).
    case liberal
    /// What is outside is invalid.
    case strict
  }

  /// A machine of the network and the external address it has to itself.
  public struct AddressPair: Sendable, Codable, Hashable {
    public var vm: String
    public var address: IPv4Address
    public var mark: Mark

    public init(vm: String, address: IPv4Address, mark: Mark = .inCode) {
      self.vm = vm
      self.address = address
      self.mark = mark
    }

    /// `{web: 134.115.153.224}`
    package static let form = Form<[AddressPair]>(shape: .named(Form<IPv4Address>.address.shape)) { written, reading in
      Form<[Named<IPv4Address>]>.named(.address).read(written, reading)?.map {
        AddressPair(vm: $0.name, address: $0.value, mark: $0.mark)
      }
    }
  }
}
