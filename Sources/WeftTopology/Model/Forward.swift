import WeftSettings
import WeftWire

/// Host address:ports → ports of a machine on the network or of an address there, the first to the first and so on. `"8080:web:80/tcp"`.
public struct Forward: Sendable, Codable, Hashable {
  public var `protocol`: TransportProtocol
  /// Nil: on all of the host's.
  public var hostAddress: IPv4Address?
  /// The first of `count`.
  public var hostPort: UInt16
  /// A VM, or a host whose uplink is plugged into the network; or an address, as text.
  public var vm: String
  /// That address.
  public var vmAddress: IPv4Address?
  public var vmPort: UInt16
  public var count: UInt16 = 1
  public var mark: Mark

  public init(protocol: TransportProtocol, hostPort: UInt16, vm: String, vmPort: UInt16, mark: Mark = .inCode) {
    self.protocol = `protocol`
    self.hostPort = hostPort
    self.vm = vm
    self.vmPort = vmPort
    self.mark = mark
  }
}

extension Forward: CustomStringConvertible {
  /// As in the file: `8000-8010:web:80-90/tcp`.
  public var description: String {
    func ports(_ first: UInt16) -> String { count > 1 ? "\(first)-\(Int(first) + Int(count) - 1)" : "\(first)" }
    let address = hostAddress.map { "\($0):" } ?? ""
    return "\(address)\(ports(hostPort)):\(vm):\(ports(vmPort))/\(`protocol`.rawValue)"
  }
}

extension Forward {
  /// A port forward as a text or with keys; two where one is for both protocols.
  static let form = Form<[Forward]>(shape: .either([.text(text), .object(ForwardEntry.keys.keys)])) { written, reading in
    guard written.entries == nil else {
      let entry = ForwardEntry.keys.read(written, reading)
      return entry.flatMap {
        $0.isOfOneLength ? make($0.text, at: Object(written, ForwardEntry.keys).bare(\.to)?.mark ?? written.mark) : nil
      }
    }
    let found: Parse.ForwardText? = reading.value(of: written, text)
    return found.map { make($0, at: written.mark) }
  }

  private static let text = Scalar(.forward) { (text) throws(Complaint) in try Parse.forward(text) }

  private static func make(_ text: Parse.ForwardText, at mark: Mark) -> [Forward] {
    text.transports.map {
      var made = Forward(
        protocol: $0, hostPort: text.hostPorts.lowerBound, vm: text.vm, vmPort: text.vmPorts.lowerBound, mark: mark)
      made.hostAddress = text.address
      made.count = UInt16(text.hostPorts.count)
      made.vmAddress = IPv4Address(text.vm)
      return made
    }
  }
}

/// The long form of a forward.
struct ForwardEntry: Sendable {
  var from: ClosedRange<UInt16> = 1...1
  var to = Parse.ForwardTarget(vm: "", ports: 1...1)
  var address: IPv4Address?
  var transports = [TransportProtocol.tcp]

  fileprivate var isOfOneLength: Bool { from.count == to.ports.count }

  fileprivate var text: Parse.ForwardText {
    Parse.ForwardText(address: address, hostPorts: from, vm: to.vm, vmPorts: to.ports, transports: transports)
  }

  static let keys: KeyTable<ForwardEntry> = KeyTable(
    "forward",
    "A port forward. Short forms: `8080:web:80/tcp` (without a protocol, tcp), `8000-8010:web:80-90/both`, "
      + "`203.0.113.9:8080:web:80`, `8080:192.168.122.50:80`",
    from: ForwardEntry(),
    [
      Field("from", \.from, .ports, "Port or ports of the host.", required: true, example: "8080"),
      Field(
        "to", \.to, target,
        "VM and its port or ports, as many, bridged ones too; or a host whose uplink is on the network, or an address there.",
        required: true, example: "web:80"),
      Field(
        "address", \.address, .address, "The address of the host that it is for.", default: "all of them",
        example: "203.0.113.9"),
      Field("protocol", \.transports, protocols, "What is forwarded.", default: "tcp", example: "udp"),
    ]
  ) { entry, mistakes in
    guard let place = mistakes.object.place(\.to), mistakes.has(\.from), !entry.isOfOneLength, entry.to.vm != "" else { return }
    do throws(Complaint) {
      try Parse.sameLength(entry.from, entry.to.ports, part: place.text ?? "")
    } catch {
      mistakes.reading.report(error, at: place)
    }
  }

  private static let target = Form<Parse.ForwardTarget>(.forwardTarget) { (text) throws(Complaint) in
    try Parse.forwardTarget(text)
  }

  private static let protocols = Form<[TransportProtocol]>(.choice(["tcp", "udp", "both"])) { (text) throws(Complaint) in
    try Parse.transports(try Parse.choice(text, ["tcp", "udp", "both"]))
  }
}
