import WeftCore
import WeftWire

// A switch floods what it has no entry for. What becomes of the copies that others get is nothing to the packet.
extension World {
  /// Whether a frame that was dropped at a port was a copy for others: neither the node nor anything beyond the port's cable
  /// has the address that it is for.
  func isBystander(_ bytes: RawSpan, at place: Int) -> Bool {
    guard bytes.byteCount >= 14, !bytes.mac(0).isGroup else { return false }
    let destination = bytes.mac(0)
    let node = ports[place].node
    guard nodes[node].kind == .virtualSwitch else {
      // What a node sends itself is for whomever it is for.
      return !owns(destination, place) && !owns(bytes.mac(6), place)
    }
    let link = ports[place].linkOut
    return link >= 0 && !leads(link, to: destination)
  }

  private func leads(_ link: Int, to destination: MACAddress) -> Bool {
    var seen: Set<Int> = [ports[ends[link].from].node]
    var open = [link]
    while let link = open.popLast() {
      let node = ends[link].toNode
      guard nodes[node].kind == .virtualSwitch else {
        if owns(destination, ends[link].to) { return true }
        continue
      }
      guard seen.insert(node).inserted else { continue }
      for next in nodes[node].firstPort..<nodes[node].firstPort + nodes[node].portCount where next != ends[link].to {
        if ports[next].linkOut >= 0 { open.append(ports[next].linkOut) }
      }
    }
    return false
  }

  private func owns(_ mac: MACAddress, _ place: Int) -> Bool {
    let node = ports[place].node
    let port = place - nodes[node].firstPort
    let index = nodes[node].index
    switch nodes[node].kind {
    case .machine: return machines[index].interfaces.indices.contains(port) && machines[index].interfaces[port].mac == mac
    case .gateway: return gateways[index].mac(of: port) == mac
    case .dhcpServer: return servers[index].configuration.mac == mac
    case .virtualSwitch: return false
    }
  }
}
