import OwnParts
import Testing

/// A package of somebody's own, which imports nothing but Weft.
@Suite struct OwnPartsTests {
  @Test func itsProgramAndItsElementTakePartInALab() throws {
    let result = try Demo.run()
    // From 100 ms on, twice a second.
    #expect(result.sent == 20 && result.received == result.sent && result.heard == result.sent)
  }
}
