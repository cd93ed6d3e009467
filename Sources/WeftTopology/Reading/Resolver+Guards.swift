import WeftSettings

extension Resolver {
  /// What keys of guards have to do with those that a network has for all. `guards`: what holds; `own`: where they stand.
  func checkGuards(_ guards: GuardSettings, _ own: Object<GuardSettings>) {
    if guards.rate == nil, let entry = own[\.burst] {
      report("\"burst\" goes with \"rate\": without one there is no bucket", atKey: entry.keyMark, entry.key)
    }
  }
}
