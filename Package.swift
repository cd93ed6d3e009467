// swift-tools-version: 6.2
import PackageDescription

/// Wire and frame modules hand out `~Escapable` views over `RawSpan`, which needs this feature (as in swift-nio).
let views: [SwiftSetting] = [.enableExperimentalFeature("Lifetimes")]

let package = Package(
  name: "weft",
  platforms: [.macOS("26.0")],
  products: [],
  dependencies: [],
  targets: [
    .target(name: "WeftWire", swiftSettings: views),
    .target(name: "WeftCore", dependencies: ["WeftWire"], swiftSettings: views),
    .target(name: "WeftIP", dependencies: ["WeftWire", "WeftCore"], swiftSettings: views),
    .target(name: "WeftNAT", dependencies: ["WeftWire", "WeftCore", "WeftIP"], swiftSettings: views),
    .executableTarget(
      name: "nat-benchmark", dependencies: ["WeftNAT"], path: "Benchmarks/NAT", swiftSettings: views),
    .testTarget(name: "WeftWireTests", dependencies: ["WeftWire"], swiftSettings: views),
    .testTarget(name: "WeftCoreTests", dependencies: ["WeftCore"], swiftSettings: views),
    .testTarget(name: "WeftNATTests", dependencies: ["WeftNAT"], swiftSettings: views),
  ]
)
