import WeftCore

/// The source's end of a migration's stream: what is to be sent, in order, and how much was. It is fed with lists of pages, and
/// gives bytes as there is room for them.
public struct PageSender: Codable, Sendable {
  private var chunk: [UInt8]
  private var offset = 0
  private var list = PageList()
  /// Never used pages that have still to be told of.
  private var untouched: UInt64 = 0
  private struct Held: Codable, Sendable {
    var list: PageList
    var digest: PageDigest
  }

  /// For when the target runs it.
  private var held: Held?
  /// Said behind the list.
  private var ending: [UInt8] = []
  public private(set) var pages: UInt64 = 0
  public private(set) var zeroPages: UInt64 = 0
  /// Octets.
  public private(set) var sent: UInt64 = 0

  public init(name: String, pages: UInt64) { chunk = MigrationStream.hello(name, pages: pages) }

  /// Whether all of it was given out.
  public var isEmpty: Bool { offset == chunk.count && list.left == 0 && untouched == 0 && ending.isEmpty }

  public mutating func send(_ list: PageList, untouched: UInt64 = 0) {
    (self.list, self.untouched) = (list, untouched)
    MigrationStream.control(.round, into: &ending)
  }

  /// What is left of memory, and all that is no memory. Its digest is known once the last byte of memory is.
  public mutating func sendLast(_ list: PageList, devices: [UInt8], writes: [DiskWrite] = [], digest: PageDigest) {
    (self.list, untouched, ending) = (list, 0, [])
    for write in writes { MigrationStream.control(.disk, write.encoded, into: &ending) }
    sendEnd(devices: devices, digest: digest)
  }

  private mutating func sendEnd(devices: [UInt8], digest: PageDigest) {
    if !devices.isEmpty { MigrationStream.control(.devices, devices, into: &ending) }
    var sum: [UInt8] = []
    MigrationStream.append(digest.sum, to: &sum)
    MigrationStream.append(digest.pages, to: &sum)
    MigrationStream.control(.end, sum, into: &ending)
  }

  /// Of one that goes on before all of its memory is there: its state, and what is no memory. Its working sets follow `sendHeld`.
  public mutating func sendHead(_ list: PageList, devices: [UInt8], digest: PageDigest) {
    let (state, sets) = list.split(at: PageNumber.sets)
    (self.list, untouched, ending) = (state, 0, [])
    MigrationStream.control(.devices, devices, into: &ending)
    MigrationStream.control(.head, into: &ending)
    held = Held(list: sets, digest: digest)
  }

  public mutating func sendHeld() {
    guard let held else { return }
    list = held.list
    sendEnd(devices: [], digest: held.digest)
    self.held = nil
  }

  /// The next octets, at most so many; `bytes` gives those of a page.
  public mutating func take(_ most: Int, _ bytes: (PageNumber) -> [UInt8]?) -> ArraySlice<UInt8> {
    if offset == chunk.count { fill(bytes) }
    let end = min(chunk.count, offset + most)
    return chunk[offset..<end]
  }

  /// So many of those were taken.
  public mutating func took(_ count: Int) {
    offset += count
    sent += UInt64(count)
  }

  private mutating func fill(_ bytes: (PageNumber) -> [UInt8]?) {
    chunk.removeAll(keepingCapacity: true)
    offset = 0
    while chunk.count < 1 << 16 {
      if let (number, isZero) = list.takeNext() {
        if !isZero, let bytes = bytes(number) {
          MigrationStream.page(number, bytes, into: &chunk)
          pages += 1
        } else {
          MigrationStream.zero(number, into: &chunk)
          zeroPages += 1
        }
      } else if untouched > 0 {
        untouched -= 1
        MigrationStream.zero(PageNumber(region: MigrationStream.untouched, untouched), into: &chunk)
        zeroPages += 1
      } else {
        chunk += ending
        ending = []
        return
      }
    }
  }

  /// Of a decoded one.
  public var isConsistent: Bool {
    offset >= 0 && offset <= chunk.count && list.isConsistent && held?.list.isConsistent != false && untouched <= 1 << 40
  }
}
