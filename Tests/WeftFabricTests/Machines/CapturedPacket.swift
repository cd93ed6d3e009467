@testable import WeftFabric

/// A packet of a capture, and when in the run: runs begin with 2026.
struct CapturedPacket {
  var seconds: Double
  var bytes: [UInt8]
}

/// The enhanced packet blocks of a pcapng file of ours: little-endian, in nanoseconds.
func packets(_ file: [UInt8]) -> [CapturedPacket] {
  func word(_ at: Int) -> Int { (0..<4).reduce(0) { $0 | Int(file[at + $1]) << (8 * $1) } }
  var found: [CapturedPacket] = []
  var at = 0
  while at + 12 <= file.count {
    let length = word(at + 4)
    if word(at) == 6 {
      let moment = UInt64(word(at + 12)) << 32 | UInt64(word(at + 16))
      found.append(
        CapturedPacket(
          seconds: Double(moment - 1_767_225_600_000_000_000) / 1e9, bytes: Array(file[(at + 28)..<(at + 28 + word(at + 20))])))
    }
    at += length
  }
  return found
}

extension World {
  func machine(named name: String) -> Machine? {
    names.machines[name].flatMap { machine($0) }.map { elements.machines[$0] }
  }
}
