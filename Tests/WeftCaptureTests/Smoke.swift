import Testing
@testable import WeftCapture
@Test func placeholder() {}
