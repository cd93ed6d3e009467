import Foundation
import WeftCore
import WeftFabric
import WeftStorage
import WeftTopology

/// A checkpoint with something else in it is an error, or a run that goes on for a second.
///
/// Changed at random, an image is hardly ever one, so a script says which values to change, in its form as JSON: it is a list of
/// which (16), how (8), argument (16). Its first octet says of which of a few real checkpoints.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzCheckpoint(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  var script = Script(start, count)
  let original = originals[Int(script.u8()) % originals.count]
  var state = original.state
  var edits: [(range: Range<Int>, with: [UInt8])] = []
  while !script.isEmpty, edits.count < 16 {
    let range = original.values[Int(script.u16()) % original.values.count]
    let how = script.u8()
    let value = replacement(Array(state[range]), how: how, argument: script.u16(), of: original)
    if !edits.contains(where: { $0.range.overlaps(range) }) { edits.append((range, value)) }
  }
  for edit in edits.sorted(by: { $0.range.lowerBound > $1.range.lowerBound }) {
    state.replaceSubrange(edit.range, with: edit.with)
  }
  let decoder = JSONDecoder()
  decoder.userInfo[.framePool] = FramePoolReference(FramePool())
  // What is no image as JSON is none in bytes either.
  guard let image = try? decoder.decode(SimulationImage.self, from: Data(state)), let bytes = try? image.encoded() else {
    check(!edits.isEmpty, "its own state doesn't decode")
    return 0
  }
  do throws(CheckpointError) {
    var simulation = try CheckpointFile.decode(bytes, path: "fuzz.checkpoint", captures: .memory)
    let limit = simulation.now + .seconds(1)
    simulation.run(until: limit, events: 2_000)
    check(simulation.now <= limit, "it ran too far: \(simulation.now)")
    simulation.abandon()
  } catch {
    check(!edits.isEmpty, "its own checkpoint: \(error)")
    check(!error.description.isEmpty, "an error without a word")
  }
  return 0
}

/// A value of JSON in place of another.
func replacement(_ old: [UInt8], how: UInt8, argument: UInt16, of original: Original) -> [UInt8] {
  let number = Double(String(decoding: old, as: UTF8.self))
  switch how % 12 {
  case 0: return Array("\(argument)".utf8)
  case 1: return Array("\(Int16(bitPattern: argument))".utf8)
  case 2: return Array("18446744073709551615".utf8)
  case 3: return Array("9223372036854775807".utf8)
  case 4: return Array("\(UInt32.max)".utf8)
  case 5: return Array("null".utf8)
  case 6: return Array("[]".utf8)
  case 7: return old.first == UInt8(ascii: "t") ? Array("false".utf8) : Array("true".utf8)
  case 8: return number.map { Array("\(UInt64(max(0, min($0, 1e18))) &+ UInt64(argument & 7))".utf8) } ?? old
  case 9: return number.map { Array("\(UInt64(max(0, min($0, 1e18) - Double(argument & 7))))".utf8) } ?? old
  // The same value from elsewhere, or an array with something twice.
  case 10: return Array(original.state[original.values[Int(argument) % original.values.count]])
  default:
    guard old.first == UInt8(ascii: "["), old.count > 2 else { return old }
    return old.dropLast() + [UInt8(ascii: ",")] + old.dropFirst()
  }
}

struct Original {
  var state: [UInt8]
  /// Where the values stand in it, from whole arrays to single numbers.
  var values: [Range<Int>]
}

/// Made anew each time: a checkpoint is for the version that wrote it. Frames are under way in each.
nonisolated(unsafe) let originals: [Original] = {
  let small = """
    segments: {lan: {subnet: 192.0.2.0/24, delay: 3 ms, rate: 20 Mbit/s, loss: 1%}}
    hosts:
      laptop:
        uplink: lan 192.0.2.1
        networks: {home: {mode: nat, subnet: 10.0.0.0/24, forwards: ["8080:web:80/tcp"]}}
      peer: {uplink: lan 192.0.2.9, programs: [{sink: 9}, {http-server: 80}, {udp-echo: 7}, {tcp-echo: 7}]}
    vms:
      web:
        network: home
        programs:
          - {http-server: 80}
          - {bulk: {to: "peer:9", size: 40 kB}}
          - {udp-rate: {to: "peer:7", size: 2000, rate: 1 Mbit/s}}
          - {ping: {to: peer, count: 50, interval: 10 ms, size: 2000}}
          - {http-get: {to: "peer:80", count: 50, interval: 20 ms}}
    events: [{at: 200 ms, pause: web}, {at: 250 ms, resume: web}]
    expect: [{from: peer, to: "laptop:8080", is: open, at: 100 ms}, {from: web, http: "http://peer/", status: 200, at: 205 ms}]
    """
  let load = Topology.load(bytes: Array(small.utf8), file: "small.yaml")
  guard let topology = load.topology else { fatalError("\(load.diagnostics.map { $0.render(color: false) })") }
  return ([5, 40, 101, 230, 700] as [UInt64]).map { milliseconds in
    do {
      var simulation = try Simulation(topology, captures: milliseconds == 5 ? CaptureOptions(directory: nil) : nil)
      simulation.run(until: .start + .milliseconds(milliseconds))
      let encoder = JSONEncoder()
      encoder.outputFormatting = .sortedKeys
      let state = [UInt8](try encoder.encode(simulation.image()))
      return Original(state: state, values: values(state))
    } catch { fatalError("\(error)") }
  }
}()

/// Numbers, words and arrays; of a long list of numbers (a frame's octets) only the whole.
func values(_ json: [UInt8]) -> [Range<Int>] {
  var found: [Range<Int>] = []
  var open: [(at: Int, found: Int)] = []
  var i = 0
  while i < json.count {
    switch json[i] {
    case UInt8(ascii: "\""):
      i += 1
      while json[i] != UInt8(ascii: "\"") { i += json[i] == UInt8(ascii: "\\") ? 2 : 1 }
    case UInt8(ascii: "["): open.append((i, found.count))
    case UInt8(ascii: "]"):
      let start = open.removeLast()
      if found.count - start.found > 40, !json[start.at..<i].contains(UInt8(ascii: "{")) {
        found.removeSubrange(start.found...)
      }
      found.append(start.at..<i + 1)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"):
      let start = i
      while i + 1 < json.count, ![",", "]", "}", ":"].contains(Unicode.Scalar(json[i + 1])) { i += 1 }
      found.append(start..<i + 1)
    default: break
    }
    i += 1
  }
  return found
}
