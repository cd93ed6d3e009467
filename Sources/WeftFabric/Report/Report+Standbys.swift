import WeftCore

extension World {
  /// `db: standby on server2, epoch 41 (1204 kB), held 18.2 ms on average, 310 frames; took over at 3.3 s`
  var standbyReport: [String] {
    standbys.all.map { standby in
      let sent = (standby.sentBefore + standby.sender.sent) / 1000
      var text = "\(standby.vm): standby on \(standby.host), epoch \(standby.epoch) (\(sent) kB)"
      if standby.heldFrames > 0 {
        text += ", held \(Nanoseconds(standby.heldTime.rawValue / standby.heldFrames)) on average, \(standby.heldFrames) frames"
      }
      let at = standby.changedAt.map { " at \($0 - .start)" } ?? ""
      switch standby.phase {
      case .waiting, .connecting: text += "; not connected" + (standby.why.map { " since\(at.dropFirst(3)): \($0)" } ?? "")
      case .on: break
      case .takingOver: text += "; its host has failed"
      case .tookOver: text += "; took over\(at)"
      case .lost: text += "; lost\(at)" + (standby.why.map { ": \($0)" } ?? "")
      }
      return text
    }
  }
}
