import Foundation
import Testing
import WeftCore
import WeftIP
import WeftWire

func ip(_ text: String) -> IPv4Address { IPv4Address(text)! }

/// What an element did, as plain values that tests can compare; its frames go back to the pool.
struct Done: Equatable {
  enum What: Equatable {
    case arp(ARPPacket)
    case ipv4(UInt8)
    case dropped(DropReason)
    case other
  }

  var what: What
  var to: MACAddress?
  var port: PortIndex
  var note: Note?
}

/// Takes the effects out. Frames of these tests carry one byte behind the Ethernet header, to know them by.
func taken(_ out: inout Effects) -> [Done] {
  var done: [Done] = []
  for index in 0..<out.count {
    let entry = out[index]
    let frame = Frame(stored: entry.frame)
    let note = entry.noteCount > 0 ? out.note(0, of: entry) : nil
    if entry.verdict == .drop {
      done.append(Done(what: .dropped(entry.reason), to: nil, port: entry.port, note: note))
      continue
    }
    guard let view = EthernetView(frame.bytes) else { continue }
    var what = Done.What.other
    if view.type == .arp, let packet = ARPPacket(view.payload) { what = .arp(packet) }
    if view.type == .ipv4, view.payload.byteCount > 0 { what = .ipv4(view.payload.u8(0)) }
    done.append(Done(what: what, to: view.destination, port: entry.port, note: note))
  }
  out.removeAll()
  return done
}

/// A frame with room for the Ethernet header before one byte.
func frame(_ value: UInt8, in pool: FramePool) -> Frame { pool.frame([UInt8](repeating: 0, count: 14) + [value]) }

func recoded<T: Codable>(_ value: T, in pool: FramePool) throws -> T {
  let decoder = JSONDecoder()
  decoder.userInfo[.framePool] = FramePoolReference(pool)
  return try decoder.decode(T.self, from: JSONEncoder().encode(value))
}

/// The byte that a test's frame is known by.
func mark(_ frame: borrowing Frame) -> UInt8 { frame.bytes.u8(14) }
