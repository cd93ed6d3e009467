/// Keeps a transmit ring's frames until the state that they were sent in is safe elsewhere: the first `open` may leave, the
/// `marked` behind them are of the epoch that is being sent, all others of the one under way.
struct OutputGate: Codable, Hashable, Sendable {
  var open: Int
  var marked = 0
  /// Sums of the moments at which they came, which may wrap: only differences count.
  var markedSince: UInt64 = 0
  var since: UInt64 = 0

  init(open: Int) { self.open = open }

  func isConsistent(waiting: Int) -> Bool { open >= 0 && marked >= 0 && open <= waiting && marked <= waiting - open }
}
