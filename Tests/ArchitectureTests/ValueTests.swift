import Foundation
import Testing

/// An element is a value, and so is an image of a world: what they hold by reference copies itself before it changes.
/// Each class of the pure targets stands here with what makes it harmless; a new one must earn its place.
@Suite struct ValueTests {
  static let targets = [
    "WeftWire", "WeftCore", "WeftIP", "WeftSwitch", "WeftNAT", "WeftServices", "WeftGuest", "WeftStack", "WeftPrograms",
    "WeftProbes", "WeftSettings", "WeftHypervisor", "WeftDisk", "WeftISO", "WeftRouter", "WeftImage", "WeftFabric",
  ]

  static let allowed: [String: String] = [
    "FlatMap.Storage": "copied by a map that isn't its only owner",
    "EntryTable.Storage": "copied by a table that isn't its only owner",
    "FlightRing": "copied by a link that isn't its only owner",
    "FrameQueue.Ring": "copied by a queue that isn't its only owner",
    "EventQueue.Wheel": "copied by a queue that isn't its only owner; no part of an image",
    "Apart.Box": "copied by a value that isn't its only owner",
    "ProgramStore": "copied by a list that isn't its only owner",
    "FramePool": "memory, one for each thread; frames are counted in it",
    "ByteWriter": "of the coder, no part of a value",
    "ImageEncoder": "of the coder, no part of a value",
    "ImageEncoder.KeyMemory": "of the coder, no part of a value",
    "ImageDecoder": "of the coder, no part of a value",
    "RecordCursor": "of the coder, no part of a value",
    "Shape": "of the coder, never changed",
    "FramePoolReference": "hands a pool to a decoder",
  ]

  /// `OUTER.NAME` where the class stands inside a type, read from the indentation.
  static func classes(in source: String) -> [String] {
    var found: [String] = []
    var outer = ""
    for line in source.split(whereSeparator: \.isNewline) {
      let isNested = line.hasPrefix(" ")
      let words = line.split { !($0.isLetter || $0.isNumber || $0 == "_" || $0 == "/") }.map(String.init)
      guard words.first?.hasPrefix("//") != true,
        let place = words.firstIndex(where: { ["class", "actor", "struct", "enum", "extension", "protocol"].contains($0) }),
        place + 1 < words.count, words[..<place].allSatisfy({ Self.modifiers.contains($0) })
      else { continue }
      let name = words[place + 1]
      if !isNested { outer = name }
      if ["class", "actor"].contains(words[place]), !["func", "var", "subscript"].contains(name) {
        found.append(isNested ? "\(outer).\(name)" : name)
      }
    }
    return found
  }

  static let modifiers: Set<String> = [
    "public", "private", "fileprivate", "internal", "package", "final", "open", "indirect", "usableFromInline", "frozen",
    "unchecked", "unsafe", "safe", "MainActor", "available",
  ]

  @Test(arguments: targets) func classesOfAPureTargetAreKnown(target: String) throws {
    let folder = PurityTests.root.appending(path: "Sources/\(target)")
    guard let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil) else { return }
    for case let file as URL in files where file.pathExtension == "swift" {
      for name in Self.classes(in: try String(contentsOf: file, encoding: .utf8)) {
        #expect(
          Self.allowed[name] != nil,
          "\(file.lastPathComponent): class \(name) inside a value must copy itself before it changes; then list it here")
      }
    }
  }

  @Test func aClassIsFoundWhereverItStands() {
    let source = """
      // class Comment
      final class A {}
      public struct B {
        @usableFromInline
        final class Storage { class func no() {} }
      }
      extension C {
        fileprivate final class Wheel {
      @usableFromInline final class D: E {}
      """
    #expect(Self.classes(in: source) == ["A", "B.Storage", "C.Wheel", "D"])
  }
}
