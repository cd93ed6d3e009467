import WeftSettings

/// A change of who is joined to whom, while the lab runs. Events of the file and programs use the same.
public enum GraphAction: Sendable, Codable, Hashable {
  /// Placed on the host of its networks, and started if it starts by itself.
  case addVM(VM)
  /// Powered off, and its cables are gone. What others know of it (leases, forwards, connections) ends as they are
  /// configured.
  case removeVM(String)
  /// A VM's next interface, with a cable to its network.
  case addNIC(vm: String, NIC)
  /// `web.eth1`; its number isn't used again.
  case removeNIC(LinkName)
  /// The NIC's cable goes into another network, of the same host or of another.
  case plug(LinkName, into: String)
  /// A VM goes to another host, and each of its interfaces into a network there; an empty name leaves one where it is. It isn't
  /// told, and its addresses stay its own.
  case moveVM(String, to: String, networks: [String])
  /// One more port of a network's or segment's switch, without a cable.
  case addPort(of: String, name: String)
}

extension VM: Hashable {
  /// Programs are told apart by what they are and where they stand.
  private var words: [String] { programs.map { "\($0.word) \($0.start) \($0.mark)" } }

  public static func == (a: VM, b: VM) -> Bool {
    a.name == b.name && a.host == b.host && a.nics == b.nics && a.autostart == b.autostart && a.cd == b.cd && a.stack == b.stack
      && a.words == b.words
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(name)
    hasher.combine(nics)
  }
}
