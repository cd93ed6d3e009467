import Foundation

/// Remembers that the user wants to stop; the run looks between slices.
enum Interruption {
  nonisolated(unsafe) private static var flag: sig_atomic_t = 0
  /// How long a run may take to notice before it is ended all the same, in seconds.
  private static let patience: UInt32 = 10

  /// The signal that asked to stop. Who asks heeds it.
  static var signalNumber: Int32? {
    guard flag != 0 else { return nil }
    alarm(0)
    return Int32(flag)
  }

  /// Asked after every slice.
  static var isWanted: Bool { signalNumber != nil }

  static var name: String {
    switch signalNumber {
    case SIGINT: "SIGINT"
    case SIGTERM: "SIGTERM"
    case SIGHUP: "SIGHUP"
    default: "a signal"
    }
  }

  static func watch() {
    guard flag == 0 else { return }
    // A second signal ends the process at once: the handler gives way after the first. So does an alarm, should the run
    // be caught in a single event. Nothing here that a handler may not do (signal-safety(7)).
    for number in [SIGINT, SIGTERM, SIGHUP] {
      signal(number) { received in
        Interruption.flag = sig_atomic_t(received)
        signal(received, SIG_DFL)
        alarm(Interruption.patience)
      }
    }
    signal(SIGALRM) { _ in _exit(128 + Int32(Interruption.flag)) }
  }
}
