import Foundation
import Testing
import WeftCore

@Suite struct FlatMapTests {
  /// All in one bucket: the longest probe sequences there can be.
  struct Crowded: FlatKey, Hashable {
    var value: UInt64
    var flatHash: UInt64 { value % 3 }
  }

  static func check<Key: FlatKey & Hashable>(seed: UInt64, keys: UInt64, key: (UInt64) -> Key) {
    var random = RandomStream(seed: seed, owner: "map", purpose: "test")
    var map = FlatMap<Key, String>()
    var model: [Key: String] = [:]
    for step in 0..<6_000 {
      let some = key(random.next(below: keys))
      switch random.next(below: 8) {
      case 0, 1, 2:
        map.insert(some, "\(step)")
        model[some] = "\(step)"
      case 3:
        map[some] = "set \(step)"
        model[some] = "set \(step)"
      case 4, 5:
        #expect(map.remove(some) == model.removeValue(forKey: some))
      case 6:
        let old = map.update(some) { value in
          defer { value += "!" }
          return value
        }
        #expect(old == model[some])
        if model[some] != nil { model[some]! += "!" }
      default:
        map[some] = nil
        model[some] = nil
      }
      #expect(map.count == model.count && map[some] == model[some])
      if step % 500 == 0 {
        for number in 0..<keys { #expect(map[key(number)] == model[key(number)]) }
        #expect(Dictionary(uniqueKeysWithValues: map.unordered.map { ($0.key, $0.value) }) == model)
      }
    }
  }

  @Test(arguments: [1, 2, 3] as [UInt64]) func agreesWithADictionary(seed: UInt64) {
    Self.check(seed: seed, keys: 40) { $0 }
    Self.check(seed: seed, keys: 2_000) { UInt32($0) &* 0x0100_0000 }
  }

  @Test func agreesWithADictionaryWhereAllKeysCollide() { Self.check(seed: 9, keys: 60) { Crowded(value: $0) } }

  @Test func anEmptyOneAnswersWithoutMemory() {
    var map = FlatMap<UInt64, Int>()
    #expect(map[1] == nil && map.remove(1) == nil && map.isEmpty && map.unordered.isEmpty)
    #expect(map.update(1) { $0 += 1 } == nil)
    map[1] = 1
    map.removeAll()
    #expect(map.isEmpty && map[1] == nil)
  }

  @Test func copiesAreIndependent() {
    var one = FlatMap<UInt64, String>()
    for number in 0..<20 as Range<UInt64> { one[number] = "\(number)" }
    var two = one
    two.update(3) { $0 = "changed" }
    two.remove(4)
    var three = one
    for number in 20..<200 as Range<UInt64> { three[number] = "more" }
    #expect(one.count == 20 && one[3] == "3" && one[4] == "4")
    #expect(two.count == 19 && two[3] == "changed" && two[4] == nil)
    #expect(three.count == 200 && three[3] == "3")
  }

  /// Keys that collide around the end of the block lie in an order of their own: a copy once laid them out anew after
  /// the key had been found, and another entry was changed.
  @Test func whatIsFoundInASharedMapIsWhatChanges() {
    var random = RandomStream(seed: 4, owner: "map", purpose: "copies")
    for _ in 0..<200 {
      var map = FlatMap<UInt64, UInt64>()
      for _ in 0..<random.next(below: 40) + 1 {
        let key = random.next(below: 200)
        map[key] = key
        if random.next(below: 3) == 0 { map.remove(random.next(below: 200)) }
      }
      for (key, _) in map.unordered {
        var (changed, shorter) = (map, map)
        changed.update(key) { $0 = 1000 }
        shorter.remove(key)
        #expect(map[key] == key && changed[key] == 1000 && shorter[key] == nil)
        #expect(map.unordered.allSatisfy { $0.key == key || changed[$0.key] == $0.key && shorter[$0.key] == $0.key })
      }
    }
  }

  @Test func valuesAreReleasedWithTheirEntriesAndTheMap() {
    final class Token: Codable {}
    weak var removed: Token?
    weak var kept: Token?
    do {
      var map = FlatMap<UInt64, Token>()
      let tokens = (0..<50).map { _ in Token() }
      for (number, token) in tokens.enumerated() { map[UInt64(number)] = token }
      removed = tokens[7]
      kept = tokens[8]
      map.remove(7)
      #expect(map.count == 49 && map[8] === kept)
    }
    #expect(removed == nil && kept == nil)
  }

  @Test func theSameContentEncodesToTheSameBytesWhateverItsHistory() throws {
    var long = FlatMap<UInt64, UInt64>()
    for number in 0..<5_000 as Range<UInt64> { long[number] = number }
    for number in 10..<5_000 as Range<UInt64> { long.remove(number) }
    var short = FlatMap<UInt64, UInt64>()
    for number in (0..<10 as Range<UInt64>).reversed() { short[number] = number }
    let encoder = JSONEncoder()
    // Or else the order of "keys" and "values" is the encoder's whim.
    encoder.outputFormatting = .sortedKeys
    let bytes = try encoder.encode(long)
    #expect(try encoder.encode(short) == bytes)
    let copy = try JSONDecoder().decode(FlatMap<UInt64, UInt64>.self, from: bytes)
    #expect(copy.count == 10 && (0..<10).allSatisfy { copy[$0] == $0 })
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(FlatMap<UInt64, UInt64>.self, from: Data(#"{"keys":[1,2],"values":[1]}"#.utf8))
    }
  }
}
