import ArgumentParser
import Weft

extension Runner {
  /// Something with a store; what can't be done to it is the environment's.
  static func storing(_ body: () throws(StoreError) -> Void) throws {
    do throws(StoreError) { try body() } catch { throw environment(error.description) }
  }
}
