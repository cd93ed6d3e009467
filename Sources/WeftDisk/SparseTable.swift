/// Values by index, of which most aren't there: a tree of arrays in three levels. A copy shares all of it; a change copies the
/// arrays on the way to its place, where they are shared.
struct SparseTable<Element: Equatable & Sendable>: Sendable {
  typealias Leaf = [Element?]
  /// A branch or leaf in which there was never anything has no elements.
  private var branches: [[Leaf]] = []
  private(set) var count = 0

  private static var bits: Int { 7 }
  private static var fan: Int { 1 << bits }

  var isEmpty: Bool { count == 0 }

  subscript(index: Int) -> Element? {
    get {
      let (a, b, c) = Self.path(index)
      guard a < branches.count, b < branches[a].count, c < branches[a][b].count else { return nil }
      return branches[a][b][c]
    }
    set { update(index) { $0 = newValue } }
  }

  /// Changes a value where it lies. Precondition: index ≥ 0.
  mutating func update(_ index: Int, _ body: (inout Element?) -> Void) {
    let (a, b, c) = Self.path(index)
    if a >= branches.count { branches += [[Leaf]](repeating: [], count: a + 1 - branches.count) }
    if branches[a].isEmpty { branches[a] = [Leaf](repeating: [], count: Self.fan) }
    if branches[a][b].isEmpty { branches[a][b] = Leaf(repeating: nil, count: Self.fan) }
    let before = branches[a][b][c] == nil ? 0 : 1
    body(&branches[a][b][c])
    count += (branches[a][b][c] == nil ? 0 : 1) - before
  }

  /// In the order of their indices.
  func forEach(_ body: (Int, Element) throws -> Void) rethrows {
    guard count > 0 else { return }
    var (a, b, c) = (0, 0, 0)
    while a < branches.count {
      let branch = branches[a]
      b = 0
      while b < branch.count {
        let leaf = branch[b]
        c = 0
        while c < leaf.count {
          if let element = leaf[c] { try body(Self.index(a, b, c), element) }
          c &+= 1
        }
        b &+= 1
      }
      a &+= 1
    }
  }

  /// Where two tables have another value each; what they share is passed over.
  func forEachDifference(_ other: Self, _ body: (Int, Element?, Element?) -> Void) {
    for a in 0..<max(branches.count, other.branches.count) {
      let (branch, branch2) = (a < branches.count ? branches[a] : [], a < other.branches.count ? other.branches[a] : [])
      if Bytes.areOne(branch, branch2) { continue }
      for b in 0..<max(branch.count, branch2.count) {
        let (leaf, leaf2) = (b < branch.count ? branch[b] : [], b < branch2.count ? branch2[b] : [])
        if Bytes.areOne(leaf, leaf2) { continue }
        for c in 0..<max(leaf.count, leaf2.count) {
          let (one, two) = (c < leaf.count ? leaf[c] : nil, c < leaf2.count ? leaf2[c] : nil)
          if one != two { body(Self.index(a, b, c), one, two) }
        }
      }
    }
  }

  @inline(__always) private static func path(_ index: Int) -> (Int, Int, Int) {
    (index >> (2 * bits), index >> bits & (fan - 1), index & (fan - 1))
  }
  @inline(__always) private static func index(_ a: Int, _ b: Int, _ c: Int) -> Int { (a << bits | b) << bits | c }
}

extension SparseTable: Equatable {
  static func == (one: Self, two: Self) -> Bool {
    guard one.count == two.count else { return false }
    var isEqual = true
    one.forEachDifference(two) { _, _, _ in isEqual = false }
    return isEqual
  }
}
