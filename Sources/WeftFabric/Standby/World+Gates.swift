import WeftCore
import WeftHypervisor

// What a machine sends, until its standby has the state that it comes from.
extension World {
  /// Whether what a machine sends now waits there: captures have it when it leaves. Changes nothing; the world would be copied for it.
  @inline(__always)
  mutating func isHeldBack(_ node: NodeID, _ port: PortIndex) -> Bool { !standbys.all.isEmpty && holdsBack(node, port) }

  @inline(never)
  private mutating func holdsBack(_ node: NodeID, _ port: PortIndex) -> Bool {
    guard let machine = machine(node) else { return false }
    return elements.machines[machine].interfaces[port.index].holdsBack
  }

  /// What may leave goes into its cable as far as that has room.
  mutating func sendReleased(_ node: NodeID) {
    guard let machine = machine(node) else { return }
    for index in elements.machines[machine].interfaces.indices where elements.machines[machine].interfaces[index].isGated {
      let port = graph.port(PortIndex(index), of: node)
      guard let link = graph.ports[port].link else { continue }
      while let count = elements.machines[machine].interfaces[index].nextTransmission, links[link].hasRoom(for: count, now: now),
        let (since, epoch) = elements.machines[machine].interfaces[index].firstHeld,
        let frame = elements.machines[machine].interfaces[index].takeTransmission()
      {
        let file = graph.ports[port].capture
        let staged = recorder.captures != nil && recorder.stageDeparture(frame, in: file, of: node, now: now)
        if staged { recorder.comment(file, by: name(node), Note(held: now - since, epoch: epoch)) }
        switch links[link].send(frame, now: now) {
        case .sent:
          elements.machines[machine].countTransmitted(count, on: PortIndex(index))
          if staged { recorder.commit(file, dropped: false) }
        case .dropped(let reason): lose(frame, at: port, reason, staged: staged)
        }
      }
      scheduleLink(link)
    }
  }
}
