import Testing
import WeftCore

@testable import WeftDisk

/// A disk and what it must be: an array of bytes, and a set of clusters for each bitmap.
struct Twin {
  var disk: BlockDevice
  var bytes: [UInt8]
  var dirty: [String: Set<Int>] = [:]
  private var named = 0

  init(size: Int, cache: CacheMode) throws {
    disk = try BlockDevice(size: size, cache: cache)
    bytes = [UInt8](repeating: 0, count: size)
  }

  private mutating func note(_ offset: Int, _ count: Int) {
    guard count > 0 else { return }
    for name in dirty.keys where disk.bitmap(named: name)?.isRecording == true {
      dirty[name]?.formUnion((offset / 65_536)...((offset + count - 1) / 65_536))
    }
  }

  mutating func step(_ stream: inout RandomStream) throws {
    let offset = stream.upTo(bytes.count)
    let longest = min(bytes.count - offset, [1, 700, 5000, 150_000][stream.upTo(4)])
    let count = stream.upTo(longest + 1)
    switch stream.upTo(20) {
    case 0..<8:
      let new = stream.bytes(count)
      try disk.write(new, at: offset)
      bytes.replaceSubrange(offset..<offset + count, with: new)
      note(offset, count)
    case 8, 9:
      try disk.zero(at: offset, count: count)
      bytes.replaceSubrange(offset..<offset + count, with: repeatElement(0, count: count))
      note(offset, count)
    case 10:
      let start = stream.upTo(disk.clusterCount) * 65_536
      let end = min(bytes.count, start + stream.upTo(3) * 65_536)
      try disk.discard(at: start, count: end - start)
      bytes.replaceSubrange(start..<end, with: repeatElement(0, count: end - start))
      note(start, end - start)
    case 11: if disk.layers.count < 5 { disk.addOverlay(named: "o\(named)") }
    case 12, 13: if disk.layers.count > 1 { try disk.merge(layer: 1 + stream.upTo(disk.layers.count - 1)) }
    case 14: disk.flush()
    case 15:
      let name = "b\(named)"
      if dirty.count < 3 {
        try disk.addBitmap(named: name)
        dirty[name] = []
      }
    case 16:
      if let name = dirty.keys.sorted().first {
        let taken = try disk.sync(name)
        #expect(Set(taken.ranges.flatMap { Array($0) }) == dirty[name])
        dirty[name] = []
        if stream.isOne(in: 3) {
          try disk.mark(taken, in: name)
          dirty[name] = Set(taken.ranges.flatMap { Array($0) })
        }
      }
    case 17: if let bitmap = disk.bitmaps.last { try disk.setRecording(!bitmap.isRecording, of: bitmap.name) }
    case 18: if stream.isOne(in: 5) { disk.flatten() }
    default:
      #expect(areEqual(try disk.read(at: offset, count: count), Array(bytes[offset..<offset + count])))
    }
    named += 1
  }

  func check() throws {
    #expect(areEqual(try disk.read(at: 0, count: bytes.count), bytes))
    for (name, clusters) in dirty {
      let ranges = disk.bitmap(named: name)?.clusters.ranges ?? []
      #expect(Set(ranges.flatMap { Array($0) }) == clusters, "bitmap \(name)")
      #expect(disk.bitmap(named: name)?.clusters.count == clusters.count)
    }
    #expect(disk.extents.reduce(0) { $0 + $1.count } == bytes.count)
  }
}

@Suite struct TwinTests {
  @Test(arguments: 0..<18) func aDiskIsAnArrayOfBytesWhateverIsDoneToIt(seed: Int) throws {
    var stream = RandomStream(seed)
    var twin = try Twin(size: 512 * (1 + stream.upTo(700)), cache: CacheMode.allCases[seed % 3])
    if seed % 3 == 2 { twin.disk.cacheLimit = 40 }
    var snapshots: [Twin] = []
    for step in 0..<60 {
      try twin.step(&stream)
      if step % 10 == 0 {
        try twin.check()
        snapshots.append(twin)
      }
      if stream.isOne(in: 25), let snapshot = snapshots.last {
        // Bitmaps stay, and mark what the revert changes.
        let changed = twin.disk.changedClusters(since: snapshot.disk)
        for name in twin.dirty.keys where twin.disk.bitmap(named: name)?.isRecording == true {
          twin.dirty[name]?.formUnion(changed.ranges.flatMap { Array($0) })
        }
        twin.disk.revert(to: snapshot.disk)
        twin.bytes = snapshot.bytes
      }
    }
    for snapshot in snapshots { try snapshot.check() }
    try twin.check()
    let changed = twin.disk.changedClusters(since: snapshots[0].disk)
    for cluster in 0..<twin.disk.clusterCount {
      let range = cluster * 65_536..<min(twin.bytes.count, (cluster + 1) * 65_536)
      #expect(changed.contains(cluster) == !areEqual(Array(twin.bytes[range]), Array(snapshots[0].bytes[range])))
    }
  }

  @Test func aSetOfClustersIsASetOfNumbers() {
    var stream = RandomStream(1)
    var (set, twin) = (ClusterSet(), Set<Int>())
    for _ in 0..<400 {
      let first = stream.upTo(20_000)
      let range = first..<first + [0, 1, 63, 64, 65, 200][stream.upTo(6)]
      set.insert(range)
      twin.formUnion(range)
    }
    #expect(set.count == twin.count)
    #expect(set.ranges.flatMap { Array($0) } == twin.sorted())
    #expect(zip(set.ranges, set.ranges.dropFirst()).allSatisfy { $0.upperBound < $1.lowerBound })
    #expect((0..<20_300).allSatisfy { set.contains($0) == twin.contains($0) })
    #expect(ClusterSet(set.ranges) == set)
  }
}
