import WeftSettings

extension Resolver {
  func readMirror(_ item: Written) {
    let errors = errorCount
    let (mirror, object) = read(item, MirrorSettings.keys)
    guard errorCount == errors, let place = object.place(\.to), let own = bridge(of: mirror.to) else { return }
    let from = object.place(\.from)?.items ?? []
    for (index, name) in mirror.from.enumerated() {
      guard let other = bridge(of: name) else { continue }
      let at = from.indices.contains(index) ? from[index] : place
      if name == mirror.to {
        report("\"\(name.node)\" listens to others here, not to itself", at: at)
      } else if other != own {
        report(
          "\"\(name.node)\" is on the switch \"\(other)\", and \"\(mirror.to.node)\" on \"\(own)\": a mirror is one of a switch's own ports",
          at: at)
      }
    }
    if topology.mirrors.contains(where: { $0.to == mirror.to }) {
      report("\"\(mirror.to.node)\" has a mirror already", at: place, hint: "several sources: from: [a, b]")
    }
    topology.mirrors.append(mirror)
  }

  /// The switch that a cable is plugged into, by its name.
  private func bridge(of cable: LinkName) -> String? {
    if let index = vmIndex[cable.node] {
      return topology.vms[index].nics.indices.first { cable.port == "eth\($0)" }.map { topology.vms[index].nics[$0].network }
    }
    guard let index = hostIndex[cable.node] else { return nil }
    let host = topology.hosts[index]
    let link = host.links.first { $0.segment == cable.port }
    guard let name = link?.segment ?? host.uplink?.segment else { return nil }
    guard var segment = segmentIndex[name].map({ topology.segments[$0] }) else { return name }
    if let parent = segment.parent.flatMap({ segmentIndex[$0] }) { segment = topology.segments[parent] }
    let chosen = link == nil ? host.uplink?.switchName : nil
    return chosen ?? segment.switches.first?.name ?? segment.name
  }
}
