import WeftISO
import WeftSettings
import WeftWire

/// A disc for a VM's drive, and what it says of the VM where it is one that cloud-init looks for.
public struct CD: Sendable, Codable, Hashable {
  public var disc: Disc
  public var seed: CloudConfig?

  public init(_ disc: Disc, seed: CloudConfig? = nil) { (self.disc, self.seed) = (disc, seed) }
}

/// What is taken from a disc labelled `cidata`: the part of cloud-init that a simulated guest has.
public struct CloudConfig: Sendable, Codable {
  public struct Address: Sendable, Codable, Hashable {
    public var address: IPv4Address
    public var prefix: IPv4Prefix
  }

  /// An interface, by its name or its MAC address.
  public struct Network: Sendable, Codable, Hashable {
    public var name: String
    public var mac: MACAddress?
    public var usesDHCP = false
    public var addresses: [Address] = []
    public var gateway: IPv4Address?

    /// The first that was settled by hand.
    var settled: Address? { usesDHCP ? nil : addresses.first }
  }

  public struct File: Sendable, Codable, Hashable {
    public var path: String
    public var content: String
  }

  /// A machine that was set up by it before takes nothing of it again.
  public var instanceID: String
  public var hostname: String?
  /// Nil without network-config.
  public var networks: [Network]?
  public var programs: [Program] = []
  public var files: [File] = []

  public init(instanceID: String) { self.instanceID = instanceID }

  /// What it says of an interface, as far as its MAC address is known.
  func network(_ index: Int, mac: MACAddress?) -> Network? {
    networks?.last { network in network.mac.map { $0 == mac } ?? (network.name == "eth\(index)") }
  }
}

extension CloudConfig: Hashable {
  /// As `VM` does: programs are told apart by what they are and where they stand.
  private var words: [String] { programs.map { "\($0.word) \($0.start) \($0.mark)" } }

  public static func == (a: CloudConfig, b: CloudConfig) -> Bool {
    a.instanceID == b.instanceID && a.hostname == b.hostname && a.networks == b.networks && a.files == b.files
      && a.words == b.words
  }

  public func hash(into hasher: inout Hasher) { hasher.combine(instanceID) }
}
