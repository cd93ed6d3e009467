import WeftCore
import WeftWire

// A switch floods what it has no entry for. What becomes of the copies that others get is nothing to the packet.
extension World {
  /// Whether a frame that was dropped at a port was a copy for others: it goes another way, or neither the node nor anything beyond the port's cable
  /// has the address that it is for.
  func isBystander(_ bytes: RawSpan, at port: PortID, _ reason: DropReason) -> Bool {
    if reason == .stpBlocking { return true }
    guard bytes.byteCount >= 14, !bytes.mac(0).isGroup else { return false }
    let destination = bytes.mac(0)
    if let own = mac(of: port) {
      // What a node sends itself is for whomever it is for.
      return own != destination && own != bytes.mac(6)
    }
    return graph.ports[port].link.map { !leads($0, to: destination) } ?? false
  }

  private func leads(_ link: LinkID, to destination: MACAddress) -> Bool {
    var seen: Set<NodeID> = [graph.ports[graph.ends[link].from].node]
    var open = [link]
    while let link = open.popLast() {
      let end = graph.ends[link]
      if let mac = mac(of: end.to) {
        if mac == destination { return true }
        continue
      }
      guard seen.insert(end.toNode).inserted else { continue }
      for next in graph.nodes[end.toNode].ports where next != end.to {
        if let link = graph.ports[next].link { open.append(link) }
      }
    }
    return false
  }

  /// Who its node is there; nil of one that passes on what is for others.
  func mac(of port: PortID) -> MACAddress? {
    let (node, index) = (graph.ports[port].node, graph.ports[port].index)
    return elements.read(graph.nodes[node].element, ReadMAC(port: index))
  }
}
