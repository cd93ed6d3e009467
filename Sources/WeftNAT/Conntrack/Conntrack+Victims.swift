import WeftCore

// Who goes when the table is full: netfilter's early drop.

extension Conntrack {
  /// Sessions in an order of their own, linked by `Link.older` and `newer`; each is in one at most.
  struct Queue {
    var oldest = Conntrack.none
    var newest = Conntrack.none
  }

  enum Rank {
    /// Not assured: gone first, from the earliest made.
    case unassured
    /// A connection that is closing: gone where all are assured, from the earliest that came to it.
    case closing
    case kept
  }

  static func rank(isAssured: Bool, _ state: TCPState) -> Rank {
    if !isAssured { return .unassured }
    return state.isClosing ? .closing : .kept
  }

  private func rank(_ number: Int) -> Rank {
    let session = sessions[number]
    guard session.kind == .sctp else { return Self.rank(isAssured: session.flags.contains(.assured), session.state) }
    if !session.flags.contains(.assured) { return .unassured }
    return window(SessionID(number))?.association.state.isClosing ?? false ? .closing : .kept
  }

  /// Puts a session at the end of the queue of its rank.
  mutating func enqueue(_ number: Int) {
    switch rank(number) {
    case .unassured: append(number, to: \.unassured)
    case .closing: append(number, to: \.closing)
    case .kept: break
    }
  }

  mutating func dequeue(_ number: Int) {
    switch rank(number) {
    case .unassured: take(number, from: \.unassured)
    case .closing: take(number, from: \.closing)
    case .kept: break
    }
  }

  private mutating func append(_ number: Int, to path: WritableKeyPath<Conntrack, Queue>) {
    let newest = self[keyPath: path].newest
    link(number) { $0.older = newest }
    if newest != Self.none {
      link(Int(newest)) { $0.newer = UInt32(number) }
    } else {
      self[keyPath: path].oldest = UInt32(number)
    }
    self[keyPath: path].newest = UInt32(number)
  }

  private mutating func take(_ number: Int, from path: WritableKeyPath<Conntrack, Queue>) {
    let (older, newer) = (links[number].older, links[number].newer)
    if older != Self.none { link(Int(older)) { $0.newer = newer } } else { self[keyPath: path].oldest = newer }
    if newer != Self.none { link(Int(newer)) { $0.older = older } } else { self[keyPath: path].newest = older }
    link(number) { ($0.older, $0.newer) = (Self.none, Self.none) }
  }

  var hasVictims: Bool { unassured.oldest != Self.none || closing.oldest != Self.none }

  /// Who a full table gives up: of the first `count` unassured sessions, oldest first, the first that `isWanted` says yes
  /// to, else the oldest; then the oldest that is closing; nil where there is none.
  func victim(among count: Int, _ isWanted: (Session) -> Bool) -> SessionID? {
    var candidate = unassured.oldest
    for _ in 0..<count where candidate != Self.none {
      if isWanted(sessions[Int(candidate)]) { return SessionID(Int(candidate)) }
      candidate = links[Int(candidate)].newer
    }
    if unassured.oldest != Self.none { return SessionID(Int(unassured.oldest)) }
    return closing.oldest == Self.none ? nil : SessionID(Int(closing.oldest))
  }

  /// Those that are closing, in their order: the others' is that of their creation.
  var closingInOrder: [SessionID] {
    var order: [SessionID] = []
    var next = closing.oldest
    while next != Self.none {
      order.append(SessionID(Int(next)))
      next = links[Int(next)].newer
    }
    return order
  }

  /// Of a checkpoint; false where these aren't those that are closing.
  mutating func restoreClosing(_ order: [SessionID]) -> Bool {
    let closing = Set(closingInOrder.map(\.index))
    guard order.count == closing.count, Set(order.map(\.index)) == closing else { return false }
    for id in order { dequeue(id.index) }
    for id in order { enqueue(id.index) }
    return true
  }
}
